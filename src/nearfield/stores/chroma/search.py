"""Searching a collection in Chroma: by its graph, and by comparing with every point."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt

from nearfield.stores.base import Match
from nearfield.stores.chroma.filters import Condition
from nearfield.stores.chroma.points import BODY, Scale
from nearfield.stores.payloads import read_payload
from nearfield.stores.vectors import distance_of

Ask = Callable[..., Any]
"""Calls a method of the vendor's collection by its name, with keywords."""

READ = 1000
"""Points read in one request."""

Fetch = Callable[[int], list[Match]]
"""Gives the best matches, as many as asked for; see `nearfield.stores.ranking.best_matches`."""

Query = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Search:
    """What is asked of a collection.

    Attributes:
        ask: Asks the server.
        scale: What its distances mean.
        condition: Which points may be found.
        with_body: Whether matches carry their payloads.
        least: Results to ask for at least, which is how many candidates the graph looks at.
    """

    ask: Ask
    scale: Scale
    condition: Condition
    with_body: bool
    least: int = 1

    def approximate(self, queries: Sequence[Query], first: int) -> list[Fetch]:
        """Search by the graph.

        Args:
            queries: Vectors of `d` numbers.
            first: The limit that will be asked for first, which is asked for all queries at once.

        Returns:
            For each query what `best_matches` asks.
        """
        together = self._nearest(queries, first) if len(queries) > 1 else []

        def fetch(row: int, limit: int) -> list[Match]:
            if together and limit == first:
                return together[row]
            return self._nearest([queries[row]], limit)[0]

        return [partial(fetch, row) for row in range(len(queries))]

    def exact(self, queries: Sequence[Query]) -> list[Fetch]:
        """Search by comparing with every point.

        Args:
            queries: Vectors of `d` numbers.

        Returns:
            For each query what `best_matches` asks.
        """
        total = self._total()

        def fetch(ranking: list[Match], limit: int) -> list[Match]:
            return self._with_bodies(ranking[:limit])

        return [partial(fetch, self._everything(query, total)) for query in queries]

    def _nearest(self, queries: Sequence[Query], limit: int) -> list[list[Match]]:
        """Ask the graph.

        It may not lead to all points: deleted ones and many equal ones break it apart. So where it gives fewer than
        asked for though there are more, all are compared.

        Args:
            queries: Vectors of `d` numbers.
            limit: How many matches are wanted for each.

        Returns:
            For each query at most so many matches, best first; fewer only if there are no more.
        """
        found = [each[:limit] for each in self._ask_graph(queries, max(limit, self.least), with_body=self.with_body)]
        if all(len(each) == limit for each in found):
            return found
        total = self._total()
        return [
            each if len(each) >= min(limit, total) else self._with_bodies(self._scan(query)[:limit])
            for each, query in zip(found, queries, strict=True)
        ]

    def _everything(self, query: Query, total: int) -> list[Match]:
        """Compare with all points.

        The graph, asked for as many as there are, walks through all it can reach and computes their distances on the
        server. Only where that is not all are the vectors fetched and compared here.

        Args:
            query: `(d,)` float32.
            total: How many points may be found.

        Returns:
            All that may be found, best first, without payloads.
        """
        if total == 0:
            return []
        (found,) = self._ask_graph([query], total, with_body=False)
        return found if len(found) >= total else self._scan(query)

    def _total(self) -> int:
        """Count the points that may be found."""
        return int(self.ask("count")) if self.condition.where is None else len(self._ids())

    def _ids(self) -> list[str]:
        """List the points that may be found."""
        found: list[str] = self.ask("get", where=self.condition.where, include=[])["ids"]
        return found

    def _with_bodies(self, matches: list[Match]) -> list[Match]:
        """Add payloads, if they are wanted."""
        if not self.with_body:
            return matches
        bodies: dict[str, str] = {}
        for start in range(0, len(matches), READ):
            ids = [match.id for match in matches[start : start + READ]]
            found = self.ask("get", ids=ids, include=["metadatas"])
            bodies.update((id, stored[BODY]) for id, stored in zip(found["ids"], found["metadatas"], strict=True))
        return [replace(match, payload=read_payload(bodies[match.id])) for match in matches if match.id in bodies]

    def _ask_graph(self, queries: Sequence[Query], limit: int, *, with_body: bool) -> list[list[Match]]:
        factors = [self.scale.factor(query) for query in queries]
        found = self.ask(
            "query",
            query_embeddings=[query * np.float32(factor) for query, factor in zip(queries, factors, strict=True)],
            n_results=limit,
            where=self.condition.where,
            include=["distances", "metadatas"] if with_body else ["distances"],
        )
        metadatas = found["metadatas"] or [None] * len(queries)
        return [
            self.scale.matches(*each) for each in zip(found["ids"], found["distances"], metadatas, factors, strict=True)
        ]

    def _scan(self, query: Query) -> list[Match]:
        ids, found = self._ids(), []
        for start in range(0, len(ids), READ):
            page = self.ask("get", ids=ids[start : start + READ], include=["embeddings"])
            if page["ids"]:
                scores = self.scale.compare(np.asarray(page["embeddings"], np.float64), query).tolist()
                found += [
                    Match(id, score, distance_of(score, self.scale.metric))
                    for id, score in zip(page["ids"], scores, strict=True)
                ]
        return sorted(found, key=lambda match: (-match.score, match.id))
