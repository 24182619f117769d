"""Texts too long for the metadata of one record, kept as several.

Pinecone takes 40 KB of metadata with a record. A longer text is cut up and written as records of a namespace beside,
under a key that is never used again; then the record it belongs to is written, which names the key. So whoever reads
that record finds a whole text, the old or the new one. What was replaced or never finished stays until `sweep`.
"""

import secrets
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from nearfield.errors import StorageError
from nearfield.stores.batches import TO_JSON
from nearfield.stores.pinecone.filters import TOKENS, Condition
from nearfield.stores.pinecone.namespace import Namespace, Record

MAX_METADATA = 40_000
"""Bytes of metadata that a record may have, as JSON: somewhat less than the service's 40 KB."""

SETTLED_SECONDS = 3600.0
"""Age from which a part that no record names is a leftover, not a write under way."""

_PIECE = 9_000  # characters, of at most 4 bytes each
_PAGE = 1000
_TEXT, _WRITTEN = "text", "written"


@dataclass(frozen=True, slots=True)
class PartedText:
    """Where a long text is.

    Attributes:
        key: Its key.
        count: How many parts it has.
    """

    key: str
    count: int

    @property
    def ids(self) -> list[str]:
        """The ids of its parts."""
        return [f"{self.key}.{number}" for number in range(self.count)]


def json_bytes(value: object) -> int:
    """Measure a value as JSON, in bytes of UTF-8."""
    return len(TO_JSON(value).encode())


class Parts:
    """The namespace that holds long texts.

    Args:
        namespace: Used for nothing else.
    """

    def __init__(self, namespace: Namespace) -> None:
        self._namespace = namespace

    def cut(self, text: str) -> tuple[PartedText, list[Record]]:
        """Cut up a text.

        Args:
            text: Any length above 0.

        Returns:
            Where it will be, and the records to `write`.
        """
        pieces = [text[start : start + _PIECE] for start in range(0, len(text), _PIECE)]
        place = PartedText(secrets.token_hex(12), len(pieces))
        vector = [1.0] + [0.0] * (self._namespace.dim - 1)  # the service takes no record without one
        records = []
        for id, piece in zip(place.ids, pieces, strict=True):
            metadata = {_TEXT: piece, _WRITTEN: time.time(), TOKENS: ["*"]}
            size = json_bytes(metadata) + 5 * len(vector) + 100
            records.append(Record(id, lambda: vector, metadata, size))
        return place, records

    def write(self, records: Sequence[Record]) -> None:
        """Write what `cut` made."""
        self._namespace.write(records, "parts of long texts")

    def read(self, places: Sequence[PartedText]) -> list[str]:
        """Read texts.

        Args:
            places: Where they are.

        Returns:
            As many texts.

        Raises:
            StorageError: If a part is missing, as when the text was deleted a moment ago.
        """
        found = self._namespace.fetch([id for place in places for id in place.ids], "reading long texts")
        try:
            return ["".join(found[id].metadata[_TEXT] for id in place.ids) for place in places]
        except KeyError:
            raise StorageError("a long text was deleted or replaced while it was read; read it again") from None

    def delete(self, places: Iterable[PartedText]) -> None:
        """Remove texts that nothing names any more."""
        self._namespace.delete([id for place in places for id in place.ids], "parts of long texts")

    def old(self) -> list[str]:
        """List the parts that are no write under way: the ids."""
        before = Condition({_WRITTEN: {"$lt": time.time() - SETTLED_SECONDS}})
        return [part.id for page in self._namespace.pages(before, _PAGE, "looking for leftovers") for part in page]

    def sweep(self, old: Iterable[str], kept: Iterable[str]) -> None:
        """Remove leftovers.

        Args:
            old: What `old` listed, before `kept` was gathered.
            kept: Keys that records name.
        """
        living = set(kept)
        self._namespace.delete([id for id in old if id.partition(".")[0] not in living], "leftovers")

    def clear(self) -> None:
        """Remove all texts."""
        self._namespace.clear()
