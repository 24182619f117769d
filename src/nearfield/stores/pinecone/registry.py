"""What collections there are at Pinecone: their documents and their stores, in an index of their own.

The index `<prefix>-registry` has one namespace, `nearfield`, with a record `store/<collection>/<generation>` for each
store, which says in which namespace of which index its points are, and one `<document>/<collection>` for each document.
A document too long for one record is kept in parts (`nearfield.stores.pinecone.parts`), so writing the record that
names them replaces it at once.
"""

import base64
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from nearfield.errors import CollectionError
from nearfield.stores.database import Document
from nearfield.stores.pinecone.config import PineconeConfig
from nearfield.stores.pinecone.namespace import Namespace, Record
from nearfield.stores.pinecone.parts import PartedText, Parts
from nearfield.stores.pinecone.service import PineconeService

VERSION = 1
NAMESPACE = "nearfield"

_DIM, _METRIC = 2, "cosine"  # the service knows no index without vectors
_VECTOR = [1.0, 0.0]
_INLINE = 20_000
_STORE = "store"
_RECORD_BYTES = 1_000


@dataclass(frozen=True, slots=True)
class Place:
    """Where a store's points are.

    Attributes:
        index: The index.
        namespace: The namespace in it.
    """

    index: str
    namespace: str


class Registry:
    """The documents and stores of all collections of one prefix.

    Args:
        service: Where they are.
    """

    def __init__(self, service: PineconeService) -> None:
        self._service = service
        self._index = service.index_name("registry")
        self._opened: tuple[Namespace, Parts] | None = None

    def make(self, config: PineconeConfig) -> None:
        """Make the index for it unless it is there, in the place of the first store."""
        if self._open() is None:
            self._service.make(self._index, _DIM, _METRIC, config)

    def collections(self) -> list[str]:
        """List the collections that have a manifest."""
        return sorted(self._names("manifest/"))

    def generations(self, name: str) -> list[int]:
        """List the stores of a collection, ascending."""
        return sorted(map(int, self._names(f"{_STORE}/{name}/")))

    def place(self, name: str, generation: int) -> Place | None:
        """Find a store; None if there is none."""
        found = self._read(f"{_STORE}/{name}/{generation}")
        return None if found is None else Place(found["index"], found["namespace"])

    def add_store(self, name: str, generation: int, place: Place) -> None:
        """Note a store."""
        self._write(f"{_STORE}/{name}/{generation}", {"index": place.index, "namespace": place.namespace})

    def remove_store(self, name: str, generation: int) -> None:
        """Forget a store."""
        self._remove(f"{_STORE}/{name}/{generation}")

    def read(self, name: str, document: Document) -> bytes | None:
        """Read a document; None if there is none."""
        found = self._read(f"{document}/{name}")
        if found is None:
            return None
        place = _place_of(found)
        return base64.b64decode(found["content"] if place is None else self._parts().read([place])[0])

    def write(self, name: str, document: Document, content: bytes | None) -> None:
        """Replace a document, or remove it: all or nothing."""
        id = f"{document}/{name}"
        old = self._read(id)
        if content is None:
            self._remove(id)
        else:
            text = base64.b64encode(content).decode()  # any bytes, and as long in JSON as it is here
            if len(text) <= _INLINE:
                self._write(id, {"content": text})
            else:
                place, records = self._parts().cut(text)
                self._parts().write(records)
                self._write(id, {"key": place.key, "parts": place.count})
        replaced = None if old is None else _place_of(old)
        if replaced is not None:
            self._parts().delete([replaced])

    def _open(self) -> tuple[Namespace, Parts] | None:
        if self._opened is None:
            namespace = self._service.namespace(self._index, NAMESPACE)
            parts = self._service.namespace(self._index, f"{NAMESPACE}.parts")
            if namespace is None or parts is None:
                return None
            self._opened = namespace, Parts(parts)
        return self._opened

    def _there(self) -> tuple[Namespace, Parts]:
        if self._open() is None:
            self.make(PineconeConfig())
        opened = self._open()
        if opened is None:
            raise CollectionError(f"the index {self._index} was removed; make the collection again")
        return opened

    def _parts(self) -> Parts:
        return self._there()[1]

    def _names(self, prefix: str) -> list[str]:
        opened = self._open()
        return [] if opened is None else [id.removeprefix(prefix) for id in opened[0].ids(prefix)]

    def _read(self, id: str) -> Mapping[str, Any] | None:
        opened = self._open()
        found = None if opened is None else opened[0].fetch([id], "reading the registry").get(id)
        if found is None:
            return None
        metadata: Mapping[str, Any] = found.metadata
        if metadata.get("version") != VERSION:
            raise CollectionError(
                f"the registry at {self._service.calls.server} is of version {metadata.get('version')!r}, and this "
                f"nearfield reads version {VERSION}; use the nearfield that wrote it"
            )
        return metadata

    def _write(self, id: str, metadata: Mapping[str, Any]) -> None:
        size = sum(len(str(value)) for value in metadata.values()) + _RECORD_BYTES
        self._there()[0].write([Record(id, lambda: _VECTOR, {**metadata, "version": VERSION}, size)], "the registry")

    def _remove(self, id: str) -> None:
        opened = self._open()
        if opened is not None:
            opened[0].delete([id], "the registry")


def _place_of(metadata: Mapping[str, Any]) -> PartedText | None:
    return PartedText(metadata["key"], int(metadata["parts"])) if "key" in metadata else None
