"""What was measured of approximate search, and what follows from it."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from nearfield.report.frozen import to_json
from nearfield.statistics import Interval
from nearfield.stores.base import Effort, Quantisation

_NOISE = 0.9
"""Speeds within this factor of each other are the same: timing does not tell them apart."""


@dataclass(frozen=True)
class RecallFilter:
    """A filter, and the share of the points that it keeps.

    Attributes:
        share: The share asked for, above 0 and at most 1.
        where: The filter, as JSON; empty where everything is searched.
        kept: How many points it keeps.
        exact_queries_per_second: How many exact searches a second it leaves time for.
    """

    share: float
    where: str
    kept: int
    exact_queries_per_second: float


@dataclass(frozen=True)
class RecallMeasurement:
    """How well and how fast an effort searches.

    Attributes:
        k: Results asked for.
        share: Which of the filters.
        effort: How hard the search tried.
        recall: Share of the exact `k` nearest that were found: mean over the queries, and its interval.
        queries_per_second: Median over the repeats, one query at a time.
        seconds_p95: 95th percentile of the time of a query: median over the repeats.
    """

    k: int
    share: float
    effort: Effort
    recall: Interval
    queries_per_second: float
    seconds_p95: float


@dataclass(frozen=True)
class RecallVariant:
    """One store that was measured: the one asked about, or a temporary copy of its vectors.

    Attributes:
        name: What it is.
        quantisation: How its vectors are kept for searching.
        records: How many it held.
        memory_bytes: Vectors as they are kept for searching, and the graph, by computation.
        disk_bytes: Of the whole; of a copy, which has no texts, less; None where the back end does not tell.
        filters: What narrowed the searches.
        measurements: What was measured: every effort with every filter at the `k` of the target, and the best one and
            the one in use at every `k`.
        best: The cheapest effort that reaches the target; None if none does.
    """

    name: str
    quantisation: Quantisation
    records: int
    memory_bytes: int
    disk_bytes: int | None
    filters: tuple[RecallFilter, ...]
    measurements: tuple[RecallMeasurement, ...]
    best: Effort | None

    def at(self, effort: Effort) -> list[RecallMeasurement]:
        """Give what was measured of one effort."""
        return [one for one in self.measurements if one.effort == effort]

    def unfiltered(self, k: int) -> list[RecallMeasurement]:
        """Give what was measured of each effort with the filter that keeps most."""
        widest = max(one.share for one in self.filters)
        return [one for one in self.measurements if (one.k, one.share) == (k, widest)]


@dataclass(frozen=True)
class RecallReport:
    """How much approximate search misses, how fast it is, and how hard it should try.

    Attributes:
        source: What was asked about.
        queries: Where the queries come from.
        query_count: How many there are.
        target: The recall wanted.
        target_k: For how many results it is wanted.
        current: The effort of searches that name none.
        variants: The store itself first, then the copies.
        advice: What to do.
        notes: What limits what the numbers say.
        level: Confidence level of the intervals.
        repeats: How often each search was timed.
    """

    source: str
    queries: str
    query_count: int
    target: float
    target_k: int
    current: Effort
    variants: tuple[RecallVariant, ...]
    advice: str
    notes: tuple[str, ...]
    level: float
    repeats: int

    @property
    def recommended(self) -> Effort | None:
        """The cheapest effort by which the store as it is reaches the target; None if none does."""
        return self.variants[0].best

    def to_json(self) -> dict[str, Any]:
        """Write the report down as JSON values."""
        return {**to_json(self), "recommended": to_json(self.recommended)}

    def __str__(self) -> str:
        """Render tables for the terminal."""
        from nearfield.evaluation.recall_table import recall_text

        return recall_text(self)

    def export(self, path: str | os.PathLike[str]) -> None:
        """Write the report as a page.

        Args:
            path: A file that ends in `.html`; replaced if it exists.

        Raises:
            InvalidInputError: If it ends in something else.
            StorageError: If the disk refuses.
        """
        from nearfield.evaluation.recall_page import recall_html
        from nearfield.report.page import write_page

        write_page(path, recall_html(self))


def best_effort(
    measurements: Sequence[RecallMeasurement], shares: Sequence[float], *, target: float, k: int
) -> Effort | None:
    """Choose the cheapest effort whose recall is shown to reach the target, with every filter.

    Args:
        measurements: Of any efforts, filters and numbers of results.
        shares: The filters.
        target: Recall that the lower end of the interval must reach.
        k: Number of results that counts.

    Returns:
        Of the efforts whose speed with the widest filter is within timing noise of the fastest, the smallest; None
        if none reaches the target.
    """
    of_k = [one for one in measurements if one.k == k]
    failing = {one.effort for one in of_k if not one.recall.low >= target}  # an unknown end reaches nothing
    passing = [one for one in of_k if one.share == max(shares) and one.effort not in failing]
    fastest = max((one.queries_per_second for one in passing), default=0.0)
    cheap = [one.effort for one in passing if one.queries_per_second >= _NOISE * fastest]
    return min(cheap, key=lambda effort: (effort.ef, effort.oversampling), default=None)
