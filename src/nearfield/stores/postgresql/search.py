"""The statements that search a store."""

import math
from dataclasses import dataclass

from nearfield.stores.postgresql.rows import PAYLOAD
from nearfield.stores.postgresql.tables import Tables

_QUERY_CHARACTERS = 10_000


@dataclass(frozen=True)
class Searches:
    """Writes the statements of one store; each gives id, score and payload, best first.

    Attributes:
        tables: The store's.
    """

    tables: Tables

    @property
    def _score(self) -> str:
        # <#> is minus the inner product. The sum keeps the index, which knows the bare operator alone, out of it.
        return f"0 - (vector {self.tables.operator} %(query)b)"

    def exact(self, condition: str, limit: int, *, with_payload: bool) -> str:
        """Compare the query with every vector that the filter lets through.

        Args:
            condition: The filter as SQL.
            limit: How many to give; equal scores are ordered by id.
            with_payload: Whether to give payloads.

        Returns:
            A statement with the parameter `query`.
        """
        return (
            f"SELECT id, {self._score} AS score{_payload(with_payload)} FROM {self.tables.points} "
            f"WHERE {condition} ORDER BY score DESC, id LIMIT {limit}"
        )

    def indexed(self, condition: str, limit: int, oversampling: float, *, with_payload: bool) -> str:
        """Ask the HNSW index, and score what it finds with the full vectors.

        Args:
            condition: The filter as SQL.
            limit: How many to give; which of equal scores at the end is left open.
            oversampling: How many times as many are scored, where the index is over quantised vectors.
            with_payload: Whether to give payloads.

        Returns:
            A statement with the parameter `query`.
        """
        tables = self.tables
        quantised = tables.config.quantisation != "none"
        candidates = math.ceil(limit * oversampling) if quantised else limit
        order = f"{tables.index_expression('vector')} {tables.index_operator} {tables.index_expression('%(query)b')}"
        return (
            f"SELECT id, score{_payload(with_payload)} FROM ("
            f"SELECT id, {self._score} AS score{_payload(with_payload)} FROM {tables.points} "
            f"WHERE {condition} ORDER BY {order} LIMIT {candidates}) AS found ORDER BY score DESC, id LIMIT {limit}"
        )

    def sparse(self, condition: str, limit: int, *, with_payload: bool) -> str:
        """Sum the weights of shared terms, those of the query times their idf over all stored points.

        Args:
            condition: The filter as SQL.
            limit: How many to give; equal scores are ordered by id.
            with_payload: Whether to give payloads.

        Returns:
            A statement with the parameters `leg`, `terms` and `weights`.
        """
        points, postings = self.tables.points, self.tables.postings
        filtered = condition != "true"
        kept = f"kept AS MATERIALIZED (SELECT number FROM {points} WHERE {condition}), " if filtered else ""
        joined = "JOIN kept ON kept.number = p.point " if filtered else ""
        return (
            f"WITH {kept}wanted AS MATERIALIZED (SELECT term, weight * ln(1 + (n - df + 0.5) / (df + 0.5)) AS weight "
            "FROM unnest(%(terms)s::bigint[], %(weights)s::float8[]) AS query(term, weight), "
            f"LATERAL (SELECT count(*)::float8 AS df FROM {postings} AS p "
            "WHERE p.leg = %(leg)s AND p.term = query.term) AS frequency, "
            f"(SELECT count(*)::float8 AS n FROM {points}) AS size), "
            "best AS (SELECT point, sum(wanted.weight * p.weight) AS score "
            f"FROM wanted JOIN {postings} AS p ON p.leg = %(leg)s AND p.term = wanted.term {joined}"
            f"GROUP BY point ORDER BY score DESC FETCH FIRST {limit} ROWS WITH TIES) "
            f"SELECT id, score{_payload(with_payload)} FROM best JOIN {points} ON number = point "
            f"ORDER BY score DESC, id LIMIT {limit}"
        )

    def text(self, condition: str, limit: int, *, words_kept: bool, with_payload: bool) -> str:
        """Rank by PostgreSQL's cover density what holds any word of the query, other words of the same stem included.

        Args:
            condition: The filter as SQL.
            limit: How many to give; equal scores are ordered by id.
            words_kept: Whether the words are in a column.
            with_payload: Whether to give payloads.

        Returns:
            A statement with the parameter `text`.
        """
        tables = self.tables
        words = "words" if words_kept else f"to_tsvector({tables.language}, {tables.text})"
        # plainto_tsquery asks for all words, and joins them by an operator that no word holds with its spaces.
        query = (
            f"replace(plainto_tsquery({tables.language}, left(%(text)s, {_QUERY_CHARACTERS}))::text, "
            "' & ', ' | ')::tsquery"
        )
        return (
            f"SELECT id, ts_rank_cd({words}, {query}, 1)::float8 AS score{_payload(with_payload)} "
            f"FROM {tables.points} WHERE {words} @@ {query} AND {condition} ORDER BY score DESC, id LIMIT {limit}"
        )


def _payload(wanted: bool) -> str:
    return f", {PAYLOAD}" if wanted else ""
