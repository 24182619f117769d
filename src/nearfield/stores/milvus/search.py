"""Searching a store in Milvus: by its indexes where they can answer, by reading every vector where they cannot."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from nearfield.arrays import Metric
from nearfield.stores.base import Effort, Match
from nearfield.stores.filters import matches
from nearfield.stores.milvus.config import MilvusConfig
from nearfield.stores.milvus.filters import ALL, NONE, Condition
from nearfield.stores.milvus.points import make_match, read_point, score_of, sparse_row
from nearfield.stores.milvus.reading import MilvusRows
from nearfield.stores.milvus.scan import Scored, scan_dense, scan_sparse
from nearfield.stores.milvus.schema import BODY, DENSE, ID, WORD_WEIGHTS, is_approximate, leg_field, search_params
from nearfield.stores.milvus.server import MilvusServer
from nearfield.stores.milvus.statistics import TermStatistics
from nearfield.stores.ranking import best_matches

WINDOW = 16_384
"""The most results that Milvus gives to one query."""

_WITH_BODIES = 1_000
"""Up to so many results come with their payloads, more in a size that no message may have."""
_QUERIES = 64
"""Queries in one request."""
_FILTERED_EF = 32_768
"""Milvus Lite counts every point it comes by, and may not come by enough of those that match."""


@dataclass(frozen=True)
class _Way:
    """A way of searching.

    Attributes:
        field: What is searched.
        metric: How dense vectors are compared; None for sparse ones.
        params: What is asked of the index for a number of results.
        scan: Finds exactly the best by reading all; None where that is not offered.
    """

    field: str
    metric: Metric | None
    params: Callable[[int], dict[str, Any]]
    scan: Callable[[Any, int], list[Scored]] | None


class MilvusSearch:
    """The searches of one store.

    Args:
        server: The connection.
        physical: Name of the Milvus collection.
        rows: Its rows.
        config: What it holds.
    """

    def __init__(self, server: MilvusServer, physical: str, rows: MilvusRows, config: MilvusConfig) -> None:
        self._server = server
        self._physical = physical
        self._rows = rows
        self._config = config
        self._statistics = TermStatistics(rows)

    def dense(
        self,
        queries: npt.NDArray[np.float32],
        k: int,
        condition: Condition,
        *,
        exact: bool,
        effort: Effort,
        with_payload: bool,
    ) -> list[list[Match]]:
        """Find the points nearest to each row of `(q, d)` queries, scaled as the stored vectors are."""
        metric = self._config.metric

        def scan(query: npt.NDArray[np.float32], limit: int) -> list[Scored]:
            return scan_dense(self._rows, condition, query, metric, limit)

        if self._server.is_lite and condition.text != ALL:
            effort = replace(effort, ef=max(effort.ef, _FILTERED_EF))
        way = _Way(DENSE, metric, lambda limit: search_params(self._config, effort, limit), scan)
        if exact and len(queries) and self._is_approximate():
            found = [[make_match(key, score, metric) for key, score in scan(query, k)] for query in queries]
            return [self._with_payloads(matches) for matches in found] if with_payload else found
        return self._search(way, list(queries), k, condition, with_payload)

    def sparse(
        self, leg: str, terms: Sequence[int], weights: Sequence[float], k: int, condition: Condition, with_payload: bool
    ) -> list[Match]:
        """Find the points that score highest on a sparse leg, each weight multiplied by the idf of its term."""
        idf = self._statistics.idf(leg, terms)
        rare = [(term, idf[term] * weight) for term, weight in zip(terms, weights, strict=True) if term in idf]
        query = sparse_row(*zip(*rare, strict=True)) if rare else {}

        def scan(query: dict[int, float], limit: int) -> list[Scored]:
            return scan_sparse(self._rows, condition, leg, query, limit)

        way = _Way(leg_field(leg), None, lambda limit: {}, scan)
        return self._search(way, [query], k, condition, with_payload)[0] if query else []

    def text(self, text: str, k: int, condition: Condition, with_payload: bool) -> list[Match]:
        """Find the points that Milvus' BM25 ranks highest, at most as many as it gives to one query."""
        way = _Way(WORD_WEIGHTS, None, lambda limit: {}, None)
        return self._search(way, [text], min(k, WINDOW - 1), condition, with_payload)[0]

    def close(self) -> None:
        """Stop the threads."""
        self._statistics.close()

    def _is_approximate(self) -> bool:
        ask = self._server
        return ask.ask("searching", lambda: is_approximate(ask.client, self._physical, timeout=ask.timeout))

    def _search(
        self, way: _Way, queries: list[Any], k: int, condition: Condition, with_payload: bool
    ) -> list[list[Match]]:
        if condition.text == NONE:
            return [[] for _ in queries]
        found: list[list[Match]] = []
        for start in range(0, len(queries), _QUERIES):
            part = queries[start : start + _QUERIES]
            together = len(part) > 1 and k < _WITH_BODIES
            first = self._ask(way, part, k + 1, condition, with_payload) if together else [None] * len(part)
            for query, hits in zip(part, first, strict=True):
                found.append(self._best(way, query, k, condition, with_payload, hits))
        return found

    def _best(
        self,
        way: _Way,
        query: object,
        k: int,
        condition: Condition,
        with_payload: bool,
        first: list[Match] | None,
    ) -> list[Match]:
        most = WINDOW if condition.is_exact else _WITH_BODIES

        def fetch(limit: int) -> list[Match]:
            if first is not None and limit == k + 1:
                return first
            if limit > most and way.scan is not None:
                return [make_match(key, score, way.metric) for key, score in way.scan(query, limit)]
            return self._ask(way, [query], min(limit, WINDOW), condition, with_payload)[0]

        def is_meant(match: Match) -> bool:
            # What was found by reading all was checked there, and comes without its payload.
            return match.payload is None or matches(condition.tree, match.payload.meta)

        keep = None if condition.is_exact else is_meant
        best = best_matches(fetch, k, count=lambda: self._rows.count_exactly(""), keep=keep)
        if with_payload:
            return self._with_payloads(best)
        return best if condition.is_exact else [replace(match, payload=None) for match in best]

    def _ask(
        self, way: _Way, queries: list[Any], limit: int, condition: Condition, with_payload: bool
    ) -> list[list[Match]]:
        """Ask for the best of several queries."""
        bodies = (with_payload and limit <= _WITH_BODIES) or not condition.is_exact
        client, timeout = self._server.client, self._server.timeout
        answers = self._server.ask(
            "searching",
            lambda: client.search(
                self._physical,
                queries,
                filter="" if condition.text == ALL else condition.text,
                limit=limit,
                output_fields=[BODY] if bodies else [],
                search_params={"params": way.params(limit)},
                anns_field=way.field,
                timeout=timeout,
            ),
        )
        return [[self._match(way, hit, bodies) for hit in hits] for hits in answers]

    def _match(self, way: _Way, hit: dict[str, Any], bodies: bool) -> Match:
        # Milvus Lite gives the scores of BM25, which are above zero, with a minus sign.
        found = abs(hit["distance"]) if way.field == WORD_WEIGHTS else hit["distance"]
        return make_match(hit[ID], score_of(found, way.metric), way.metric, hit["entity"] if bodies else None)

    def _with_payloads(self, found: list[Match]) -> list[Match]:
        missing = [match.id for match in found if match.payload is None]
        if not missing:
            return found
        payloads = {point.id: point.payload for point in map(read_point, self._rows.read(missing, [BODY]))}
        return [match if match.payload else replace(match, payload=payloads.get(match.id)) for match in found]
