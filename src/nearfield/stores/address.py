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

_SCHEME = re.compile(r"([a-z][a-z0-9+.-]+)://", re.ASCII | re.IGNORECASE)
_HALF_A_URL = re.compile(rf"\W*({'|'.join(filter(None, _DATABASES))}):|.*?://", re.ASCII | re.IGNORECASE | re.DOTALL)
"""A path that was surely meant as a URL; what follows may be a password, so no message repeats it."""

_SECRET = re.compile(r"key|pass|pwd|secret|token|auth|cred", re.IGNORECASE)
_ENCODE = "a password's @ : / ? # and % are written %40 %3A %2F %3F %23 and %25"


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
            InvalidInputError: If the scheme is unknown, the port is no number, the name is none, or an option is there
                twice or without a value; no message repeats what may be a password.
        """
        written = os.fspath(text)
        if not written or "\0" in written:
            raise InvalidInputError("an address is a folder or a URL; this one is empty or has a zero byte")
        found = _SCHEME.match(written)
        if found is None:
            return cls._of_folder(written)
        scheme = found[1].lower()
        if scheme not in _DATABASES:
            known = ", ".join(f"{scheme}://" for scheme in _DATABASES if scheme)
            meant = "; write postgresql:// instead" if scheme == "postgres" else f"; known are {known} and folders"
            raise InvalidInputError(f"{scheme}:// is no database known here{meant}")
        return cls._of_url(scheme, written)

    @classmethod
    def _of_folder(cls, written: str) -> "Address":
        if _HALF_A_URL.match(written):
            raise InvalidInputError(
                "this address is neither a folder nor a URL; a URL begins with its scheme and two slashes, as in "
                "postgresql://user@host/database#faq"
            )
        folder = Path(written)
        if folder.name in ("", ".."):  # such as this folder, by its dot
            folder = folder.resolve()
        return cls("", path=os.fspath(folder.parent), name=folder.name)

    @classmethod
    def _of_url(cls, scheme: str, written: str) -> "Address":
        """Understand a URL; a password may be anywhere in one that cannot be read."""
        try:
            parts = urlsplit(written)
            if "@" in f"{parts.path}{parts.query}{parts.fragment}":
                raise ValueError(f"it has an @ after its host; {_ENCODE}")
            if "%00" in written:
                raise ValueError("it has a zero byte, %00")
            port = parts.port
        except ValueError as error:
            told = f"its port is no number from 0 to 65535; {_ENCODE}" if "ort " in str(error) else str(error)
            raise InvalidInputError(f"this {scheme}:// URL cannot be read: {told}") from None
        return cls(
            scheme=scheme,
            host=parts.hostname or "",
            port=port,
            user=unquote(parts.username or ""),
            password=unquote(parts.password or ""),
            path=unquote(parts.path),
            options=_options(scheme, parts.query),
            name=check_name(unquote(parts.fragment)) if parts.fragment else "",
        )

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


def _options(scheme: str, query: str) -> dict[str, str]:
    """Read what follows `?`: each option once, and with a value, so that none is ignored."""
    options: dict[str, str] = {}
    for name, value in parse_qsl(query, keep_blank_values=True):
        if name in options:
            raise InvalidInputError(f"this {scheme}:// URL has the option {name!r} twice; leave one out")
        if not value:
            raise InvalidInputError(f"the option {name!r} of this {scheme}:// URL has no value; write {name}=...")
        options[name] = value
    return options


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
