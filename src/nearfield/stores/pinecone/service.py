"""Pinecone as a service: the account, its indexes, and what its errors mean."""

import contextlib
import os
import re
from typing import Any

from nearfield.errors import CollectionError, InvalidInputError, StoreAccessError
from nearfield.extras import import_extra
from nearfield.stores.address import Address
from nearfield.stores.pinecone.config import PineconeConfig
from nearfield.stores.pinecone.namespace import Namespace
from nearfield.stores.retries import ServerCalls

DEFAULT_PREFIX = "nearfield"
TIMEOUT = 30.0
"""Seconds for one attempt of one request."""

_READY_SECONDS = 300
_PREFIX = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,26}[a-z0-9])?", re.ASCII)
_QUOTA = "QUOTA_EXCEEDED"


class PineconeService:
    """An account at Pinecone, and the indexes of one prefix in it.

    Args:
        client: The vendor's client.
        calls: How it is asked.
        prefix: What the names of the indexes begin with.
        is_plain: Whether the server is an emulator that speaks plain HTTP.
    """

    def __init__(self, client: Any, calls: ServerCalls, prefix: str, *, is_plain: bool) -> None:  # noqa: ANN401
        self._client = client
        self.calls = calls
        self._prefix = prefix
        self._is_plain = is_plain
        self._missing = import_extra("pinecone", extra="pinecone").NotFoundError
        self._taken = import_extra("pinecone", extra="pinecone").ConflictError
        self._described: dict[str, Any] = {}
        self._opened: dict[str, Any] = {}

    @classmethod
    def connect(cls, address: Address) -> "PineconeService":
        """Connect to the account of an address; see `nearfield.stores.pinecone.database` for how addresses are written.

        Args:
            address: Of the database or of a collection in it.

        Returns:
            The service, which has answered once.

        Raises:
            InvalidInputError: If the address is none of Pinecone's.
            StoreAccessError: If there is no key, or it is refused.
            StorageError: If the service cannot be reached.
        """
        pinecone = import_extra("pinecone", extra="pinecone")
        prefix, host = _checked(address)
        key = address.password or os.environ.get("PINECONE_API_KEY", "")
        if not key:
            raise StoreAccessError("Pinecone needs a key: set PINECONE_API_KEY, or write pinecone://:KEY@prefix")

        def is_transient(error: Exception) -> bool:
            # The client has asked again by itself where an answer took too long; that is enough of it.
            return isinstance(error, pinecone.PineconeConnectionError | pinecone.RateLimitError | pinecone.ServiceError)

        def is_denial(error: Exception) -> bool:
            refused = isinstance(error, pinecone.ForbiddenError) and error.error_code != _QUOTA
            return refused or isinstance(error, pinecone.UnauthorizedError)

        calls = ServerCalls(str(address.with_name("")), is_transient, is_denial, secret=key)
        client = calls.ask("connecting", lambda: pinecone.Pinecone(api_key=key, host=host or None, timeout=TIMEOUT))
        service = cls(client, calls, prefix, is_plain=host.startswith("http://"))
        try:
            for model in calls.ask("listing indexes", lambda: list(client.indexes.list())):
                service._described[model.name] = model
        except BaseException:
            service.close()
            raise
        return service

    def index_name(self, end: str) -> str:
        """Name an index of this prefix."""
        return f"{self._prefix}-{end}"

    def make(self, name: str, dim: int, metric: str, config: PineconeConfig) -> None:
        """Make an index unless it is there, and wait until it can be used.

        Args:
            name: The index.
            dim: Dimensions of its vectors.
            metric: In the service's words.
            config: Where it is to be.

        Raises:
            InvalidInputError: If it is there, but elsewhere or protected otherwise.
            StorageError: If the service refuses.
        """
        if self._describe(name) is None:
            where = {"deployment_type": "managed", "cloud": config.cloud, "region": config.region}
            self.calls.ask(f"making the index {name}", lambda: self._create(name, dim, metric, where, config))
        model = self._describe(name)
        if model is None:
            raise CollectionError(f"the index {name} was removed while it was made; try again")
        there = (getattr(model.deployment, "cloud", ""), getattr(model.deployment, "region", ""))
        protected = str(model.deletion_protection) == "enabled"
        if (*there, protected) != (config.cloud, config.region, config.deletion_protection):
            raise InvalidInputError(
                f"the index {name} is there already, in {' '.join(there)}, deletion_protection={protected}; "
                "ask for the same, or choose another prefix in the URL"
            )

    def namespace(self, index: str, name: str) -> Namespace | None:
        """Open a namespace of an index; None if there is no such index."""
        model = self._describe(index)
        if model is None:
            return None
        if index not in self._opened:
            # An emulator of the service gives its indexes' hosts without a scheme.
            host = model.host.replace("https://", "http://") if self._is_plain else model.host
            self._opened[index] = self.calls.ask("connecting", lambda: self._client.index(host=host))
        capacity = model.read_capacity
        dedicated = capacity is not None and type(capacity).__name__.startswith("ReadCapacityDedicated")
        return Namespace(self._opened[index], name, dim=model.dimension, calls=self.calls, is_dedicated=dedicated)

    def close(self) -> None:
        """Let go of all connections; closing twice is harmless."""
        while self._opened:
            self._opened.popitem()[1].close()
        self._client.close()

    def _create(self, name: str, dim: int, metric: str, where: dict[str, str], config: PineconeConfig) -> None:
        with contextlib.suppress(self._taken):  # another process, or the attempt before this one, was faster
            self._client.indexes.create(
                name=name,
                dimension=dim,
                metric=metric,
                deployment=where,
                deletion_protection="enabled" if config.deletion_protection else "disabled",
                timeout=_READY_SECONDS,
            )

    def _describe(self, name: str) -> Any | None:  # noqa: ANN401  # the vendor's model of an index
        if name not in self._described:
            model = self.calls.ask(f"looking for the index {name}", lambda: self._find(name))
            if model is None or not model.status.ready:
                return model
            self._described[name] = model
        return self._described[name]

    def _find(self, name: str) -> Any | None:  # noqa: ANN401
        try:
            return self._client.indexes.describe(name)
        except self._missing:
            return None


def _checked(address: Address) -> tuple[str, str]:
    """Read the prefix of the indexes and the server from an address."""
    host = address.options.get("host", "")
    prefix = address.host or DEFAULT_PREFIX
    if unknown := sorted(set(address.options) - {"host"}):
        raise InvalidInputError(f"a pinecone:// URL takes the option host, not {', '.join(unknown)}")
    if address.user:
        raise InvalidInputError("a pinecone:// URL has no user name; write the key as in pinecone://:KEY@prefix")
    if address.port is not None or address.path.strip("/"):
        raise InvalidInputError(
            "a pinecone:// URL names no server and no path: it is pinecone://prefix#collection, and for an emulator "
            "pinecone://prefix?host=http://127.0.0.1:5080#collection"
        )
    if not _PREFIX.fullmatch(prefix):
        raise InvalidInputError(f"a prefix of indexes is 1 to 28 of a-z, 0-9 and -, got {prefix!r}")
    return prefix, host
