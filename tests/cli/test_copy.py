"""`nearfield copy` on the bundled notes."""

from bundled_howto import strict_json


def test_a_collection_is_copied_and_compared(cli, collections, tmp_path):
    source = collections["all-MiniLM-L6-v2"]
    told = cli("copy", source, tmp_path / "copy").output
    assert f"{tmp_path / 'copy'}: 44 records, the same as in {source}" in told
    assert "44 written, 0 were there; checksum " in told
    assert "all vectors are equal" in told
    assert "plumbing-repair" in cli("search", tmp_path / "copy", "fix a leaking faucet").output
    again = strict_json(cli("copy", source, tmp_path / "copy", "--json").stdout)
    assert (again["records"], again["written"], again["unchanged"]) == (44, 0, 44)


def test_what_is_no_collection_cannot_be_copied(cli, tmp_path):
    assert "does not exist" in cli("copy", tmp_path / "nowhere", tmp_path / "copy", code=1).output


def test_words_are_weighed_again(cli, collections, tmp_path):
    told = cli("copy", collections["bm25"], tmp_path / "copy").output
    assert "the weights of bm25 were computed again from the texts" in told
