"""The database contract: what holds collections by name.

A collection in a database is its documents and its stores.

- **Documents** are small JSON texts, such as the manifest, written whole or not at all.
- **Stores** hold points (`nearfield.stores.base`). A collection has one store that counts, named in its manifest by a
  *generation*: 1 when it is made, one more for each store that takes its place. A store of another generation is what
  a migration is building, or what it left to go back to.

So replacing a store under a running collection is writing one document.
"""

import re
from typing import Literal, Protocol, TypeAlias, get_args

from nearfield.errors import InvalidInputError
from nearfield.stores.base import Capabilities, Store, StoreConfig

Document: TypeAlias = Literal["manifest", "previous", "migration"]
"""`manifest` makes a collection; `previous` is the manifest before the last migration; `migration` one under way."""

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,47}", re.ASCII)


class Lock(Protocol):
    """A collection held by this process, where the database lets only one hold it."""

    def release(self) -> None:
        """Let others in; harmless when already released."""
        ...


class Database(Protocol):
    """A server, or a folder, in which collections live.

    Every method but `close` raises `StorageError` if the server cannot be reached, `StoreAccessError` if it refuses
    this user. Who asks for a collection or a store that is not there, or makes one that is, gets a `CollectionError`;
    a collection that another process holds is a `CollectionBusyError`.
    """

    @property
    def config_type(self) -> type[StoreConfig]:
        """Say what its stores are created with."""
        ...

    @property
    def capabilities(self) -> Capabilities:
        """Say what its stores can do."""
        ...

    def collections(self) -> list[str]:
        """List the names of the collections, sorted."""
        ...

    def claim(self, name: str) -> Lock:
        """Take a name for a new collection, clearing what an interrupted creation left under it."""
        ...

    def hold(self, name: str) -> Lock:
        """Take an existing collection."""
        ...

    def read(self, name: str, document: Document) -> bytes | None:
        """Read one of a collection's documents; None if there is none."""
        ...

    def write(self, name: str, document: Document, content: bytes | None) -> None:
        """Replace one of a collection's documents, or remove it: all or nothing, synced when it returns."""
        ...

    def create_store(self, name: str, generation: int, config: StoreConfig) -> Store:
        """Make an empty store.

        A `config` that is out of range is an `InvalidInputError`, what the back end does not offer a `CapabilityError`.
        """
        ...

    def open_store(self, name: str, generation: int, config: StoreConfig) -> Store:
        """Open a store with the configuration it was created with; what concerns searching alone may differ."""
        ...

    def drop_store(self, name: str, generation: int) -> None:
        """Remove a store with its points; harmless when there is none."""
        ...

    def drop(self, name: str) -> None:
        """Remove a collection whole, its manifest first, so that what an interruption leaves is no collection."""
        ...

    def generations(self, name: str) -> list[int]:
        """List the stores of a collection, ascending."""
        ...

    def close(self) -> None:
        """Let go of the server; closing twice is harmless. Stores opened here are closed by their owners, before."""
        ...


class NoLock:
    """What a database gives whose collections any number of processes may hold."""

    def release(self) -> None:
        """Do nothing."""


def clear(database: Database, name: str) -> None:
    """Remove everything under a name: the documents, the manifest first of them, and then the stores.

    Args:
        database: A server.
        name: Of a collection, or of what an interrupted creation or removal left of one.
    """
    for document in get_args(Document):
        if database.read(name, document) is not None:
            database.write(name, document, None)
    for generation in database.generations(name):
        database.drop_store(name, generation)


def check_name(name: str) -> str:
    """Check the name of a collection on a server.

    Args:
        name: As the caller wrote it.

    Returns:
        The name.

    Raises:
        InvalidInputError: If it is not 1 to 48 letters, digits, `_` and `-`, the first a letter.
    """
    if not _NAME.fullmatch(name):
        raise InvalidInputError(
            f"a collection's name on a server is 1 to 48 letters, digits, _ and -, the first a letter; got {name!r}"
        )
    return name
