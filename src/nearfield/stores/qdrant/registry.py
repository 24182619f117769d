"""The documents of all collections on a Qdrant server: the points, without vectors, of a collection of their own."""

from operator import methodcaller

from nearfield.errors import CollectionError
from nearfield.stores.database import Document
from nearfield.stores.embedded.points import engine_id
from nearfield.stores.qdrant.connection import ClientModel, Connection, client_models

REGISTRY = "nearfield.registry"
"""A dot, which no collection's name has, keeps it apart from every other."""

FORMAT_VERSION = 1
_PAGE = 1000


class Registry:
    """Documents by collection and kind.

    Args:
        connection: To the server.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._is_there = False

    def names(self, document: Document) -> list[str]:
        """List the collections that have a document, sorted."""
        if not self._exists():
            return []
        m = client_models()
        kind = m.Filter(must=[m.FieldCondition(key="document", match=m.MatchValue(value=document))])
        found: list[str] = []
        offset: ClientModel = None
        while True:
            page = {"scroll_filter": kind, "limit": _PAGE, "offset": offset, "with_payload": ["name"]}
            records, offset = self._connection.ask("listing collections", methodcaller("scroll", REGISTRY, **page))
            found += [record.payload["name"] for record in records]
            if offset is None:
                return sorted(found)

    def read(self, name: str, document: Document) -> bytes | None:
        """Read a document; None if there is none."""
        if not self._exists():
            return None
        id = _id(name, document)
        found = self._connection.ask(f"reading the {document}", methodcaller("retrieve", REGISTRY, [id]))
        content: str | None = found[0].payload["content"] if found else None
        return None if content is None else content.encode()

    def write(self, name: str, document: Document, content: bytes | None) -> None:
        """Replace a document, or remove it: one point, so all or nothing."""
        if content is None:
            if self._exists():
                self._remove(name, document)
            return
        self._create()
        m = client_models()
        stored = {"name": name, "document": document, "content": content.decode()}
        point = m.PointStruct(id=_id(name, document), vector={}, payload=stored)
        self._connection.ask(f"writing the {document}", methodcaller("upsert", REGISTRY, points=[point], wait=True))

    def _remove(self, name: str, document: Document) -> None:
        ids = client_models().PointIdsList(points=[_id(name, document)])
        self._connection.ask(
            f"removing the {document}", methodcaller("delete", REGISTRY, points_selector=ids, wait=True)
        )

    def _exists(self) -> bool:
        if not self._is_there and self._connection.ask("looking for it", methodcaller("collection_exists", REGISTRY)):
            info = self._connection.ask("reading the registry", methodcaller("get_collection", REGISTRY))
            version = ((info.config.metadata or {}).get("nearfield") or {}).get("format_version")
            if version != FORMAT_VERSION:
                raise CollectionError(
                    f"the registry {REGISTRY} has the format version {version!r}, known here is {FORMAT_VERSION}; "
                    "use the nearfield that wrote it, or a newer one"
                )
            self._is_there = True
        return self._is_there

    def _create(self) -> None:
        def create(client: ClientModel) -> None:
            # Asked again after an answer that was lost, or while another process does the same: then it is there.
            if not client.collection_exists(REGISTRY):
                described = {"nearfield": {"format_version": FORMAT_VERSION}}
                client.create_collection(REGISTRY, vectors_config={}, shard_number=1, metadata=described)

        if not self._exists():
            self._connection.ask("making the registry", create)
            self._connection.index_field(REGISTRY, "document", "keyword")
            self._is_there = True


def _id(name: str, document: Document) -> str:
    return engine_id(f"{name}/{document}")
