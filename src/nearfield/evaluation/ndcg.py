"""Normalised discounted cumulative gain: graded relevance, discounted by rank."""

from typing import Literal, TypeAlias

import numpy as np
import numpy.typing as npt

from nearfield.arrays import Scores
from nearfield.errors import InvalidInputError
from nearfield.evaluation.relevance import as_gains, row_sums

Gain: TypeAlias = Literal["linear", "exponential"]
_HIGHEST_EXPONENTIAL_GRADE = 1000  # 2^1024 is no float64


def ndcg_at_k(gains: npt.ArrayLike, ideal_gains: npt.ArrayLike, *, k: int = 10, gain: Gain = "linear") -> Scores:
    """Score each ranking by normalised discounted cumulative gain.

    A query with no relevant document scores 0, so the mean stays comparable between systems. A negative grade counts
    as 0, as in trec_eval.

    Args:
        gains: `(n_queries, depth)` grade of the document at each rank, best first; pad short rankings with 0.
        ideal_gains: `(n_queries, n_judged)` grades of all judged documents, any order; pad with 0.
        k: Rank cutoff, at least 1.
        gain: `linear` takes the grade itself, as trec_eval's `ndcg_cut` does; `exponential` takes `2^grade - 1`
            (Burges et al. 2005), as many learning-to-rank libraries do.

    Returns:
        `(n_queries,)` float64 in [0, 1].

    Raises:
        InvalidInputError: If `k` is less than 1, `gain` is unknown, a grade exceeds 1,000 with exponential gain, or
            the shapes do not fit.

    References:
        Järvelin & Kekäläinen (2002), doi:10.1145/582415.582418, with the discount log2(rank + 1).

    Examples:
        >>> ndcg_at_k([[0, 1]], [[1, 0]], k=2).round(4)
        array([0.6309])
    """
    if gain not in ("linear", "exponential"):
        raise InvalidInputError(f"gain must be linear or exponential, got {gain!r}")
    found = as_gains(gains, k)
    judged = as_gains(ideal_gains, k, what="ideal_gains")
    if len(found) != len(judged):
        raise InvalidInputError(f"gains has {len(found)} queries and ideal_gains {len(judged)}; they must be the same")
    # Ascending sort, then reversed: the k best judged grades, best first.
    ideal = np.sort(judged, axis=1)[:, ::-1][:, :k]
    actual = _discounted(found[:, :k], gain)
    best = _discounted(ideal, gain)
    return np.divide(actual, best, out=np.zeros_like(best), where=best > 0)


def _discounted(grades: Scores, gain: Gain) -> Scores:
    positive = np.maximum(grades, 0.0)
    if gain == "exponential":
        if positive.size and positive.max() > _HIGHEST_EXPONENTIAL_GRADE:
            raise InvalidInputError(
                f"exponential gain needs grades of at most {_HIGHEST_EXPONENTIAL_GRADE}, got {positive.max():g}"
            )
        positive = np.exp2(positive) - 1.0
    return row_sums(positive / np.log2(np.arange(2.0, positive.shape[1] + 2.0)))
