"""Score rankings against judgements by metrics named like `ndcg@10`."""

import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from nearfield.arrays import Scores
from nearfield.errors import InvalidInputError
from nearfield.evaluation.ndcg import ndcg_at_k
from nearfield.evaluation.relevance import (
    average_precision_at_k,
    precision_at_k,
    recall_at_k,
    reciprocal_rank_at_k,
    success_at_k,
)

_BLOCK_CELLS = 4_000_000
"""Grades held at once: 32 MB, whatever the number of queries."""


@dataclass(frozen=True)
class _Block:
    """Grades of some queries' rankings.

    Attributes:
        gains: `(n, depth)` float64 grade at each rank, 0 beyond a ranking's end.
        ideal_gains: `(n, most relevant)` float64 grades of the relevant documents, any order, padded with 0.
        n_relevant: `(n,)` float64.
    """

    gains: Scores
    ideal_gains: Scores
    n_relevant: Scores


_FORMULAS: dict[str, Callable[[_Block, int], Scores]] = {
    "ndcg": lambda block, k: ndcg_at_k(block.gains, block.ideal_gains, k=k),
    "ndcg-exp": lambda block, k: ndcg_at_k(block.gains, block.ideal_gains, k=k, gain="exponential"),
    "recall": lambda block, k: recall_at_k(block.gains, block.n_relevant, k=k),
    "precision": lambda block, k: precision_at_k(block.gains, k=k),
    "mrr": lambda block, k: reciprocal_rank_at_k(block.gains, k=k),
    "map": lambda block, k: average_precision_at_k(block.gains, block.n_relevant, k=k),
    "success": lambda block, k: success_at_k(block.gains, k=k),
}


@dataclass(frozen=True)
class RankingMetric:
    """A metric and its cutoff; `str(metric)` is its name, such as `ndcg@10`.

    Attributes:
        name: `ndcg` (linear gain), `ndcg-exp` (exponential gain), `recall`, `precision`, `mrr`, `map` or `success`.
        k: Rank cutoff.
    """

    name: str
    k: int

    def __str__(self) -> str:
        """Write the metric as `parse_metric` reads it."""
        return f"{self.name}@{self.k}"


def parse_metric(name: str) -> RankingMetric:
    """Read the name of a metric.

    Args:
        name: Such as `ndcg@10`, `ndcg-exp@10`, `recall@100`, `precision@5`, `mrr@10`, `map@100` or `success@1`; case
            does not matter.

    Returns:
        The metric and its cutoff.

    Raises:
        InvalidInputError: If there is no such metric, or its cutoff is not a whole number of at least 1.

    Examples:
        >>> parse_metric("nDCG@10")
        RankingMetric(name='ndcg', k=10)
    """
    match = re.fullmatch(r"([a-z-]+)@0*([1-9][0-9]{0,8})", name.strip().lower())
    if match is None or match[1] not in _FORMULAS:
        raise InvalidInputError(
            f"metric must be one of {', '.join(f'{known}@k' for known in _FORMULAS)} with k at least 1, "
            f"such as ndcg@10; got {name!r}"
        )
    return RankingMetric(match[1], int(match[2]))


def evaluate_run(
    run: Mapping[str, Sequence[str]], qrels: Mapping[str, Mapping[str, int]], metrics: Sequence[str]
) -> dict[str, Scores]:
    """Score each judged query's ranking.

    Values are those of trec_eval for the same order of documents, which it makes itself by score and then by id. A
    document is relevant if its grade is above 0. A judged query that the run lacks scores 0, and so does one with no
    relevant document: both stay in the mean. Queries that are not judged are ignored.

    Args:
        run: For each query the ids of its documents, best first.
        qrels: For each query the grade of each judged document.
        metrics: Names as `parse_metric` reads them.

    Returns:
        For each metric, by its name in lower case, `(n_queries,)` float64 in the order of `qrels`.

    Raises:
        InvalidInputError: If a metric is unknown, a ranking holds a document twice, nothing is judged, or the run
            and the judgements have no query in common.

    Examples:
        >>> evaluate_run({"q1": ["a", "b"]}, {"q1": {"b": 1}, "q2": {"a": 2}}, ["mrr@10", "success@1"])
        {'mrr@10': array([0.5, 0. ]), 'success@1': array([0., 0.])}
    """
    parsed = [parse_metric(name) for name in metrics]
    if not qrels:
        raise InvalidInputError("qrels must judge at least one query, got none")
    if run and run.keys().isdisjoint(qrels):
        raise InvalidInputError(
            f"run and qrels must share query ids; the run has {next(iter(run))!r}, qrels {next(iter(qrels))!r}"
        )
    queries = list(qrels)
    scores = {str(metric): np.zeros(len(queries)) for metric in parsed}
    depth = min(max((metric.k for metric in parsed), default=1), max((len(run.get(q, ())) for q in queries), default=0))
    rows = max(1, _BLOCK_CELLS // max(depth, 1, *map(len, qrels.values())))
    for start in range(0, len(queries), rows):
        some = queries[start : start + rows]
        block = _block(run, qrels, some, depth)
        for metric in parsed:
            scores[str(metric)][start : start + len(some)] = _FORMULAS[metric.name](block, metric.k)
    return scores


def _block(
    run: Mapping[str, Sequence[str]], qrels: Mapping[str, Mapping[str, int]], queries: Sequence[str], depth: int
) -> _Block:
    gains = np.zeros((len(queries), depth))
    relevant: list[list[int]] = []
    for row, query in enumerate(queries):
        grades = qrels[query]
        relevant.append([grade for grade in grades.values() if grade > 0])
        ranks = _ranks(query, run.get(query, ()))
        for document in grades.keys() & ranks.keys():
            if ranks[document] < depth:
                gains[row, ranks[document]] = grades[document]
    n_relevant = np.array([len(grades) for grades in relevant], dtype=np.float64)
    ideal_gains = np.zeros((len(queries), max(map(len, relevant), default=0)))
    for row, positive in enumerate(relevant):
        ideal_gains[row, : len(positive)] = positive
    return _Block(gains, ideal_gains, n_relevant)


def _ranks(query: str, ranking: Sequence[str]) -> dict[str, int]:
    """Find each document's rank, from 0; one pass that also shows whether a document comes twice."""
    if isinstance(ranking, str):
        raise InvalidInputError(f"ranking of query {query!r} must be a sequence of ids, got the text {ranking!r:.60}")
    ranks = dict(zip(ranking, range(len(ranking)), strict=True))
    if len(ranks) < len(ranking):
        twice = Counter(ranking).most_common(1)[0][0]
        raise InvalidInputError(f"ranking of query {query!r} holds document {twice!r} twice; rank each document once")
    return ranks
