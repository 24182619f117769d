"""The nearest other rows of some rows of a matrix, found exactly, a block at a time."""

import numpy as np

from nearfield.arrays import Scores, Vectors
from nearfield.progress import Progress, silent
from nearfield.space.keys import Positions

_BLOCK_SCORES = 1 << 24  # scores held at once: 64 MB


def nearest_rows(
    vectors: Vectors, rows: Positions, k: int, *, what: str = "neighbours", progress: Progress = silent
) -> Positions:
    """Find for some rows the other rows whose dot product with them is highest.

    Args:
        vectors: `(n, d)` float32; of length 1, if it is the cosine that counts.
        rows: `(q,)` int64, whose neighbours to find.
        k: How many, at least 1 and below `n`.
        what: What to call the work for `progress`.
        progress: Called with how many rows are done.

    Returns:
        `(q, k)` int64, nearest first; a row is not its own neighbour. Which of equally near ones come first, or at
        all, is the same in each run but else left open.
    """
    found = np.empty((len(rows), k), np.int64)
    block = max(1, _BLOCK_SCORES // len(vectors))
    for start in range(0, len(rows), block):
        asked = rows[start : start + block]
        scores = vectors[asked] @ vectors.T
        scores[np.arange(len(asked)), asked] = -np.inf
        best = np.argpartition(scores, len(vectors) - k, axis=1)[:, len(vectors) - k :]
        order = np.argsort(-np.take_along_axis(scores, best, axis=1), axis=1, kind="stable")
        found[start : start + len(asked)] = np.take_along_axis(best, order, axis=1)
        progress(what, start + len(asked), len(rows))
    return found


def distances_to(vectors: Vectors, rows: Positions, neighbours: Positions) -> Scores:
    """Measure how far rows are from their neighbours, without the rounding errors of a difference of dot products.

    Args:
        vectors: `(n, d)` float32.
        rows: `(q,)` int64.
        neighbours: `(q, k)` int64.

    Returns:
        `(q, k)` float64, Euclidean.
    """
    distances = np.empty(neighbours.shape, np.float64)
    for row, (asked, near) in enumerate(zip(rows, neighbours, strict=True)):
        distances[row] = np.linalg.norm(vectors[near].astype(np.float64) - vectors[asked], axis=1)
    return distances


def shared_share(one: Positions, other: Positions) -> Scores:
    """Count for each row what share of its neighbours in one list stands in the other too.

    Args:
        one: `(q, k)` int64, different numbers in each row.
        other: `(q, k)` int64, likewise.

    Returns:
        `(q,)` float64 in [0, 1].
    """
    both = np.sort(np.concatenate([one, other], axis=1), axis=1)
    shared: Scores = (both[:, 1:] == both[:, :-1]).sum(axis=1) / one.shape[1]
    return shared
