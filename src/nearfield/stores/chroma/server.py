"""Reaching Chroma: a server over HTTP, or a folder in this process."""

import os
from base64 import b64encode
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from nearfield.errors import InvalidInputError
from nearfield.extras import import_extra
from nearfield.stores.address import Address
from nearfield.stores.retries import ServerCalls

T = TypeVar("T")

TIMEOUT = 60.0
"""Seconds that one request may take."""

_CLOUD = ".trychroma.com"
_LISTED = 500


@dataclass(frozen=True, slots=True)
class ChromaServer:
    """A connection.

    Attributes:
        calls: Asks it.
        api: The vendor's client of it.
        tenant: Owner of the database.
        database: Where collections are looked for.
        folder: The folder that is worked on in this process; None for a server.
        release: Lets go of the connection.
    """

    calls: ServerCalls
    api: Any
    tenant: str
    database: str
    folder: Path | None
    release: Callable[[], None]

    def find(self, name: str) -> Any | None:  # noqa: ANN401 - a Collection of the vendor's, which has no types here
        """Find a collection by its name on the server; None if there is none."""
        not_found = import_extra("chromadb.errors", extra="chroma").NotFoundError

        def ask() -> Any | None:  # noqa: ANN401
            try:
                return self._collection(self.api.get_collection(name, **self._place))
            except not_found:
                return None

        return self.calls.ask(f"looking for {name}", ask)

    def make(self, name: str, configuration: dict[str, Any], metadata: dict[str, Any], *, anew: bool) -> Any:  # noqa: ANN401
        """Make a collection; unless it must be `anew`, one that is there is taken."""
        options = {"configuration": configuration, "metadata": metadata, "get_or_create": not anew, **self._place}
        return self.calls.ask(f"making {name}", lambda: self._collection(self.api.create_collection(name, **options)))

    def names(self) -> Iterator[str]:
        """Go through the names of all collections on the server."""
        offset = 0
        while True:
            ask = partial(self.api.list_collections, limit=_LISTED, offset=offset, **self._place)
            page = self.calls.ask("listing collections", ask)
            yield from (each.name for each in page)
            offset += len(page)
            if len(page) < _LISTED:
                return

    def remove(self, name: str) -> None:
        """Remove a collection; harmless when there is none."""
        if self.find(name) is not None:
            self.calls.ask(f"removing {name}", lambda: self.api.delete_collection(name, **self._place))

    def most_points(self) -> int:
        """Ask how many points one request may write."""
        return int(self.calls.ask("asking for limits", self.api.get_max_batch_size))

    @property
    def _place(self) -> dict[str, str]:
        return {"tenant": self.tenant, "database": self.database}

    def _collection(self, model: Any) -> Any:  # noqa: ANN401
        vendor = import_extra("chromadb.api.models.Collection", extra="chroma")
        return vendor.Collection(client=self.api, model=model, embedding_function=None)


def reach(address: Address) -> ChromaServer:
    """Connect to a server, or open a folder, and find out whether it answers.

    Args:
        address: `chroma://[user:password@ or :token@]host[:port][/tenant/database][?tls=true]`, or
            `chroma:///folder`.

    Returns:
        The connection.

    Raises:
        InvalidInputError: If the address says what is not understood.
        MissingExtraError: If the client is not installed.
        StorageError: If it cannot be reached, or has no such tenant or database.
        StoreAccessError: If it refuses this user.
    """
    server = _folder(address) if not address.host else _remote(address)
    try:
        server.calls.ask(
            f"finding the database {server.database}",
            lambda: server.api.get_database(server.database, tenant=server.tenant),
        )
    except BaseException:
        server.release()
        raise
    return server


def _remote(address: Address) -> ChromaServer:
    config = import_extra("chromadb.config", extra="chroma")
    http = import_extra("httpx", extra="chroma")
    tls = _wants_tls(address)
    tenant, database = _place(address, config)
    headers, secret = _headers(address)
    settings = config.Settings(
        chroma_api_impl="chromadb.api.fastapi.FastAPI",
        chroma_server_host=f"[{address.host}]" if ":" in address.host else address.host,
        chroma_server_http_port=address.port or (443 if tls else 8000),
        chroma_server_ssl_enabled=tls,
        chroma_server_headers=headers,
        anonymized_telemetry=False,
    )
    # Not `chromadb.HttpClient`: it asks the server several things before it lets anybody set a time limit.
    system = config.System(settings)
    api = system.instance(config.get_class("chromadb.api.ServerAPI", config.Component))
    api._session.timeout = http.Timeout(TIMEOUT)
    system.start()

    def release() -> None:
        api._session.close()
        system.stop()

    calls = ServerCalls(str(address.with_name("")), is_transient, is_denial, secret)
    return ChromaServer(calls, api, tenant, database, None, release)


def _folder(address: Address) -> ChromaServer:
    folder = Path(address.path)
    if not folder.is_absolute() or folder == Path("/") or address.options:
        raise InvalidInputError(
            f"{address} names neither a host, as in chroma://localhost:8000#faq, nor an absolute folder without "
            "options, as in chroma:///data/chroma#faq"
        )
    config = import_extra("chromadb.config", extra="chroma")
    vendor = import_extra("chromadb", extra="chroma")
    calls = ServerCalls(str(address.with_name("")), is_transient, is_denial)
    settings = config.Settings(anonymized_telemetry=False)
    client = calls.ask("opening the folder", lambda: vendor.PersistentClient(str(folder), settings=settings))
    return ChromaServer(calls, client._server, client.tenant, client.database, folder, client.close)


def _wants_tls(address: Address) -> bool:
    given = dict(address.options)
    tls = given.pop("tls", "false")
    if given or tls not in ("true", "false"):
        raise InvalidInputError(f"{address} may have the option tls, true or false, and no other")
    return tls == "true"


def _place(address: Address, config: Any) -> tuple[str, str]:  # noqa: ANN401
    parts = address.path.strip("/").split("/") if address.path.strip("/") else []
    if len(parts) not in (0, 2):
        raise InvalidInputError(f"{address} must name a tenant and a database, as in chroma://host/tenant/database")
    return (parts[0], parts[1]) if parts else (config.DEFAULT_TENANT, config.DEFAULT_DATABASE)


def _headers(address: Address) -> tuple[dict[str, str], str]:
    """Choose the headers that say who is asking, and what of them is secret."""
    token = address.password
    if address.user and not token:
        raise InvalidInputError(
            f"the URL of {address.host} has a user and no password; a token is written as ://:TOKEN@{address.host}"
        )
    if address.user:
        pair = b64encode(f"{address.user}:{token}".encode()).decode()
        return {"Authorization": f"Basic {pair}"}, token
    # The key in the environment is Chroma Cloud's: no URL may send it elsewhere.
    if not token and address.host.endswith(_CLOUD):
        token = os.environ.get("CHROMA_API_KEY", "")
    return ({"X-Chroma-Token": token} if token else {}), token


def is_transient(error: Exception) -> bool:
    """Say whether asking again may help: the server is gone, busy or starting."""
    http = import_extra("httpx", extra="chroma")
    errors = import_extra("chromadb.errors", extra="chroma")
    return (
        isinstance(error, http.TransportError | errors.RateLimitError)
        or _status(error) in (408, 429, 502, 503, 504)
        or "database is locked" in str(error)  # SQLite's, while another process writes
    )


def is_denial(error: Exception) -> bool:
    """Say whether the server refuses this user."""
    errors = import_extra("chromadb.errors", extra="chroma")
    return isinstance(error, errors.ChromaAuthError | errors.AuthorizationError) or _status(error) in (401, 403)


def _status(error: Exception) -> int:
    """Find the HTTP status behind an exception; the client raises a bare one with the text of the answer."""
    response = getattr(error.__context__, "response", None)
    return getattr(response, "status_code", 0)
