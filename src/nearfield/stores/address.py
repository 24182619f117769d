"""Where a collection is: the folder or URL that names it, and how to get there."""

import importlib
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Protocol
from urllib.parse import parse_qsl, unquote, urlsplit

from nearfield.errors import InvalidInputError
from nearfield.stores.database import Database, check_name

_DATABASES = {
    "": "embedded.database.FolderDatabase",
    "chroma": "chroma.database.ChromaDatabase",
    "milvus": "milvus.database.MilvusDatabase",
    "pinecone": "pinecone.database.PineconeDatabase",
    "postgresql": "postgresql.database.PostgresDatabase",
    "qdrant": "qdrant.database.QdrantDatabase",
    "weaviate": "weaviate.database.WeaviateDatabase",
}
"""For each scheme, the class that connects: a name in this package, imported when asked for."""

_SCHEME = re.compile(r"([a-z][a-z0-9+.-]+)://", re.ASCII)
_SECRET = re.compile(r"key|pass|secret|token", re.IGNORECASE)


@dataclass(frozen=True, repr=False)
class Address:
    """Where a database is, and which collection in it is meant.

    Printed, it shows no password, and no option that may be one.

    Attributes:
        scheme: The part before `://`; empty for a folder.
        host: Name or address of the server; empty where there is none.
        port: Its port; None for the usual one.
        user: User name; empty where none is given.
        password: Password or key; empty where none is given, and the environment may have it.
        path: What follows the host, with its slash; for a folder, the folder that holds the collection's.
        options: What follows `?`.
        name: The collection; empty where only the database is meant.
    """

    scheme: str
    host: str = ""
    port: int | None = None
    user: str = ""
    password: str = ""
    path: str = ""
    options: Mapping[str, str] = field(default_factory=dict)
    name: str = ""

    @classmethod
    def parse(cls, text: str | os.PathLike[str]) -> "Address":
        """Understand a folder's path, or a URL such as `postgresql://user@host/database#collection`.

        Args:
            text: The path or URL. A path is a collection's folder.

        Returns:
            The address.

        Raises:
            InvalidInputError: If the scheme is unknown, the port is no number, or the name is none.
        """
        written = os.fspath(text)
        found = _SCHEME.match(written)
        if found is None:
            folder = Path(written)
            return cls("", path=os.fspath(folder.parent), name=folder.name)
        if found[1] not in _DATABASES:
            known = ", ".join(f"{scheme}://" for scheme in _DATABASES if scheme)
            raise InvalidInputError(f"{found[1]}:// is no database known here; known are {known} and folders")
        try:
            parts = urlsplit(written)
            port = parts.port
        except ValueError as error:
            raise InvalidInputError(f"this {found[1]}:// URL cannot be read: {error}") from None
        return cls(
            scheme=parts.scheme,
            host=parts.hostname or "",
            port=port,
            user=unquote(parts.username or ""),
            password=unquote(parts.password or ""),
            path=unquote(parts.path),
            options=dict(parse_qsl(parts.query, keep_blank_values=True)),
            name=check_name(unquote(parts.fragment)) if parts.fragment else "",
        )

    @property
    def open_options(self) -> dict[str, str]:
        """The options but those that may be secret."""
        return {key: value for key, value in self.options.items() if not _SECRET.search(key)}

    def with_name(self, name: str) -> "Address":
        """Give the address of another collection in the same database."""
        return replace(self, name=name)

    def __str__(self) -> str:
        """Write it down without its password."""
        if not self.scheme:
            return os.fspath(Path(self.path) / self.name)
        user = f"{self.user}@" if self.user else ""
        host = f"[{self.host}]" if ":" in self.host else self.host
        port = "" if self.port is None else f":{self.port}"
        shown = [f"{key}={'***' if _SECRET.search(key) else value}" for key, value in self.options.items()]
        query = f"?{'&'.join(shown)}" if shown else ""
        return f"{self.scheme}://{user}{host}{port}{self.path}{query}" + (f"#{self.name}" if self.name else "")

    __repr__ = __str__


class _Driver(Protocol):
    @classmethod
    def connect(cls, address: Address) -> Database: ...


def connect(address: Address) -> Database:
    """Connect to the database of an address.

    Args:
        address: Of the database or of a collection in it.

    Returns:
        The database; close it.

    Raises:
        MissingExtraError: If its client is not installed.
        StorageError: If it cannot be reached.
        StoreAccessError: If it refuses this user.
    """
    module, _, name = _DATABASES[address.scheme].rpartition(".")
    driver: _Driver = getattr(importlib.import_module(f"nearfield.stores.{module}"), name)
    return driver.connect(address)
