"""Gates of migrations: is search as good with the new encoder, or at least as it was?"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from nearfield.collection.collection import Collection
from nearfield.collection.gate import GateResult
from nearfield.collection.sample import draw_records, query_of
from nearfield.data.judgements import Judgements
from nearfield.errors import InvalidInputError
from nearfield.evaluation.metrics import evaluate_run, parse_metric
from nearfield.evaluation.run import run_queries
from nearfield.progress import Progress, silent
from nearfield.report.numbers import counted, decimal, interval
from nearfield.statistics import bootstrap


@dataclass(frozen=True)
class JudgedGate:
    """Passes if the new space is shown to be no more than a margin worse on judged queries.

    The difference is taken query by query, new minus old, and its mean is tested as `nearfield.evaluation.decision`
    tests candidates: the lower end of its interval must exceed minus the margin. So too few queries fail, whatever
    they say; fewer than six can never pass at a level of 0.95.

    Attributes:
        judgements: The queries and their relevant records.
        metric: What is compared, such as `ndcg@10`.
        margin: How much worse, in the metric, still passes; at least 0.
        level: Two-sided confidence level.
        skip_bad: Whether judgements of records that are not there are left out; else they are an error.
        seed: Of the resampling.
        progress: Called after each query.
    """

    judgements: Judgements
    metric: str = "ndcg@10"
    margin: float = 0.01
    level: float = 0.95
    skip_bad: bool = False
    seed: int = 0
    progress: Progress = silent

    def __post_init__(self) -> None:
        """Refuse what could never pass, or always would."""
        parse_metric(self.metric)
        _check_share("margin", self.margin)

    def __call__(self, old: Collection, new: Collection) -> GateResult:
        """Ask both the judged queries.

        Args:
            old: The collection as it serves.
            new: The collection as it would serve.

        Returns:
            The verdict.

        Raises:
            DataError: If a judged record is not in the collection.
        """
        metric = parse_metric(self.metric)
        seen = {record.id for record in old.get(sorted(self.judgements.documents))}
        judged = self.judgements.check_documents(seen, skip_bad=self.skip_bad).answerable()
        before, after = (
            evaluate_run(
                run_queries(collection, judged.queries, depth=metric.k, progress=self.progress).rankings,
                judged.qrels,
                [str(metric)],
            )[str(metric)]
            for collection in (old, new)
        )
        differences = bootstrap(after - before, seed=self.seed)
        found = differences.interval(self.level)
        passed = differences.p_at_most(-self.margin) <= (1 - self.level) / 2
        words = (
            f"{metric} {decimal(float(before.mean()))} → {decimal(float(after.mean()))} on "
            f"{counted(len(before), 'judged query', 'judged queries')}; difference {decimal(found.mean, signed=True)} "
            f"{interval(found.low, found.high, signed=True)}, of which the lower end must be above "
            f"{decimal(-self.margin)}"
        )
        figures = {"old": float(before.mean()), "new": float(after.mean()), "queries": len(before)}
        return GateResult(passed, "judged queries", words, {**figures, **_interval(found.mean, found.low, found.high)})


@dataclass(frozen=True)
class AgreementGate:
    """Passes if the new space finds mostly what the old one found, for want of judgements.

    Of each query the first `k` results of both are compared: their overlap is the share that both have. The lower end
    of the interval of its mean must reach `least`.

    What this can tell is limited. It is not quality: a better encoder disagrees exactly where the old one was wrong. On
    700 abstracts of SciFact the overlap was 0.45 with an encoder that was better by 0.10 nDCG@10, 0.45 too with one
    that was worse by 0.15, and 0.34 with one that was worse by 0.36. So it only finds what goes wrong as a whole: a
    wrong model, a prompt left out, texts cut off, another language. Lexical legs are the same on both sides and raise
    the overlap, there to 0.67. Queries taken from the records are titles, or first words, which are not what people
    ask; the record itself is left out of both answers, as any encoder finds it. Judged queries tell more.

    Attributes:
        queries: What to ask; titles or first words of records drawn at random otherwise.
        least: The overlap that the lower end of the interval must reach, in [0, 1].
        k: How many results are compared, at least 1.
        sample: How many records to draw, at least 2.
        level: Two-sided confidence level.
        seed: Of the draw and the resampling.
        progress: Called after each query.
    """

    queries: Sequence[str] | None = None
    least: float = 0.4
    k: int = 10
    sample: int = 200
    level: float = 0.95
    seed: int = 0
    progress: Progress = silent

    def __post_init__(self) -> None:
        """Refuse what could never pass, or always would."""
        _check_share("least", self.least)
        if self.k < 1 or self.sample < 2:
            raise InvalidInputError(f"k must be at least 1 and sample at least 2, got {self.k} and {self.sample}")
        if self.queries is not None and len(self.queries) < 2:
            raise InvalidInputError(f"agreement needs at least 2 queries, got {len(self.queries)}")

    def __call__(self, old: Collection, new: Collection) -> GateResult:
        """Ask both the same queries.

        Args:
            old: The collection as it serves.
            new: The collection as it would serve.

        Returns:
            The verdict.

        Raises:
            InvalidInputError: If there are no queries, and no texts to take any from.
        """
        asked = self._asked(old)
        overlaps = np.empty(len(asked))
        for row, (query, own) in enumerate(asked):
            one, other = (_first(collection, query, self.k, own) for collection in (old, new))
            overlaps[row] = len(one & other) / max(len(one), len(other)) if one or other else 1.0
            self.progress("comparing results", row + 1, len(asked))
        estimate = bootstrap(overlaps, seed=self.seed).interval(self.level)
        source = "titles" if self.queries is None else "queries"
        words = (
            f"of the first {self.k} results {decimal(estimate.mean)} {interval(estimate.low, estimate.high)} are the "
            f"same, over {len(asked):,} {source}; the lower end must be at least {decimal(self.least)}. Agreement is "
            "not quality: judged queries tell more"
        )
        figures = {"queries": len(asked), "k": self.k, **_interval(estimate.mean, estimate.low, estimate.high)}
        return GateResult(bool(estimate.low >= self.least), "agreement", words, figures)

    def _asked(self, collection: Collection) -> list[tuple[str, str]]:
        """Give the queries, each with the id of the record that it was taken from, if any."""
        if self.queries is not None:
            return [(query, "") for query in self.queries]
        drawn = draw_records(collection, self.sample, self.seed)
        if len(drawn) < 2:
            raise InvalidInputError(
                f"{collection.address} has fewer than two records with a text to ask by; give queries, or judged ones"
            )
        return [(query_of(record), record.id) for record in drawn]


def _first(collection: Collection, query: str, k: int, own: str) -> set[str]:
    """Find the first `k` records but one."""
    found = [hit.id for hit in collection.rank(query, k=k + 1)]
    return {id_ for id_ in found if id_ != own} if own in found else set(found[:k])


def _check_share(name: str, value: float) -> None:
    if not 0 <= value <= 1:
        raise InvalidInputError(f"{name} must be from 0 to 1, got {value}")


def _interval(mean: float, low: float, high: float) -> dict[str, float]:
    return {"mean": mean, "low": low, "high": high}
