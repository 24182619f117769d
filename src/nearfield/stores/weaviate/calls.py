"""Getting at a Weaviate server: the client for a URL, and what its exceptions mean."""

import contextlib
import os
from collections.abc import Iterator
from typing import Any

from nearfield.errors import InvalidInputError, NearfieldError, StorageError
from nearfield.extras import import_extra
from nearfield.stores.address import Address
from nearfield.stores.retries import ServerCalls

_OPTIONS = ("grpc_host", "grpc_port", "timeout", "tls")
_OLDEST = (1, 33)  # the first with a filter that negates
_OVERLOADED = (429, 502, 503, 504)


def connect_client(address: Address) -> tuple[Any, ServerCalls]:
    """Connect to the server of an address.

    Args:
        address: `weaviate://:key@host:8080?grpc_host=host&grpc_port=50051&tls=false&timeout=60`, all but the host
            optional; the key may be in `WEAVIATE_API_KEY` instead. `timeout` is that of a request, in seconds.

    Returns:
        The client, to be closed, and how to call it.

    Raises:
        InvalidInputError: If the address has what Weaviate has not.
        MissingExtraError: If its client is not installed.
        StorageError: If it cannot be reached, or is older than 1.33.
        StoreAccessError: If it refuses the key.
    """
    weaviate = import_extra("weaviate", extra="weaviate")
    arguments = _arguments(address)
    secret = arguments["auth_credentials"] or ""
    calls = ServerCalls(str(address.with_name("")), is_transient, is_denial, secret=secret)
    client = calls.ask("connecting", lambda: weaviate.connect_to_custom(**arguments))
    try:
        _check_version(calls.ask("connecting", client.get_meta)["version"], calls.server)
    except BaseException:
        client.close()
        raise
    return client, calls


def _arguments(address: Address) -> dict[str, Any]:
    if address.user or address.path.strip("/") or not address.host:
        raise InvalidInputError(
            f"{address.scheme}:// needs a host and takes a key, as in weaviate://:key@host:8080#faq"
        )
    if unknown := sorted(set(address.options) - set(_OPTIONS)):
        raise InvalidInputError(f"weaviate:// has no option {unknown[0]!r}; it has {', '.join(_OPTIONS)}")
    tls = address.options.get("tls", "false")
    if tls not in ("true", "false"):
        raise InvalidInputError(f"tls must be true or false, got {tls!r}")
    secure = tls == "true"
    settings = import_extra("weaviate.classes.init", extra="weaviate")
    seconds = _number(address, "timeout", 60)
    # A server that is back after a restart is found within two seconds, not two minutes as by default.
    reconnecting = [("grpc.initial_reconnect_backoff_ms", 200), ("grpc.max_reconnect_backoff_ms", 2000)]
    return {
        "http_host": address.host,
        "http_port": address.port or (443 if secure else 8080),
        "http_secure": secure,
        "grpc_host": address.options.get("grpc_host", address.host),
        "grpc_port": int(_number(address, "grpc_port", 443 if secure else 50051)),
        "grpc_secure": secure,
        "auth_credentials": address.password or os.environ.get("WEAVIATE_API_KEY") or None,
        "additional_config": settings.AdditionalConfig(
            timeout=settings.Timeout(init=seconds, query=seconds, insert=seconds),
            grpc_config=import_extra("weaviate.config", extra="weaviate").GrpcConfig(channel_options=reconnecting),
        ),
        "skip_init_checks": True,  # they ask the package index whether the client is the newest
    }


def _number(address: Address, name: str, default: float) -> float:
    given = address.options.get(name)
    with contextlib.suppress(ValueError):
        if 0 < (number := float(default if given is None else given)) < float("inf"):
            return number
    raise InvalidInputError(f"{name} must be a number above zero, got {given!r}")


def _check_version(version: str, server: str) -> None:
    major, minor, *_ = (int(part) for part in version.split("-")[0].split("."))
    if (major, minor) < _OLDEST:
        raise StorageError(f"{server} is Weaviate {version}; filters need 1.33 or newer: update the server")


def is_transient(error: Exception) -> bool:
    """Say whether asking again may help; not where the client has asked again itself, for up to a minute."""
    exceptions = import_extra("weaviate.exceptions", extra="weaviate")
    codes = import_extra("grpc", extra="weaviate").StatusCode
    chain = list(_chain(error))
    if any(isinstance(one, exceptions.WeaviateRetryError) for one in chain):
        return False
    transport = import_extra("httpx", extra="weaviate").TransportError
    return any(
        isinstance(one, transport)
        or _grpc_code(one) in (codes.UNAVAILABLE, codes.DEADLINE_EXCEEDED)
        or getattr(one, "status_code", None) in _OVERLOADED
        for one in chain
    )


def is_denial(error: Exception) -> bool:
    """Say whether an exception means that the key is refused, or allows too little."""
    exceptions = import_extra("weaviate.exceptions", extra="weaviate")
    codes = import_extra("grpc", extra="weaviate").StatusCode
    return any(
        isinstance(one, exceptions.AuthenticationFailedError | exceptions.InsufficientPermissionsError)
        or _grpc_code(one) in (codes.UNAUTHENTICATED, codes.PERMISSION_DENIED)
        or getattr(one, "status_code", None) == 401
        for one in _chain(error)
    )


def is_missing(error: Exception) -> bool:
    """Say whether an exception means that what was asked for by name is not there."""
    return getattr(error, "status_code", None) == 404


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    # The client's exceptions keep the text of what caused them, not its code. One of nearfield's is not of this call:
    # it is what the caller is handling, perhaps the refusal of another server.
    while error is not None and not isinstance(error, NearfieldError):
        yield error
        error = error.__cause__ or error.__context__


def _grpc_code(error: BaseException) -> Any:  # noqa: ANN401  # a code of a library without types, or None
    return error.code() if isinstance(error, import_extra("grpc", extra="weaviate").RpcError) else None
