"""How rare the terms of a sparse leg are, counted on the server, whose index knows no idf of its own."""

import math
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor

from nearfield.stores.milvus.points import UNCOUNTED
from nearfield.stores.milvus.reading import MilvusRows
from nearfield.stores.milvus.schema import leg_field, leg_terms_field

_THREADS = 8
_HIGHEST = (1 << 32) - 3
"""Where `milvus_points.sparse_row` puts the terms above it."""


class TermStatistics:
    """Inverse document frequencies over the stored points of one store.

    Args:
        rows: The store's.
    """

    def __init__(self, rows: MilvusRows) -> None:
        self._rows = rows
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="nearfield-milvus")

    def idf(self, leg: str, terms: Sequence[int]) -> Mapping[int, float]:
        """Look up how rare terms are.

        Args:
            leg: The sparse leg.
            terms: Any.

        Returns:
            For each term that a stored point has, `ln(1 + (n - df + 0.5) / (df + 0.5))`.
        """
        field = leg_terms_field(leg)
        asked = ["", *(f"array_contains({field}, {term})" for term in (*terms, UNCOUNTED))]
        n, *counts, uncounted = self._threads.map(self._rows.count_exactly, asked)
        frequencies = dict(zip(terms, counts, strict=True))
        if uncounted:
            self._add_uncounted(leg, frequencies)
        return {term: math.log(1 + (n - df + 0.5) / (df + 0.5)) for term, df in frequencies.items() if df}

    def _add_uncounted(self, leg: str, frequencies: dict[int, int]) -> None:
        """Count the points with more terms than an array holds, by reading their weights."""
        field = leg_field(leg)
        for row in self._rows.find(f"array_contains({leg_terms_field(leg)}, {UNCOUNTED})", [field]):
            there = {int(term) for term in row[field]}
            for term in frequencies:
                frequencies[term] += min(term, _HIGHEST) in there

    def close(self) -> None:
        """Stop the threads."""
        self._threads.shutdown()
