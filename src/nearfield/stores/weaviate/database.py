"""Collections on a Weaviate server."""

from typing import Any

from nearfield.errors import CollectionError, InvalidInputError
from nearfield.stores.address import Address
from nearfield.stores.base import Capabilities, StoreConfig
from nearfield.stores.database import Document, NoLock, clear
from nearfield.stores.retries import ServerCalls
from nearfield.stores.weaviate.calls import connect_client, is_missing
from nearfield.stores.weaviate.config import WeaviateConfig, check_config
from nearfield.stores.weaviate.documents import Documents
from nearfield.stores.weaviate.schema import class_name, class_options, created_with, store_of
from nearfield.stores.weaviate.store import CAPABILITIES, WeaviateStore

MANIFEST: Document = "manifest"


class WeaviateDatabase:
    """The collections on a Weaviate server, 1.33 or newer; see `nearfield.stores.database` for what is promised.

    A store is a class named `Nearfield_` and the collection's name; the documents are objects of one class for all
    collections, `NearfieldDocuments`. Nothing else on the server is touched.

    Args:
        client: Weaviate's, connected; closed with this.
        calls: How to call it.
    """

    def __init__(self, client: Any, calls: ServerCalls) -> None:  # noqa: ANN401  # the client has no types here
        self._client = client
        self._calls = calls
        self._documents = Documents(client, calls)

    @classmethod
    def connect(cls, address: Address) -> "WeaviateDatabase":
        """Connect to the server of an address, as `connect_client` describes it."""
        return cls(*connect_client(address))

    @property
    def config_type(self) -> type[StoreConfig]:
        """Say what its stores are created with."""
        return WeaviateConfig

    @property
    def capabilities(self) -> Capabilities:
        """Say what its stores can do."""
        return CAPABILITIES

    def collections(self) -> list[str]:
        """List the names of the collections, sorted."""
        return self._documents.names(MANIFEST)

    def claim(self, name: str) -> NoLock:
        """Take a name for a new collection, clearing what an interrupted creation left under it."""
        if self.read(name, MANIFEST) is not None:
            raise CollectionError(f"{name} is a collection already; open it, or choose another name")
        clear(self, name)
        return NoLock()

    def hold(self, name: str) -> NoLock:
        """Take an existing collection."""
        if self.read(name, MANIFEST) is None:
            raise CollectionError(f"there is no collection {name} at {self._calls.server}; make one first")
        return NoLock()

    def read(self, name: str, document: Document) -> bytes | None:
        """Read one of a collection's documents; None if there is none."""
        return self._documents.read(name, document)

    def write(self, name: str, document: Document, content: bytes | None) -> None:
        """Replace one of a collection's documents, or remove it: all or nothing, synced when it returns."""
        self._documents.write(name, document, content)

    def create_store(self, name: str, generation: int, config: StoreConfig) -> WeaviateStore:
        """Make an empty store."""
        checked, made = _checked(config), class_name(name, generation)
        if self._calls.ask("making a store", lambda: self._client.collections.exists(made)):
            raise CollectionError(f"the store {generation} of {name} is there already; drop it first")
        options = class_options(checked)
        self._calls.ask("making a store", lambda: self._client.collections.create(made, **options))
        return WeaviateStore(self._client.collections.use(made), self._calls, checked, server_ef=checked.ef)

    def open_store(self, name: str, generation: int, config: StoreConfig) -> WeaviateStore:
        """Open a store with the configuration it was created with; what concerns searching alone may differ."""
        checked, made = _checked(config), class_name(name, generation)
        collection = self._client.collections.use(made)

        def describe() -> Any:  # noqa: ANN401
            try:
                return collection.config.get(simple=True)
            except Exception as error:
                if is_missing(error):
                    raise CollectionError(f"{name} has no store {generation} at {self._calls.server}") from None
                raise

        kept = self._calls.ask("opening a store", describe)
        ef = created_with(kept.description, checked, f"the store {generation} of {name}")
        return WeaviateStore(collection, self._calls, checked, server_ef=ef)

    def drop_store(self, name: str, generation: int) -> None:
        """Remove a store with its points; harmless when there is none."""
        self._calls.ask("dropping a store", lambda: self._client.collections.delete(class_name(name, generation)))

    def drop(self, name: str) -> None:
        """Remove a collection whole, its manifest first."""
        self.hold(name)
        clear(self, name)

    def generations(self, name: str) -> list[int]:
        """List the stores of a collection, ascending."""
        made = self._calls.ask("listing stores", lambda: list(self._client.collections.list_all()))
        stores = [store for store in map(store_of, made) if store is not None]
        return sorted(generation for owner, generation in stores if owner == name)

    def close(self) -> None:
        """Let go of the server; closing twice is harmless."""
        self._client.close()


def _checked(config: StoreConfig) -> WeaviateConfig:
    if not isinstance(config, WeaviateConfig):
        raise InvalidInputError(f"a Weaviate store needs a WeaviateConfig, got a {type(config).__name__}")
    check_config(config)
    return config
