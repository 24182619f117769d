"""Milvus Lite, Milvus' own engine in this process."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def serve(folder: Path) -> Iterator[str]:
    yield f"milvus://{folder / 'test.db'}"
