"""An open shard of the engine: writes take turns, reads go on meanwhile, whichever shard is the current one."""

import contextlib
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, TypeVar

from nearfield.errors import NearfieldError, StorageError
from nearfield.stores.base import StoreConfig, Where
from nearfield.stores.embedded.conditions import EdgeConditions
from nearfield.stores.embedded.engine import idf_params
from nearfield.stores.embedded.filters import ConditionBuilder, Kind
from nearfield.stores.embedded.folder import DirectorySync, Folder, engine_error, engine_errors, require_space
from nearfield.stores.filters import parse_where

if TYPE_CHECKING:
    import qdrant_edge as engine

T = TypeVar("T")

NEW_BYTES = 40 << 20
"""What an empty shard takes on the disk, generously."""
SPARE_BYTES = 1 << 20
"""What a write of no size of its own, such as a deletion, may take on the disk."""

_ALL = 1 << 40
_POLL_SECONDS = 0.001


def close_shard(shard: "engine.EdgeShard") -> None:
    """Close a shard that no new reader can reach, when the last one is done with it.

    Args:
        shard: A shard that is no longer the current one.
    """
    while True:
        try:
            return shard.close()
        except RuntimeError:  # "Already borrowed": a reader is in it; the engine's own errors are bare Exception
            time.sleep(_POLL_SECONDS)


def drop_shard(shard: "engine.EdgeShard") -> None:
    """Close a shard after an error that says more than one of closing it would; the engine's own lock on it ends.

    Args:
        shard: A shard, perhaps closed already.
    """
    with contextlib.suppress(NearfieldError), engine_errors("closing"):
        close_shard(shard)


class HeldShard:
    """The shard that counts in a locked folder.

    `folder` is that folder, and `approximate` says whether searching uses an index, and so may miss a neighbour.

    Args:
        folder: The locked folder.
        shard: The engine's shard.
        config: What it holds.
    """

    def __init__(self, folder: Folder, shard: "engine.EdgeShard", config: StoreConfig) -> None:
        import qdrant_edge

        self._engine = qdrant_edge
        self.folder = folder
        self._config = config
        self._writing = threading.RLock()
        self._conditions = ConditionBuilder(EdgeConditions(), self._index_field, self._distinct)
        self._shard: engine.EdgeShard | None = None
        self.adopt(shard)

    def adopt(self, shard: "engine.EdgeShard") -> None:
        """Make a shard the current one."""
        info = shard.info()
        self._directories = DirectorySync()
        self._fields = set(info.payload_schema)
        self._idf: dict[str, engine.SearchParams | None] = {}
        self.approximate = info.indexed_vectors_count > 0 and info.points_count > self._config.index_above
        self._shard = shard

    def switch(self, name: str, fresh: "engine.EdgeShard") -> None:
        """Make a fresh shard the one that counts, on the disk and here; called in the turn to write.

        After an error the one that counts on the disk is the current one; where that cannot be made certain, the
        store is closed, so that no write is acknowledged that reopening would not find. No shard is removed.

        Args:
            name: Name of the fresh shard's folder.
            fresh: That shard, synced, with the same points as the current one.
        """
        old_name, old = self.folder.shard, self._current()
        try:
            self.folder.commit(name, self._config)
            self.adopt(fresh)
        except BaseException:
            try:
                self._settle({old_name: old, name: fresh}, name)
            except BaseException as error:
                with contextlib.suppress(NearfieldError):
                    self.close()
                for shard in (old, fresh):
                    drop_shard(shard)
                if not isinstance(error, Exception):
                    raise
            raise

    def _settle(self, shards: "dict[str, engine.EdgeShard]", fresh: str) -> None:
        name = self.folder.committed(self._config)
        current = shards.pop(name)  # a KeyError where it names neither, which nobody sees: `switch` closes the store
        if name == fresh:
            self.folder.commit(name, self._config)  # the rename that failed may not have reached the disk
        self.folder.shard = name
        self.adopt(current)
        for other in shards.values():
            drop_shard(other)

    def _current(self) -> "engine.EdgeShard":
        if self._shard is None:
            raise StorageError("the store is closed; open it again")
        return self._shard

    @contextmanager
    def write(self, doing: str, needed: int) -> Iterator["engine.EdgeShard"]:
        """Take the turn to write.

        Args:
            doing: What is being done, for an error message.
            needed: Bytes of disk it may take.

        Yields:
            The current shard.

        Raises:
            StorageError: If the store is closed, the disk is full or the engine refuses.
        """
        with self._writing:
            shard = self._current()
            require_space(self.folder.path, needed)
            with engine_errors(doing):
                try:
                    yield shard
                finally:
                    self._idf = {}

    def sync(self) -> None:
        """Return when all that was written is on the disk; called before a write is acknowledged."""
        self._current().flush()
        self._directories.run(self.folder.shard_path)

    def read(self, ask: "Callable[[engine.EdgeShard], T]") -> T:
        """Ask the current shard, and again if `compact` replaced it meanwhile.

        Args:
            ask: Called with the shard.

        Returns:
            The answer.

        Raises:
            StorageError: If the store is closed or the engine refuses.
            CollectionError: If the engine broke down over damaged files.
        """
        while True:
            shard = self._current()
            try:
                return ask(shard)
            except BaseException as error:  # the engine raises bare Exception and, when it breaks down, BaseException
                found = engine_error("reading", error)
                if found is None:
                    raise
                if shard is self._shard:
                    raise found from error

    def condition(self, where: Where | None) -> "engine.Filter | None":
        """Translate a filter into the engine's, indexing the fields it asks for."""
        return None if where is None else self.build(where)

    def build(self, where: Where) -> "engine.Filter":
        """Translate a filter that there must be."""
        built: engine.Filter = self._conditions.build(parse_where(where))
        return built

    def idf_params(self, leg: str) -> "engine.SearchParams | None":
        """Choose the parameters with which the engine's idf of a sparse leg is that of the stored points."""
        known = self._idf  # a write puts a new one in its place, so what is found out here cannot outlive it
        if leg not in known:
            known[leg] = self.read(lambda shard: idf_params(shard, leg))
        return known[leg]

    def close(self) -> None:
        """Sync and release; closing twice is harmless."""
        with self._writing:
            try:
                shard, self._shard = self._shard, None
                if shard is not None:
                    with engine_errors("closing the store"):
                        try:
                            shard.flush()
                        finally:
                            close_shard(shard)
            finally:
                self.folder.release()

    def _index_field(self, key: str, kind: Kind, *, wait: bool = False) -> None:
        # An index only makes filters fast, so a reader neither waits for a writer to build one nor fails without it.
        if key in self._fields or not self._writing.acquire(blocking=wait):
            return
        try:
            types = self._engine.PayloadSchemaType
            optional = contextlib.nullcontext() if wait else contextlib.suppress(StorageError)
            with optional, self.write(f"indexing {key}", SPARE_BYTES) as shard:
                schema = types.Keyword if kind == "keyword" else types.Float
                shard.update(self._engine.UpdateOperation.create_field_index(key, schema))
                self.sync()
                self._fields.add(key)
        finally:
            self._writing.release()

    def facet(self, key: str, condition: "engine.Filter | None" = None) -> dict[str, int]:
        """Count the points for each keyword under a payload key."""
        self._index_field(key, "keyword", wait=True)  # the engine has no facets without it
        request = self._engine.FacetRequest(key, limit=_ALL, exact=True, filter=condition)
        hits = self.read(lambda shard: shard.facet(request)).hits
        return {str(hit.value): hit.count for hit in hits if hit.count}  # keywords once stored are there with none

    def _distinct(self, key: str) -> list[str]:
        return list(self.facet(key))
