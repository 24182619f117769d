"""How much approximate search misses, measured on real stores."""

import json
from contextlib import closing

import numpy as np
import pytest
from hash_encoder import HashEncoder

import nearfield as nf
from nearfield.collection.collection import Collection
from nearfield.data.records import Record
from nearfield.errors import CapabilityError, DataError, InvalidInputError
from nearfield.evaluation.recall_copies import RANK, temporary_copy
from nearfield.evaluation.recall_filters import find_filters
from nearfield.evaluation.recall_report import RecallMeasurement, best_effort
from nearfield.evaluation.recall_search import recall_of
from nearfield.progress import silent
from nearfield.statistics import Interval
from nearfield.stores.base import Batch, Effort, Match, Payload, StoreConfig
from nearfield.stores.embedded.store import EmbeddedStore

QUICK = {"sample": 20, "repeats": 1, "efs": (1, 64), "oversamplings": (1.0, 2.0), "shares": (0.1,), "ks": (1, 10)}


def filled(path, count=600, *, index_above=50, metas=None, **config):
    store = EmbeddedStore.create(path, StoreConfig(dim=16, index_above=index_above, **config))
    vectors = np.random.default_rng(0).normal(size=(count, 16)).astype(np.float32)
    payloads = [Payload("text", meta=meta) for meta in metas or [{}] * count]
    store.upsert(Batch([f"p{row}" for row in range(count)], payloads, vectors))
    store.optimise()
    return store


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    metas = [{"lang": "de" if row % 10 == 0 else "en", "price": row / 7} for row in range(600)]
    with closing(filled(tmp_path_factory.mktemp("recall") / "s", metas=metas)) as store:
        yield store


# --- recall of one answer


def test_recall_counts_ties_with_the_last_as_right_and_nothing_to_find_as_found():
    truth = [Match("a", 3.0), Match("b", 2.0), Match("c", 2.0), Match("d", 1.0)]
    assert recall_of(["a", "c"], truth, k=2) == 1
    assert recall_of(["a", "d"], truth, k=2) == 0.5
    assert recall_of(["a", "b"], truth, k=4) == 0.5
    assert recall_of(["a", "b", "c", "d"], truth, k=10) == 1
    assert recall_of([], [], k=3) == 1


def test_recall_is_that_of_a_plain_comparison_with_exact_search(store):
    report = nf.measure_recall(store, **QUICK)
    queries = [one.id for one in store.scroll()]
    effort = Effort(1, 1.0)
    [measured] = [one for one in report.variants[0].unfiltered(10) if one.effort == effort]
    assert 0.3 < measured.recall.mean < 1  # one candidate is too few
    points = store.get(queries, with_vectors=True)
    plain = []
    for point in points:
        right = {m.id for m in store.query(point.vector, k=11, exact=True)} - {point.id}
        found = {m.id for m in store.query(point.vector, k=11, effort=effort)} - {point.id}
        plain.append(len(right & found) / 10)
    assert measured.recall.low - 0.1 < np.mean(plain) < measured.recall.high + 0.1


# --- the recommendation


def measurement(effort, low, speed, *, k=10, share=1.0):
    return RecallMeasurement(k, share, Effort(effort), Interval(1.0, low, 1.0), speed, 0.001)


def test_the_cheapest_effort_is_recommended_that_reaches_the_target_with_every_filter():
    measured = [
        measurement(16, 0.97, 900),
        measurement(32, 0.99, 800),
        measurement(64, 0.99, 600),
        measurement(128, 0.99, 500),
        *(measurement(ef, low, 2000, share=0.1) for ef, low in ((16, 1.0), (32, 0.9), (64, 0.98), (128, 1.0))),
        *(measurement(ef, 0.1, 2000, k=1) for ef in (16, 32, 64, 128)),
    ]
    assert best_effort(measured, [0.1, 1.0], target=0.98, k=10) == Effort(64)
    assert best_effort(measured, [0.1, 1.0], target=0.999, k=10) is None
    assert best_effort([measurement(8, float("nan"), 1)], [1.0], target=0.5, k=10) is None


def test_of_speeds_that_timing_does_not_tell_apart_the_smaller_effort_is_taken():
    measured = [measurement(16, 1.0, 980), measurement(512, 1.0, 1000), measurement(8, 1.0, 500)]
    assert best_effort(measured, [1.0], target=0.98, k=10) == Effort(16)


def test_a_target_that_none_reaches_is_said_with_what_to_rebuild(store):
    report = nf.measure_recall(store, **{**QUICK, "efs": (1,), "oversamplings": (1.0,)}, target=1.0)
    weak = report.variants[0].at(Effort(1, 1.0))
    assert min(one.recall.low for one in weak) < 1
    assert report.recommended == store.config.effort or "m=32 and ef_construct=200" in report.advice


# --- filters


def test_filters_come_from_fields_that_repeat_and_from_ranges_of_numbers(store):
    payloads = [point.payload for point in store.scroll()]
    found, missing = find_filters(store, payloads, [0.01, 0.1, 1.0])
    assert missing == []
    by_price, by_language, everything = found
    assert list(by_price.where) == ["price"]
    assert by_price.kept == store.count(by_price.where)
    assert by_price.kept in (6, 7)  # of 600, one in a hundred
    assert by_language.kept in (60, 61)
    assert (everything.where, everything.kept) == (None, 600)


def test_values_together_make_up_a_share_that_none_has(tmp_path):
    metas = [{"colour": f"c{row % 20}"} for row in range(600)]
    with closing(filled(tmp_path / "s", metas=metas)) as store:
        payloads = [point.payload for point in store.scroll()]
        [found], missing = find_filters(store, payloads, [0.25])
    assert missing == []
    assert (len(found.where["colour"]["$in"]), found.kept) == (5, 150)


def test_a_share_that_no_field_keeps_is_left_out_and_said(tmp_path):
    with closing(filled(tmp_path / "s")) as store:
        report = nf.measure_recall(store, **QUICK)
    assert [one.share for one in report.variants[0].filters] == [1.0]
    assert any("No metadata field keeps about 0.1" in note for note in report.notes)


# --- queries


def test_stored_vectors_are_left_out_of_their_own_results_and_it_is_said(store):
    report = nf.measure_recall(store, **QUICK)
    assert report.queries == "20 stored vectors drawn at random, each left out of its own results"
    best = max(one.recall.mean for one in report.variants[0].unfiltered(10))
    assert best > 0.95


def test_texts_are_encoded_by_the_collections_encoder(tmp_path):
    records = [Record(f"r{row}", f"word{row % 40} word{row % 7} word{row}") for row in range(300)]
    collection, _ = nf.build_collection(
        tmp_path / "c", records, "hash", encoder=HashEncoder(), store=StoreConfig(index_above=50)
    )
    with collection:
        texts = {"q1": "word1 word2", "q2": "word39 word3"}
        for queries in (texts, list(texts.values())):
            report = nf.measure_recall(collection, queries=queries, **QUICK)
            assert (report.queries, report.source) == ("2 queries of your own", str(tmp_path / "c"))
            assert report.recommended is not None
        collection.set_effort(Effort(77, 3.0))
    with Collection.open(tmp_path / "c", encoder=HashEncoder()) as again:
        assert again.store.config.effort == Effort(77, 3.0)
        assert again.manifest.store.index_above == 50
    # Indexing again with the options of then goes on: how hard searches try is tuned, not built.
    again, _ = nf.build_collection(
        tmp_path / "c", records, "hash", encoder=HashEncoder(), store=StoreConfig(index_above=50)
    )
    again.close()
    with pytest.raises(nf.errors.SpaceMismatchError):
        nf.build_collection(
            tmp_path / "c", records, "hash", encoder=HashEncoder(), store=StoreConfig(index_above=50, ef=99)
        )


def test_vectors_can_be_given_to_a_bare_store_but_texts_cannot(store):
    vectors = np.random.default_rng(1).normal(size=(5, 16))
    assert nf.measure_recall(store, queries=vectors, **QUICK).queries == "5 query vectors of your own"
    with pytest.raises(InvalidInputError, match="need a collection with an encoder"):
        nf.measure_recall(store, queries=["a", "b"], **QUICK)
    with pytest.raises(InvalidInputError, match="at least 2 queries"):
        nf.measure_recall(store, queries=vectors[:1], **QUICK)


# --- copies


def test_deleting_and_other_quantisations_are_tried_on_copies_only(store):
    before = [(point.id, point.payload) for point in store.scroll()]
    report = nf.measure_recall(store, **QUICK, quantisations=("none", "binary"), deleted_share=0.25)
    assert [(point.id, point.payload) for point in store.scroll()] == before
    names = ["as it is", "copy, int8", "copy, int8, 25% deleted", "copy, none", "copy, binary"]
    assert [one.name for one in report.variants] == names
    assert [one.records for one in report.variants] == [600, 600, 450, 600, 600]
    by_name = {one.name: one for one in report.variants}
    graph = 600 * 8 * 16
    assert by_name["copy, none"].memory_bytes == 600 * 64 + graph
    assert by_name["copy, int8"].memory_bytes == 600 * 16 + graph
    assert by_name["copy, binary"].memory_bytes == 600 * 2 + graph
    assert all(one.disk_bytes > 0 for one in report.variants)
    kept = {one.name: [by.kept for by in one.filters] for one in report.variants}
    assert kept["copy, none"] == [60, 600]
    assert kept["copy, int8, 25% deleted"][1] == 450


def test_a_copy_of_a_collection_is_removed_in_the_end(tmp_path):
    with Collection.create(tmp_path / "c", "hash", encoder=HashEncoder()) as collection:
        collection.upsert([Record(f"r{row}", f"word{row}", meta={"a": 1}) for row in range(30)])
        with temporary_copy(collection, "none", progress=silent) as copy:
            folder = copy._held.folder.path
            assert copy.config.quantisation == "none"
            assert {point.payload.meta[RANK] for point in copy.scroll()} == set(range(30))
            assert all(point.payload.text == "" for point in copy.scroll())
        assert not folder.exists()
        with pytest.raises(CapabilityError, match="has no float16 quantisation; it has"):
            nf.measure_recall(collection, **QUICK, quantisations=("float16",))


# --- what cannot be measured


def test_a_store_that_searches_exactly_anyway_says_so(tmp_path):
    with closing(filled(tmp_path / "s", index_above=1000)) as store:
        report = nf.measure_recall(store, **QUICK)
    assert all(one.recall.mean == 1 for one in report.variants[0].measurements)
    assert {one.effort for one in report.variants[0].measurements} == {report.current}  # any would be the same
    assert any("builds an index above 1,000" in note for note in report.notes)


def test_what_has_nothing_to_compare_is_refused(tmp_path):
    with (
        closing(EmbeddedStore.create(tmp_path / "words", StoreConfig(sparse=("bm25",)))) as words,
        pytest.raises(CapabilityError, match="no dense vectors"),
    ):
        nf.measure_recall(words)
    with (
        closing(EmbeddedStore.create(tmp_path / "empty", StoreConfig(dim=2))) as empty,
        pytest.raises(DataError, match="no records"),
    ):
        nf.measure_recall(empty)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"ks": (0,)}, "k must be at least 1, got 0"),
        ({"shares": (1.5,)}, "above 0 and at most 1, got 1.5"),
        ({"target": 0.0}, "above 0 and at most 1, got 0"),
        ({"deleted_share": 1.0}, "below 1, got 1"),
        ({"sample": 1}, "sample must be at least 2, got 1"),
        ({"repeats": 0}, "repeats must be at least 1, got 0"),
        ({"efs": (0,)}, "ef must be at least 1 and below"),
    ],
)
def test_options_out_of_range_are_refused(store, options, message):
    with pytest.raises(InvalidInputError, match=message):
        nf.measure_recall(store, **{**QUICK, **options})


# --- the report


def test_the_report_prints_and_is_saved_as_json_and_as_a_page(store, tmp_path):
    report = nf.measure_recall(store, **QUICK, quantisations=("none",))
    text = str(report)
    assert "recall@10 of everything, effort by effort" in text
    assert report.advice.split(":")[0][:20] in text.replace("\n", " ")
    values = json.loads(json.dumps(report.to_json()))
    assert values["variants"][0]["filters"][0]["kept"] == 60
    assert values["recommended"] == {"ef": report.recommended.ef, "oversampling": report.recommended.oversampling}
    report.export(tmp_path / "page.html")
    page = (tmp_path / "page.html").read_text()
    assert "<svg" in page
    assert "Copies" in page
    assert "against the time of a query" in page
