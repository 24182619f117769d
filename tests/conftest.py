"""What the suites share."""

import os
from pathlib import Path

import pytest
from hash_encoder import HashEncoder
from hypothesis import HealthCheck, settings

# Machines differ in speed by more than any deadline allows for. The gate tries the same examples each time, so that it
# judges a change and not its luck; everywhere else they are new ones.
settings.register_profile(
    "default",
    deadline=None,
    derandomize="CI" in os.environ,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
settings.load_profile("default")


@pytest.fixture(autouse=True)
def _own_cache(tmp_path_factory, monkeypatch):
    """No test reads or writes the user's cache."""
    monkeypatch.setenv("NEARFIELD_CACHE", str(tmp_path_factory.mktemp("cache")))


@pytest.fixture
def encoder() -> HashEncoder:
    return HashEncoder()


@pytest.fixture
def shared_data() -> Path:
    """The folder of larger real data beside the project, which not every checkout has."""
    folder = Path(__file__).parents[2] / "shared" / "data"
    if not folder.is_dir():
        pytest.skip("needs the data folder beside the project (../shared/data)")
    return folder
