"""`nearfield cache`: what is kept, and how to be rid of it."""

import contextlib
import os
from pathlib import Path

import pytest
from bundled_howto import strict_json
from hash_encoder import HashEncoder

from nearfield.encoders.cache import VectorCache
from nearfield.encoders.cached import CachedEncoder

TEXTS = [f"text {number}" for number in range(200)]


@pytest.fixture
def folder(monkeypatch) -> Path:
    """The user's cache, with vectors of two encoders."""
    with contextlib.closing(VectorCache()) as cache:
        monkeypatch.setattr("time.time", lambda: 20_000 * 86_400.0)
        CachedEncoder(HashEncoder(dim=256), cache).encode_document(TEXTS)
        monkeypatch.setattr("time.time", lambda: 20_010 * 86_400.0)
        CachedEncoder(HashEncoder(seed=1), cache).encode_document(TEXTS[:50])
    return Path(os.environ["NEARFIELD_CACHE"])


def test_what_is_kept_is_shown_by_encoder(cli, folder):
    first, *spaces = cli("cache").stdout.splitlines()
    assert first.startswith(f"{folder / 'vectors-2.sqlite'}: 250 vectors, ")
    assert first.endswith(" of at most 4.3 GB")
    large, small = (HashEncoder(dim=256).spec, HashEncoder(seed=1).spec)
    assert spaces[0].startswith(f"  hash ({large.fingerprint[:8]}): 200 of 256 dimensions, 205 kB, computed 2024-10-0")
    assert spaces[1].startswith(f"  hash ({small.fingerprint[:8]}): 50 of 16 dimensions, 3.2 kB, computed 2024-10-1")


def test_what_is_kept_is_shown_as_json(cli, folder):
    found = strict_json(cli("cache", "--json").stdout)
    assert (found["path"], found["vectors"]) == (str(folder / "vectors-2.sqlite"), 250)
    assert found["disk_bytes"] > 250_000
    assert [space["vectors"] for space in found["encoders"]] == [200, 50]


def test_an_empty_cache_is_no_error(cli):
    assert " 0 vectors, " in cli("cache").stdout
    assert strict_json(cli("cache", "purge", "--all", "--json").stdout)["removed"] == 0


def test_vectors_are_purged_by_encoder_or_age_or_all(cli, folder):
    assert cli("cache", "purge", "--older-than", 5).stdout.startswith("200 vectors removed, ")
    assert "nothing is kept of an encoder 'nobody'; there are: hash" in (
        cli("cache", "purge", "--encoder", "nobody", code=1).stderr
    )
    found = strict_json(cli("cache", "purge", "--encoder", "hash", "--older-than", 0, "--json").stdout)
    assert found["removed"] == 0  # computed this very moment
    assert strict_json(cli("cache", "purge", "--encoder", "hash", "--json").stdout)["removed"] == 50
    (folder / "vectors-1.sqlite").touch()
    cli("cache", "purge", "--all")
    assert not (folder / "vectors-1.sqlite").exists()
    assert strict_json(cli("cache", "--json").stdout)["encoders"] == []


@pytest.mark.parametrize(
    "options",
    [[], ["--all", "--encoder", "hash"], ["--all", "--older-than", "3"], ["--older-than", "-1"]],
)
def test_a_purge_must_say_of_what(cli, options):
    assert "--older-than" in cli("cache", "purge", *options, code=2).stderr


def test_json_is_asked_of_the_command_that_answers(cli):
    assert "--json goes after purge" in cli("cache", "--json", "purge", "--all", code=2).stderr
