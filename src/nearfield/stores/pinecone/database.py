"""Collections at Pinecone.

An address is `pinecone://prefix#collection`, where the prefix begins the names of the indexes (`nearfield` if left out,
as in `pinecone://#faq`). The key comes from PINECONE_API_KEY, or stands in the URL as `pinecone://:KEY@prefix#faq`.
An emulator is named by an option: `pinecone://prefix?host=http://127.0.0.1:5080#faq`.

An index of Pinecone's has one dimension and one metric, takes a minute to make, and a project may have few of them (5
to 20); namespaces in it are made by writing to them, and there may be thousands. So all stores of one dimension and
metric share the serverless index `<prefix>-<metric>-<dim>`, each in a namespace of its own, whose name is never used
again. An index stays when its last store is dropped: an empty one costs nothing.
`<prefix>-registry` says what is where.
"""

import secrets

from nearfield.errors import CollectionError
from nearfield.stores.address import Address
from nearfield.stores.base import Capabilities, StoreConfig
from nearfield.stores.database import Document, NoLock, clear
from nearfield.stores.pinecone.config import PineconeConfig, check_config
from nearfield.stores.pinecone.parts import Parts
from nearfield.stores.pinecone.registry import Place, Registry
from nearfield.stores.pinecone.service import PineconeService
from nearfield.stores.pinecone.store import CAPABILITIES, PineconeStore

_METRICS = {"cosine": "cosine", "dot": "dotproduct", "l2": "euclidean"}


class PineconeDatabase:
    """The collections of one prefix in a Pinecone project; see `nearfield.stores.database` for what is promised.

    Any number of processes may hold a collection, and nothing keeps two from making one of the same name at once.

    Args:
        service: The connected service.
    """

    def __init__(self, service: PineconeService) -> None:
        self._service = service
        self._registry = Registry(service)

    @classmethod
    def connect(cls, address: Address) -> "PineconeDatabase":
        """Connect to the project that a key belongs to.

        Args:
            address: Of the database or of a collection in it.

        Returns:
            The database; close it.
        """
        return cls(PineconeService.connect(address))

    @property
    def config_type(self) -> type[PineconeConfig]:
        """Say what its stores are created with."""
        return PineconeConfig

    @property
    def capabilities(self) -> Capabilities:
        """Say what its stores can do."""
        return CAPABILITIES

    def collections(self) -> list[str]:
        """List the names of the collections, sorted."""
        return self._registry.collections()

    def claim(self, name: str) -> NoLock:
        """Take a name for a new collection, clearing what an interrupted creation left under it."""
        if self._registry.read(name, "manifest") is not None:
            raise CollectionError(f"{self._called(name)} is a collection already; open it, or choose another name")
        clear(self, name)
        return NoLock()

    def hold(self, name: str) -> NoLock:
        """Take an existing collection."""
        if self._registry.read(name, "manifest") is None:
            raise CollectionError(f"there is no collection {self._called(name)}; make one with `nearfield index`")
        return NoLock()

    def read(self, name: str, document: Document) -> bytes | None:
        """Read one of a collection's documents; None if there is none."""
        return self._registry.read(name, document)

    def write(self, name: str, document: Document, content: bytes | None) -> None:
        """Replace one of a collection's documents, or remove it: all or nothing, durable when it returns."""
        self._registry.write(name, document, content)

    def create_store(self, name: str, generation: int, config: StoreConfig) -> PineconeStore:
        """Make an empty store, and the index for it unless it is there."""
        checked = check_config(config)
        if self._registry.place(name, generation) is not None:
            raise CollectionError(f"store {generation} of {self._called(name)} is there already; drop it first")
        index = self._index(checked)
        self._service.make(index, checked.dim or 0, _METRICS[checked.metric], checked)
        self._registry.make(checked)
        place = Place(index, f"{name}.{generation}-{secrets.token_hex(4)}")
        self._registry.add_store(name, generation, place)
        return self._open(name, generation, place, checked)

    def open_store(self, name: str, generation: int, config: StoreConfig) -> PineconeStore:
        """Open a store with the configuration it was created with."""
        checked = check_config(config)
        place = self._registry.place(name, generation)
        if place is None:
            raise CollectionError(f"{self._called(name)} has no store {generation}")
        if place.index != self._index(checked):
            raise CollectionError(
                f"store {generation} of {self._called(name)} is in the index {place.index}, "
                f"and {checked.metric} in {checked.dim} dimensions is not; open it with what it was created with"
            )
        return self._open(name, generation, place, checked)

    def drop_store(self, name: str, generation: int) -> None:
        """Remove a store with its points; harmless when there is none."""
        place = self._registry.place(name, generation)
        if place is None:
            return
        for namespace in (place.namespace, _parts(place)):
            if (opened := self._service.namespace(place.index, namespace)) is not None:
                opened.drop()
        self._registry.remove_store(name, generation)

    def drop(self, name: str) -> None:
        """Remove a collection whole, its manifest first."""
        self.hold(name)
        clear(self, name)

    def generations(self, name: str) -> list[int]:
        """List the stores of a collection, ascending."""
        return self._registry.generations(name)

    def close(self) -> None:
        """Let go of the service; closing twice is harmless."""
        self._service.close()

    def _index(self, config: PineconeConfig) -> str:
        return self._service.index_name(f"{config.metric}-{config.dim}")

    def _open(self, name: str, generation: int, place: Place, config: PineconeConfig) -> PineconeStore:
        points = self._service.namespace(place.index, place.namespace)
        parts = self._service.namespace(place.index, _parts(place))
        if points is None or parts is None:
            raise CollectionError(
                f"the index {place.index} with store {generation} of {self._called(name)} was removed; drop the "
                "collection and make it again"
            )
        return PineconeStore(points, Parts(parts), config)

    def _called(self, name: str) -> str:
        return f"{self._service.calls.server}#{name}"


def _parts(place: Place) -> str:
    return f"{place.namespace}.parts"
