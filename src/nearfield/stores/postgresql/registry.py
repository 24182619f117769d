"""What a schema knows of its collections: their documents and their stores, in two tables of its own."""

from typing import Any

from nearfield.errors import CapabilityError, CollectionError
from nearfield.stores.database import Document
from nearfield.stores.postgresql.server import Session, Sessions
from nearfield.stores.postgresql.tables import quoted

VERSION = b"1"

_MAKING = 0x6E656172  # the number under which those who make a registry take turns


class Registry:
    """The tables `nearfield_documents` and `nearfield_stores` of one schema.

    The first also holds the version of both, as the document `version` of the collection without a name.

    Args:
        sessions: Connections to the server.
        schema: The schema; made, with the tables, by `prepare`.
    """

    def __init__(self, sessions: Sessions, schema: str) -> None:
        self._sessions = sessions
        self._schema = schema
        self._documents = quoted(schema, "nearfield_documents")
        self._stores = quoted(schema, "nearfield_stores")
        self._there = False

    def check(self) -> bool:
        """Look whether there is a registry.

        Returns:
            Whether there is; what is asked of none is empty.

        Raises:
            CollectionError: If there is one of another version, or other tables of its name.
        """
        self._there = self._there or self._sessions.ask("opening the database", self._found)
        return self._there

    def _found(self, session: Session) -> bool:
        import psycopg

        try:
            rows = session.rows(f"SELECT content FROM {self._documents} WHERE collection = '' AND document = 'version'")
        except (psycopg.errors.UndefinedTable, psycopg.errors.InvalidSchemaName):
            return False
        except psycopg.errors.UndefinedColumn:
            rows = []
        if not rows:
            raise CollectionError(
                f"{self._documents} is not nearfield's table of that name; choose another schema with ?schema="
            )
        if rows[0][0] != VERSION:
            raise CollectionError(
                f"the schema {self._schema!r} has a registry of version {rows[0][0].decode(errors='replace')!r}, this "
                f"nearfield reads {VERSION.decode()!r}; use the nearfield that wrote it, or another schema"
            )
        return True

    def prepare(self) -> None:
        """Make the schema, the registry and pgvector, where they are missing."""
        if not self.check():
            self._sessions.ask("making the schema", self._make)
            self._sessions.renew()
            self.check()

    def _make(self, session: Session) -> None:
        with session.connection.transaction():
            session.run("SELECT pg_advisory_xact_lock(%(key)s)", {"key": _MAKING})
            ((vector, schema),) = session.rows(
                "SELECT (SELECT extversion FROM pg_extension WHERE extname = 'vector'), "
                "to_regnamespace(%(schema)s)::text",
                {"schema": quoted(self._schema)},
            )
            if vector is None:
                _make_pgvector(session)
            if schema is None:
                session.run(f"CREATE SCHEMA {quoted(self._schema)}")
            session.run(
                f"CREATE TABLE IF NOT EXISTS {self._documents} "
                "(collection text, document text, content bytea NOT NULL, PRIMARY KEY (collection, document))"
            )
            session.run(
                f"CREATE TABLE IF NOT EXISTS {self._stores} "
                "(collection text, generation integer, config text NOT NULL, PRIMARY KEY (collection, generation))"
            )
            self._put(session, "", "version", VERSION)

    def collections(self) -> list[str]:
        """List the names of the collections, sorted."""
        rows = self._read(f"SELECT collection FROM {self._documents} WHERE document = 'manifest'", {})
        return sorted(name for (name,) in rows)

    def generations(self, name: str) -> list[int]:
        """List the stores of a collection, ascending."""
        rows = self._read(
            f"SELECT generation FROM {self._stores} WHERE collection = %(name)s ORDER BY generation", {"name": name}
        )
        return [generation for (generation,) in rows]

    def read(self, name: str, document: Document) -> bytes | None:
        """Read a document; None if there is none."""
        rows = self._read(
            f"SELECT content FROM {self._documents} WHERE collection = %(name)s AND document = %(document)s",
            {"name": name, "document": document},
        )
        return rows[0][0] if rows else None

    def write(self, name: str, document: Document, content: bytes | None) -> None:
        """Replace a document, or remove it."""
        self.prepare()
        if content is not None:
            self._sessions.ask("writing a document", lambda session: self._put(session, name, document, content))
            return
        statement = f"DELETE FROM {self._documents} WHERE collection = %(name)s AND document = %(document)s"
        values = {"name": name, "document": document}
        self._sessions.ask("removing a document", lambda session: session.run(statement, values))

    def store(self, name: str, generation: int) -> str | None:
        """Read what a store was made with, as JSON; None if there is no such store."""
        rows = self._read(
            f"SELECT config FROM {self._stores} WHERE collection = %(name)s AND generation = %(generation)s",
            {"name": name, "generation": generation},
        )
        return rows[0][0] if rows else None

    def add_store(self, session: Session, name: str, generation: int, config: str) -> bool:
        """Enter a store, in the transaction that is open.

        Args:
            session: The transaction's.
            name: Its collection.
            generation: Its number.
            config: What it is made with, as JSON.

        Returns:
            Whether it was not there.
        """
        return bool(
            session.run(
                f"INSERT INTO {self._stores} VALUES (%(name)s, %(generation)s, %(config)s) ON CONFLICT DO NOTHING",
                {"name": name, "generation": generation, "config": config},
            )
        )

    def remove(self, session: Session, name: str, generation: int | None) -> list[int]:
        """Strike out a store, or all of a collection and its documents, in the transaction that is open.

        Args:
            session: The transaction's.
            name: The collection.
            generation: The store's number; None for all.

        Returns:
            The numbers of the stores that were there.
        """
        values = {"name": name, "generation": generation}
        if generation is None:
            session.run(f"DELETE FROM {self._documents} WHERE collection = %(name)s", values)
        statement = (
            f"DELETE FROM {self._stores} WHERE collection = %(name)s "
            "AND generation = coalesce(%(generation)s, generation) RETURNING generation"
        )
        return [number for (number,) in session.rows(statement, values)]

    def _read(self, statement: str, parameters: dict[str, Any]) -> list[Any]:
        if not self.check():
            return []
        return self._sessions.ask("reading the registry", lambda session: session.rows(statement, parameters))

    def _put(self, session: Session, name: str, document: str, content: bytes) -> None:
        session.run(
            f"INSERT INTO {self._documents} VALUES (%(name)s, %(document)s, %(content)s) "
            "ON CONFLICT (collection, document) DO UPDATE SET content = excluded.content",
            {"name": name, "document": document, "content": content},
        )


def _make_pgvector(session: Session) -> None:
    import psycopg

    try:
        session.run("CREATE EXTENSION vector")
    except (psycopg.errors.FeatureNotSupported, psycopg.errors.UndefinedFile):
        raise CapabilityError(
            "the server has no pgvector; install it there (a package such as postgresql-18-pgvector)"
        ) from None
