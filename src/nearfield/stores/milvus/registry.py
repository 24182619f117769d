"""The documents of the collections in a Milvus database: one row for each, in a collection of nearfield's own."""

from typing import Any

from nearfield.extras import import_extra
from nearfield.stores.database import Document
from nearfield.stores.milvus.names import check_format, cut_text
from nearfield.stores.milvus.schema import MAX_ITEMS, MAX_TEXT
from nearfield.stores.milvus.server import MilvusServer

REGISTRY = "nearfield"
FORMAT_VERSION = "1"

_ID, _NAME, _DOCUMENT, _CONTENT, _VECTOR = "id", "name", "document", "content", "vector"
_FORMAT = "format"
_NO_VECTOR = [1.0, 0.0]
"""Milvus has no collection without vectors."""


class MilvusRegistry:
    """Documents by collection and kind; made when the first is written.

    Args:
        server: The connection.
        where: What to call the database in a message.
    """

    def __init__(self, server: MilvusServer, where: str) -> None:
        self._server = server
        self._where = where
        self._is_there = False

    def names(self) -> list[str]:
        """List the collections that have a manifest, sorted."""
        if not self._exists():
            return []
        client, timeout = self._server.client, self._server.timeout
        cursor = self._server.ask(
            "listing collections",
            lambda: client.query_iterator(
                REGISTRY, 1_000, filter=f'{_DOCUMENT} == "manifest"', output_fields=[_NAME], timeout=timeout
            ),
        )
        names = []
        while rows := self._server.ask("listing collections", cursor.next):
            names += [row[_NAME] for row in rows]
        cursor.close()
        return sorted(names)

    def read(self, name: str, document: Document) -> bytes | None:
        """Read a document; None if there is none."""
        content = self._read(f"{name}/{document}") if self._exists() else None
        return None if content is None else content.encode()

    def write(self, name: str, document: Document, content: bytes | None) -> None:
        """Replace a document, or remove it: one row, so all or nothing."""
        client, timeout = self._server.client, self._server.timeout
        if content is not None:
            self._make()
            self._write(name, document, content.decode())
        elif self._exists():
            self._server.ask(
                "removing a document", lambda: client.delete(REGISTRY, ids=[f"{name}/{document}"], timeout=timeout)
            )
            self._server.sync(REGISTRY)

    def _read(self, key: str) -> str | None:
        client, timeout = self._server.client, self._server.timeout
        rows = self._server.ask(
            "reading a document",
            lambda: client.query(REGISTRY, f'{_ID} in ["{key}"]', output_fields=[_CONTENT], timeout=timeout),
        )
        return "".join(rows[0][_CONTENT]) if rows else None

    def _write(self, name: str, document: str, content: str) -> None:
        row = {
            _ID: f"{name}/{document}",
            _NAME: name,
            _DOCUMENT: document,
            _CONTENT: cut_text(content, MAX_TEXT),
            _VECTOR: _NO_VECTOR,
        }
        client, timeout = self._server.client, self._server.timeout
        self._server.ask("writing a document", lambda: client.upsert(REGISTRY, [row], timeout=timeout))
        self._server.sync(REGISTRY)

    def _exists(self) -> bool:
        """Say whether there is a registry, having made sure that it can be read."""
        client, timeout = self._server.client, self._server.timeout
        if not self._is_there and self._server.ask(
            "connecting", lambda: client.has_collection(REGISTRY, timeout=timeout)
        ):
            self._server.ask("connecting", lambda: client.load_collection(REGISTRY, timeout=timeout))
            version = self._read(f"/{_FORMAT}")
            if version is not None:  # None is a registry whose creation was interrupted, or goes on
                check_format(version, known=FORMAT_VERSION, where=self._where)
                self._is_there = True
        return self._is_there

    def _make(self) -> None:
        if self._exists():
            return
        milvus = import_extra("pymilvus", extra="milvus")
        client, timeout = self._server.client, self._server.timeout
        kinds = milvus.DataType
        schema = milvus.MilvusClient.create_schema(auto_id=False, enable_dynamic_field=False)
        schema.add_field(_ID, kinds.VARCHAR, is_primary=True, max_length=256)
        schema.add_field(_NAME, kinds.VARCHAR, max_length=256)
        schema.add_field(_DOCUMENT, kinds.VARCHAR, max_length=64)
        strings: dict[str, Any] = {"element_type": kinds.VARCHAR, "max_length": MAX_TEXT, "max_capacity": MAX_ITEMS}
        schema.add_field(_CONTENT, kinds.ARRAY, **strings)
        schema.add_field(_VECTOR, kinds.FLOAT_VECTOR, dim=len(_NO_VECTOR))
        indexes = milvus.MilvusClient.prepare_index_params()
        indexes.add_index(_VECTOR, "FLAT", _VECTOR, metric_type="IP")
        if not self._server.ask("connecting", lambda: client.has_collection(REGISTRY, timeout=timeout)):
            self._server.ask(
                "making the registry",
                lambda: client.create_collection(REGISTRY, schema=schema, consistency_level="Strong", timeout=timeout),
            )
        self._server.ask(
            "making the registry", lambda: client.create_index(REGISTRY, indexes, timeout=timeout, sync=False)
        )
        self._server.ask("making the registry", lambda: client.load_collection(REGISTRY, timeout=timeout))
        self._write("", _FORMAT, FORMAT_VERSION)
        self._is_there = True
