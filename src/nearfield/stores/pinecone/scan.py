"""Exact search at a service that offers none: all vectors are brought here and compared."""

import heapq
from collections.abc import Iterable, Sequence
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from nearfield.arrays import Metric, Vectors
from nearfield.stores.base import Match
from nearfield.stores.vectors import distance_of

Compared: TypeAlias = tuple[str, npt.NDArray[np.float32]]
"""Id, and `(d,)` vector as it is compared."""


def search_exactly(pages: Iterable[Sequence[Compared]], queries: Vectors, k: int, metric: Metric) -> list[list[Match]]:
    """Compare queries with everything, gone through once for all of them.

    Args:
        pages: What is stored and meant.
        queries: `(q, d)` float32, under cosine of length 1.
        k: How many matches each query wants.
        metric: How vectors are compared.

    Returns:
        For each query at most `k` matches without payloads, best first, equal scores by id.
    """
    best: list[list[tuple[float, str]]] = [[] for _ in queries]
    for page in pages:
        if not page:
            continue
        ids = [id for id, _ in page]
        scores = _scores(np.array([vector for _, vector in page], np.float64), queries.astype(np.float64), metric)
        for row, line in enumerate(scores.tolist()):
            candidates = best[row] + list(zip(line, ids, strict=True))
            best[row] = heapq.nsmallest(k, candidates, key=lambda scored: (-scored[0], scored[1]))
    return [[Match(id, score, distance_of(score, metric)) for score, id in each] for each in best]


def _scores(
    vectors: npt.NDArray[np.float64], queries: npt.NDArray[np.float64], metric: Metric
) -> npt.NDArray[np.float64]:
    # Not a matrix product: that rounds a row otherwise according to its neighbours, and equal vectors must tie.
    if metric == "l2":
        return np.array([-np.sqrt(((vectors - query) ** 2).sum(axis=1)) for query in queries])
    return np.array([(vectors * query).sum(axis=1) for query in queries])
