"""Collections on a Chroma server, or in a folder of Chroma's in this process."""

from dataclasses import replace
from typing import Any

from nearfield.errors import CollectionError
from nearfield.files import make_directory
from nearfield.folder_lock import FolderLock
from nearfield.stores.address import Address
from nearfield.stores.base import Capabilities, StoreConfig
from nearfield.stores.chroma.config import ChromaConfig, check_config
from nearfield.stores.chroma.points import Scale
from nearfield.stores.chroma.server import ChromaServer, reach
from nearfield.stores.chroma.store import ChromaStore
from nearfield.stores.database import Document, Lock, NoLock, clear

CAPABILITIES = Capabilities(
    metrics=frozenset({"cosine", "dot", "l2"}),
    sparse=False,
    exact=True,
    approximate=True,
    quantisation=frozenset({"none"}),
    visibility="immediate",
    concurrency="many",
)

_REGISTRY = "nearfield"
_FORMAT_KEY, _FORMAT = "nearfield", 1


class ChromaDatabase:
    """The collections in one of Chroma's databases; see `nearfield.stores.database` for what is promised.

    A store is a collection of Chroma named after ours and its generation, `faq.1`: no name of ours has a dot, every
    name of Chroma's must end in a letter or digit. The documents are those of a collection `nearfield`, each with a
    vector of one number, because Chroma has nothing without. What a collection of ours holds is in its metadata.

    In a folder, collections are held one at a time by a lock under `nearfield/` in it, for Chroma itself does not keep
    two processes from working on one.

    Args:
        server: The connection.
    """

    def __init__(self, server: ChromaServer) -> None:
        self._server = server
        self._capabilities = CAPABILITIES
        if server.folder is not None:
            self._capabilities = replace(CAPABILITIES, concurrency="one process")

    @classmethod
    def connect(cls, address: Address) -> "ChromaDatabase":
        """Connect to the server, or open the folder, of an address."""
        return cls(reach(address))

    @property
    def config_type(self) -> type[StoreConfig]:
        """Say what its stores are created with."""
        return ChromaConfig

    @property
    def capabilities(self) -> Capabilities:
        """Say what its stores can do."""
        return self._capabilities

    def collections(self) -> list[str]:
        """List the names of the collections, sorted."""
        registry = self._registry()
        if registry is None:
            return []
        found = self._server.calls.ask(
            "listing collections", lambda: registry.get(where={"document": "manifest"}, include=[])
        )
        return sorted(id.partition("/")[0] for id in found["ids"])

    def claim(self, name: str) -> Lock:
        """Take a name for a new collection, clearing what an interrupted creation left under it."""
        lock = self._lock(name)
        try:
            if self.read(name, "manifest") is not None:
                raise CollectionError(f"{self._told(name)} is a collection already; open it, or choose another name")
            clear(self, name)
        except BaseException:
            lock.release()
            raise
        return lock

    def hold(self, name: str) -> Lock:
        """Take an existing collection."""
        if self.read(name, "manifest") is None:
            raise CollectionError(f"{self._told(name)} does not exist; make one with `nearfield index`")
        return self._lock(name)

    def read(self, name: str, document: Document) -> bytes | None:
        """Read one of a collection's documents; None if there is none."""
        registry = self._registry()
        if registry is None:
            return None
        found = self._server.calls.ask(
            f"reading the {document} of {name}", lambda: registry.get([f"{name}/{document}"], include=["documents"])
        )
        return found["documents"][0].encode() if found["ids"] else None

    def write(self, name: str, document: Document, content: bytes | None) -> None:
        """Replace one of a collection's documents, or remove it: all or nothing, synced when it returns."""
        registry = self._registry() if content is None else self._make_registry()
        if registry is None:
            return
        id = f"{name}/{document}"

        def call() -> object:
            if content is None:
                return registry.delete([id])
            return registry.upsert(
                [id], embeddings=[[1.0]], documents=[content.decode()], metadatas=[{"document": document}]
            )

        self._server.calls.ask(f"writing the {document} of {name}", call)

    def create_store(self, name: str, generation: int, config: StoreConfig) -> ChromaStore:
        """Make an empty store."""
        checked = check_config(config)
        physical = _physical(name, generation)
        if self._server.find(physical) is not None:
            raise CollectionError(f"{self._told(name)} has a store of generation {generation} already")
        hnsw = {
            "space": Scale(checked.metric).space,
            "ef_construction": checked.ef_construct,
            "max_neighbors": checked.m,
            "ef_search": checked.ef,
            "resize_factor": checked.resize_factor,
            "sync_threshold": checked.sync_threshold,
        }
        held = {_FORMAT_KEY: _FORMAT, "dim": checked.dim, "metric": checked.metric}
        made = self._server.make(physical, {"hnsw": hnsw}, held, anew=True)
        return ChromaStore(self._server, made, checked, self._capabilities)

    def open_store(self, name: str, generation: int, config: StoreConfig) -> ChromaStore:
        """Open a store with the configuration it was created with; what concerns searching alone may differ."""
        checked = check_config(config)
        found = self._server.find(_physical(name, generation))
        if found is None:
            raise CollectionError(f"{self._told(name)} has no store of generation {generation}")
        self._check_format(found)
        there = {key: found.metadata.get(key) for key in ("dim", "metric")}
        if there != {"dim": checked.dim, "metric": checked.metric}:
            raise CollectionError(
                f"the store of {self._told(name)} holds vectors of {there['dim']} dimensions compared by "
                f"{there['metric']}, not of {checked.dim} by {checked.metric}"
            )
        return ChromaStore(self._server, found, checked, self._capabilities)

    def drop_store(self, name: str, generation: int) -> None:
        """Remove a store with its points; harmless when there is none."""
        self._server.remove(_physical(name, generation))

    def drop(self, name: str) -> None:
        """Remove a collection whole, its manifest first."""
        lock = self.hold(name)
        try:
            clear(self, name)
        finally:
            lock.release()

    def generations(self, name: str) -> list[int]:
        """List the stores of a collection, ascending."""
        start = f"{name}."
        found = (each.removeprefix(start) for each in self._server.names() if each.startswith(start))
        return sorted(int(number) for number in found if number.isdecimal())

    def close(self) -> None:
        """Let go of the server; closing twice is harmless."""
        self._server.release()

    def _registry(self) -> Any | None:  # noqa: ANN401 - a Collection of the vendor's, which has no types here
        registry = self._server.find(_REGISTRY)
        if registry is not None:
            self._check_format(registry)
        return registry

    def _make_registry(self) -> Any:  # noqa: ANN401
        registry = self._registry()
        if registry is None:
            registry = self._server.make(_REGISTRY, {"hnsw": {"space": "ip"}}, {_FORMAT_KEY: _FORMAT}, anew=False)
        return registry

    def _check_format(self, collection: Any) -> None:  # noqa: ANN401
        version = (collection.metadata or {}).get(_FORMAT_KEY)
        if version != _FORMAT:
            raise CollectionError(
                f"the collection {collection.name!r} at {self._server.calls.server} has the format {version!r} and not "
                f"{_FORMAT}: another version of nearfield made it, or something else did; use another database"
            )

    def _lock(self, name: str) -> Lock:
        if self._server.folder is None:
            return NoLock()
        path = self._server.folder / _REGISTRY / name
        make_directory(path)
        return FolderLock(path)

    def _told(self, name: str) -> str:
        return f"{self._server.calls.server}#{name}"


def _physical(name: str, generation: int) -> str:
    return f"{name}.{generation}"
