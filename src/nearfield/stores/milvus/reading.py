"""What is read of a store in Milvus without its vector indexes: rows by key, rows by filter, counts."""

from collections.abc import Iterator, Sequence
from typing import Any

from nearfield.stores.filters import matches
from nearfield.stores.milvus.filters import ALL, NONE, Condition
from nearfield.stores.milvus.names import encode_id
from nearfield.stores.milvus.points import read_body
from nearfield.stores.milvus.schema import BODY, ID
from nearfield.stores.milvus.server import MilvusServer

PAGE = 1_000
_MAX_PAGE = 16_384


class MilvusRows:
    """The rows of one Milvus collection.

    Args:
        server: The connection.
        physical: Name of the Milvus collection.
    """

    def __init__(self, server: MilvusServer, physical: str) -> None:
        self._server = server
        self._physical = physical

    def read(self, ids: Sequence[str], fields: list[str]) -> Iterator[dict[str, Any]]:
        """Give the rows that exist among `ids`, each once, in no order."""
        keys = list({encode_id(id) for id in ids})
        for start in range(0, len(keys), PAGE):
            listed = ", ".join(f'"{key}"' for key in keys[start : start + PAGE])
            yield from self.find(f"{ID} in [{listed}]", fields)

    def find(self, text: str, fields: list[str]) -> list[dict[str, Any]]:
        """Give the rows for which an expression holds, where they are few."""
        client, timeout = self._server.client, self._server.timeout
        rows: list[dict[str, Any]] = self._server.ask(
            "reading points", lambda: client.query(self._physical, text, output_fields=[ID, *fields], timeout=timeout)
        )
        return rows

    def pages(self, condition: Condition, fields: list[str], size: int = PAGE) -> Iterator[list[dict[str, Any]]]:
        """Go through the rows that match, by key.

        Args:
            condition: What they match; where it lets through more, the rest is left out here.
            fields: What to read of each, besides its key.
            size: How many to read at a time.

        Yields:
            Pages of rows, which may be empty.
        """
        if condition.text == NONE:
            return
        wanted = [ID, *fields] if condition.is_exact or BODY in fields else [ID, BODY, *fields]
        client, timeout = self._server.client, self._server.timeout
        cursor = self._server.ask(
            "reading points",
            lambda: client.query_iterator(
                self._physical, min(size, _MAX_PAGE), filter=condition.text, output_fields=wanted, timeout=timeout
            ),
        )
        while rows := self._server.ask("reading points", cursor.next):
            yield list(rows) if condition.is_exact else [row for row in rows if _is_meant(condition, row)]
        cursor.close()

    def count(self, condition: Condition) -> int:
        """Count the rows that match; an inexact condition makes it read their metadata."""
        if condition.text == NONE:
            return 0
        if not condition.is_exact:
            return sum(map(len, self.pages(condition, [])))
        return self.count_exactly("" if condition.text == ALL else condition.text)

    def count_exactly(self, text: str) -> int:
        """Count the rows for which an expression holds; all for an empty one."""
        client, timeout = self._server.client, self._server.timeout
        (row,) = self._server.ask(
            "counting points",
            lambda: client.query(self._physical, text, output_fields=["count(*)"], timeout=timeout),
        )
        return int(row["count(*)"])


def _is_meant(condition: Condition, row: dict[str, Any]) -> bool:
    return matches(condition.tree, read_body(row).meta)
