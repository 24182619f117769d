"""A Weaviate server for the contract suite: no package brings one, so the stand-in of `weaviate_server.py`."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from weaviate_server import running


@contextmanager
def serve(folder: Path) -> Iterator[str]:
    with running() as server:
        yield server.url
