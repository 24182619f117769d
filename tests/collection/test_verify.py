import numpy as np
import pytest

from nearfield.collection.build import build_collection
from nearfield.collection.verify import verify_collection
from nearfield.data.records import Record
from nearfield.stores.base import Batch, Payload, SparseVector

RECORDS = [Record(f"id-{i}", f"record number {i} of many", "", {"n": i}) for i in range(250)]


@pytest.fixture
def collection(tmp_path, encoder):
    with build_collection(tmp_path / "c", RECORDS, "hybrid:hash", encoder=encoder)[0] as collection:
        yield collection


def states(report):
    return {check.name: check.state for check in report.checks}


def put(collection, id, vector, text="planted", digest=""):
    sparse = {"bm25": [SparseVector(np.array([1], np.uint32), np.array([1.0], np.float32))]}
    collection.store.upsert(Batch([id], [Payload(text, digest=digest)], np.array([vector], np.float32), sparse))


def test_a_sound_collection_passes_every_check(collection):
    report = verify_collection(collection)
    assert report.sound
    assert report.records == 250
    assert set(states(report).values()) == {"passed"}
    assert set(states(report)) >= {"complete", "encoder", "count", "ids", "content", "vectors", "length", "search"}
    assert "250 records, sound" in str(report)
    assert report.to_json()["sound"] is True


def test_words_alone_have_no_vectors_to_check(tmp_path):
    with build_collection(tmp_path / "c", RECORDS, "bm25")[0] as collection:
        report = verify_collection(collection)
    assert report.sound
    assert not {"encoder", "vectors", "search"} & set(states(report))


def test_what_is_not_as_it_was_written_is_named(collection):
    put(collection, "long", np.full(collection.manifest.encoder.dim, 3.0))
    put(collection, "other", np.eye(collection.manifest.encoder.dim)[0], digest="not its digest")
    report = verify_collection(collection)
    assert not report.sound
    assert states(report)["length"] == states(report)["content"] == "failed"
    assert states(report)["duplicate content"] == "note"
    found = {check.name: check.examples for check in report.checks}
    assert (found["length"], found["content"]) == (("long",), ("other",))
    assert "NOT SOUND" in str(report)


def test_an_interrupted_indexing_and_another_encoder_are_told(collection, encoder, monkeypatch):
    collection.begin()
    monkeypatch.setattr(
        type(encoder), "encode", lambda self, texts, **_: -np.eye(len(texts), self.spec.dim, dtype="f4")
    )
    report = verify_collection(collection)
    assert states(report)["complete"] == states(report)["encoder"] == "failed"


def test_an_encoder_that_is_not_here_is_no_fault(tmp_path, encoder):
    build_collection(tmp_path / "c", RECORDS, "hash", encoder=encoder)[0].close()
    from nearfield.collection.collection import Collection

    with Collection.open(tmp_path / "c") as collection:
        report = verify_collection(collection)
    assert report.sound
    assert states(report)["encoder"] == "skipped"


def test_records_that_the_index_lost_are_noticed(collection, monkeypatch):
    monkeypatch.setattr(collection.store, "query_batch", lambda vectors, **_: [[] for _ in vectors])
    assert states(verify_collection(collection))["search"] == "failed"


def test_a_store_that_miscounts_is_noticed(collection, monkeypatch):
    points = list(collection.store.scroll(with_vectors=True))
    monkeypatch.setattr(collection.store, "scroll", lambda **_: iter([*points, points[0]]))
    report = verify_collection(collection)
    assert states(report)["count"] == states(report)["ids"] == "failed"
