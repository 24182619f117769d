"""Whether a mapped vector finds its partner: precision of translation by cosine and by CSLS.

References:
    Conneau, Lample, Ranzato, Denoyer & Jégou (2018), "Word Translation Without Parallel Data", arXiv:1710.04087.
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from nearfield.arrays import Scores, Vectors
from nearfield.space.keys import Positions

NEIGHBOURHOOD = 10  # of CSLS, as published
_BLOCK = 1_024  # rows compared at a time


def csls(queries: Vectors, candidates: Vectors, sources: Vectors) -> Scores:
    """Score candidates by cosine, less how near each side is to everything: what makes up for hubs.

    Args:
        queries: `(q, d)` float32 of length 1, mapped.
        candidates: `(c, d)` float32 of length 1.
        sources: `(s, d)` float32 of length 1, mapped: what a candidate may be a hub of, the queries among them or not.

    Returns:
        `(q, c)` float64: twice the cosine, less the mean cosine of the query to its 10 nearest candidates, less that of
        the candidate to its 10 nearest sources.
    """
    around_queries = _mean_of_nearest(queries, candidates)
    around_candidates = _mean_of_nearest(candidates, sources)
    scores: Scores = 2 * (queries @ candidates.T).astype(np.float64) - around_queries[:, None] - around_candidates
    return scores


def _mean_of_nearest(rows: Vectors, others: Vectors) -> Scores:
    k = min(NEIGHBOURHOOD, len(others))
    means = np.empty(len(rows))
    for start in range(0, len(rows), _BLOCK):
        cosines = rows[start : start + _BLOCK] @ others.T
        nearest = np.partition(cosines, len(others) - k, axis=1)[:, len(others) - k :]
        means[start : start + _BLOCK] = nearest.mean(axis=1, dtype=np.float64)
    return means


def ranks(scores: Scores | Vectors, right: Sequence[Positions]) -> npt.NDArray[np.int64]:
    """Find at which place the best right candidate of each query stands.

    Args:
        scores: `(q, c)` numbers, higher is better.
        right: For each query the columns that are right, at least one.

    Returns:
        `(q,)` int64 from 0 on: how many wrong candidates score as high or higher.
    """
    places = np.empty(len(right), np.int64)
    for query, columns in enumerate(right):
        as_good = scores[query] >= scores[query, columns].max()
        as_good[columns] = False
        places[query] = as_good.sum()
    return places
