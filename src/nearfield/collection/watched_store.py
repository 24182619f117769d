"""A store whose writes can be watched, and whose writers can be paused while another takes its place."""

import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager

from nearfield.errors import CollectionBusyError, StoreReplacedError
from nearfield.stores.base import Batch, Capabilities, Payload, Store, StoreConfig, Where


class WatchedStore:
    """A store that says which points were written; see `nearfield.stores.base` for the rest.

    Reads go straight to the store. Writes by any number of threads run side by side, save while they are paused.

    Args:
        store: The store.

    Attributes:
        inner: The store.
    """

    inner: Store

    def __init__(self, store: Store) -> None:
        self.inner = store
        self._turn = threading.Condition()
        self._writers = 0
        self._paused_by: int | None = None
        self._replaced = False
        self._written: set[str] | None = None
        self.get = store.get
        self.query = store.query
        self.query_batch = store.query_batch
        self.query_sparse = store.query_sparse
        self.query_text = store.query_text
        self.facets = store.facets
        self.count = store.count
        self.scroll = store.scroll
        self.optimise = store.optimise
        self.compact = store.compact
        self.allocated_bytes = store.allocated_bytes
        self.close = store.close

    @property
    def config(self) -> StoreConfig:
        """Say what the store was created with."""
        return self.inner.config

    @property
    def capabilities(self) -> Capabilities:
        """Say what the back end can do."""
        return self.inner.capabilities

    def upsert(self, batch: Batch) -> None:
        """Write points, replacing those with the same ids; synced when it returns."""
        with self._writing(batch.ids):
            self.inner.upsert(batch)

    def update(self, ids: Sequence[str], payloads: Sequence[Payload]) -> int:
        """Replace payloads, not vectors, of the points that exist among `ids`; synced when it returns how many."""
        with self._writing(ids):
            return self.inner.update(ids, payloads)

    def delete(self, ids: Sequence[str]) -> int:
        """Remove the points that exist among `ids`; synced when it returns how many there were."""
        with self._writing(ids):
            return self.inner.delete(ids)

    def delete_where(self, where: Where) -> int:
        """Remove the points that match, however many; synced when it returns how many there were."""
        matching: list[str] = []
        with self._writing(matching):
            if self._written is not None:  # which they were cannot be told afterwards
                matching.extend(point.id for point in self.inner.scroll(where))
            return self.inner.delete_where(where)

    def watch(self) -> None:
        """Begin to remember which points are written, when the writes under way have returned.

        Raises:
            CollectionBusyError: If somebody watches already: both would get a part of what was written.
        """
        with self.paused():
            if self._written is not None:
                raise CollectionBusyError("a migration of this collection runs in this process already; wait for it")
            self._written = set()

    def unwatch(self) -> None:
        """Remember no more."""
        with self._turn:
            self._written = None

    def take_written(self) -> list[str]:
        """Give the ids written since this was last asked; none where nobody watches."""
        with self._turn:
            written, self._written = self._written, None if self._written is None else set()
            return list(written or ())

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Let no other thread write: wait for those who do, and have others wait.

        Yields:
            Nothing.
        """
        with self._turn:
            self._turn.wait_for(lambda: self._paused_by is None)
            self._paused_by = threading.get_ident()
            self._turn.wait_for(lambda: self._writers == 0)
        try:
            yield
        finally:
            with self._turn:
                self._paused_by = None
                self._turn.notify_all()

    def replace(self) -> None:
        """Refuse all writes from now on, as another store counts; called while they are paused."""
        self._replaced = True

    @contextmanager
    def _writing(self, ids: Iterable[str]) -> Iterator[None]:
        with self._turn:
            self._turn.wait_for(lambda: self._paused_by in (None, threading.get_ident()))
            if self._replaced:
                raise StoreReplacedError(
                    "a migration put another store in the place of this one; take `collection.store` again, and "
                    "vectors of the collection's encoder"
                )
            self._writers += 1
        try:
            yield
        finally:
            with self._turn:
                self._writers -= 1
                if self._written is not None:  # after an error too, as a part may have been written
                    self._written.update(ids)
                self._turn.notify_all()
