"""One collection's points in PostgreSQL with pgvector."""

import operator
from collections.abc import Iterator, Sequence
from typing import Any

import numpy.typing as npt

from nearfield.errors import InvalidInputError
from nearfield.stores.arguments import check_count, check_k, check_leg
from nearfield.stores.base import (
    Batch,
    Capabilities,
    Effort,
    Facet,
    Match,
    Payload,
    Point,
    SparseVector,
    Where,
)
from nearfield.stores.batches import check_batch, check_ids, check_payloads, check_sparse
from nearfield.stores.facets import sort_facets
from nearfield.stores.postgresql.config import OFFERED, PostgresConfig
from nearfield.stores.postgresql.filters import Parameters, condition
from nearfield.stores.postgresql.nearest import NearestSearch
from nearfield.stores.postgresql.rows import (
    PAYLOAD,
    check_range,
    read_matches,
    read_point,
    read_value,
)
from nearfield.stores.postgresql.search import Searches
from nearfield.stores.postgresql.server import Session, Sessions
from nearfield.stores.postgresql.tables import Tables
from nearfield.stores.postgresql.text import encode_text
from nearfield.stores.postgresql.writing import CHUNK, PointWriter
from nearfield.stores.vectors import check_queries, check_query

CAPABILITIES = Capabilities(
    metrics=frozenset({"cosine", "dot", "l2"}),
    sparse=True,
    exact=True,
    approximate=True,
    quantisation=frozenset(OFFERED),
    visibility="immediate",
    concurrency="many",
    text="postgresql-fulltext",
)


class PostgresStore:
    """Points in one table; see `nearfield.stores.base` for what is promised.

    What PostgreSQL adds to that:

    - A write is one transaction for each 10,000 points or 32 MB: that is there whole for every reader, or not at all.
    - Searching is exact until `optimise` finds more than `config.index_above` points and builds an HNSW index, which
      writes then keep up to date. Another process that has the store open uses the index from when it next opens it.
    - PostgreSQL chooses between the index and the filter's, by its statistics. A search by the index that finds fewer
      than were asked for is made again, exactly.
    - Equality in a filter is answered by an index that `optimise` builds; order, `$exists` and `$contains` read every
      point that the rest of the filter lets through.
    - `query_text` reads the first 100,000 characters of a title and a text together.
    - A term of a sparse vector takes some 150 bytes on the disk.
    - `optimise` also refreshes the statistics. Writes wait while it builds an index for the first time.
    - `compact` is `VACUUM FULL`: it writes the tables anew, for which it needs the space of both, and readers and
      writers wait. What was deleted may still be in the server's log of writes and in backups until they expire.

    Args:
        sessions: Connections to its server; closed with the store.
        tables: What it is made of, there already.
    """

    def __init__(self, sessions: Sessions, tables: Tables) -> None:
        self._sessions = sessions
        self._tables = tables
        self._config = tables.config
        self._searches = Searches(tables)
        self._writer = PointWriter(sessions, tables)
        built = sessions.ask("opening the store", tables.built)
        self._words_kept = built.words_kept
        self._nearest = NearestSearch(sessions, tables, approximate=built.index_usable)

    @property
    def config(self) -> PostgresConfig:
        """Say what the store was opened with."""
        return self._config

    @property
    def capabilities(self) -> Capabilities:
        """Say what the back end can do."""
        return CAPABILITIES

    def upsert(self, batch: Batch) -> None:
        """Write points, replacing those with the same ids; synced when it returns."""
        checked = check_batch(batch, self._config)
        check_range(checked, self._config)
        self._writer.upsert(checked)

    def get(self, ids: Sequence[str], *, with_vectors: bool = False) -> list[Point]:
        """Read the points that exist among `ids`, in the order of `ids`."""
        check_ids(ids)
        found: dict[str, Point] = {}
        for start in range(0, len(ids), CHUNK):
            wanted = [encode_text(id) for id in ids[start : start + CHUNK]]
            for point in self._points("id = ANY(%(ids)b::text[])", {"ids": wanted}, "", with_vectors):
                found[point.id] = point
        return [found[id] for id in ids if id in found]

    def update(self, ids: Sequence[str], payloads: Sequence[Payload]) -> int:
        """Replace payloads, not vectors, of the points that exist among `ids`; synced when it returns how many."""
        checked = check_payloads(ids, payloads)
        return self._writer.update(ids, payloads, checked)

    def delete(self, ids: Sequence[str]) -> int:
        """Remove the points that exist among `ids`; synced when it returns how many there were."""
        check_ids(ids)
        deleted = 0
        for start in range(0, len(ids), CHUNK):
            wanted = [encode_text(id) for id in ids[start : start + CHUNK]]
            deleted += self._writer.remove("id = ANY(%(ids)b::text[])", {"ids": wanted})
        return deleted

    def delete_where(self, where: Where) -> int:
        """Remove the points that match, however many; synced when it returns how many there were."""
        if where is None:
            raise InvalidInputError("where must be a mapping, got None; an empty one, {}, matches every point")
        return self._writer.remove(*condition(where))

    def query(
        self,
        vector: npt.ArrayLike,
        *,
        k: int,
        where: Where | None = None,
        exact: bool = False,
        effort: Effort | None = None,
        with_payload: bool = True,
    ) -> list[Match]:
        """Find the `k` points nearest to a `(d,)` vector, best first; `effort` is the configuration's unless given."""
        query = check_query(vector, self._config)
        return self._nearest.find([query], check_k(k), where, exact, effort, with_payload)[0]

    def query_batch(
        self,
        vectors: npt.ArrayLike,
        *,
        k: int,
        where: Where | None = None,
        exact: bool = False,
        effort: Effort | None = None,
        with_payload: bool = True,
    ) -> list[list[Match]]:
        """Answer each row of a `(q, d)` matrix as `query` would."""
        queries = check_queries(vectors, self._config)
        return self._nearest.find(list(queries), check_k(k), where, exact, effort, with_payload)

    def query_sparse(
        self, leg: str, vector: SparseVector, *, k: int, where: Where | None = None, with_payload: bool = True
    ) -> list[Match]:
        """Find the `k` points that score highest on a sparse leg, best first."""
        check_leg(leg, self._config)
        terms, weights = check_sparse([vector], ["the query"])[0]
        sql, parameters = condition(where)
        statement = self._searches.sparse(sql, check_k(k), with_payload=with_payload)
        given = {"leg": self._config.sparse.index(leg), "terms": terms, "weights": weights}
        return read_matches(self._read("searching", statement, {**parameters, **given}, prepare=False), None)

    def query_text(self, text: str, *, k: int, where: Where | None = None, with_payload: bool = True) -> list[Match]:
        """Find the `k` points that hold most of the words of a text, close together, best first."""
        sql, parameters = condition(where)
        statement = self._searches.text(sql, check_k(k), words_kept=self._words_kept, with_payload=with_payload)
        given = {"text": encode_text(text)}
        return read_matches(self._read("searching", statement, {**parameters, **given}, prepare=False), None)

    def facets(self, name: str, *, where: Where | None = None, limit: int = 100) -> list[Facet]:
        """Count the values of a metadata field over the points that match: at most `limit`, the most frequent first."""
        check_count("limit", limit)
        sql, parameters = condition(where)
        values = " || ".join(f"coalesce(fields -> %(name)s::text -> '{kind}', '[]')" for kind in "bns")
        # Ties at the limit are all given, because their order is not the server's.
        statement = (
            f"SELECT value, count(*) FROM {self._tables.points}, LATERAL (SELECT DISTINCT value "
            f"FROM jsonb_array_elements({values})) AS point WHERE fields ? %(name)s AND {sql} "
            f"GROUP BY value ORDER BY count(*) DESC FETCH FIRST {operator.index(limit)} ROWS WITH TIES"
        )
        rows = self._read("counting", statement, {**parameters, "name": encode_text(name)}, prepare=False)
        return sort_facets((Facet(read_value(value), count) for value, count in rows), limit)

    def count(self, where: Where | None = None) -> int:
        """Count the points that match."""
        sql, parameters = condition(where)
        statement = f"SELECT count(*) FROM {self._tables.points} WHERE {sql}"
        return int(self._read("counting", statement, parameters, prepare=False)[0][0])

    def scroll(
        self, where: Where | None = None, *, with_vectors: bool = False, page_size: int = 1000
    ) -> Iterator[Point]:
        """Go through the points that match, each once, in an order of the store's own."""
        limit = check_count("page_size", page_size)
        return self._pages(*condition(where), with_vectors, limit)

    def optimise(self) -> None:
        """Build or refresh the index now; blocks until done."""
        self._sessions.ask("building the indexes", self._build)

    def compact(self) -> None:
        """Remove the bytes of deleted and replaced points from the disk."""
        self._sessions.ask("compacting", lambda session: self._vacuum(session, "FULL, ANALYZE"))

    def allocated_bytes(self) -> int:
        """Measure the disk space in use, in bytes of allocated blocks."""
        sizes = " + ".join(f"pg_total_relation_size('{table}')" for table in self._all_tables())
        return int(self._read("measuring", f"SELECT {sizes}", {}, prepare=False)[0][0])

    def close(self) -> None:
        """Release the connections; closing twice is harmless."""
        self._sessions.close()

    def _all_tables(self) -> list[str]:
        return [self._tables.points, *([self._tables.postings] if self._config.sparse else [])]

    def _read(self, doing: str, statement: str, parameters: Parameters, *, prepare: bool | None = None) -> list[Any]:
        return self._sessions.ask(doing, lambda session: session.rows(statement, parameters, prepare=prepare))

    def _points(self, sql: str, parameters: Parameters, order: str, with_vectors: bool) -> list[Point]:
        with_vector = with_vectors and self._config.dim is not None
        wanted = f"id, {PAYLOAD}" + (", vector, norm" if with_vector else "")
        statement = f"SELECT {wanted} FROM {self._tables.points} WHERE {sql} {order}"
        rows = self._read("reading points", statement, parameters, prepare=False)
        return [read_point(row, with_vector=with_vector) for row in rows]

    def _pages(self, sql: str, parameters: Parameters, with_vectors: bool, limit: int) -> Iterator[Point]:
        after: Parameters = {"after": ""}  # no id is empty
        while True:
            page = self._points(
                f"{sql} AND id > %(after)s", {**parameters, **after}, f"ORDER BY id LIMIT {limit}", with_vectors
            )
            yield from page
            if len(page) < limit:
                return
            after = {"after": encode_text(page[-1].id)}

    def _vacuum(self, session: Session, how: str) -> None:
        session.run("SET statement_timeout = 0")
        try:
            for table in self._all_tables():
                session.run(f"VACUUM ({how}) {table}")
        finally:
            if not session.connection.closed:
                session.run("RESET statement_timeout")

    def _build(self, session: Session) -> None:
        self._tables.build_other_indexes(session)
        built = self._tables.built(session)
        self._words_kept, self._nearest.approximate = built.words_kept, built.index_usable
        if self._config.dim is not None and not built.index_current:
            ((count,),) = session.rows(f"SELECT count(*) FROM {self._tables.points}")
            if count > self._config.index_above:
                self._tables.build_vector_index(session)
                self._nearest.approximate = True
        self._vacuum(session, "ANALYZE")
