"""How near two vectors are, and which rows of a matrix are nearest."""

from typing import NamedTuple

import numpy as np

from nearfield.arrays import METRICS, Metric, Scores, Vectors, row_norms
from nearfield.errors import InvalidInputError
from nearfield.space.keys import Positions


class Neighbour(NamedTuple):
    """A key and how near it is.

    Attributes:
        key: The key.
        score: Higher is nearer.
    """

    key: str
    score: float


def require_metric(metric: str) -> None:
    """Raise `InvalidInputError` unless there is such a metric."""
    if metric not in METRICS:
        raise InvalidInputError(f"metric must be one of {', '.join(METRICS)}, got {metric!r}")


def require_k(k: int) -> None:
    """Raise `InvalidInputError` unless so many can be found."""
    if k < 1:
        raise InvalidInputError(f"k must be at least 1, got {k}")


def pair_similarities(one: Vectors, other: Vectors, *, metric: Metric = "cosine") -> Scores:
    """Say how similar vectors are to those beside them.

    Args:
        one: `(n, d)` float32.
        other: `(n, d)` float32.
        metric: `cosine` in [-1, 1], 0 for a zero vector; `dot`; or `l2`, which gives the negative distance.

    Returns:
        `(n,)` float64.

    Raises:
        InvalidInputError: If there is no such metric.
    """
    require_metric(metric)
    if metric == "l2":
        distances: Scores = np.linalg.norm(one.astype(np.float64) - other, axis=1)
        return -distances
    products: Scores = np.einsum("nd,nd->n", one, other, dtype=np.float64)
    if metric == "dot":
        return products
    lengths = row_norms(one) * row_norms(other)
    return np.clip(np.divide(products, lengths, out=np.zeros(len(one)), where=lengths > 0), -1, 1)


def top_rows(scores: Scores, k: int) -> Positions:
    """Find the `k` highest scores, best first; of equal ones the earlier row first.

    Args:
        scores: `(n,)` numbers.
        k: At least 1.

    Returns:
        `(min(k, n),)` int64.
    """
    if k < len(scores):
        # Every row that ties with the k-th is kept, so that the order decides among them.
        threshold = np.partition(scores, len(scores) - k)[len(scores) - k]
        rows = np.flatnonzero(scores >= threshold)
    else:
        rows = np.arange(len(scores))
    return rows[np.argsort(-scores[rows], kind="stable")[:k]].astype(np.int64)


def farthest_from_mean(vectors: Vectors) -> int:
    """Find the row `(n, d)` whose direction is farthest from the mean of all directions; of equal ones the earliest.

    Args:
        vectors: `(n, d)` float32, no row zero; at least one.

    Returns:
        The row, the last in gensim's `rank_by_centrality`.
    """
    units = vectors / row_norms(vectors)[:, None]
    return int(np.argmin((units * units.mean(axis=0)).sum(axis=1)))
