"""The registry: a class of the server's own that keeps the documents of all collections."""

from functools import partial
from hashlib import blake2b
from typing import Any
from uuid import UUID

from nearfield.extras import import_extra
from nearfield.stores.database import Document
from nearfield.stores.retries import ServerCalls
from nearfield.stores.weaviate.schema import describe, read_description

REGISTRY = "NearfieldDocuments"
_COLLECTION, _DOCUMENT, _CONTENT = "collection", "document", "content"
_PAGE = 1000


class Documents:
    """The documents of all collections, each an object of the class `NearfieldDocuments`; it is made when needed.

    Args:
        client: Weaviate's.
        calls: How to call it.
    """

    def __init__(self, client: Any, calls: ServerCalls) -> None:  # noqa: ANN401  # the client has no types here
        self._client = client
        self._calls = calls
        self._known = False

    def read(self, name: str, document: Document) -> bytes | None:
        """Read one of a collection's documents; None if there is none."""
        if not self._exists():
            return None
        query = self._registry().query
        found = self._calls.ask(
            f"reading the {document} of {name}",
            lambda: query.fetch_object_by_id(_id(name, document), return_properties=[_CONTENT]),
        )
        return None if found is None else str(found.properties[_CONTENT]).encode()

    def write(self, name: str, document: Document, content: bytes | None) -> None:
        """Replace one of a collection's documents, or remove it: one object, so all or nothing."""
        uuid, doing = _id(name, document), f"writing the {document} of {name}"
        if content is None:
            if self._exists():
                self._calls.ask(doing, lambda: self._registry().data.delete_by_id(uuid))
            return
        self._make()
        properties = {_COLLECTION: name, _DOCUMENT: document, _CONTENT: content.decode()}
        objects = [import_extra("weaviate.classes.data", extra="weaviate").DataObject(properties, uuid=uuid)]
        self._calls.ask(doing, lambda: self._registry().data.insert_many(objects))

    def names(self, document: Document) -> list[str]:
        """List the collections that have a document, sorted."""
        if not self._exists():
            return []
        query, names, last = self._registry().query, [], UUID(int=0)
        while True:
            found = self._calls.ask(
                "listing collections",
                partial(query.fetch_objects, limit=_PAGE, after=last, return_properties=[_COLLECTION, _DOCUMENT]),
            ).objects
            names += [one.properties[_COLLECTION] for one in found if one.properties[_DOCUMENT] == document]
            if len(found) < _PAGE:
                return sorted(names)
            last = found[-1].uuid

    def _registry(self) -> Any:  # noqa: ANN401
        consistency = import_extra("weaviate.classes.config", extra="weaviate").ConsistencyLevel
        return self._client.collections.use(REGISTRY).with_consistency_level(consistency.QUORUM)

    def _exists(self) -> bool:
        if not self._known and self._calls.ask("reading", lambda: self._client.collections.exists(REGISTRY)):
            kept = self._calls.ask("reading", lambda: self._client.collections.use(REGISTRY).config.get(simple=True))
            read_description(kept.description, f"{REGISTRY} at {self._calls.server}")
            self._known = True
        return self._known

    def _make(self) -> None:
        if self._exists():
            return
        classes = import_extra("weaviate.classes.config", extra="weaviate")
        properties = [
            classes.Property(name=name, data_type=classes.DataType.TEXT, index_filterable=False, index_searchable=False)
            for name in (_COLLECTION, _DOCUMENT, _CONTENT)
        ]

        def create() -> None:
            # Another process may have made it since, or the server before it lost its answer.
            if not self._client.collections.exists(REGISTRY):
                self._client.collections.create(REGISTRY, description=describe(), properties=properties)

        self._calls.ask("making the registry of collections", create)
        self._exists()


def _id(name: str, document: str) -> UUID:
    return UUID(bytes=blake2b(f"{name}/{document}".encode(), digest_size=16).digest())
