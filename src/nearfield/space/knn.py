"""The nearest other rows of some rows of a matrix, how far those are, and what two such lists share."""

import numpy as np

from nearfield.arrays import Scores, Vectors
from nearfield.progress import Progress, silent
from nearfield.space.keys import Positions
from nearfield.space.nearest import RowSearch

_ROWS_AT_ONCE = 1_024  # between two calls of `progress`


def nearest_rows(
    unit_vectors: Vectors, rows: Positions, k: int, *, what: str = "neighbours", progress: Progress = silent
) -> Positions:
    """Find for some rows the other rows of highest cosine with them.

    Args:
        unit_vectors: `(n, d)` float32 of length 1, or 0: such a row has cosine 0 with all.
        rows: `(q,)` int64, whose neighbours to find.
        k: How many, at least 1 and below `n`.
        what: What to call the work for `progress`.
        progress: Called with how many rows are done.

    Returns:
        `(q, k)` int64, nearest first, of equally near ones the earlier first; a row is not its own neighbour.
    """
    # A length of 1 for zero rows too, so that nothing is divided by zero.
    search = RowSearch(unit_vectors, np.ones(len(unit_vectors)))
    found = np.empty((len(rows), k), np.int64)
    for start in range(0, len(rows), _ROWS_AT_ONCE):
        part = slice(start, start + _ROWS_AT_ONCE)
        queries = unit_vectors[rows[part]].astype(np.float64)
        found[part] = search.nearest_to_each(queries, k=k, metric="dot", excluded=rows[part, None]).rows
        progress(what, min(part.stop, len(rows)), len(rows))
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
