"""Commands that keep a collection healthy, as they are typed."""

import pytest
from bundled_howto import CORPUS, strict_json


@pytest.fixture
def collection(cli, tmp_path):
    folder = tmp_path / "howto.collection"
    cli("index", CORPUS, "--to", folder, "-e", "hybrid:nearfield-static", "--no-cache")
    return folder


def test_a_collection_is_verified_copied_to_a_file_and_back(cli, collection, tmp_path):
    assert "44 records, sound" in cli("verify", collection).stdout
    assert strict_json(cli("verify", collection, "--json").stdout)["sound"] is True
    assert "44 records" in cli("snapshot", collection, tmp_path / "s.zip").stdout
    assert strict_json(cli("snapshot", collection, tmp_path / "s.zip", "--json").stdout)["records"] == 44
    assert "44 records, ranked by hybrid:nearfield-static" in cli("restore", tmp_path / "s.zip", tmp_path / "b").stdout
    assert cli("collections", tmp_path).stdout.splitlines() == [str(tmp_path / "b"), str(collection)]
    assert strict_json(cli("collections", tmp_path, "--json").stdout) == [str(tmp_path / "b"), str(collection)]
    search = ("search", "{}", "leaking faucet", "-k", "3", "--json")
    hits = [
        strict_json(cli(*[part.format(folder) for part in search]).stdout) for folder in (collection, tmp_path / "b")
    ]
    assert [hit["id"] for hit in hits[0]] == [hit["id"] for hit in hits[1]]


def test_a_collection_is_exported_compacted_and_dropped(cli, collection, tmp_path):
    assert "rows" in cli("export", collection, tmp_path / "c.parquet").stdout
    assert "now" in cli("compact", collection).stdout
    assert strict_json(cli("compact", collection, "--json").stdout)["bytes_after"] > 0
    cli("drop", collection, code=1)  # there is nobody to say yes
    assert collection.exists()
    assert f"removed {collection}" in cli("drop", collection, "--yes").stdout
    assert not collection.exists()
    assert "no collections in" in cli("collections", tmp_path).stderr


def test_a_damaged_collection_can_still_be_dropped(cli, collection):
    (collection / "points" / "store.json").write_text("{")
    assert "is damaged" in cli("verify", collection, code=1).stderr
    assert f"removed {collection}" in cli("drop", collection, "--yes").stdout
    assert not collection.exists()
