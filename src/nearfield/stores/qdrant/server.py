"""A connection to a Qdrant server, by REST or gRPC."""

import contextlib
import os
import time
import warnings
from collections.abc import Callable, Mapping
from operator import methodcaller
from typing import Any, TypeVar, cast

from nearfield.errors import InvalidInputError, StorageError, StoreAccessError
from nearfield.extras import import_extra
from nearfield.stores.address import Address
from nearfield.stores.base import Capabilities, StoreConfig
from nearfield.stores.qdrant.config import QdrantConfig
from nearfield.stores.qdrant.connection import ClientModel, FieldKind, client_models
from nearfield.stores.qdrant.models import hnsw_of, optimisers_of, quantisation_change
from nearfield.stores.retries import ServerCalls

T = TypeVar("T")

_KEY = "QDRANT_API_KEY"
_LEAST_VERSION = (1, 20)
_OPTIONS = ("grpc_port", "timeout", "tls")
_TIMEOUT_SECONDS = 60
_LOOPBACK = ("localhost", "127.0.0.1", "::1")
_FACETS = 10_000
_POLL_SECONDS = 0.2
_VACUUM_SHARE, _VACUUM_POINTS = 0.2, 1000
_ANY_SHARE, _FEWEST_POINTS = 1e-9, 100

CAPABILITIES = Capabilities(
    metrics=frozenset({"cosine", "dot", "l2"}),
    sparse=True,
    exact=True,
    approximate=True,
    quantisation=frozenset({"none", "int8", "binary"}),
    visibility="immediate",
    concurrency="many",
)


class ServerConnection:
    """A Qdrant server of version 1.20 or later.

    Args:
        address: `qdrant://:key@host:6333`; the key may be in `QDRANT_API_KEY` instead. Options are `tls` (by default
            on where a key is sent to another machine), `grpc_port` (then gRPC is spoken, which is faster) and
            `timeout` (60 seconds for each request by default). A path is what a proxy puts before the server's own.

    Raises:
        InvalidInputError: If the address is wrong.
        StorageError: If the server cannot be reached, or is too old.
        StoreAccessError: If it refuses the key.
    """

    def __init__(self, address: Address) -> None:
        key = _key(address)
        self._client = _client(address, key)
        self._calls = ServerCalls(str(address), _is_transient, _is_denial, secret=key)
        try:
            version = self.ask("asking for the version", methodcaller("info")).version
            if _numbers(version) < _LEAST_VERSION:
                raise StorageError(f"{address} is Qdrant {version}; needed is 1.20 or later, so update the server")
        except BaseException:
            self.close()
            raise

    @property
    def capabilities(self) -> Capabilities:
        """Say what stores can do here."""
        return CAPABILITIES

    @property
    def config_type(self) -> type[StoreConfig]:
        """Say what stores are created with here."""
        return QdrantConfig

    def ask(self, doing: str, call: Callable[[ClientModel], T]) -> T:
        """Call the vendor's client, and again while the server is gone; see `ServerCalls`."""
        return self._calls.ask(doing, lambda: _unwrapped(call, self._client))

    def index_field(self, collection: str, key: str, kind: FieldKind) -> None:
        """Index a payload key; who may only read goes without, and waits longer for filters."""
        request = {"field_name": key, "field_schema": kind, "wait": True}
        with contextlib.suppress(StoreAccessError):
            self.ask("indexing a field", methodcaller("create_payload_index", collection, **request))

    def facet(self, collection: str, key: str, condition: object) -> dict[str, int]:
        """Count the points for each string under a payload key, which is indexed."""
        limit = _FACETS
        while True:
            request = {"key": key, "facet_filter": condition, "limit": limit, "exact": True}
            hits = self.ask("counting values", methodcaller("facet", collection, **request)).hits
            if len(hits) < limit:
                return {str(hit.value): hit.count for hit in hits if hit.count}
            limit *= 10

    def optimise(self, collection: str, config: StoreConfig) -> None:
        """Return when the index is built as the configuration says."""
        chosen = cast(QdrantConfig, config)  # the database takes no other
        changes: dict[str, Any] = {
            "hnsw_config": hnsw_of(chosen),
            "optimizers_config": optimisers_of(chosen),
            "quantization_config": quantisation_change(config.quantisation),
        }
        # A change, be it to what is there already, also wakes a server that has left work undone after a restart.
        self.ask("building the index", methodcaller("update_collection", collection, **changes))
        self._wait("building the index", collection)

    def compact(self, collection: str) -> None:
        """Rewrite the segments that hold deleted points, of those of at least 100 points."""
        self._vacuum(collection, _ANY_SHARE, _FEWEST_POINTS)
        try:
            self._wait("compacting", collection)
        finally:
            self._vacuum(collection, _VACUUM_SHARE, _VACUUM_POINTS)

    def allocated_bytes(self, collection: str) -> int | None:
        """Give None: the server does not tell what it takes on its disk."""
        return None

    def close(self) -> None:
        """Let go of the server; closing twice is harmless."""
        self._client.close()

    def _vacuum(self, collection: str, share: float, points: int) -> None:
        change = client_models().OptimizersConfigDiff(deleted_threshold=share, vacuum_min_vector_number=points)
        self.ask("compacting", methodcaller("update_collection", collection, optimizers_config=change))

    def _wait(self, doing: str, collection: str) -> None:
        quiet = 0
        while quiet < 2:  # once may be the moment before the server begins
            info = self.ask(doing, methodcaller("get_collection", collection))
            error = getattr(info.optimizer_status, "error", None)
            if error or info.status == "red":
                raise StorageError(f"{doing} failed at {self._calls.server}: {error or 'some operations failed'}")
            quiet = quiet + 1 if info.status == "green" else 0
            time.sleep(_POLL_SECONDS)


def _key(address: Address) -> str:
    if address.user:
        raise InvalidInputError("the user name of a qdrant:// URL stays empty; write the key as qdrant://:KEY@host")
    return address.password or os.environ.get(_KEY, "")


def _client(address: Address, key: str) -> ClientModel:
    module = import_extra("qdrant_client", extra="qdrant")
    options = address.options
    unknown = sorted(set(options) - set(_OPTIONS))
    if unknown:
        raise InvalidInputError(f"a qdrant:// URL knows the options {', '.join(_OPTIONS)}; got {unknown[0]!r}")
    near = address.host in _LOOPBACK
    grpc_port = _whole(options, "grpc_port", 0)
    with warnings.catch_warnings():
        if near:
            # The client warns of every key sent without TLS, but here it does not leave the machine.
            warnings.filterwarnings("ignore", "Api key is used with an insecure connection", UserWarning)
        return module.QdrantClient(
            host=address.host,
            port=address.port or 6333,
            grpc_port=grpc_port or 6334,
            prefer_grpc=grpc_port > 0,
            https=_switch(options, "tls", default=bool(key) and not near),
            api_key=key or None,
            prefix=address.path.strip("/") or None,
            timeout=_whole(options, "timeout", _TIMEOUT_SECONDS),
            check_compatibility=False,  # the version is asked for here, in the open
        )


def _whole(options: Mapping[str, str], name: str, default: int) -> int:
    text = options.get(name)
    if text is None:
        return default
    if not (text.isdecimal() and text.isascii() and int(text) > 0):
        raise InvalidInputError(f"{name} in a qdrant:// URL must be a whole number above zero, got {text!r}")
    return int(text)


def _switch(options: Mapping[str, str], name: str, *, default: bool) -> bool:
    text = options.get(name)
    if text not in (None, "true", "false"):
        raise InvalidInputError(f"{name} in a qdrant:// URL must be true or false, got {text!r}")
    return default if text is None else text == "true"


def _numbers(version: str) -> tuple[int, ...]:
    """Read the first two numbers of a version such as `1.20.3-dev`."""
    return tuple(int(part) for part in version.split(".")[:2])


class _GrpcError(Exception):
    """What a server answered over gRPC, in a line."""

    def __init__(self, status: str, details: str) -> None:
        super().__init__(f"{status}: {details}")
        self.status_code = status


def _unwrapped(call: Callable[[ClientModel], T], client: ClientModel) -> T:
    """Call the client, and say what happened where its own exceptions say nothing, or too much."""
    from qdrant_client.http.exceptions import ResponseHandlingException

    grpc = import_extra("grpc", extra="qdrant")
    try:
        return call(client)
    except ResponseHandlingException as error:
        raise error.source from None
    except grpc.RpcError as error:
        raise _GrpcError(error.code().name, error.details()) from None


def _status(error: Exception) -> str:
    """Give what a server answered: a number over HTTP, a word over gRPC; empty where it did not."""
    return str(getattr(error, "status_code", ""))


def _is_denial(error: Exception) -> bool:
    return _status(error) in ("401", "403", "UNAUTHENTICATED", "PERMISSION_DENIED")


def _is_transient(error: Exception) -> bool:
    import httpx
    from qdrant_client.common.client_exceptions import ResourceExhaustedResponse

    if isinstance(error, httpx.TransportError | ResourceExhaustedResponse):
        return True
    busy = ("408", "429", "500", "502", "503", "504")
    return _status(error) in (*busy, "UNAVAILABLE", "DEADLINE_EXCEEDED", "RESOURCE_EXHAUSTED", "ABORTED", "INTERNAL")
