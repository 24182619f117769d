"""A PostgreSQL server: how to reach it, what its errors mean, and connections that threads share."""

import os
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from nearfield.errors import CapabilityError, InvalidInputError, StorageError, StoreAccessError
from nearfield.extras import import_extra
from nearfield.stores.address import Address
from nearfield.stores.postgresql.errors import is_denial, is_transient
from nearfield.stores.retries import ServerCalls

if TYPE_CHECKING:
    import psycopg

T = TypeVar("T")

_CONNECT_SECONDS = 10
_STATEMENT_MILLISECONDS = 60_000
_SILENT_SECONDS = 20
_IDLE = 4
_LEAST_PGVECTOR = (0, 8)


class Session:
    """One connection, used by one thread at a time.

    Args:
        connection: Open, in autocommit.
        settings: The settings of the server that it was opened with.
    """

    def __init__(self, connection: "psycopg.Connection[Any]", settings: Mapping[str, str]) -> None:
        self.connection = connection
        self._settings = dict(settings)

    def rows(
        self, statement: str, parameters: Mapping[str, Any] | None = None, *, prepare: bool | None = None
    ) -> list[Any]:
        """Run a statement that gives rows.

        Args:
            statement: SQL with named placeholders.
            parameters: Their values.
            prepare: Whether the server keeps a plan for it; None for one that comes again often enough, False for
                one whose best plan depends on the values.

        Returns:
            The rows.
        """
        return self.connection.execute(statement.encode(), parameters, prepare=prepare, binary=True).fetchall()

    def run(self, statement: str, parameters: Mapping[str, Any] | None = None) -> int:
        """Run a statement for what it does: the number of rows it did it to."""
        return self.connection.execute(statement.encode(), parameters).rowcount

    def many(
        self, statement: str, several: Sequence[Mapping[str, Any]], *, prepare: bool | None = None
    ) -> list[list[Any]]:
        """Run a statement with each of several parameters, in one round trip: the rows of each."""
        with self.connection.pipeline():
            cursors = [
                self.connection.execute(statement.encode(), parameters, prepare=prepare, binary=True)
                for parameters in several
            ]
        return [cursor.fetchall() for cursor in cursors]

    def copy(self, into: str, blocks: Iterable[bytes]) -> None:
        """Load rows in binary form into a table with its columns."""
        with (
            self.connection.cursor() as cursor,
            cursor.copy(f"COPY {into} FROM STDIN (FORMAT binary)".encode()) as copy,
        ):
            for block in blocks:
                copy.write(block)

    def use(self, settings: Mapping[str, str]) -> None:
        """Change settings of this connection, those alone that differ."""
        for name, value in settings.items():
            if self._settings.get(name) != value:
                self.connection.execute("SELECT set_config(%s, %s, false)", (name, value))
                self._settings[name] = value


@dataclass(frozen=True, repr=False)
class Server:
    """A database on a PostgreSQL server; not to be printed, because its options hold the password.

    Attributes:
        options: Options of libpq, such as `host`; what they lack, libpq finds in its environment and files.
        calls: How it is asked.
    """

    options: Mapping[str, str]
    calls: ServerCalls

    @classmethod
    def at(cls, address: Address, options: Mapping[str, str]) -> "Server":
        """Understand an address; nothing is connected to.

        Args:
            address: Of a database.
            options: Those of its options that are libpq's, such as `sslmode`, or `host` for a folder of sockets.

        Returns:
            The server.

        Raises:
            MissingExtraError: If its client is not installed.
            InvalidInputError: If libpq does not know an option.
        """
        psycopg = import_extra("psycopg", extra="postgresql")
        import_extra("pgvector.psycopg", extra="postgresql")
        given = {
            "host": address.host,
            "port": "" if address.port is None else str(address.port),
            "user": address.user,
            "password": address.password,
            "dbname": address.path.strip("/"),
        }
        known = {key: value for key, value in {**given, **options}.items() if value}
        password = known.get("password") or os.environ.get("PGPASSWORD", "")
        shown = str(address.with_name(""))
        try:
            psycopg.conninfo.make_conninfo(**known)
        except psycopg.Error as error:
            raise InvalidInputError(f"{shown} has an option that libpq does not take: {error}") from None
        return cls(known, ServerCalls(shown, is_transient, is_denial, password))

    def connect(self, settings: Mapping[str, str]) -> Session:
        """Open a connection, with pgvector's types where they are there.

        Args:
            settings: Settings of the server for it, such as `hnsw.ef_search`.

        Returns:
            The session.
        """
        import psycopg
        from psycopg.conninfo import make_conninfo

        ours = {
            "statement_timeout": str(_STATEMENT_MILLISECONDS),
            "synchronous_commit": "on",  # a write is acknowledged when it is on the disk
            "jit": "off",  # compiling a statement takes longer than any of ours
            **settings,
        }
        usual = {
            "application_name": "nearfield",
            "connect_timeout": str(_CONNECT_SECONDS),
            "tcp_user_timeout": str(_SILENT_SECONDS * 1000),
            "keepalives_idle": str(_SILENT_SECONDS),
            "client_encoding": "utf8",
        }
        flags = " ".join(f"-c {name}={value}" for name, value in ours.items())
        options = {**usual, **self.options, "options": f"{flags} {self.options.get('options', '')}".strip()}
        connection = psycopg.connect(make_conninfo(**options), autocommit=True)
        try:
            _require_utf8(connection)
            _find_pgvector(connection)
        except BaseException:
            connection.close()
            raise
        return Session(connection, settings)


def _require_utf8(connection: "psycopg.Connection[Any]") -> None:
    encoding = connection.info.parameter_status("server_encoding")
    if encoding != "UTF8":
        raise CapabilityError(f"the database has the encoding {encoding}; only UTF8 holds any text, so make another")


def _find_pgvector(connection: "psycopg.Connection[Any]") -> None:
    from pgvector.psycopg import register_vector

    # Nothing but pgvector is looked up by its bare name, so no one else's operator can come first.
    found = connection.execute(
        "SELECT extversion, set_config('search_path', quote_ident(nspname), false) "
        "FROM pg_extension JOIN pg_namespace ON pg_namespace.oid = extnamespace WHERE extname = 'vector'"
    ).fetchone()
    if found is None:
        return
    if tuple(int(part) for part in found[0].split(".")[:2]) < _LEAST_PGVECTOR:
        raise CapabilityError(
            f"the database has pgvector {found[0]}; 0.8 or newer is needed: ALTER EXTENSION vector UPDATE"
        )
    register_vector(connection)


class Sessions:
    """Connections to one server: as many as threads ask at a time, some of them kept for the next.

    Args:
        server: Where to connect.
        settings: Settings of the server for each.
        what: What to call the holder in an error, such as "the store".
    """

    def __init__(self, server: Server, settings: Mapping[str, str], *, what: str) -> None:
        self._server = server
        self._settings = settings
        self._what = what
        self._lock = threading.Lock()
        self._idle: list[Session] = []
        self._closed = False

    def ask(self, doing: str, call: Callable[[Session], T]) -> T:
        """Call with a session, and again with another while the server is gone.

        Args:
            doing: What is being done, for a message.
            call: Asks the server; what it does must be safe to do twice.

        Returns:
            What `call` returned.

        Raises:
            StoreAccessError: If the server refuses this user, or does not let it do this.
            StorageError: If it cannot be reached, or refuses what was asked, or the holder is closed.
        """
        return self._server.calls.ask(doing, lambda: self._once(doing, call))

    def _once(self, doing: str, call: Callable[[Session], T]) -> T:
        import psycopg

        try:
            with self._session() as session:
                return call(session)
        except psycopg.errors.InsufficientPrivilege as error:
            raise StoreAccessError(
                f"{doing} failed at {self._server.calls.server}: {error.diag.message_primary}; ask its owner for the "
                "right, or choose another user or schema"
            ) from None

    @contextmanager
    def _session(self) -> Iterator[Session]:
        with self._lock:
            if self._closed:
                raise StorageError(f"{self._what} is closed; open it again")
            session = self._idle.pop() if self._idle else None
        if session is None:
            session = self._server.connect(self._settings)
        try:
            yield session
        finally:
            self._give_back(session)

    def _give_back(self, session: Session) -> None:
        from psycopg.pq import TransactionStatus

        broken = session.connection.closed
        usable = session.connection.info.transaction_status == TransactionStatus.IDLE  # not where a call was broken off
        with self._lock:
            # One that broke says that the server went away, and the others with it.
            leaving = [*self._idle, session] if broken or self._closed else []
            if leaving:
                self._idle = []
            elif usable and len(self._idle) < _IDLE:
                self._idle.append(session)
            else:
                leaving = [session]
        for other in leaving:
            other.connection.close()

    def renew(self) -> None:
        """Let go of the kept connections, so that the next ones find what the server has learnt."""
        with self._lock:
            idle, self._idle = self._idle, []
        for session in idle:
            session.connection.close()

    def close(self) -> None:
        """Let go of the server; closing twice is harmless. A call under way in another thread ends as it would."""
        with self._lock:
            self._closed = True
        self.renew()
