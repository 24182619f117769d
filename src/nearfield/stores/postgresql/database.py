"""Collections in a PostgreSQL database with pgvector."""

import json
import re
from typing import Any

from nearfield.errors import CollectionError, InvalidInputError
from nearfield.report.frozen import to_json
from nearfield.stores.address import Address
from nearfield.stores.base import Capabilities, StoreConfig
from nearfield.stores.database import Document, NoLock, check_name
from nearfield.stores.postgresql.config import PostgresConfig, check_config
from nearfield.stores.postgresql.registry import Registry
from nearfield.stores.postgresql.server import Server, Session, Sessions
from nearfield.stores.postgresql.store import CAPABILITIES, PostgresStore
from nearfield.stores.postgresql.tables import Tables

_SCHEMA = re.compile(r"[A-Za-z_][A-Za-z0-9_-]{0,62}", re.ASCII)
_DEFAULT_SCHEMA = "nearfield"
_FIXED = ("dim", "metric", "sparse", "language")
_ITERATIVE = {"strict": "strict_order", "relaxed": "relaxed_order"}


class PostgresDatabase:
    """The collections in one schema of a database; see `nearfield.stores.database` for what is promised.

    In the URL, `postgresql://user:password@host:port/database?sslmode=require#faq`, the options are libpq's, and
    `schema`, which is `nearfield` unless given. What is left out, libpq finds where it always does: PGPASSWORD,
    `.pgpass`, a service file. A statement may take a minute, but for building an index; `options=-c
    statement_timeout=...` says otherwise. The schema, and pgvector in the database, are made when they are first
    needed, which takes the right to.

    Connections keep settings and prepared statements, so a pooler between must pool by session.

    Args:
        server: Where the database is.
        schema: The schema that holds the registry and the tables.
    """

    def __init__(self, server: Server, schema: str) -> None:
        self._server = server
        self._schema = schema
        self._sessions = Sessions(server, {}, what="the database")
        self._registry = Registry(self._sessions, schema)

    @classmethod
    def connect(cls, address: Address) -> "PostgresDatabase":
        """Connect to the database of an address.

        Args:
            address: Of the database or of a collection in it.

        Returns:
            The database; close it.

        Raises:
            MissingExtraError: If psycopg or pgvector's client is not installed.
            InvalidInputError: If libpq does not know an option, or the schema cannot be one.
            CollectionError: If the schema holds a registry that is not known here.
            StorageError: If the server cannot be reached.
            StoreAccessError: If it refuses this user.
        """
        options = dict(address.options)
        schema = options.pop("schema", _DEFAULT_SCHEMA)
        if not _SCHEMA.fullmatch(schema):
            raise InvalidInputError(
                f"schema must be 1 to 63 letters, digits, _ and -, the first no digit; got {schema!r}"
            )
        database = cls(Server.at(address, options), schema)
        try:
            database._registry.check()
        except BaseException:
            database.close()
            raise
        return database

    @property
    def config_type(self) -> type[PostgresConfig]:
        """Say what its stores are created with."""
        return PostgresConfig

    @property
    def capabilities(self) -> Capabilities:
        """Say what its stores can do."""
        return CAPABILITIES

    def collections(self) -> list[str]:
        """List the names of the collections, sorted."""
        return self._registry.collections()

    def claim(self, name: str) -> NoLock:
        """Take a name for a new collection, clearing what an interrupted creation left under it."""
        if self.read(check_name(name), "manifest") is not None:
            raise CollectionError(
                f"there is a collection {name!r} at {self._server.calls.server} already; open it, or choose another "
                "name"
            )
        self._registry.prepare()
        self._sessions.ask("clearing what an interrupted creation left", lambda session: self._drop(session, name))
        return NoLock()

    def hold(self, name: str) -> NoLock:
        """Take an existing collection; any number of processes may."""
        self._require(name)
        return NoLock()

    def read(self, name: str, document: Document) -> bytes | None:
        """Read one of a collection's documents; None if there is none."""
        return self._registry.read(name, document)

    def write(self, name: str, document: Document, content: bytes | None) -> None:
        """Replace one of a collection's documents, or remove it: all or nothing, synced when it returns."""
        self._registry.write(check_name(name), document, content)

    def create_store(self, name: str, generation: int, config: StoreConfig) -> PostgresStore:
        """Make an empty store."""
        checked = check_config(config)
        tables = Tables.named(self._schema, check_name(name), generation, checked)
        self._registry.prepare()
        description = json.dumps(to_json(checked), ensure_ascii=False)

        def create(session: Session) -> None:
            with session.connection.transaction():
                if not self._registry.add_store(session, name, generation, description):
                    raise CollectionError(f"the collection {name!r} has a store {generation} already; open it")
                tables.create(session)

        self._sessions.ask("making a store", create)
        return self._store(tables)

    def open_store(self, name: str, generation: int, config: StoreConfig) -> PostgresStore:
        """Open a store with the configuration it was created with; what concerns searching alone may differ.

        What concerns an index takes effect when `optimise` next builds it.
        """
        checked = check_config(config)
        description = self._registry.store(name, generation)
        if description is None:
            raise CollectionError(f"the collection {name!r} has no store {generation}; index again")
        made: dict[str, Any] = json.loads(description)
        given: dict[str, Any] = to_json(checked)
        for option in _FIXED:
            if made[option] != given[option]:
                raise CollectionError(
                    f"the store of {name!r} was made with {option} {made[option]!r}, not {given[option]!r}; "
                    "open it with what it was made with"
                )
        return self._store(Tables.named(self._schema, name, generation, checked))

    def drop_store(self, name: str, generation: int) -> None:
        """Remove a store with its points; harmless when there is none."""
        if self._registry.check():
            self._sessions.ask("removing a store", lambda session: self._drop(session, name, generation))

    def drop(self, name: str) -> None:
        """Remove a collection whole, in one transaction."""
        self._require(name)
        self._sessions.ask("removing a collection", lambda session: self._drop(session, name))

    def generations(self, name: str) -> list[int]:
        """List the stores of a collection, ascending."""
        return self._registry.generations(name)

    def close(self) -> None:
        """Let go of the server; closing twice is harmless."""
        self._sessions.close()

    def _require(self, name: str) -> None:
        if self.read(name, "manifest") is None:
            raise CollectionError(
                f"there is no collection {name!r} at {self._server.calls.server}; make one with `nearfield index`"
            )

    def _drop(self, session: Session, name: str, generation: int | None = None) -> None:
        """Remove one store, or all of a collection and its documents."""
        with session.connection.transaction():
            for removed in self._registry.remove(session, name, generation):
                Tables.named(self._schema, name, removed, PostgresConfig()).drop(session)

    def _store(self, tables: Tables) -> PostgresStore:
        config = tables.config
        settings = {
            "hnsw.ef_search": str(config.ef),
            "hnsw.iterative_scan": _ITERATIVE[config.iterative_scan],
            "hnsw.max_scan_tuples": str(config.max_scan_tuples),
        }
        sessions = Sessions(self._server, settings, what="the store")
        try:
            return PostgresStore(sessions, tables)
        except BaseException:
            sessions.close()
            raise
