"""Searching for the nearest vectors, by the index where there is one."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from nearfield.stores.base import Effort, Match, Where
from nearfield.stores.postgresql.config import check_effort
from nearfield.stores.postgresql.filters import Parameters, condition
from nearfield.stores.postgresql.rows import read_matches
from nearfield.stores.postgresql.search import Searches
from nearfield.stores.postgresql.server import Session, Sessions
from nearfield.stores.postgresql.tables import Tables
from nearfield.stores.ranking import best_matches


class NearestSearch:
    """Searches one store by vectors.

    `approximate` says whether there is an index that may be used, and so a neighbour missed.

    Args:
        sessions: Connections to its server.
        tables: What the store is made of.
        approximate: Whether there is one now.
    """

    def __init__(self, sessions: Sessions, tables: Tables, *, approximate: bool) -> None:
        self.approximate = approximate
        self._sessions = sessions
        self._config = tables.config
        self._searches = Searches(tables)

    def find(
        self,
        queries: Sequence[npt.NDArray[np.float32]],
        k: int,
        where: Where | None,
        exact: bool,
        effort: Effort | None,
        with_payload: bool,
    ) -> list[list[Match]]:
        """Find the `k` nearest points to each of several vectors.

        Args:
            queries: `(d,)` vectors, checked.
            k: How many, at least 1.
            where: The filter.
            exact: Whether all points are compared.
            effort: How hard the index is searched; None for as hard as the configuration says.
            with_payload: Whether the matches carry payloads.

        Returns:
            For each query its matches, best first.
        """
        sql, parameters = condition(where)
        several: list[Parameters] = [{**parameters, "query": query} for query in queries]
        # With a filter, the best plan depends on how much it lets through, so none is kept.
        prepare = None if where is None else False
        chosen = self._config.effort if effort is None else check_effort(effort)

        def compare_all(limit: int, those: Sequence[Parameters]) -> list[list[Match]]:
            return self._ask(self._searches.exact(sql, limit, with_payload=with_payload), those, {}, prepare)

        def ask_index(limit: int, those: Sequence[Parameters]) -> list[list[Match]]:
            statement = self._searches.indexed(sql, limit, chosen.oversampling, with_payload=with_payload)
            return self._ask(statement, those, {"hnsw.ef_search": str(chosen.ef)}, prepare)

        if exact or not self.approximate:
            return compare_all(k, several)

        def best(one: Parameters, first: list[Match]) -> list[Match]:
            def fetch(limit: int) -> list[Match]:
                found = first if limit == k + 1 else ask_index(limit, [one])[0]
                # The index ends early where a filter lets little through; then all that is let through is compared.
                return found if len(found) == limit else compare_all(limit, [one])[0]

            return best_matches(fetch, k, count=lambda: k)

        return [best(*pair) for pair in zip(several, ask_index(k + 1, several), strict=True)]

    def _ask(
        self, statement: str, several: Sequence[Parameters], settings: Mapping[str, str], prepare: bool | None
    ) -> list[list[Match]]:
        if not several:
            return []

        def ask(session: Session) -> list[list[Any]]:
            session.use(settings)
            if len(several) == 1:
                return [session.rows(statement, several[0], prepare=prepare)]
            return session.many(statement, several, prepare=prepare)

        found = self._sessions.ask("searching", ask)
        return [read_matches(rows, self._config.metric) for rows in found]
