"""How good is a collection, by queries whose answers are known?"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from nearfield.collection.collection import Collection
from nearfield.data.judgements import Judgements
from nearfield.evaluation.metrics import evaluate_run, parse_metric
from nearfield.evaluation.run import METRICS, run_queries
from nearfield.progress import Progress, silent
from nearfield.report.frozen import to_json
from nearfield.report.numbers import decimal, duration, interval
from nearfield.report.table import Column, text_table
from nearfield.statistics import Interval, bootstrap_interval


@dataclass(frozen=True)
class EvaluationReport:
    """How good a collection is.

    Attributes:
        collection: Its folder.
        retriever: How it ranks, by name.
        records: How many it holds.
        queries: How many were judged.
        skipped: Judged documents and queries left out: unknown, or without a relevant record.
        metrics: For each metric its mean and interval over the queries.
        query_seconds: Median of a query, from text to ranking, one at a time.
        query_seconds_p95: 95th percentile of the same.
        complete: False if indexing had not finished.
        level: Confidence level of the intervals.
    """

    collection: str
    retriever: str
    records: int
    queries: int
    skipped: int
    metrics: Mapping[str, Interval]
    query_seconds: float
    query_seconds_p95: float
    complete: bool = True
    level: float = 0.95

    def to_json(self) -> dict[str, Any]:
        """Write the report down as JSON values."""
        return dict(to_json(self))

    def __str__(self) -> str:
        """Render a table for the terminal."""
        columns = [Column("metric"), Column("mean", "right"), Column(f"{self.level:.0%} interval", "right")]
        rows = [[name, decimal(found.mean), interval(found.low, found.high)] for name, found in self.metrics.items()]
        head = f"{self.collection}: {self.records:,} records, {self.retriever}; {self.queries:,} judged queries"
        speed = f"a query takes {duration(self.query_seconds)} (95 % within {duration(self.query_seconds_p95)})"
        notes = (
            [f"skipped {self.skipped:,} judged queries or documents: unknown, or without a relevant record"]
            if self.skipped
            else []
        )
        if not self.complete:
            notes.append("indexing was interrupted; run the same `nearfield index` again to finish it")
        return "\n".join([head, "", text_table(columns, rows), "", speed, *notes])


def evaluate(
    collection: Collection,
    judgements: Judgements,
    *,
    metrics: Sequence[str] | None = None,
    level: float = 0.95,
    skip_bad: bool = False,
    seed: int = 0,
    progress: Progress = silent,
) -> EvaluationReport:
    """Ask a collection judged queries and score its answers.

    Args:
        collection: What is asked.
        judgements: The queries and their relevant records.
        metrics: Such as `ndcg@10`, `recall@100`, `map@100`; a usual choice by default.
        level: Confidence level of the intervals.
        skip_bad: Whether judgements of records that are not in the collection are left out; else an error.
        seed: Of the resampling.
        progress: Called after each query.

    Returns:
        The report.

    Raises:
        DataError: If a judged record is not in the collection.
        InvalidInputError: If a metric is unknown.
    """
    names = [str(parse_metric(name)) for name in metrics or METRICS]
    wanted = sorted(judgements.documents)
    seen = {record.id for record in collection.get(wanted)}
    judgements = judgements.check_documents(seen, skip_bad=skip_bad).answerable()
    depth = max(parse_metric(name).k for name in names)
    run = run_queries(collection, judgements.queries, depth=depth, progress=progress)
    scored = evaluate_run(run.rankings, judgements.qrels, names)
    return EvaluationReport(
        collection=collection.address,
        retriever=collection.spec.name,
        records=collection.count(),
        queries=len(judgements.queries),
        skipped=judgements.unknown_queries + judgements.unknown_documents + judgements.without_relevant,
        metrics={name: bootstrap_interval(values, level=level, seed=seed) for name, values in scored.items()},
        query_seconds=float(np.median(run.seconds)),
        query_seconds_p95=float(np.quantile(run.seconds, 0.95)),
        complete=collection.complete,
        level=level,
    )
