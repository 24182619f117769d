"""Qdrant's local mode: the vendor's own client, in a folder."""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def serve(folder: Path) -> Iterator[str]:
    # It syncs every point on its own, which in memory takes a tenth of the time.
    memory = Path("/dev/shm")
    if memory.is_dir():
        folder = Path(tempfile.mkdtemp(prefix="nearfield-qdrant-", dir=memory))
    try:
        yield f"qdrant://{folder}"
    finally:
        shutil.rmtree(folder)
