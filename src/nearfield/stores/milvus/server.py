"""A connection to Milvus: the vendor's client, asked with a timeout, a bounded number of times."""

import contextlib
import logging
import os
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeVar

from nearfield.errors import CapabilityError, InvalidInputError
from nearfield.extras import import_extra
from nearfield.stores.address import Address
from nearfield.stores.base import Capabilities
from nearfield.stores.milvus.config import MilvusConfig
from nearfield.stores.milvus.lite import LiteEngine, open_engine
from nearfield.stores.retries import ServerCalls

if TYPE_CHECKING:
    from pymilvus import MilvusClient

T = TypeVar("T")

SERVER = Capabilities(
    metrics=frozenset({"cosine", "dot", "l2"}),
    sparse=True,
    exact=True,
    approximate=True,
    quantisation=frozenset({"none", "float16", "int8", "binary"}),
    visibility="immediate",
    concurrency="many",
    text="milvus-bm25",
)
LITE = Capabilities(
    metrics=SERVER.metrics,
    sparse=True,
    exact=True,
    approximate=True,
    quantisation=frozenset({"none"}),
    visibility="immediate",
    concurrency="one process",
    text="milvus-bm25",
)

_TIMEOUT = 30.0
_WAITS = (0.5, 2.0)
_OPTIONS = ("tls", "ca", "timeout")
_DENIALS = {1400, 1401, 1402, 1403}
_TRANSIENT = {2, 101, 103}
"""No connection; not in memory, as a collection is while its index is replaced."""
_QUIET = threading.local()


class _WhileAsking(logging.Filter):
    """Drops what the client logs about calls that are made here: traces of errors that are then raised anyway."""

    def filter(self, record: logging.LogRecord) -> bool:
        return not getattr(_QUIET, "on", False)


_FILTER = _WhileAsking()
_LOGGERS = ("decorators", "client.connection_manager", "client.grpc_handler", "client.iterator.query_iterator")


class MilvusServer:
    """A connection, shared by a database and its stores.

    Args:
        client: The vendor's client.
        calls: How it is asked.
        timeout: Seconds to wait for each answer.
        engine: The engine in this process, if it is one.
    """

    def __init__(self, client: "MilvusClient", calls: ServerCalls, timeout: float, engine: LiteEngine | None) -> None:
        self.client = client
        self.timeout = timeout
        self.engine = engine
        self._calls = calls
        self._closed = False
        self.is_lite = "lite" in self.ask("connecting", lambda: client.get_server_version(timeout=timeout))

    @classmethod
    def connect(cls, address: Address) -> "MilvusServer":
        """Connect to a server, or start the engine of a folder.

        Args:
            address: A host, or a path that ends in `.db`.

        Returns:
            The connection; close it.

        Raises:
            InvalidInputError: If the address has an option that is not known, or one out of range.
            MissingExtraError: If the client is not installed.
            StorageError: If the server cannot be reached.
            StoreAccessError: If it refuses this user.
        """
        for name in _LOGGERS:
            logging.getLogger(f"pymilvus.{name}").addFilter(_FILTER)  # adding it twice is adding it once
        timeout = _read_timeout(address)
        if address.host:
            return cls._open(address, timeout, _server_options(address), None)
        engine = open_engine(address.path)
        try:
            return cls._open(address, timeout, {"uri": engine.uri}, engine)
        except BaseException:
            engine.release()
            raise

    @classmethod
    def _open(
        cls, address: Address, timeout: float, options: dict[str, Any], engine: LiteEngine | None
    ) -> "MilvusServer":
        milvus = import_extra("pymilvus", extra="milvus")
        shown = str(address.with_name(""))
        secret = address.password or options.get("token", "")
        once = ServerCalls(shown, _is_transient, _is_denial, secret, waits=())  # the client asks until the timeout
        with _quiet():
            client = once.ask("connecting", lambda: milvus.MilvusClient(timeout=timeout, dedicated=True, **options))
        calls = replace(once, waits=_WAITS)
        return cls(client, calls, timeout, engine)

    @property
    def capabilities(self) -> Capabilities:
        """Say what stores can do on what is connected to."""
        return LITE if self.is_lite else SERVER

    def check(self, config: MilvusConfig) -> None:
        """Refuse what this server does not offer.

        Args:
            config: A checked configuration.

        Raises:
            CapabilityError: If Milvus Lite is asked for what only a server has.
        """
        if not self.is_lite:
            return
        refused = {
            "quantisation": config.quantisation != "none",
            "index_type": config.index_type == "DISKANN",
            "shards": config.shards != 1,
            "replicas": config.replicas != 1,
            "analyzer": config.analyzer not in ("standard", "none"),
        }
        for name, is_refused in refused.items():
            if is_refused:
                raise CapabilityError(f"Milvus Lite has no {name}={getattr(config, name)!r}; a Milvus server has")

    def ask(self, doing: str, call: Callable[[], T]) -> T:
        """Call the server, and again while it is not ready; Milvus Lite is called by one thread at a time."""
        with self.engine.turn if self.engine else contextlib.nullcontext(), _quiet():
            return self._calls.ask(doing, call)

    def sync(self, physical: str) -> None:
        """Return when what was written to a collection is on the disk; a server does that before it answers."""
        if self.engine is not None:
            with self.engine.turn:
                self.engine.sync(physical)

    def close(self) -> None:
        """Let go of it; closing twice is harmless."""
        if self._closed:
            return
        self._closed = True
        self.client.close()
        if self.engine is not None:
            self.engine.release()


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    before = getattr(_QUIET, "on", False)
    _QUIET.on = True
    try:
        yield
    finally:
        _QUIET.on = before


def _read_timeout(address: Address) -> float:
    unknown = sorted(set(address.options) - set(_OPTIONS))
    if unknown:
        raise InvalidInputError(f"a milvus:// URL has no option {unknown[0]!r}; allowed are {', '.join(_OPTIONS)}")
    try:
        timeout = float(address.options.get("timeout", _TIMEOUT))
    except ValueError:
        timeout = 0.0
    if not 0 < timeout < float("inf"):
        raise InvalidInputError(
            f"timeout in a milvus:// URL is a number of seconds, got {address.options['timeout']!r}"
        )
    return timeout


def _server_options(address: Address) -> dict[str, Any]:
    """Turn an address into arguments of the client."""
    tls = address.options.get("tls", "false")
    if tls not in ("true", "false"):
        raise InvalidInputError(f"tls in a milvus:// URL is true or false, got {tls!r}")
    host = f"[{address.host}]" if ":" in address.host else address.host
    token = f"{address.user}:{address.password}" if address.user and address.password else address.password
    options: dict[str, Any] = {
        "uri": f"{'https' if tls == 'true' else 'http'}://{host}:{address.port or 19530}",
        "token": token or os.environ.get("MILVUS_TOKEN", ""),
        "db_name": address.path.strip("/"),
    }
    if "ca" in address.options:
        if tls != "true":
            raise InvalidInputError("ca in a milvus:// URL names certificates to trust under tls=true; add that too")
        options["server_pem_path"] = address.options["ca"]  # the client's name for roots to trust
    return options


def _is_denial(error: Exception) -> bool:
    status = _status(error)
    return status in ("UNAUTHENTICATED", "PERMISSION_DENIED") or getattr(error, "code", None) in _DENIALS


def _is_transient(error: Exception) -> bool:
    if _status(error) in ("DEADLINE_EXCEEDED", "RESOURCE_EXHAUSTED"):
        return True
    return bool(getattr(error, "retriable", False)) or getattr(error, "code", None) in _TRANSIENT


def _status(error: Exception) -> str:
    """Name gRPC's status of a failed call: of its own error, or of one of the client's, which may only be its cause."""
    for each in (error, error.__cause__):
        code = getattr(each, "code", None)
        name = getattr(code() if callable(code) else code, "name", "")
        if name:
            return str(name)
    return ""
