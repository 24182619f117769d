"""What a Qdrant server and Qdrant's local mode do differently, behind one face."""

from collections.abc import Callable
from types import ModuleType
from typing import Any, Literal, Protocol, TypeAlias, TypeVar

from nearfield.extras import import_extra
from nearfield.stores.base import Capabilities, StoreConfig

T = TypeVar("T")

ClientModel: TypeAlias = Any
"""An object of one of the client's classes, which are there only where the client is installed."""

FieldKind = Literal["keyword", "float"]


class Connection(Protocol):
    """A Qdrant server, or a folder in local mode."""

    @property
    def capabilities(self) -> Capabilities:
        """Say what stores can do here."""
        ...

    @property
    def config_type(self) -> type[StoreConfig]:
        """Say what stores are created with here."""
        ...

    def ask(self, doing: str, call: Callable[[ClientModel], T]) -> T:
        """Call the vendor's client, and again while the server is gone; see `ServerCalls`."""
        ...

    def index_field(self, collection: str, key: str, kind: FieldKind) -> None:
        """Index a payload key, so that filters on it are fast and facets can be counted."""
        ...

    def facet(self, collection: str, key: str, condition: object) -> dict[str, int]:
        """Count the points for each string under a payload key."""
        ...

    def optimise(self, collection: str, config: StoreConfig) -> None:
        """Return when the index is built as the configuration says."""
        ...

    def compact(self, collection: str) -> None:
        """Rewrite what holds deleted points."""
        ...

    def allocated_bytes(self, collection: str) -> int | None:
        """Measure the disk space in use, in bytes of allocated blocks; None where it is not told."""
        ...

    def close(self) -> None:
        """Let go; closing twice is harmless."""
        ...


def client_models() -> ModuleType:
    """Import the classes of which requests to Qdrant are made."""
    return import_extra("qdrant_client.models", extra="qdrant")
