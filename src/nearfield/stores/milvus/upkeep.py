"""What a store in Milvus is given now and then: an index, and a merge of its files."""

import time
from collections.abc import Callable
from typing import TypeVar

from nearfield.errors import StorageError
from nearfield.stores.milvus.config import MilvusConfig
from nearfield.stores.milvus.schema import DENSE, approximate_index, is_approximate
from nearfield.stores.milvus.server import MilvusServer

T = TypeVar("T")

_POLL_SECONDS = 0.2


class MilvusUpkeep:
    """The maintenance of one store.

    Args:
        server: The connection.
        physical: Name of the Milvus collection.
        config: What it holds.
    """

    def __init__(self, server: MilvusServer, physical: str, config: MilvusConfig) -> None:
        self._server = server
        self._client = server.client
        self._timeout = server.timeout
        self._physical = physical
        self._config = config

    def load(self) -> None:
        """Bring the store into the memory of the query nodes, where it can be searched; harmless if it is there."""
        replicas = {} if self._server.is_lite else {"replica_number": self._config.replicas}
        self._ask(lambda: self._client.load_collection(self._physical, timeout=self._timeout, **replicas))

    def flush(self) -> None:
        """Close the segments that are being written, which is when Milvus indexes and merges them."""
        self._ask(lambda: self._client.flush(self._physical, timeout=self._timeout))

    def build_index(self) -> None:
        """Put the approximate index in the place of the flat one, unless it is there; blocks until done."""
        client, timeout = self._client, self._timeout
        if not self._ask(lambda: is_approximate(client, self._physical, timeout=timeout)):
            self._ask(lambda: client.release_collection(self._physical, timeout=timeout))
            try:
                self._ask(lambda: client.drop_index(self._physical, DENSE, timeout=timeout))
                index = approximate_index(self._config)
                self._ask(lambda: client.create_index(self._physical, index, timeout=timeout, sync=False))
                self._wait_for_index()
            finally:
                self.load()
        self._wait_for_index()

    def _wait_for_index(self) -> None:
        client = self._client
        while True:
            index = self._ask(lambda: client.describe_index(self._physical, DENSE, timeout=self._timeout))
            if index["state"] == "Failed":
                raise StorageError(
                    f"building the index of {self._physical} failed: {index.get('index_state_fail_reason')}"
                )
            if index["state"] == "Finished" and not index["pending_index_rows"]:
                return
            time.sleep(_POLL_SECONDS)

    def compact(self) -> None:
        """Have the server merge away what was deleted; blocks until done."""
        client, timeout = self._client, self._timeout
        job = self._ask(lambda: client.compact(self._physical, timeout=timeout))
        while self._ask(lambda: client.get_compaction_state(job, timeout=timeout)) != "Completed":
            time.sleep(_POLL_SECONDS)

    def _ask(self, call: Callable[[], T]) -> T:
        return self._server.ask("maintaining the store", call)
