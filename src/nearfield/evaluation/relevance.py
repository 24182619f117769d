"""Measures that only ask whether a document is relevant: its grade is above 0."""

import numpy as np
import numpy.typing as npt

from nearfield.arrays import Scores
from nearfield.errors import InvalidInputError


def as_gains(gains: npt.ArrayLike, k: int, *, what: str = "gains") -> Scores:
    """Validate grades by rank, and the cutoff.

    Args:
        gains: `(n_queries, depth)` finite numbers.
        k: Rank cutoff.
        what: What to call the grades in an error.

    Returns:
        `(n_queries, depth)` float64; the input itself where it already is that, else a copy.

    Raises:
        InvalidInputError: If `k` is less than 1 or the grades are not finite numbers of that shape.
    """
    if k < 1:
        raise InvalidInputError(f"k must be at least 1, got {k}")
    try:
        grades = np.asarray(gains, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise InvalidInputError(f"{what} must be numbers of shape (n_queries, depth): {error}") from error
    if grades.ndim != 2:
        raise InvalidInputError(f"{what} must have shape (n_queries, depth), got shape {grades.shape}")
    if not np.isfinite(grades).all():
        raise InvalidInputError(f"{what} must be finite, but holds NaN or infinity")
    return grades


def row_sums(matrix: npt.NDArray[np.float64 | np.bool_]) -> Scores:
    """Add up each row from left to right, so that padding with 0 never changes a sum, not even in its last bit.

    Args:
        matrix: `(n, depth)`.

    Returns:
        `(n,)` float64.
    """
    sums = np.zeros(len(matrix))
    for column in matrix.T:
        sums += column
    return sums


def precision_at_k(gains: npt.ArrayLike, *, k: int = 10) -> Scores:
    """Measure which share of the first k ranks holds a relevant document.

    A ranking shorter than k is still divided by k, as in trec_eval.

    Args:
        gains: `(n_queries, depth)` grade of the document at each rank, best first.
        k: Rank cutoff, at least 1.

    Returns:
        `(n_queries,)` float64 in [0, 1].

    Examples:
        >>> precision_at_k([[2, 0, 1, 0]], k=4)
        array([0.5])
    """
    return row_sums(_hits(gains, k)) / k


def recall_at_k(gains: npt.ArrayLike, n_relevant: npt.ArrayLike, *, k: int = 100) -> Scores:
    """Measure which share of the relevant documents is among the first k.

    Args:
        gains: `(n_queries, depth)` grade of the document at each rank, best first.
        n_relevant: `(n_queries,)` how many documents are judged relevant; a query with 0 scores 0.
        k: Rank cutoff, at least 1.

    Returns:
        `(n_queries,)` float64 in [0, 1].

    Examples:
        >>> recall_at_k([[2, 0, 1, 0]], [4], k=4)
        array([0.5])
    """
    return _share(row_sums(_hits(gains, k)), n_relevant)


def success_at_k(gains: npt.ArrayLike, *, k: int = 1) -> Scores:
    """Tell whether any of the first k documents is relevant; also called hit rate.

    Args:
        gains: `(n_queries, depth)` grade of the document at each rank, best first.
        k: Rank cutoff, at least 1.

    Returns:
        `(n_queries,)` float64, 0 or 1.

    Examples:
        >>> success_at_k([[0, 1], [1, 0]], k=1)
        array([0., 1.])
    """
    return np.minimum(row_sums(_hits(gains, k)), 1.0)


def reciprocal_rank_at_k(gains: npt.ArrayLike, *, k: int = 10) -> Scores:
    """Score each ranking by 1 / rank of its first relevant document, 0 if that is below rank k.

    The mean over queries is MRR@k. trec_eval's `recip_rank` has no cutoff: it is this with k the whole ranking.

    Args:
        gains: `(n_queries, depth)` grade of the document at each rank, best first.
        k: Rank cutoff, at least 1.

    Returns:
        `(n_queries,)` float64 in [0, 1].

    Examples:
        >>> reciprocal_rank_at_k([[0, 1, 1], [0, 0, 1]], k=2)
        array([0.5, 0. ])
    """
    hits = _hits(gains, k)
    if hits.shape[1] == 0:
        return np.zeros(len(hits))
    first: Scores = 1.0 / (hits.argmax(axis=1) + 1.0)
    return first * hits.any(axis=1)


def average_precision_at_k(gains: npt.ArrayLike, n_relevant: npt.ArrayLike, *, k: int = 100) -> Scores:
    """Average the precision at the rank of each relevant document; one not among the first k adds 0.

    The mean over queries is MAP@k. The sum is divided by the number of relevant documents, as in trec_eval's
    `map_cut`; some libraries divide by the smaller of that and k.

    Args:
        gains: `(n_queries, depth)` grade of the document at each rank, best first.
        n_relevant: `(n_queries,)` how many documents are judged relevant; a query with 0 scores 0.
        k: Rank cutoff, at least 1.

    Returns:
        `(n_queries,)` float64 in [0, 1].

    Examples:
        >>> average_precision_at_k([[1, 0, 1]], [2], k=3).round(4)
        array([0.8333])
    """
    hits = _hits(gains, k)
    precision = hits.cumsum(axis=1) / np.arange(1.0, hits.shape[1] + 1.0)
    return _share(row_sums(precision * hits), n_relevant)


def _hits(gains: npt.ArrayLike, k: int) -> npt.NDArray[np.bool_]:
    return as_gains(gains, k)[:, :k] > 0


def _share(found: Scores, n_relevant: npt.ArrayLike) -> Scores:
    relevant = np.asarray(n_relevant, dtype=np.float64)
    if relevant.shape != found.shape:
        raise InvalidInputError(f"n_relevant must have shape {found.shape}, got {relevant.shape}")
    return np.divide(found, relevant, out=np.zeros_like(found), where=relevant > 0)
