"""How near two vectors are, and which rows of a matrix are nearest."""

from typing import NamedTuple

import numpy as np

from nearfield.arrays import METRICS, Metric, Scores, Vectors
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


def pair_similarity(one: Vectors, other: Vectors, *, metric: Metric) -> float:
    """Say how similar two vectors `(d,)` are in a metric; see `Space.similarity`."""
    a, b = one.astype(np.float64), other.astype(np.float64)
    if metric == "cosine":
        lengths = np.linalg.norm(a) * np.linalg.norm(b)
        return float(np.clip(a @ b / lengths, -1, 1)) if lengths else 0.0
    if metric == "dot":
        return float(a @ b)
    if metric == "l2":
        return -float(np.linalg.norm(a - b))
    raise InvalidInputError(f"metric must be one of {', '.join(METRICS)}, got {metric!r}")


def pair_distance(one: Vectors, other: Vectors, *, metric: Metric) -> float:
    """Say how far apart two vectors `(d,)` are in a metric; see `Space.distance`."""
    similarity = pair_similarity(one, other, metric=metric)
    return 1 - similarity if metric == "cosine" else -similarity


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
