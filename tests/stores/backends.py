"""The back ends that the contract suite runs against: for each, how to get at a server of it.

A back end joins by a file `backend_<scheme>.py` with `serve`: a context manager that takes an empty folder and yields
the URL of a database. It is entered once for all tests. Where the environment names a server of that kind (`NEARFIELD_TEST_QDRANT=qdrant://...`),
the tests run against that one instead.
"""

import importlib
import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

from nearfield.stores.address import Address


@contextmanager
def embedded(folder: Path) -> Iterator[str]:
    yield str(folder / "none")


def _in_file(name: str) -> Callable[[Path], AbstractContextManager[str]]:
    """The `serve` of `backend_<name>.py`, imported when it is needed, as its client may not be installed."""

    @contextmanager
    def serve(folder: Path) -> Iterator[str]:
        given = os.environ.get(f"NEARFIELD_TEST_{name.upper()}")
        if given:
            yield given
            return
        with importlib.import_module(f"backend_{name}").serve(folder) as url:
            yield url

    return serve


BACKENDS: dict[str, Callable[[Path], AbstractContextManager[str]]] = {
    "embedded": embedded,
    **{
        name: _in_file(name)
        for name in sorted(path.stem.removeprefix("backend_") for path in Path(__file__).parent.glob("backend_*.py"))
    },
}


def address_of(url: str) -> Address:
    """The database at a URL; of a folder, the folder that holds the collections."""
    return Address.parse(url).with_name("")
