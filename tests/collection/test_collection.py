import json
import threading
import time
from dataclasses import replace

import numpy as np
import pytest
from hash_encoder import HashEncoder

from nearfield.collection.build import build_collection, check_same_store
from nearfield.collection.collection import Collection
from nearfield.data.records import Record
from nearfield.encoders.cache import VectorCache
from nearfield.errors import (
    CapabilityError,
    CollectionBusyError,
    CollectionError,
    InvalidInputError,
    SpaceMismatchError,
    StorageError,
    StoreReplacedError,
)
from nearfield.stores.base import Effort, StoreConfig
from nearfield.stores.embedded.store import EmbeddedStore

NOTES = [
    Record(
        "tap", "Replace the worn washer inside the tap.", "Dripping taps", {"year": 2021, "tags": ["home", "water"]}
    ),
    Record("tyre", "Patch the hole in the inner tube.", "Flat tyre", {"year": 2019, "tags": ["bike"]}),
    Record("roof", "Nail down loose shingles before it rains.", "", {"year": 2023}),
    Record("bread", "Let the dough rise twice.", "Baking bread", {}),
]
RETRIEVERS = ["bm25", "tfidf", "chars", "hash", "hybrid:hash", "bm25+chars+hash", "rrf:bm25+hash", "minmax:bm25+hash"]


@pytest.fixture(params=RETRIEVERS)
def collection(request, tmp_path, encoder):
    collection, _ = build_collection(tmp_path / "c", NOTES, request.param, encoder=encoder)
    with collection:
        yield collection


def test_a_search_finds_the_record_that_shares_words(collection):
    hit = collection.search("worn washer", k=2)[0]
    assert (hit.id, hit.title, hit.text, dict(hit.meta)) == ("tap", NOTES[0].title, NOTES[0].text, dict(NOTES[0].meta))
    assert set(hit.legs) == set(collection.spec.legs)


def test_a_filter_narrows_a_search(collection):
    hits = collection.search("the worn inner washer of loose dough", where={"year": {"$lt": 2022}})
    assert {hit.id for hit in hits} <= {"tap", "tyre"}
    assert hits


def test_records_come_back_as_they_were_given(collection):
    assert collection.get(["bread", "nowhere", "tap"]) == [NOTES[3], NOTES[0]]
    assert sorted(collection, key=lambda record: record.id) == sorted(NOTES, key=lambda record: record.id)


def test_a_deleted_record_is_not_found_again(collection):
    assert collection.delete(["tap", "nowhere"]) == 1
    assert collection.count() == 3
    assert "tap" not in {hit.id for hit in collection.search("worn washer")}


def test_metadata_is_replaced_without_encoding_again(collection, encoder):
    encoded = encoder.encoded
    assert collection.update({"tap": {"year": 1999}, "nowhere": {}}) == 1
    assert encoder.encoded == encoded
    (tap,) = collection.get(["tap"])
    assert (dict(tap.meta), tap.text) == ({"year": 1999}, NOTES[0].text)
    assert "tap" in {hit.id for hit in collection.search("worn washer", where={"year": 1999})}
    summary = collection.upsert([tap, NOTES[1]])
    assert (summary.written, summary.unchanged) == (0, 2)  # as it is now is not a change
    assert collection.upsert([NOTES[0]]).written == 1


def test_records_are_deleted_by_a_filter_and_counted_by_value(collection):
    assert [(facet.value, facet.count) for facet in collection.facets("tags")] == [
        ("bike", 1),
        ("home", 1),
        ("water", 1),
    ]
    assert collection.delete_where({"year": {"$lt": 2022}}) == 2
    assert sorted(record.id for record in collection) == ["bread", "roof"]
    assert collection.facets("tags", where={"year": 2023}) == []


def test_it_is_printed_by_its_address_and_how_it_ranks(collection):
    assert repr(collection) == f"<Collection {collection.address}, ranked by {collection.spec.name}>"


def test_what_a_back_end_cannot_rank_by_is_refused(tmp_path):
    with pytest.raises(CapabilityError, match="postgresql-fulltext; it has none of its own; give the URL"):
        Collection.create(tmp_path / "c", "postgresql-fulltext")
    assert not (tmp_path / "c").exists()


def test_what_stops_in_the_middle_says_how_much_is_stored(tmp_path, monkeypatch, encoder):
    records = [Record(f"id-{number}", f"text {number}") for number in range(25)]
    monkeypatch.setattr("nearfield.collection.collection.BATCH_SIZE", 10)
    full = StorageError("the server has gone")
    left = [None, None, full]

    def upsert(store, batch):
        if (error := left.pop(0)) is not None:
            raise error

    with monkeypatch.context() as patch:
        patch.setattr(EmbeddedStore, "upsert", upsert)
        with pytest.raises(StorageError) as caught:
            build_collection(tmp_path / "c", records, "hash", encoder=encoder)
    assert caught.value.__notes__ == ["the 20 records before are stored; the same call goes on from there"]
    with monkeypatch.context() as patch:
        patch.setattr(EmbeddedStore, "optimise", lambda store: (_ for _ in ()).throw(StorageError("gone again")))
        with pytest.raises(StorageError) as caught:
            build_collection(tmp_path / "c", records, "hash", encoder=encoder)
    assert caught.value.__notes__ == ["all 25 records are stored; the same call goes on"]
    assert build_collection(tmp_path / "c", records, "hash", encoder=encoder)[1].unchanged == 25


def test_a_collection_opens_again_and_ranks_as_before(collection, encoder):
    before = collection.rank("loose inner washer", k=4)
    collection.close()
    with Collection.open(collection.address, encoder=encoder if collection.spec.encoder else None) as again:
        assert again.complete
        assert again.spec == collection.spec
        for now, then in zip(again.rank("loose inner washer", k=4), before, strict=True):
            assert now.id == then.id
            assert now.score == pytest.approx(then.score, abs=1e-6)


def test_a_shorter_answer_is_the_beginning_of_a_longer_one(collection):
    long = [found.id for found in collection.rank("loose inner washer dough", k=4)]
    assert [found.id for found in collection.rank("loose inner washer dough", k=2)] == long[:2]


@pytest.mark.parametrize("query", ["", " \n"])
def test_an_empty_query_is_refused(collection, query):
    with pytest.raises(InvalidInputError, match="query is empty"):
        collection.search(query)


def test_a_number_of_hits_is_a_whole_number_of_at_least_one_of_whatever_type(tmp_path):
    with build_collection(tmp_path / "c", NOTES, "bm25")[0] as collection:
        for k in (0, 1.5, True, "2"):
            with pytest.raises(InvalidInputError, match=f"k must be a whole number of at least 1, got {k!r}"):
                collection.search("tap", k=k)
        assert collection.search("tap", k=np.int64(1)) == collection.search("tap", k=1)


def test_words_that_nothing_contains_find_nothing_by_words(tmp_path):
    collection, _ = build_collection(tmp_path / "c", NOTES, "bm25")
    with collection:
        assert collection.search("xylophone") == []
        assert collection.search("!?") == []


def test_unchanged_records_are_left_alone_and_changed_ones_replaced(tmp_path, encoder):
    first, summary = build_collection(tmp_path / "c", NOTES, "hash", encoder=encoder)
    first.close()
    assert (summary.written, summary.unchanged) == (4, 0)
    encoder.encoded = 0
    changed = [*NOTES[:3], Record("bread", "Knead the dough for ten minutes.", "Baking bread", {})]
    second, summary = build_collection(tmp_path / "c", changed, "hash", encoder=encoder)
    with second:
        assert (summary.written, summary.unchanged) == (1, 3)
        assert encoder.encoded == 1 + 2 * 3  # the changed record, and the three canaries before and after
        assert second.get(["bread"]) == [changed[3]]


def test_truncated_records_are_counted(tmp_path):
    encoder = HashEncoder(max_tokens=5)
    collection, summary = build_collection(tmp_path / "c", NOTES, "hash", encoder=encoder)
    collection.close()
    assert summary.truncated == 4


def test_another_encoder_is_refused(tmp_path, encoder):
    collection, _ = build_collection(tmp_path / "c", NOTES, "hash", encoder=encoder)
    collection.close()
    with pytest.raises(SpaceMismatchError, match="weights: 'seed 0' → 'seed 1'"):
        Collection.open(tmp_path / "c", encoder=HashEncoder(seed=1))


def test_an_interrupted_second_indexing_is_said_to_be_incomplete(tmp_path, encoder):
    build_collection(tmp_path / "c", NOTES, "bm25")[0].close()

    def stop(*_):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        build_collection(tmp_path / "c", NOTES, "bm25", progress=stop)
    with Collection.open(tmp_path / "c") as collection:
        assert not collection.complete
    with build_collection(tmp_path / "c", NOTES, "bm25")[0] as collection:
        assert collection.complete


def test_other_options_of_the_store_than_it_was_made_with_are_refused(tmp_path):
    build_collection(tmp_path / "c", NOTES, "bm25")[0].close()
    with pytest.raises(SpaceMismatchError, match=r"quantisation='int8'.*not with.*quantisation='none'"):
        build_collection(tmp_path / "c", NOTES, "bm25", store=StoreConfig(quantisation="none"))
    build_collection(tmp_path / "c", NOTES, "bm25", store=StoreConfig())[0].close()


def test_words_without_a_sample_to_measure_are_refused(tmp_path):
    with pytest.raises(InvalidInputError, match="give a sample"):
        Collection.create(tmp_path / "c", "bm25")
    assert not (tmp_path / "c" / "manifest.json").exists()


def test_a_stream_that_can_be_read_only_once_is_indexed_whole(tmp_path):
    with build_collection(tmp_path / "c", (record for record in NOTES), "bm25")[0] as collection:
        assert collection.count() == len(NOTES)


@pytest.mark.parametrize("retriever", ["bm25", "hash", "hybrid:hash", "minmax:bm25+chars+hash"])
def test_the_top_of_a_ranking_does_not_depend_on_how_much_of_it_is_asked_for(tmp_path, encoder, retriever):
    many = [Record(f"r{i}", f"word{i % 40} word{i % 7} common text {i % 3}") for i in range(600)]
    with build_collection(tmp_path / "c", many, retriever, encoder=encoder)[0] as collection:
        longest = [found.id for found in collection.rank("word3 common word5", k=600)]
        for k in (1, 10, 250):
            assert [found.id for found in collection.rank("word3 common word5", k=k)] == longest[:k]


def test_an_encoder_that_has_silently_changed_is_refused(tmp_path, encoder):
    collection, _ = build_collection(tmp_path / "c", NOTES, "hash", encoder=encoder)
    collection.close()
    encoder._directions = np.roll(encoder._directions, 1, axis=0)
    with pytest.raises(SpaceMismatchError, match="gives other vectors than when this collection was built"):
        Collection.open(tmp_path / "c", encoder=encoder)


def test_an_encoder_for_a_collection_of_words_only_is_refused(tmp_path, encoder):
    build_collection(tmp_path / "c", NOTES, "bm25")[0].close()
    with pytest.raises(SpaceMismatchError, match="no dense leg"):
        Collection.open(tmp_path / "c", encoder=encoder)


def test_indexing_otherwise_into_the_same_folder_is_refused(tmp_path, encoder):
    build_collection(tmp_path / "c", NOTES, "bm25")[0].close()
    with pytest.raises(SpaceMismatchError, match="ranks by bm25, not by chars"):
        build_collection(tmp_path / "c", NOTES, "chars")
    with pytest.raises(SpaceMismatchError, match=r"ranks by bm25, not by bm25:k1=0\.9"):
        build_collection(tmp_path / "c", NOTES, "bm25:k1=0.9")


def test_a_second_holder_is_told_who_holds_the_collection(tmp_path):
    collection, _ = build_collection(tmp_path / "c", NOTES, "bm25")
    with collection, pytest.raises(CollectionBusyError, match=r"held by process \d+ on .+ since 20"):
        Collection.open(tmp_path / "c")
    Collection.open(tmp_path / "c").close()


def test_closing_twice_is_harmless(tmp_path):
    collection, _ = build_collection(tmp_path / "c", NOTES, "bm25")
    collection.close()
    collection.close()


def test_a_folder_that_is_no_collection_is_refused_and_left_alone(tmp_path):
    (tmp_path / "mine.txt").write_text("precious")
    with pytest.raises(CollectionError, match=r"holds mine\.txt and is no collection"):
        Collection.create(tmp_path, "tfidf")
    with pytest.raises(CollectionError, match=r"has no manifest\.json"):
        Collection.open(tmp_path)
    assert (tmp_path / "mine.txt").read_text() == "precious"


def test_a_missing_folder_is_said_to_be_missing(tmp_path):
    with pytest.raises(CollectionError, match="does not exist"):
        Collection.open(tmp_path / "nowhere")


def test_creating_over_a_collection_is_refused(tmp_path):
    build_collection(tmp_path / "c", NOTES, "bm25")[0].close()
    with pytest.raises(CollectionError, match="is a collection already"):
        Collection.create(tmp_path / "c", "tfidf")


def test_an_interrupted_creation_is_cleared_away(tmp_path, monkeypatch):
    monkeypatch.setattr("nearfield.collection.home.Home.save", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):
        Collection.create(tmp_path / "c", "tfidf")
    monkeypatch.undo()
    with Collection.create(tmp_path / "c", "tfidf") as collection:
        assert collection.count() == 0
        assert not collection.complete


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda text: text[: len(text) // 2], "cannot be read"),
        (lambda text: "[]", "format version None"),
        (
            lambda text: json.dumps(json.loads(text) | {"format_version": 99}),
            "format version 99, this nearfield reads up to 2",
        ),
        (lambda text: json.dumps({"format_version": 1}), "is damaged"),
        (lambda text: text.replace('"generation": 1', '"generation": true'), "is damaged .generation True"),
        (lambda text: text.replace('"ef": ', '"ef": "x'), "cannot be read"),
        (lambda text: text.replace('"dim": null', '"dim": 16'), "store is for 16 dimensions by cosine, not None"),
        (lambda text: text.replace('"sparse": [', '"sparse": ["chars",'), "store keeps the legs"),
        (lambda text: text.replace('"encoder": null', '"encoder": "hash"', 1), "do not agree whether"),
    ],
)
def test_a_damaged_or_foreign_manifest_is_refused(tmp_path, damage, message):
    build_collection(tmp_path / "c", NOTES, "bm25")[0].close()
    manifest = tmp_path / "c" / "manifest.json"
    manifest.write_text(damage(manifest.read_text()))
    with pytest.raises(CollectionError, match=message):
        Collection.open(tmp_path / "c")


def test_many_threads_may_search_while_one_writes(tmp_path, encoder):
    collection, _ = build_collection(tmp_path / "c", NOTES, "hybrid:hash", encoder=encoder)
    failures: list[BaseException] = []

    def search() -> None:
        try:
            for _ in range(20):
                assert "tap" in {hit.id for hit in collection.search("worn washer", k=3)}
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=search) for _ in range(4)]
    with collection:
        for thread in threads:
            thread.start()
        collection.upsert(Record(f"n{i}", f"note number {i} on xylophones") for i in range(300))
        for thread in threads:
            thread.join()
        assert collection.count() == 304
    assert failures == []


def test_a_cache_saves_encoding_again(tmp_path, encoder):
    cache = VectorCache(tmp_path / "cache.sqlite")
    build_collection(tmp_path / "a", NOTES, "hash", encoder=encoder, cache=cache)[0].close()
    encoder.encoded = 0
    build_collection(tmp_path / "b", NOTES, "hybrid:hash", encoder=encoder, cache=cache)[0].close()
    assert encoder.encoded == 2 * 3  # the canaries only, before and after


def test_progress_reports_what_is_safe(tmp_path):
    told: list[tuple[str, int, int | None]] = []
    build_collection(tmp_path / "c", NOTES, "bm25", progress=lambda *step: told.append(step))[0].close()
    assert told[0] == ("indexing", 4, None)


@pytest.mark.parametrize("query", [None, 3, b"x"])
def test_a_query_that_is_no_text_is_refused(tmp_path, query):
    with build_collection(tmp_path / "c", NOTES, "bm25")[0] as collection:
        with pytest.raises(InvalidInputError, match="no text"):
            collection.search(query)
        with pytest.raises(InvalidInputError, match="whole number"):
            collection.search("tap", k=1.5)


def test_an_encoder_that_changes_while_indexing_is_noticed(tmp_path, encoder):
    def turn(*_):
        encoder._directions = np.roll(encoder._directions, 1, axis=0)

    with pytest.raises(SpaceMismatchError, match="gives other vectors"):
        build_collection(tmp_path / "c", NOTES, "hash", encoder=encoder, progress=turn)


def test_one_record_in_place_of_many_is_refused(tmp_path):
    with pytest.raises(InvalidInputError, match=r"write \[record\]"):
        build_collection(tmp_path / "c", {"_id": "1", "text": "x"}, "bm25")


def test_metadata_replaced_while_another_thread_writes_a_text_undoes_nothing(tmp_path, encoder):
    with build_collection(tmp_path / "c", NOTES, "hash", encoder=encoder)[0] as collection:
        writer = threading.Thread(target=collection.upsert, args=([Record("tap", "Another text altogether.")],))

        def get_then_write(ids, **options):
            points = collection.store.inner.get(ids, **options)
            if threading.current_thread() is not writer and not writer.ident:
                writer.start()
                writer.join(0.2)  # which writes now, or waits until the metadata are replaced
            return points

        collection.store.get = get_then_write
        collection.update({"tap": {"year": 1999}})
        writer.join()
        (point,) = collection.store.get(["tap"], with_vectors=True)
        assert point.payload.text == "Another text altogether."
        np.testing.assert_allclose(point.vector, encoder.encode([point.payload.text])[0], atol=1e-6)


def test_threads_that_search_first_at_the_same_time_load_one_encoder(tmp_path, encoder, monkeypatch):
    build_collection(tmp_path / "c", NOTES, "hash", encoder=encoder)[0].close()
    loaded, together = [], threading.Barrier(4)

    def load(name):
        loaded.append(name)
        time.sleep(0.05)
        return encoder

    def ask(collection):
        together.wait()
        assert collection.search("tap")

    monkeypatch.setattr("nearfield.encoders.load.load_encoder", load)
    with Collection.open(tmp_path / "c") as collection:
        threads = [threading.Thread(target=ask, args=(collection,)) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert loaded == ["hash"]


def test_taking_a_loaded_encoder_leaves_what_encodes_queries(tmp_path, encoder):
    with build_collection(tmp_path / "c", NOTES, "hash", encoder=encoder)[0] as collection:
        asker = HashEncoder(encoder.spec.dim)
        collection.ask_by(asker)
        collection.use(encoder)
        assert collection.serving.asker is asker
        assert collection.encoder is encoder


def test_tuning_what_another_process_has_migrated_is_refused_and_undoes_nothing(tmp_path, encoder):
    with build_collection(tmp_path / "c", NOTES, "hash", encoder=encoder)[0] as collection:
        migrated = replace(collection.manifest, generation=2)
        collection.home.save(migrated)
        with pytest.raises(StoreReplacedError, match="was migrated by another process"):
            collection.set_effort(Effort(128))
        assert collection.home.manifest().generation == 2


def test_options_are_the_same_whether_or_not_the_back_ends_own_words_are_searched(tmp_path):
    with build_collection(tmp_path / "c", NOTES, "bm25")[0] as collection:
        given = collection.manifest.store
        described = replace(collection.manifest, store=replace(given, text=True))
        collection.serving = collection.serving.described_by(described)
        check_same_store(collection, given)
