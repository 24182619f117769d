"""Searching a Weaviate collection: by vector, exactly or by its index, and by words."""

import heapq
import math
from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from nearfield.arrays import Vectors
from nearfield.errors import InvalidInputError
from nearfield.extras import import_extra
from nearfield.stores.base import Effort, Match
from nearfield.stores.ranking import best_matches
from nearfield.stores.weaviate.config import WeaviateConfig
from nearfield.stores.weaviate.filters import Condition, everything
from nearfield.stores.weaviate.points import (
    WITH_ID,
    WITH_META,
    WITH_PAYLOAD,
    read_match,
)
from nearfield.stores.weaviate.reads import PAGE, Reads, Wanted
from nearfield.stores.weaviate.scan import compare_here, rank
from nearfield.stores.weaviate.schema import TEXT, TITLE
from nearfield.stores.weaviate.slices import ALL_SLOTS, MAX_RESULTS, slices_of, visit, within

_FEW = 100
"""Comparing so few points in each request would take longer than reading them all."""


class Search:
    """Searches of one collection.

    Args:
        reads: The collection.
        config: What it holds.
        server_ef: Candidates that the server looks at.
    """

    def __init__(self, reads: Reads, config: WeaviateConfig, server_ef: int) -> None:
        self._reads = reads
        self._config = config
        self._server_ef = server_ef
        self._small: bool | None = None
        query = import_extra("weaviate.classes.query", extra="weaviate")
        self._with_distance, self._with_score = query.MetadataQuery(distance=True), query.MetadataQuery(score=True)

    def written(self) -> None:
        """Forget how many points there are."""
        self._small = None

    def nearest(
        self,
        queries: Vectors,
        k: int,
        wanted: Wanted,
        *,
        exact: bool,
        effort: Effort | None,
        with_payload: bool,
    ) -> list[list[Match]]:
        """Find the `k` points nearest to each of `(q, d)` checked queries, best first."""
        look_at = self._candidates(effort)
        if k >= MAX_RESULTS or (exact and not self._server_compares_all()):
            return self._nearest_here(queries, k, wanted, with_payload=with_payload)
        properties = _properties(wanted, with_payload=with_payload)

        def nearest(query: npt.NDArray[np.float32]) -> list[Match]:
            def fetch(limit: int) -> list[Match]:
                if limit > MAX_RESULTS:  # so many points tie with the last one
                    return self._read_all(query[None], limit, wanted, properties)[0]
                if exact:
                    return self._compare_all(query, limit, wanted, properties)
                condition = self._narrowed(wanted.condition)
                return self._near(query, min(look_at(limit), MAX_RESULTS), condition, properties)[:limit]

            return self._best(fetch, k, wanted, with_payload=with_payload)

        return [nearest(query) for query in queries]

    def by_words(self, text: str, k: int, wanted: Wanted, *, with_payload: bool) -> list[Match]:
        """Find the `k` points that Weaviate's BM25F ranks highest over title and text, best first."""
        if not any(char.isalnum() for char in text):
            return []  # there is no word in it, and Weaviate refuses an empty query
        properties = _properties(wanted, with_payload=with_payload)
        bm25 = self._reads.collection.query.bm25

        def ask(slots: range, limit: int) -> list[Match]:
            found = self._reads.ask(
                "searching words",
                lambda: bm25(
                    text,
                    query_properties=[TITLE, TEXT],
                    limit=limit,
                    filters=within(slots, wanted.condition),
                    return_metadata=self._with_score,
                    return_properties=properties,
                ),
            )
            return [read_match(one, None, with_payload=properties is not WITH_ID) for one in found.objects]

        def fetch(limit: int) -> list[Match]:
            if limit <= MAX_RESULTS:
                return ask(ALL_SLOTS, limit)
            return heapq.nsmallest(limit, visit(ask, limit, PAGE), key=rank)

        return self._best(fetch, k, wanted, with_payload=with_payload)

    def _best(self, fetch: Callable[[int], list[Match]], k: int, wanted: Wanted, *, with_payload: bool) -> list[Match]:
        def keep(match: Match) -> bool:
            return match.payload is not None and wanted.keeps(match.payload)

        found = best_matches(
            fetch, k, count=lambda: self._reads.count(Wanted()), keep=None if wanted.rest is None else keep
        )
        if with_payload or wanted.rest is None:
            return found
        return [replace(match, payload=None) for match in found]

    def _candidates(self, effort: Effort | None) -> Callable[[int], int]:
        """Say how many results to ask for: Weaviate looks at `ef` candidates, or at as many as it is asked for."""
        chosen = self._config.effort if effort is None else effort
        if chosen.ef < 1 or not chosen.oversampling >= 1:
            raise InvalidInputError(f"ef must be at least 1 and oversampling at least 1, got {chosen}")
        oversampling = 1.0 if self._config.quantisation == "none" else chosen.oversampling
        if self._config.index == "flat":
            return lambda limit: limit

        def look_at(limit: int) -> int:
            needed = max(chosen.ef, math.ceil(oversampling * limit))
            return needed if needed > max(limit, self._server_ef) else limit

        return look_at

    def _narrowed(self, condition: Condition | None) -> Condition | None:
        """Give a small collection a condition that all of it meets: then, and only then, Weaviate compares all."""
        if condition is not None or self._config.index == "flat":
            return condition
        if self._small is None:
            self._small = self._reads.count_in(ALL_SLOTS, None) <= self._config.index_above
        return everything() if self._small else None

    def _near(
        self,
        query: npt.NDArray[np.float32],
        limit: int,
        condition: Condition | None,
        properties: Sequence[str],
    ) -> list[Match]:
        near_vector = self._reads.collection.query.near_vector
        vector = query.tolist()
        found = self._reads.ask(
            "searching",
            lambda: near_vector(
                vector,
                limit=limit,
                filters=condition,
                return_metadata=self._with_distance,
                return_properties=properties,
            ),
        )
        with_payload = properties is not WITH_ID
        return [read_match(one, self._config.metric, with_payload=with_payload) for one in found.objects]

    def _server_compares_all(self) -> bool:
        """Say whether the server can be brought to compare all points exactly."""
        of_a_graph = self._config.index != "flat"
        return self._config.quantisation == "none" and not (of_a_graph and self._config.index_above < _FEW)

    def _compare_all(
        self, query: npt.NDArray[np.float32], limit: int, wanted: Wanted, properties: Sequence[str]
    ) -> list[Match]:
        """Have the server compare with every point that is meant, as many at a time as it does without its graph."""
        if self._config.index == "flat":
            return self._near(query, limit, wanted.condition, properties)
        condition = everything() if wanted.condition is None else wanted.condition
        found: list[Match] = []
        for slots in slices_of(lambda slots: self._reads.count_in(slots, condition), self._config.index_above):
            found += self._near(query, limit, within(slots, condition), properties)
        return heapq.nsmallest(limit, found, key=rank)

    def _nearest_here(self, queries: Vectors, k: int, wanted: Wanted, *, with_payload: bool) -> list[list[Match]]:
        """Compare here with every point that is meant: its vector is read, and the payload of the best."""
        properties = _properties(wanted, with_payload=False)
        limit = min(k, self._reads.count(Wanted()))
        if limit == 0 or len(queries) == 0:
            return [[] for _ in queries]
        found = self._read_all(queries, limit, wanted, properties)
        if not with_payload:
            return [[replace(match, payload=None) for match in matches] for matches in found]
        ids = {match.id for matches in found for match in matches}
        payloads = {point.id: point.payload for point in self._reads.by_ids(ids)}
        return [
            [replace(match, payload=payloads[match.id]) for match in matches if match.id in payloads]
            for matches in found
        ]

    def _read_all(self, queries: Vectors, limit: int, wanted: Wanted, properties: Sequence[str]) -> list[list[Match]]:
        read = self._reads.objects(wanted, properties, vectors=True)
        with_payload = properties is not WITH_ID
        return compare_here(read, queries, limit, self._config.metric, with_payload=with_payload)


def _properties(wanted: Wanted, *, with_payload: bool) -> list[str]:
    if with_payload:
        return WITH_PAYLOAD
    return WITH_ID if wanted.rest is None else WITH_META
