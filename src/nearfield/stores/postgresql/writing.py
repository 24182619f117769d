"""Writing points to the tables of one store: a transaction for each part of a batch."""

from collections.abc import Iterator, Sequence
from functools import partial

from nearfield.stores.base import Payload
from nearfield.stores.batches import CheckedBatch
from nearfield.stores.postgresql.filters import Parameters, stored_fields
from nearfield.stores.postgresql.rows import columns, payload_columns, point_rows, posting_rows
from nearfield.stores.postgresql.server import Session, Sessions
from nearfield.stores.postgresql.tables import Tables
from nearfield.stores.postgresql.text import encode_text
from nearfield.stores.values import Projection

CHUNK = 2_000
"""Payloads to replace, or ids to ask for, at a time."""

PART_POINTS, PART_BYTES = 10_000, 32 << 20
"""What one transaction writes at most, about: little enough for the time that a statement may take."""


class PointWriter:
    """Writes, replaces and removes points.

    Args:
        sessions: Connections to the server.
        tables: What the store is made of.
    """

    def __init__(self, sessions: Sessions, tables: Tables) -> None:
        self._sessions = sessions
        self._tables = tables
        self._config = tables.config

    def upsert(self, batch: CheckedBatch) -> None:
        """Write a batch that passed the checks; an error says how many of its points are stored."""
        total = len(batch.ids)
        # Writers of the same points wait for each other in the same order, so none waits for ever.
        order = sorted(range(total), key=batch.ids.__getitem__)
        stored = 0
        for rows in _parts(batch, order):
            done = f" ({stored:,} of {total:,} are stored)" if len(rows) < total else ""
            self._sessions.ask(f"writing points{done}", partial(self._write, batch, rows))
            stored += len(rows)

    def update(self, ids: Sequence[str], payloads: Sequence[Payload], checked: Sequence[tuple[str, Projection]]) -> int:
        """Replace payloads.

        Args:
            ids: Of the points, each once.
            payloads: As many.
            checked: For each its metadata as JSON, and the projection of it.

        Returns:
            How many of the points there are.
        """
        names = ("id", "title", "body", "digest", "image", "meta", "fields")
        arrays = ", ".join(f"%({name})b::text[]" for name in names)
        statement = (
            f"UPDATE {self._tables.points} AS old SET title = new.title, body = new.body, digest = new.digest, "
            "image = new.image, meta = new.meta::json, fields = new.fields::jsonb "
            f"FROM unnest({arrays}) AS new({', '.join(names)}) WHERE old.id = new.id"
        )
        rows = [
            (encode_text(id), *payload_columns(payload), meta, stored_fields(projection))
            for id, payload, (meta, projection) in zip(ids, payloads, checked, strict=True)
        ]
        updated = 0
        for start in range(0, len(rows), CHUNK):
            part = zip(*rows[start : start + CHUNK], strict=True)
            values = {name: list(column) for name, column in zip(names, part, strict=True)}
            updated += self._sessions.ask(
                "updating points", partial(Session.run, statement=statement, parameters=values)
            )
        return updated

    def remove(self, sql: str, parameters: Parameters) -> int:
        """Remove points.

        Args:
            sql: An expression that says which.
            parameters: The values of its placeholders.

        Returns:
            How many there were; fewer, if the connection broke just after they were removed.
        """
        return self._sessions.ask("deleting points", lambda session: self._remove(session, sql, parameters))

    def _write(self, batch: CheckedBatch, rows: Sequence[int], session: Session) -> None:
        import psycopg

        try:
            self._replace(batch, rows, session, alone=False)
        except psycopg.errors.UniqueViolation:  # another writer made one of these points meanwhile
            self._replace(batch, rows, session, alone=True)

    def _replace(self, batch: CheckedBatch, rows: Sequence[int], session: Session, *, alone: bool) -> None:
        # Points are replaced by removing them and copying new ones in, all in one transaction: that writes each only
        # once, and costs hardly more than copying into an empty table where nothing is to be removed.
        with session.connection.transaction():
            self._tables.lock(session, alone=alone)
            self._remove(session, "id = ANY(%(ids)b::text[])", {"ids": [encode_text(batch.ids[row]) for row in rows]})
            numbers: list[int] = []
            if self._config.sparse:
                reserve = f"SELECT nextval('{self._tables.numbers}') FROM generate_series(1, %(n)s)"
                numbers = [number for (number,) in session.rows(reserve, {"n": len(rows)})]
            into = f"{self._tables.points} ({columns(self._config)})"
            session.copy(into, point_rows(batch, self._config, rows, numbers))
            if self._config.sparse:
                into = f"{self._tables.postings} (leg, term, point, weight)"
                session.copy(into, posting_rows(batch, self._config, rows, numbers))

    def _remove(self, session: Session, sql: str, parameters: Parameters) -> int:
        statement = f"DELETE FROM {self._tables.points} WHERE {sql}"
        if not self._config.sparse:
            return session.run(statement, parameters)
        statement = (
            f"WITH gone AS ({statement} RETURNING number), "
            f"words AS (DELETE FROM {self._tables.postings} USING gone WHERE point = gone.number) "
            "SELECT count(*) FROM gone"
        )
        return int(session.rows(statement, parameters)[0][0])


def _parts(batch: CheckedBatch, order: Sequence[int]) -> Iterator[Sequence[int]]:
    """Cut rows into those of one transaction."""
    vector = 0 if batch.vectors is None else batch.vectors[:1].nbytes
    start = size = 0
    for place, row in enumerate(order):
        payload = batch.payloads[row]
        needed = vector + len(payload.text) + len(payload.title) + 2 * len(batch.metas[row])
        if place > start and (size + needed > PART_BYTES or place - start == PART_POINTS):
            yield order[start:place]
            start, size = place, 0
        size += needed
    if start < len(order):
        yield order[start:]
