"""Comparing queries here with points that are read from Weaviate, where it does not compare exactly itself."""

import heapq
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any

import numpy as np
import numpy.typing as npt

from nearfield.arrays import Metric, Vectors
from nearfield.stores.base import Match
from nearfield.stores.vectors import distance_of
from nearfield.stores.weaviate.points import read_stored, read_vector
from nearfield.stores.weaviate.schema import ID

_PAGE = 1000


def compare_here(
    read: Iterable[Any], queries: Vectors, limit: int, metric: Metric, *, with_payload: bool
) -> list[list[Match]]:
    """Find the points nearest to each query, in one pass over the points.

    Args:
        read: The client's objects, with their vectors.
        queries: `(q, d)` float32, scaled for cosine as the stored vectors are.
        limit: How many points to find for each.
        metric: How vectors are compared.
        with_payload: Whether the objects carry their payload.

    Returns:
        For each query at most `limit` matches, best first, equal scores by id.
    """
    best: list[list[Match]] = [[] for _ in queries]
    for page in _pages(iter(read)):
        scores = _scores(np.array([read_vector(found) for found in page]), queries, metric)
        for row, known in enumerate(best):
            worst = known[-1].score if len(known) == limit else -np.inf
            for place in np.flatnonzero(scores[row] >= worst):
                known.append(_match(page[place], float(scores[row, place]), metric, with_payload=with_payload))
            best[row] = heapq.nsmallest(limit, known, key=rank)
    return best


def rank(match: Match) -> tuple[float, str]:
    """Give the key that sorts matches as the contract says: the best first, equal ones by id."""
    return -match.score, match.id


def _pages(read: Iterator[Any]) -> Iterator[list[Any]]:
    while page := list(islice(read, _PAGE)):
        yield page


def _scores(vectors: Vectors, queries: Vectors, metric: Metric) -> npt.NDArray[np.float32]:
    """Score each vector by each query: `(q, n)`, rounded as the server's are; equal vectors have equal scores."""
    wide, asked = vectors.astype(np.float64), queries.astype(np.float64)
    if metric == "l2":
        # The difference itself and not its binomial, which loses the digits of near neighbours.
        return np.array([-np.linalg.norm(wide - query, axis=1) for query in asked]).astype(np.float32)
    # einsum adds up each product alike, wherever it stands; a matrix product need not.
    products: npt.NDArray[np.float64] = np.einsum("qd,nd->qn", asked, wide)
    return products.astype(np.float32)


def _match(found: Any, score: float, metric: Metric, *, with_payload: bool) -> Match:  # noqa: ANN401
    payload = read_stored(found) if with_payload else None
    return Match(found.properties[ID], score, distance_of(score, metric), payload)
