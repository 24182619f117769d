"""Reading a store at Pinecone: going through what matches a filter, and searching it."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from nearfield.arrays import Vectors
from nearfield.errors import InvalidInputError
from nearfield.stores.base import Effort, Match, Payload, Point, Where
from nearfield.stores.filters import Filter, matches, parse_where
from nearfield.stores.pinecone.config import PineconeConfig
from nearfield.stores.pinecone.filters import Condition, build_condition
from nearfield.stores.pinecone.namespace import MAX_TOP_K, Namespace
from nearfield.stores.pinecone.parts import Parts
from nearfield.stores.pinecone.records import (
    id_of,
    is_hashed,
    read_payloads,
    read_points,
    record_id,
    sent_vector,
    stored_vector,
)
from nearfield.stores.pinecone.scan import Compared, search_exactly
from nearfield.stores.ranking import best_matches
from nearfield.stores.vectors import distance_of

PAGE = 1000

_WITH_METADATA = 90
"""Matches whose metadata, 40 KB each at most, fits the 4 MB that the service gives in one answer."""


@dataclass(frozen=True, slots=True)
class Meant:
    """Which points are meant.

    Attributes:
        tree: The filter.
        condition: What the service is asked for, which may let through more.
    """

    tree: Filter
    condition: Condition

    @classmethod
    def by(cls, where: Where | None) -> "Meant | None":
        """Understand a filter; None if it means all points."""
        if where is None:
            return None
        tree = parse_where(where)
        return cls(tree, build_condition(tree)) if where else None


class Reading:
    """Reads the points of one store.

    Args:
        points: The namespace of the points.
        parts: That of the long texts.
        config: What the store holds.
    """

    def __init__(self, points: Namespace, parts: Parts, config: PineconeConfig) -> None:
        self._points = points
        self._parts = parts
        self._config = config

    def get(self, ids: Sequence[str], *, with_vectors: bool) -> dict[str, Point]:
        """Read the points that exist among `ids`, by id."""
        records = self._points.fetch(list(dict.fromkeys(map(record_id, ids))), "reading points")
        return {
            point.id: point for point in read_points(list(records.values()), self._parts, with_vectors=with_vectors)
        }

    def pages(self, meant: Meant | None, limit: int) -> Iterator[list[Any]]:
        """Go through the points that are meant.

        Args:
            meant: None for all.
            limit: Points in a page, at most.

        Yields:
            The vendor's records.
        """
        condition = None if meant is None else meant.condition
        for page in self._points.pages(condition, limit, "reading points"):
            if meant is None or meant.condition.exact:
                yield page
            else:
                payloads = read_payloads([record.metadata for record in page], self._parts)
                pairs = zip(page, payloads, strict=True)
                yield [record for record, payload in pairs if matches(meant.tree, payload.meta)]

    def answer(
        self,
        queries: Vectors,
        k: int,
        meant: Meant | None,
        *,
        exact: bool = False,
        effort: Effort | None = None,
        with_payload: bool = True,
    ) -> list[list[Match]]:
        """Find the nearest points.

        Args:
            queries: `(q, d)` float32, checked, under cosine of length 1.
            k: How many each query wants, at least 1.
            meant: Which points; None for all.
            exact: Whether all vectors are brought here and compared.
            effort: How hard a dedicated node tries.
            with_payload: Whether to bring payloads.

        Returns:
            For each query at most `k` matches, best first, equal scores by id.

        Raises:
            InvalidInputError: If the effort is out of range.
        """
        if effort is not None and (effort.ef < 1 or not effort.oversampling >= 1):
            raise InvalidInputError(
                f"ef and oversampling must be at least 1, got {effort.ef} and {effort.oversampling}"
            )
        if exact:
            found = self._compare_all(queries, k, meant)
        else:
            candidates = None if effort is None else effort.ef
            found = [self._search(query, k, meant, candidates, with_payload=with_payload) for query in queries]
        if with_payload:
            return [self._with_payloads(each) for each in found]
        return [[replace(match, payload=None) for match in each] for each in found]

    def _search(
        self,
        query: npt.NDArray[np.float32],
        k: int,
        meant: Meant | None,
        candidates: int | None,
        *,
        with_payload: bool,
    ) -> list[Match]:
        condition = None if meant is None else meant.condition
        checked = condition is not None and not condition.exact

        def fetch(limit: int) -> list[Match]:
            if limit > MAX_TOP_K:
                return self._compare_all(query[None, :], limit, meant)[0]
            with_metadata = (checked or with_payload) and limit <= _WITH_METADATA
            hits = self._points.query(
                sent_vector(query), limit, condition, with_metadata=with_metadata, candidates=candidates
            )
            found = self._read_hits(hits, with_metadata=with_metadata)
            return self._with_payloads(found) if checked else found

        def keep(match: Match) -> bool:
            return meant is None or match.payload is None or matches(meant.tree, match.payload.meta)

        return best_matches(fetch, k, count=lambda: self._points.count(None), keep=keep if checked else None)

    def _read_hits(self, hits: Sequence[Any], *, with_metadata: bool) -> list[Match]:
        metric = self._config.metric
        payloads: Sequence[Payload | None] = [None] * len(hits)
        if with_metadata:
            metadatas = {hit.id: hit.metadata for hit in hits}
            payloads = read_payloads(list(metadatas.values()), self._parts)
        else:
            records = self._points.fetch([hit.id for hit in hits if is_hashed(hit.id)], "reading points")
            metadatas = {id: record.metadata for id, record in records.items()}
        found = []
        for hit, payload in zip(hits, payloads, strict=True):
            if is_hashed(hit.id) and hit.id not in metadatas:
                continue  # deleted since
            score = -(max(hit.score, 0.0) ** 0.5) if metric == "l2" else hit.score  # the service squares distances
            found.append(Match(id_of(hit.id, metadatas.get(hit.id)), score, distance_of(score, metric), payload))
        return found

    def _with_payloads(self, found: Sequence[Match]) -> list[Match]:
        """Bring the payloads that did not come with the matches; leave out what was deleted since."""
        lacking = [match.id for match in found if match.payload is None]
        if not lacking:
            return list(found)
        points = self.get(lacking, with_vectors=False)
        return [
            match if match.payload is not None else replace(match, payload=points[match.id].payload)
            for match in found
            if match.payload is not None or match.id in points
        ]

    def _compare_all(self, queries: Vectors, k: int, meant: Meant | None) -> list[list[Match]]:
        def compared(page: list[Any]) -> list[Compared]:
            return [(id_of(record.id, record.metadata), stored_vector(record)) for record in page]

        return search_exactly(map(compared, self.pages(meant, PAGE)), queries, k, self._config.metric)
