"""Collections in Milvus: on a server, or in this process by Milvus Lite."""

from nearfield.errors import CollectionError, InvalidInputError
from nearfield.stores.address import Address
from nearfield.stores.base import Capabilities, StoreConfig
from nearfield.stores.database import Document, NoLock, check_name, clear
from nearfield.stores.milvus.config import MilvusConfig, check_config
from nearfield.stores.milvus.names import read_store_name, store_name
from nearfield.stores.milvus.registry import MilvusRegistry
from nearfield.stores.milvus.schema import check_schema, first_indexes, store_schema
from nearfield.stores.milvus.server import MilvusServer
from nearfield.stores.milvus.store import MilvusStore
from nearfield.stores.milvus.upkeep import MilvusUpkeep

_MANIFEST: Document = "manifest"


class MilvusDatabase:
    """The collections in one database of Milvus; see `nearfield.stores.database` for what is promised.

    A store is a Milvus collection named `nearfield_faq_1`; the documents of all collections are rows of one named
    `nearfield`. `milvus://user:password@host:19530/database?tls=true` is a server (`ca` names a file of certificates,
    `timeout` the seconds to wait for an answer; a token may also come from MILVUS_TOKEN), `milvus:///folder/faq.db`
    Milvus Lite, which one process can have open.

    Args:
        server: The connection.
        where: What to call it in a message.
    """

    def __init__(self, server: MilvusServer, where: str) -> None:
        self._server = server
        self._where = where
        self._registry = MilvusRegistry(server, where)

    @classmethod
    def connect(cls, address: Address) -> "MilvusDatabase":
        """Connect to the server, or open the folder, of an address."""
        return cls(MilvusServer.connect(address), str(address.with_name("")))

    @property
    def config_type(self) -> type[MilvusConfig]:
        """Say what its stores are created with."""
        return MilvusConfig

    @property
    def capabilities(self) -> Capabilities:
        """Say what its stores can do; Milvus Lite offers less than a server."""
        return self._server.capabilities

    def collections(self) -> list[str]:
        """List the names of the collections, sorted."""
        return self._registry.names()

    def claim(self, name: str) -> NoLock:
        """Take a name for a new collection, clearing what an interrupted creation left under it."""
        if self.read(check_name(name), _MANIFEST) is not None:
            raise CollectionError(f"{name} is a collection of {self._where} already; open it, or choose another name")
        clear(self, name)
        return NoLock()

    def hold(self, name: str) -> NoLock:
        """Take an existing collection; any number of processes may, where they can connect."""
        if self.read(name, _MANIFEST) is None:
            raise CollectionError(f"{self._where} has no collection {name}; make one with `nearfield index`")
        return NoLock()

    def read(self, name: str, document: Document) -> bytes | None:
        """Read one of a collection's documents; None if there is none."""
        return self._registry.read(check_name(name), document)

    def write(self, name: str, document: Document, content: bytes | None) -> None:
        """Replace one of a collection's documents, or remove it: all or nothing, synced when it returns."""
        self._registry.write(check_name(name), document, content)

    def create_store(self, name: str, generation: int, config: StoreConfig) -> MilvusStore:
        """Make an empty store."""
        checked, physical = self._checked(config), store_name(check_name(name), generation)
        client, timeout = self._server.client, self._server.timeout
        if self._has(physical):
            raise CollectionError(f"{self._where} has the store {physical} already; open it, or drop it first")
        self._server.ask(
            "creating a store",
            lambda: client.create_collection(
                physical,
                schema=store_schema(checked),
                num_shards=checked.shards,
                consistency_level=checked.consistency_level,
                timeout=timeout,
            ),
        )
        indexes = first_indexes(checked, inverted=not self._server.is_lite)
        self._server.ask(
            "creating a store", lambda: client.create_index(physical, indexes, timeout=timeout, sync=False)
        )
        MilvusUpkeep(self._server, physical, checked).load()
        self._server.sync(physical)
        return MilvusStore(self._server, physical, checked)

    def open_store(self, name: str, generation: int, config: StoreConfig) -> MilvusStore:
        """Open a store with the configuration it was created with; what concerns searching alone may differ."""
        checked, physical = self._checked(config), store_name(check_name(name), generation)
        if not self._has(physical):
            raise CollectionError(f"{self._where} has no store {physical}; create it first")
        client, timeout = self._server.client, self._server.timeout
        self._server.ask("opening a store", lambda: check_schema(client, physical, checked, timeout=timeout))
        MilvusUpkeep(self._server, physical, checked).load()
        return MilvusStore(self._server, physical, checked)

    def drop_store(self, name: str, generation: int) -> None:
        """Remove a store with its points; harmless when there is none."""
        physical = store_name(check_name(name), generation)
        client, timeout = self._server.client, self._server.timeout
        if self._has(physical):
            self._server.ask("dropping a store", lambda: client.drop_collection(physical, timeout=timeout))

    def drop(self, name: str) -> None:
        """Remove a collection whole, its manifest first, so that what an interruption leaves is no collection."""
        self.hold(name)
        clear(self, name)

    def generations(self, name: str) -> list[int]:
        """List the stores of a collection, ascending."""
        client, timeout = self._server.client, self._server.timeout
        physicals = self._server.ask("listing stores", lambda: client.list_collections(timeout=timeout))
        stores = (read_store_name(physical) for physical in physicals)
        return sorted(store[1] for store in stores if store is not None and store[0] == name)

    def close(self) -> None:
        """Let go of the server; closing twice is harmless. Stores opened here are closed by their owners, before."""
        self._server.close()

    def _has(self, physical: str) -> bool:
        client, timeout = self._server.client, self._server.timeout
        return bool(self._server.ask("connecting", lambda: client.has_collection(physical, timeout=timeout)))

    def _checked(self, config: StoreConfig) -> MilvusConfig:
        if not isinstance(config, MilvusConfig):
            raise InvalidInputError(f"a store in Milvus is created with a MilvusConfig, got {type(config).__name__}")
        check_config(config)
        self._server.check(config)
        return config
