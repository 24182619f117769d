import json

import pytest
from hash_encoder import HashEncoder

import nearfield as nf
from nearfield.data.records import Record
from nearfield.stores.base import Effort, StoreConfig

QUICK = ("--sample", "10", "--repeats", "1", "-k", "10", "--share", "1", "--ef", "32", "--oversampling", "2")


@pytest.fixture
def collection(tmp_path, monkeypatch):
    monkeypatch.setattr("nearfield.encoders.load.load_encoder", lambda name: HashEncoder())
    records = [Record(f"r{row}", f"word{row % 40} word{row}") for row in range(300)]
    made, _ = nf.build_collection(
        tmp_path / "c", records, "hash", encoder=HashEncoder(), store=StoreConfig(index_above=50)
    )
    made.close()
    return tmp_path / "c"


def effort_of(folder):
    with nf.Collection.open(folder, encoder=HashEncoder()) as opened:
        return opened.store.config.effort


def test_recall_is_printed_and_applied_and_written_as_a_page(cli, collection, tmp_path):
    (tmp_path / "q.jsonl").write_text('{"_id": "a", "text": "word1"}\n{"_id": "b", "text": "word2"}\n')
    printed = cli(
        "recall", collection, "--queries", tmp_path / "q.jsonl", *QUICK, "--report", tmp_path / "page.html", "--apply"
    )
    assert "2 queries of your own" in printed.stdout
    assert "from now on" in printed.stderr
    assert "Take ef" in printed.stdout
    assert effort_of(collection) in (Effort(32, 2.0), Effort(64, 2.0), Effort(128, 2.0))  # as timing says
    assert (tmp_path / "page.html").exists()


def test_no_password_is_printed(cli, collection, monkeypatch):
    monkeypatch.setattr("nearfield.collection.collection.Collection.address", "chroma://host#faq")
    assert "chroma://host#faq searches by" in cli("recall", collection, *QUICK, "--apply").stderr


def test_a_target_out_of_reach_applies_nothing_and_fails(cli, collection, monkeypatch):
    monkeypatch.setattr("nearfield.evaluation.recall.best_effort", lambda *_, **__: None)
    done = cli("recall", collection, *QUICK, "--json", "--apply", code=1)
    assert json.loads(done.stdout)["recommended"] is None
    assert "--apply changed nothing" in done.stderr
    assert effort_of(collection) == StoreConfig().effort


def test_a_collection_searched_exactly_keeps_its_effort_for_when_it_has_grown(cli, tmp_path, monkeypatch):
    monkeypatch.setattr("nearfield.encoders.load.load_encoder", lambda name: HashEncoder())
    records = [Record(f"r{row}", f"word{row % 40} word{row}") for row in range(60)]
    nf.build_collection(tmp_path / "c", records, "hash", encoder=HashEncoder())[0].close()
    told = cli("recall", tmp_path / "c", *QUICK, "--apply")
    assert "every search compares with all 60 records" in told.stdout
    assert effort_of(tmp_path / "c") == StoreConfig().effort


@pytest.mark.parametrize("option", ["--ef=0", "--ef=99999999999999", "--oversampling=0.5", "--oversampling=inf"])
def test_an_effort_that_is_none_is_refused(cli, collection, option):
    assert "must be at least 1 and below 2**31" in cli("recall", collection, option, code=1).stderr
