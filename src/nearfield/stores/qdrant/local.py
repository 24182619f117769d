"""Qdrant's local mode: the vendor's Python implementation of the server, in this process and one folder."""

import sqlite3
import threading
import warnings
from collections.abc import Callable
from operator import methodcaller
from pathlib import Path
from typing import TypeVar

from nearfield.errors import CollectionBusyError, NearfieldError, StorageError
from nearfield.extras import import_extra
from nearfield.files import allocated_bytes
from nearfield.stores.base import Capabilities, StoreConfig
from nearfield.stores.qdrant.config import QdrantLocalConfig
from nearfield.stores.qdrant.connection import ClientModel, FieldKind

T = TypeVar("T")

_PAGE = 1000

CAPABILITIES = Capabilities(
    metrics=frozenset({"cosine", "dot", "l2"}),
    sparse=True,
    exact=True,
    approximate=False,
    quantisation=frozenset({"none"}),
    visibility="immediate",
    concurrency="one process",
)


class _Shared:
    """The client of one folder, which lets only one be open: all connections of this process share it."""

    def __init__(self, client: ClientModel) -> None:
        self.client = client
        self.users = 0
        self.turn = threading.RLock()  # the client was made for one thread


_open: dict[Path, _Shared] = {}
_opening = threading.Lock()


class LocalConnection:
    """A folder in Qdrant's local mode, for trying out and small collections.

    It compares every vector in numpy and every filter in Python, one call after the other. A write is a transaction
    of SQLite for each point, synced. The points are pickles: open only folders that you trust.

    Args:
        folder: Where it is; made if there is none.

    Raises:
        CollectionBusyError: If another process has it open.
        StorageError: If the disk refuses, or it is damaged.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder.resolve()
        with _opening:
            if self._folder not in _open:
                _open[self._folder] = _Shared(_client(self._folder))
            self._shared = _open[self._folder]
            self._shared.users += 1
        self._is_open = True

    @property
    def capabilities(self) -> Capabilities:
        """Say what stores can do here."""
        return CAPABILITIES

    @property
    def config_type(self) -> type[StoreConfig]:
        """Say what stores are created with here."""
        return QdrantLocalConfig

    def ask(self, doing: str, call: Callable[[ClientModel], T]) -> T:
        """Call the vendor's client, when nobody else does."""
        with self._shared.turn:
            try:
                return call(self._shared.client)
            except NearfieldError:
                raise
            except Exception as error:  # the client raises ValueError, RuntimeError, sqlite3.Error and OSError
                raise StorageError(f"{doing} failed in {self._folder}: {error}") from error

    def index_field(self, collection: str, key: str, kind: FieldKind) -> None:
        """Do nothing: there are no indexes here."""

    def facet(self, collection: str, key: str, condition: object) -> dict[str, int]:
        """Count the points for each string under a payload key.

        The client's own facets rewrite strings that look like a UUID.
        """
        counts: dict[str, int] = {}
        offset = None
        while True:
            page = {"scroll_filter": condition, "limit": _PAGE, "offset": offset, "with_payload": [key]}
            records, offset = self.ask("counting values", methodcaller("scroll", collection, **page))
            for record in records:
                values = record.payload.get(key, [])
                for value in {values} if isinstance(values, str) else set(values):
                    counts[value] = counts.get(value, 0) + 1
            if offset is None:
                return counts

    def optimise(self, collection: str, config: StoreConfig) -> None:
        """Do nothing: there is no index here."""

    def compact(self, collection: str) -> None:
        """Have SQLite rewrite the collection's file without what was deleted."""
        with self._shared.turn, sqlite3.connect(self._path(collection) / "storage.sqlite") as file:
            file.execute("VACUUM")
        file.close()

    def allocated_bytes(self, collection: str) -> int | None:
        """Measure the disk space in use, in bytes of allocated blocks."""
        return allocated_bytes(self._path(collection))

    def close(self) -> None:
        """Let go of the folder, if nobody else here has it; closing twice is harmless."""
        with _opening:
            if not self._is_open:
                return
            self._is_open = False
            self._shared.users -= 1
            if self._shared.users == 0:
                del _open[self._folder]
                self._shared.client.close()

    def _path(self, collection: str) -> Path:
        return self._folder / "collection" / collection


def _client(folder: Path) -> ClientModel:
    module = import_extra("qdrant_client", extra="qdrant")
    with warnings.catch_warnings():
        # When it finds the folder locked, the client leaves the lock's file for the garbage collector to close.
        warnings.simplefilter("ignore", ResourceWarning)
        try:
            return module.QdrantClient(path=str(folder), force_disable_check_same_thread=True)
        except Exception as error:  # sqlite3.Error, OSError, ValueError, RuntimeError and pickle's own
            problem = str(error)
    if "already accessed" in problem:
        raise CollectionBusyError(
            f"another process holds {folder}; Qdrant's local mode lets one in at a time, so wait for it or run a server"
        )
    raise StorageError(f"{folder} cannot be opened: {problem}")
