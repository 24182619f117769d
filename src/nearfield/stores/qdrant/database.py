"""Collections on a Qdrant server, or in a folder of Qdrant's local mode."""

from operator import methodcaller
from pathlib import Path
from typing import Any

from nearfield.errors import CollectionError, InvalidInputError
from nearfield.stores.address import Address
from nearfield.stores.base import Capabilities, StoreConfig
from nearfield.stores.database import Document, NoLock, check_name, clear
from nearfield.stores.qdrant.config import check_config
from nearfield.stores.qdrant.connection import ClientModel, Connection
from nearfield.stores.qdrant.local import LocalConnection
from nearfield.stores.qdrant.models import collection_options
from nearfield.stores.qdrant.registry import Registry
from nearfield.stores.qdrant.server import ServerConnection
from nearfield.stores.qdrant.store import QdrantStore

FORMAT_VERSION = 1
_MANIFEST: Document = "manifest"
_MARK = "nearfield"


class QdrantDatabase:
    """The collections on a server; see `nearfield.stores.database` for what is promised.

    A store is a Qdrant collection: `faq`, and of another generation `faq.2`, where a dot is in no collection's name.
    What it holds is written in its metadata; a Qdrant collection without that is somebody else's and never touched.

    Args:
        connection: To the server; closed with the database.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._registry = Registry(connection)

    @classmethod
    def connect(cls, address: Address) -> "QdrantDatabase":
        """Connect to `qdrant://:key@host:6333`, or open the folder of `qdrant:///absolute/folder` in local mode."""
        if address.host:
            return cls(ServerConnection(address))
        if address.path in ("", "/") or address.options or address.password or address.port:
            raise InvalidInputError(
                "a qdrant:// URL names a server, as qdrant://host:6333, or a folder and nothing else, as "
                f"qdrant:///home/me/vectors; got {address}"
            )
        return cls(LocalConnection(Path(address.path)))

    @property
    def config_type(self) -> type[StoreConfig]:
        """Say what its stores are created with."""
        return self._connection.config_type

    @property
    def capabilities(self) -> Capabilities:
        """Say what its stores can do."""
        return self._connection.capabilities

    def collections(self) -> list[str]:
        """List the names of the collections, sorted."""
        return self._registry.names(_MANIFEST)

    def claim(self, name: str) -> NoLock:
        """Take a name for a new collection, clearing what an interrupted creation left under it."""
        if self._registry.read(check_name(name), _MANIFEST) is not None:
            raise CollectionError(f"{name} is a collection already; open it, or choose another name")
        if self._exists(name) and self._described(name) is None:
            raise CollectionError(f"{name} is a Qdrant collection that nearfield did not make; choose another name")
        clear(self, name)
        return NoLock()

    def hold(self, name: str) -> NoLock:
        """Check that a collection is there; any number of processes may hold it, in local mode any of this one."""
        if self._registry.read(check_name(name), _MANIFEST) is None:
            raise CollectionError(f"there is no collection {name}; make one with `nearfield index`")
        return NoLock()

    def read(self, name: str, document: Document) -> bytes | None:
        """Read one of a collection's documents; None if there is none."""
        return self._registry.read(check_name(name), document)

    def write(self, name: str, document: Document, content: bytes | None) -> None:
        """Replace one of a collection's documents, or remove it: all or nothing."""
        self._registry.write(check_name(name), document, content)

    def create_store(self, name: str, generation: int, config: StoreConfig) -> QdrantStore:
        """Make an empty store."""
        self._check(config)
        collection = _physical(name, generation)
        if self._exists(collection):
            raise CollectionError(f"{collection} is there already; drop it first, or open it")
        description = _description(config)
        options = collection_options(config) | {"metadata": {_MARK: description}}

        def create(client: ClientModel) -> None:
            if not client.collection_exists(collection):  # it is when asked again, after an answer that was lost
                client.create_collection(collection, **options)

        self._connection.ask(f"creating {collection}", create)
        return QdrantStore(self._connection, collection, config)

    def open_store(self, name: str, generation: int, config: StoreConfig) -> QdrantStore:
        """Open a store with the configuration it was created with; what concerns searching alone may differ."""
        self._check(config)
        collection = _physical(name, generation)
        info = self._info(collection) if self._exists(collection) else None
        found = None if info is None else _mark(info)
        if info is None or found is None:
            raise CollectionError(f"there is no store {collection}; create it first")
        if found.get("format_version") != FORMAT_VERSION:
            raise CollectionError(
                f"{collection} has the format version {found.get('format_version')!r}, known here is {FORMAT_VERSION}; "
                "use the nearfield that wrote it, or a newer one"
            )
        wanted = _description(config)
        for key in ("dim", "metric", "sparse"):
            if found.get(key) != wanted[key]:
                raise CollectionError(f"{collection} was created with {key} {found.get(key)!r}, not {wanted[key]!r}")
        return QdrantStore(self._connection, collection, config, fields=info.payload_schema)

    def drop_store(self, name: str, generation: int) -> None:
        """Remove a store with its points; harmless when there is none."""
        self._drop(_physical(name, generation))

    def drop(self, name: str) -> None:
        """Remove a collection whole, its manifest first."""
        self.hold(name)
        clear(self, name)

    def generations(self, name: str) -> list[int]:
        """List the stores of a collection, ascending."""
        listed = self._connection.ask("listing stores", methodcaller("get_collections")).collections
        numbers = (_generation(check_name(name), each.name) for each in listed)
        return sorted(n for n in numbers if n is not None and self._described(_physical(name, n)) is not None)

    def close(self) -> None:
        """Let go of the server; closing twice is harmless."""
        self._connection.close()

    def _check(self, config: StoreConfig) -> None:
        wanted = self._connection.config_type
        if not isinstance(config, wanted):
            raise InvalidInputError(f"a store here is created with a {wanted.__name__}, got {type(config).__name__}")
        check_config(config)

    def _drop(self, collection: str) -> None:
        def remove(client: ClientModel) -> None:
            if client.collection_exists(collection):  # it is not when asked again, after an answer that was lost
                client.delete_collection(collection)

        if self._exists(collection) and self._described(collection) is not None:
            self._connection.ask(f"removing {collection}", remove)

    def _exists(self, collection: str) -> bool:
        return bool(self._connection.ask("looking for it", methodcaller("collection_exists", collection)))

    def _info(self, collection: str) -> ClientModel:
        return self._connection.ask(f"reading about {collection}", methodcaller("get_collection", collection))

    def _described(self, collection: str) -> dict[str, Any] | None:
        """Read what a Qdrant collection holds; None if it is not one of ours."""
        return _mark(self._info(collection))


def _mark(info: ClientModel) -> dict[str, Any] | None:
    described: dict[str, Any] | None = (info.config.metadata or {}).get(_MARK)
    return described


def _physical(name: str, generation: int) -> str:
    return check_name(name) if generation == 1 else f"{check_name(name)}.{generation}"


def _generation(name: str, collection: str) -> int | None:
    """Read which of a collection's stores a Qdrant collection is; None for any other."""
    if collection == name:
        return 1
    number = collection.removeprefix(f"{name}.")
    return int(number) if number != collection and number.isdecimal() and number.isascii() else None


def _description(config: StoreConfig) -> dict[str, Any]:
    return {
        "format_version": FORMAT_VERSION,
        "dim": config.dim,
        "metric": config.metric,
        "sparse": list(config.sparse),
        "dtype": "float32",
        "normalised": config.metric == "cosine",
    }
