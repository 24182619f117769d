"""One kind of search in a Qdrant collection, for one query or for many in one request."""

from collections.abc import Callable
from dataclasses import dataclass
from operator import methodcaller
from typing import Protocol, TypeAlias, TypeVar

from nearfield.arrays import Metric
from nearfield.stores.base import Match
from nearfield.stores.condition_models import Condition
from nearfield.stores.embedded.points import WITH_ID, WITH_PAYLOAD, read_matches
from nearfield.stores.qdrant.connection import ClientModel, client_models
from nearfield.stores.ranking import best_matches

T = TypeVar("T")

Query: TypeAlias = ClientModel
"""A list of floats, or the client's sparse vector."""

_QUERIES = 64
_FEW = 1000


class Ask(Protocol):
    """How the vendor's client is called."""

    def __call__(self, doing: str, call: Callable[[ClientModel], T]) -> T:
        """Call it; `doing` is for a message."""
        ...


@dataclass(frozen=True)
class Search:
    """A search, but for its query.

    Attributes:
        ask: Calls the vendor's client.
        count: Counts the points stored.
        collection: The Qdrant collection's name.
        using: Name of the vector that is compared.
        metric: What the scores are; None for those of a sparse leg.
        params: How hard it searches.
        condition: Which points are searched; None for all.
        with_payload: Whether matches carry more than the id.
    """

    ask: Ask
    count: Callable[[], int]
    collection: str
    using: str
    metric: Metric | None
    params: ClientModel
    condition: Condition | None
    with_payload: bool

    def best(self, query: Query, k: int) -> list[Match]:
        """Find the `k` points that score highest, equal scores by id."""
        return best_matches(lambda limit: self._found(query, limit), k, count=self.count)

    def best_of_each(self, queries: list[Query], k: int) -> list[list[Match]]:
        """Answer each query as `best` would, with a request for 64 of them as long as `k` is not large."""
        if k > _FEW:
            return [self.best(query, k) for query in queries]
        answers: list[list[Match]] = []
        for start in range(0, len(queries), _QUERIES):
            some = queries[start : start + _QUERIES]
            for query, first in zip(some, self._found_by_each(some, k + 1), strict=True):
                answers.append(self._best_after(first, query, k))
        return answers

    def _best_after(self, first: list[Match], query: Query, k: int) -> list[Match]:
        """Find the best `k`, whose first `k + 1` are known: more are asked for where they tie."""
        return best_matches(lambda limit: first if limit == k + 1 else self._found(query, limit), k, count=self.count)

    def _found(self, query: Query, limit: int) -> list[Match]:
        response = self.ask(
            "searching",
            methodcaller(
                "query_points",
                self.collection,
                query=query,
                using=self.using,
                query_filter=self.condition,
                search_params=self.params,
                limit=limit,
                with_payload=self._fields,
            ),
        )
        return read_matches(response.points, self.metric, with_payload=self.with_payload)

    def _found_by_each(self, queries: list[Query], limit: int) -> list[list[Match]]:
        m = client_models()
        requests = [
            m.QueryRequest(
                query=query,
                using=self.using,
                filter=self.condition,
                params=self.params,
                limit=limit,
                with_payload=self._fields,
            )
            for query in queries
        ]
        responses = self.ask("searching", methodcaller("query_batch_points", self.collection, requests=requests))
        return [read_matches(each.points, self.metric, with_payload=self.with_payload) for each in responses]

    @property
    def _fields(self) -> list[str]:
        return WITH_PAYLOAD if self.with_payload else WITH_ID
