"""Records drawn from a stream, and what to ask by when nobody gave queries."""

from collections.abc import Iterable
from typing import Generic, TypeVar

import numpy as np

from nearfield.data.records import Record

T = TypeVar("T")

_WORDS = 12
"""Words of a text that stand for a title where there is none."""


class Reservoir(Generic[T]):
    """A uniform sample of whatever has passed by so far.

    Args:
        size: How many to keep, at least 1.
        seed: Of the draw.

    Attributes:
        kept: The sample, fewer than `size` if no more have passed by.

    References:
        Vitter (1985), doi:10.1145/3147.3165, algorithm R.
    """

    kept: list[T]

    def __init__(self, size: int, seed: int = 0) -> None:
        self.kept = []
        self._size = size
        self._seen = 0
        self._random = np.random.default_rng(seed)

    def add(self, item: T) -> None:
        """Let one pass by."""
        self._seen += 1
        if len(self.kept) < self._size:
            self.kept.append(item)
        elif (place := int(self._random.integers(self._seen))) < self._size:
            self.kept[place] = item


def draw_records(records: Iterable[Record], size: int, seed: int = 0) -> list[Record]:
    """Draw records that have a text.

    Args:
        records: Gone through once.
        size: How many, at least 1.
        seed: Of the draw.

    Returns:
        At most so many, in random order.
    """
    reservoir = Reservoir[Record](size, seed)
    for record in records:
        if record.content.strip():
            reservoir.add(record)
    order = np.random.default_rng(seed).permutation(len(reservoir.kept))
    return [reservoir.kept[place] for place in order]


def query_of(record: Record) -> str:
    """Give the title of a record, or the first words of its text."""
    return record.title.strip() or " ".join(record.text.split()[:_WORDS])
