"""Approximate searches beside exact ones: what they find, and how fast."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from nearfield.arrays import Scores, Vectors
from nearfield.evaluation.recall_filters import ShareFilter
from nearfield.evaluation.recall_queries import RecallQueries
from nearfield.evaluation.recall_report import RecallMeasurement
from nearfield.statistics import bootstrap_interval
from nearfield.stores.base import Effort, Match, Store

_BEYOND = 100
"""Exact neighbours looked at beyond the `k` that count, to find those that tie with the last."""


@dataclass(frozen=True, eq=False)
class ExactAnswers:
    """What exact search finds.

    Attributes:
        matches: For each query its neighbours, best first, the query itself left out.
        queries_per_second: How fast they were found, one query at a time.
    """

    matches: Sequence[Sequence[Match]]
    queries_per_second: float


@dataclass(frozen=True)
class Timing:
    """How searches are timed and how sure one wants to be.

    Attributes:
        repeats: How often each search is timed, at least 1.
        level: Confidence level of the intervals.
        seed: Of their resampling.
    """

    repeats: int
    level: float
    seed: int


def exact_answers(store: Store, queries: RecallQueries, narrowed: ShareFilter, *, k: int) -> ExactAnswers:
    """Search exactly.

    Args:
        store: What is searched.
        queries: What is searched for.
        narrowed: The filter.
        k: The most results that will be compared.

    Returns:
        The neighbours, those that may tie with the last one among them.
    """

    def search(vector: Vectors) -> list[Match]:
        return store.query(vector, k=k + 1 + _BEYOND, where=narrowed.where, exact=True, with_payload=False)

    found, seconds = _timed(search, queries.vectors)
    others = [[m for m in one if m.id != own] for one, own in zip(found, queries.own, strict=True)]
    return ExactAnswers(others, len(found) / seconds.sum())


def measure(
    store: Store,
    queries: RecallQueries,
    exact: ExactAnswers,
    narrowed: ShareFilter,
    *,
    k: int,
    effort: Effort,
    timing: Timing,
) -> RecallMeasurement:
    """Search approximately and compare.

    Args:
        store: What is searched.
        queries: What is searched for.
        exact: What exact search found with the same filter.
        narrowed: The filter.
        k: How many results count. A query that is a stored point asks for one more, and leaves itself out.
        effort: How hard the search tries.
        timing: How it is timed.

    Returns:
        Recall by the first answers, which also warm up, and the speed of as many more as there are repeats.
    """
    asked = k + any(own is not None for own in queries.own)

    def search(vector: Vectors) -> list[Match]:
        return store.query(vector, k=asked, where=narrowed.where, effort=effort, with_payload=False)

    found, _ = _timed(search, queries.vectors)
    recalls = [
        recall_of([m.id for m in one if m.id != own][:k], truth, k=k)
        for one, own, truth in zip(found, queries.own, exact.matches, strict=True)
    ]
    runs = [_timed(search, queries.vectors)[1] for _ in range(timing.repeats)]
    return RecallMeasurement(
        k,
        narrowed.share,
        effort,
        bootstrap_interval(recalls, level=timing.level, seed=timing.seed),
        float(np.median([len(run) / run.sum() for run in runs])),
        float(np.median([np.quantile(run, 0.95) for run in runs])),
    )


def recall_of(found: Sequence[str], truth: Sequence[Match], *, k: int) -> float:
    """Score an answer by the share of the nearest that are in it.

    Args:
        found: Ids, at most `k`.
        truth: What exact search found, best first, at least `k` if there are so many.
        k: How many count.

    Returns:
        In [0, 1]; a point that ties with the `k`-th nearest is as good as it. 1 where there is nothing to be found.

    Examples:
        >>> recall_of(["a", "c"], [Match("a", 0.9), Match("b", 0.5), Match("c", 0.5)], k=2)
        1.0
    """
    counted = min(k, len(truth))
    if not counted:
        return 1.0
    right = {match.id for match in truth if match.score >= truth[counted - 1].score}
    return min(1.0, len(right.intersection(found)) / counted)


def _timed(search: Callable[[Vectors], list[Match]], vectors: Vectors) -> tuple[list[list[Match]], Scores]:
    found, seconds = [], np.empty(len(vectors))
    for row, vector in enumerate(vectors):
        began = time.perf_counter()
        found.append(search(vector))
        seconds[row] = time.perf_counter() - began
    return found, seconds
