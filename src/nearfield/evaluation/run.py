"""Ask a collection judged queries, one at a time as a user would, and keep rankings and times."""

import time
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from nearfield.arrays import Scores
from nearfield.collection.collection import Collection
from nearfield.progress import Progress, silent

METRICS = ("ndcg@10", "recall@100", "mrr@10", "success@1")
"""Metrics reported unless others are asked for."""


@dataclass(frozen=True, eq=False)
class Run:
    """What a retriever answered.

    Attributes:
        rankings: For each query the ids it returned, best first.
        seconds: `(n_queries,)` float64, from a query's text to its ranking.
    """

    rankings: Mapping[str, tuple[str, ...]]
    seconds: Scores


def run_queries(collection: Collection, queries: Mapping[str, str], *, depth: int, progress: Progress = silent) -> Run:
    """Rank the collection by each query.

    Args:
        collection: What is asked.
        queries: Text by id.
        depth: How many records to rank, at least 1.
        progress: Called after each query.

    Returns:
        Rankings and times. One query is asked beforehand, so that no time holds the loading of a model.
    """
    for text in list(queries.values())[:1]:
        collection.rank(text, k=depth)
    rankings: dict[str, tuple[str, ...]] = {}
    seconds = np.empty(len(queries))
    for position, (id_, text) in enumerate(queries.items()):
        began = time.perf_counter()
        ranking = collection.rank(text, k=depth)
        seconds[position] = time.perf_counter() - began
        rankings[id_] = tuple(found.id for found in ranking)
        progress("searching", position + 1, len(queries))
    return Run(rankings, seconds)
