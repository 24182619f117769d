"""One server of each back end for all tests, and stores in it."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import fields
from itertools import count

import pytest
from backends import BACKENDS, address_of

from nearfield.stores.address import connect
from nearfield.stores.base import Store
from nearfield.stores.database import Database


@pytest.fixture(scope="session")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], str]]:
    """Start the server of a back end when the first test needs it: its URL."""
    urls: dict[str, str] = {}
    with ExitStack() as running:

        def start(name: str) -> str:
            if name not in urls:
                urls[name] = running.enter_context(BACKENDS[name](tmp_path_factory.mktemp(name)))
            return urls[name]

        yield start


@pytest.fixture(scope="session", params=BACKENDS)
def database(request: pytest.FixtureRequest, servers: Callable[[str], str]) -> Iterator[Database]:
    """Each back end in turn."""
    connected = connect(address_of(servers(request.param)))
    yield connected
    connected.close()


_numbers = count(1)


@pytest.fixture
def new_store(database: Database) -> Iterator[Callable[..., Store]]:
    """Make stores that are dropped after the test; options that a back end does not offer skip it."""
    opened: list[tuple[str, Store]] = []

    def make(**config: object) -> Store:
        _skip_what_is_not_offered(database, config)
        name = f"test{next(_numbers)}"
        known = {field.name for field in fields(database.config_type)}
        if not database.capabilities.tunable_index:
            known -= {"index_above", "m", "ef_construct", "ef", "oversampling"}
        chosen = database.config_type(**{key: value for key, value in config.items() if key in known})  # type: ignore[arg-type]
        opened.append((name, database.create_store(name, 1, chosen)))
        return opened[-1][1]

    yield make
    for name, store in opened:
        store.close()
        database.drop_store(name, 1)


def _skip_what_is_not_offered(database: Database, config: dict[str, object]) -> None:
    can = database.capabilities
    metric, quantisation = config.get("metric", "cosine"), config.get("quantisation", "none")
    if metric not in can.metrics:
        pytest.skip(f"does not compare by {metric}")
    if quantisation not in can.quantisation:
        pytest.skip(f"has no {quantisation} quantisation")
    if config.get("sparse") and not can.sparse:
        pytest.skip("has no sparse legs")
