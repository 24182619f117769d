"""A stand-in for a Qdrant server, reached by the vendor's client over REST."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from qdrant_server import running


@contextmanager
def serve(folder: Path) -> Iterator[str]:
    with running(folder) as server:
        yield server.url
