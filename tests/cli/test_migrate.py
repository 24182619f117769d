"""`nearfield migrate` on the bundled notes."""

import shutil

import pytest
from bundled_howto import JUDGED, strict_json

import nearfield as nf

NEW = "nearfield-static"


@pytest.fixture
def notes_collection(collections, tmp_path):
    shutil.copytree(collections["all-MiniLM-L6-v2"], tmp_path / "c")
    return tmp_path / "c"


def test_there_and_back_and_for_good(cli, notes_collection):
    planned = cli("migrate", notes_collection, "--encoder", NEW, "--dry-run").output
    assert f"to {NEW}: 44 records" in planned
    assert "at no charge" in planned
    told = cli("migrate", notes_collection, "--encoder", NEW, "--agreement", 0.1).output
    assert "agreement: passed; of the first 10 results" in told
    assert f"44 records, ranked by {NEW} now; 44 encoded in this run" in told
    assert "already" in cli("migrate", notes_collection, "--encoder", NEW).output
    assert "plumbing-repair" in cli("search", notes_collection, "fix a leaking faucet").output
    back = strict_json(cli("migrate", notes_collection, "--rollback", "--json").stdout)
    assert (back["retriever"], back["records"], back["differing"]) == ("all-MiniLM-L6-v2", 44, 0)
    assert "is removed (nearfield-static)" in cli("migrate", notes_collection, "--finish").output
    assert "there is no way back" in cli("migrate", notes_collection, "--rollback", code=1).output


def test_a_failed_gate_has_an_exit_code_of_its_own(cli, notes_collection):
    failed = strict_json(
        cli("migrate", notes_collection, "--encoder", NEW, *JUDGED, "--margin", 0, "--json", code=3).stdout
    )
    assert failed["cut_over"] is False
    assert failed["gate"]["gate"] == "judged queries"
    told = cli("migrate", notes_collection, "--encoder", NEW, *JUDGED, "--margin", 0, code=3).output
    assert "judged queries: FAILED" in told
    assert "ranked by all-MiniLM-L6-v2 as before" in told
    assert "it ranks by all-MiniLM-L6-v2" in cli("migrate", notes_collection, "--abandon").output
    assert "no migration of" in cli("migrate", notes_collection, "--abandon", code=1).output


def test_no_gate_changes_over_whatever_is_found(cli, notes_collection):
    assert f"ranked by {NEW} now" in cli("migrate", notes_collection, "--encoder", NEW, "--no-gate").output
    assert "is removed (all-MiniLM-L6-v2)" in cli("migrate", notes_collection, "--finish").output


def test_too_few_records_for_an_adapter_are_an_error(cli, notes_collection, tmp_path):
    arguments = ("migrate", notes_collection, "--encoder", NEW, "--adapter", tmp_path / "a.npz")
    assert "44 records with a text, needed are" in cli(*arguments, code=1).output
    assert not (tmp_path / "a.npz").exists()


def test_an_adapter_asks_the_old_vectors_by_the_new_encoder(cli, notes_collection, tmp_path):
    with nf.Collection.open(notes_collection) as collection:
        adapter = nf.fit_adapter(collection, nf.load_encoder(NEW), sample=30, held_out=10)
        adapter.save(tmp_path / "a.npz")
        collection.ask_by(adapter.asker(nf.load_encoder(NEW)))
        wanted = [(hit.id, hit.score) for hit in collection.search("fix a leaking faucet", k=5)]
    found = cli("search", notes_collection, "fix a leaking faucet", "-k", 5, "--adapter", tmp_path / "a.npz", "--json")
    assert [(hit["id"], hit["score"]) for hit in strict_json(found.stdout)] == wanted


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "give either --encoder NEW or one of"),
        (("--encoder", NEW, "--rollback"), "give either --encoder NEW or one of"),
        (("--finish", "--force"), "--force goes with --rollback"),
        (("--rollback", "--dry-run"), "--dry-run and --adapter go with --encoder"),
        (("--abandon", "--adapter", "a.npz"), "--dry-run and --adapter go with --encoder"),
        (("--encoder", NEW, "--dry-run", "--adapter", "a.npz"), "give either --dry-run or --adapter"),
        (("--encoder", NEW, *JUDGED[2:]), "--qrels goes with --queries"),
    ],
)
def test_options_that_do_not_go_together_are_refused(cli, notes_collection, arguments, message):
    assert message in cli("migrate", notes_collection, *arguments, code=2).output
