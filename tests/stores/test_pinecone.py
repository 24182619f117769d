"""What only Pinecone has: addresses, options, limits, lag, faults; the contract suite does the rest."""

import logging
import threading
import time
import weakref
from dataclasses import replace
from functools import partial

import numpy as np
import pinecone_server
import pytest
from filter_cases import CASES
from hypothesis import given, settings
from hypothesis import strategies as st
from pinecone_server import Fault, PineconeServer

from nearfield import PineconeConfig
from nearfield.errors import (
    CapabilityError,
    CollectionError,
    InvalidInputError,
    StorageError,
    StoreAccessError,
)
from nearfield.stores.address import Address, connect
from nearfield.stores.base import Batch, Effort, Payload, StoreConfig
from nearfield.stores.filters import matches, parse_where
from nearfield.stores.pinecone import namespace as pinecone_namespace
from nearfield.stores.pinecone import parts as pinecone_parts
from nearfield.stores.pinecone import reading as pinecone_reading
from nearfield.stores.pinecone import service as pinecone_service
from nearfield.stores.pinecone import store as pinecone_store
from nearfield.stores.pinecone.scan import search_exactly
from nearfield.stores.retries import ServerCalls

UPSERT = "/vectors/upsert"


@pytest.fixture
def server(monkeypatch):
    monkeypatch.setattr(pinecone_service, "ServerCalls", partial(ServerCalls, waits=(0.02, 0.05, 0.1, 0.2, 0.4)))
    monkeypatch.setattr("pinecone._internal.http_client._retry_sleep", lambda seconds: time.sleep(seconds / 50))
    running = PineconeServer("sesame")
    yield running
    running.stop()


def database_at(server, prefix="near", key="sesame"):
    return connect(Address.parse(f"pinecone://:{key}@{prefix}?host={server.url}"))


@pytest.fixture
def database(server):
    connected = database_at(server)
    yield connected
    connected.close()


@pytest.fixture
def store(database):
    return database.create_store("faq", 1, PineconeConfig(dim=2))


def batch(ids, vectors=None, payloads=None):
    vectors = [[1, 0]] * len(ids) if vectors is None else vectors
    return Batch(ids, payloads or [Payload()] * len(ids), np.array(vectors, np.float32))


def names(count):
    return [f"p{number:04d}" for number in range(count)]


def paths(server, path):
    return [body for asked, body in server.requests if asked == path]


# --- addresses, keys and options


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("pinecone://key@near", "no user name"),
        ("pinecone://:key@near:443", "names no server"),
        ("pinecone://:key@near/x", "names no server"),
        ("pinecone://:key@near?region=x", "takes the option host, not region"),
        ("pinecone://:key@near_by", "1 to 28 of a-z"),
        ("pinecone://:key@" + "n" * 29, "1 to 28 of a-z"),
    ],
)
def test_a_wrong_address_is_refused(url, message):
    with pytest.raises(InvalidInputError, match=message):
        connect(Address.parse(url))


def test_the_key_is_taken_from_the_environment(server, monkeypatch):
    url = f"pinecone://?host={server.url}"
    monkeypatch.delenv("PINECONE_API_KEY", raising=False)
    with pytest.raises(StoreAccessError, match="set PINECONE_API_KEY"):
        connect(Address.parse(url))
    monkeypatch.setenv("PINECONE_API_KEY", "sesame")
    database = connect(Address.parse(url))
    database.create_store("faq", 1, PineconeConfig(dim=2))
    assert set(server.indexes) == {"nearfield-cosine-2", "nearfield-registry"}
    database.close()


@pytest.mark.parametrize("key", ["hunter2", "wrong\nkey"])
def test_a_refused_key_is_told_at_once_and_never_repeated(server, key, caplog):
    caplog.set_level(logging.DEBUG)
    with pytest.raises(StorageError) as caught:
        connect(Address("pinecone", host="near", password=key, options={"host": server.url}))
    if key == "hunter2":
        assert isinstance(caught.value, StoreAccessError)
        assert len(server.requests) == 1
    assert key not in str(caught.value) + caplog.text
    assert caught.value.__cause__ is None


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        ({"dim": None}, CapabilityError, "give dim"),
        ({"sparse": ("s",)}, CapabilityError, "no sparse legs"),
        ({"quantisation": "int8"}, CapabilityError, "leave it at none, got 'int8'"),
        ({"m": 32}, CapabilityError, "leave m at 16, got 32"),
        ({"ef": 99}, CapabilityError, "leave ef at 128, got 99"),
        ({"ef_construct": 64}, CapabilityError, "leave ef_construct at 100, got 64"),
        ({"index_above": 0}, CapabilityError, "leave index_above at 20000, got 0"),
        ({"oversampling": 3.0}, CapabilityError, "leave oversampling at 2.0, got 3.0"),
        ({"dim": 20_001}, InvalidInputError, "1 to 20,000"),
        ({"metric": "jaccard"}, InvalidInputError, "metric must be one of"),
        ({"cloud": "moon"}, InvalidInputError, "cloud must be one of aws, gcp, azure, got 'moon'"),
        ({"region": "over there"}, InvalidInputError, "region must be a name"),
    ],
)
def test_options_that_the_service_lacks_are_refused(database, server, changes, error, message):
    with pytest.raises(error, match=message):
        database.create_store("faq", 1, replace(PineconeConfig(dim=2), **changes))
    assert server.indexes == {}


def test_a_plain_configuration_takes_the_defaults(database):
    store = database.create_store("faq", 1, StoreConfig(dim=2, quantisation="none"))
    assert store.config == PineconeConfig(dim=2)
    with pytest.raises(CapabilityError, match="got 'int8'"):
        database.create_store("faq", 2, StoreConfig(dim=2))


def test_an_index_is_made_where_it_is_asked_for_and_not_used_from_elsewhere(database, server):
    config = PineconeConfig(dim=2, metric="l2", cloud="gcp", region="europe-west4", deletion_protection=True)
    database.create_store("faq", 1, config)
    made = server.indexes["near-l2-2"].description
    assert made["deployment"] == {"deployment_type": "managed", "cloud": "gcp", "region": "europe-west4"}
    assert made["deletion_protection"] == "enabled"
    assert server.indexes["near-registry"].description["deployment"] == made["deployment"]
    with pytest.raises(InvalidInputError, match="there already, in gcp europe-west4, deletion_protection=True"):
        database.create_store("other", 1, PineconeConfig(dim=2, metric="l2"))
    database.create_store("other", 1, config)
    assert len(server.indexes) == 2  # the two stores share one


def test_an_effort_reaches_dedicated_nodes_only(database, server, store):
    store.upsert(batch(["a"]))
    with pytest.raises(InvalidInputError, match="at least 1, got 0"):
        store.query([1, 0], k=1, effort=Effort(0))
    store.query([1, 0], k=1, effort=Effort(300))
    assert "maxCandidates" not in paths(server, "/query")[-1]
    ready = {"current_replicas": 1, "current_shards": 1, "state": "Ready"}
    scaling = {"node_type": "b1", "scaling": "Manual", "manual": {"shards": 1, "replicas": 1}}
    capacity = {"mode": "Dedicated", "dedicated": scaling, "status": ready}
    server.indexes["near-cosine-2"].description["read_capacity"] = capacity
    other = database_at(server)
    dedicated = other.open_store("faq", 1, PineconeConfig(dim=2))
    dedicated.query([1, 0], k=1, effort=Effort(300))
    assert paths(server, "/query")[-1]["maxCandidates"] == 300
    dedicated.query([1, 0], k=1)
    assert "maxCandidates" not in paths(server, "/query")[-1]
    other.close()


# --- limits


def test_long_ids_and_ids_of_any_characters_come_back_without_their_payloads(store):
    ids = ["x" * 600, "y" * 1024, "é" * 512, "%h", "%", "a b", "~", "\x00", "100%", "%25"]
    store.upsert(batch(ids))
    found = store.query([1, 0], k=20, with_payload=False)
    assert [match.id for match in found] == sorted(ids)
    assert [match.id for match in store.query([1, 0], k=3)] == sorted(ids)[:3]
    assert {point.id for point in store.scroll()} == set(ids)
    many = [f"{'/' * 500}{number}" for number in range(120)]
    store.upsert(batch(many))
    assert [point.id for point in store.get(many)] == many


def test_texts_too_long_for_one_record_are_kept_in_parts(store, server, monkeypatch):
    text = "".join(chr(0x4E00 + number % 20_000) for number in range(100_000))
    store.upsert(batch(["short", "long"], payloads=[Payload("short"), Payload(text, "title", {"n": 1})]))
    assert [point.payload.text for point in store.get(["short", "long"])] == ["short", text]
    assert store.query([1, 0], k=1)[0].payload == Payload(text, "title", {"n": 1})
    assert {point.payload.text for point in store.scroll({"n": {"$ne": 2}})} == {"short", text}
    assert store.update(["long"], [Payload(text[::-1])]) == 1
    assert store.get(["long"])[0].payload.text == text[::-1]
    parts = next(each for name, each in server.indexes["near-cosine-2"].namespaces.items() if name.endswith(".parts"))
    count = len(parts.visible)
    store.upsert(batch(["long"], payloads=[Payload(text)]))
    assert store.get(["long"])[0].payload.text == text
    store.compact()
    assert len(parts.visible) == 2 * count  # a part of less than an hour may be a write under way
    monkeypatch.setattr(pinecone_parts, "SETTLED_SECONDS", -1.0)
    store.compact()
    assert store.get(["long"])[0].payload.text == text
    assert len(parts.visible) == count
    monkeypatch.undo()
    assert store.delete(["long"]) == 1
    store.compact()  # nothing is left for it to do
    assert parts.visible == {}


def test_a_long_text_deleted_while_it_is_read_is_an_error(store, server):
    store.upsert(batch(["long"], payloads=[Payload("x" * 50_000)]))
    store.get(["long"])
    parts = next(each for name, each in server.indexes["near-cosine-2"].namespaces.items() if name.endswith(".parts"))
    parts.visible.popitem()
    with pytest.raises(StorageError, match="read it again"):
        store.get(["long"])


def test_metadata_with_too_many_values_is_refused_before_anything_is_written(store, server):
    many = Payload(meta={"tags": [f"tag {number}" for number in range(3000)]})
    with pytest.raises(InvalidInputError, match="the meta of 'b' holds 3,000 values to filter by"):
        store.upsert(batch(["a", "b"], payloads=[Payload("x" * 50_000), many]))
    assert not paths(server, UPSERT)[1:]  # the first is the registry's
    assert store.count() == 0


def test_many_matches_with_large_payloads_come_in_several_answers(store):
    rng = np.random.default_rng(0)
    payloads = [Payload(rng.bytes(10_000).hex(), meta={"n": number % 2}) for number in range(250)]
    store.upsert(batch(names(250), payloads=payloads))
    found = store.query([1, 0], k=250)
    assert [match.payload for match in found] == payloads
    odd = store.query([1, 0], k=120, where={"n": {"$ne": 0}})
    assert [match.payload for match in odd] == payloads[1:240:2]
    assert len(store.query([1, 0], k=120, where={"n": 1}, with_payload=False)) == 120


def test_more_matches_than_a_query_gives_are_compared_here(store, monkeypatch):
    monkeypatch.setattr(pinecone_reading, "MAX_TOP_K", 50)
    monkeypatch.setattr(pinecone_server, "MAX_TOP_K", 50)
    vectors = np.random.default_rng(0).normal(size=(100, 2)).tolist() + [[1, 0]] * 100
    store.upsert(batch(names(200), vectors))
    wide = np.asarray(vectors)
    scores = wide @ [0.6, 0.8] / np.linalg.norm(wide, axis=1)
    best = [names(200)[row] for row in np.lexsort((np.arange(200), -scores.round(9)))]
    assert [match.id for match in store.query([3, 4], k=120, with_payload=False)] == best[:120]
    assert [match.id for match in store.query([1, 0], k=10)] == [f"p{row:04d}" for row in range(100, 110)]  # many tie


def test_equal_scores_are_ordered_by_id_in_whatever_order_they_are_compared():
    pages = [[("c", np.ones(2)), ("z", -np.ones(2))], [], [("b", np.ones(2)), ("a", np.ones(2))]]
    (found,) = search_exactly(pages, np.ones((1, 2), np.float32), 2, "dot")
    assert [(match.id, match.score, match.distance) for match in found] == [("a", 2, -2), ("b", 2, -2)]


def test_zero_vectors_which_the_service_refuses_are_stored(database):
    for metric in ("dot", "l2"):
        store = database.create_store(metric, 1, PineconeConfig(dim=2, metric=metric))
        store.upsert(batch(["a", "zero"], [[3, 4], [0, 0]]))
        assert store.update(["zero"], [Payload("kept")]) == 1
        assert store.get(["zero"], with_vectors=True)[0].vector.tolist() == [0, 0]
        scores = {"dot": [3, 0], "l2": [-1, -(20**0.5)]}[metric]
        assert [match.score for match in store.query([1, 0], k=2)] == pytest.approx(scores)
        assert len(store.query([0, 0], k=2)) == 2


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        (batch(["a", "b"], [[1, 0], [0, 0]]), "vector of 'b' is a zero vector"),
        (batch(["a", "b"], [[1, 0], [np.nan, 0]]), "row 1 holds NaN"),
        (batch(["a", "a"]), "'a' is in the batch twice"),
        (batch(["a", "b"], payloads=[Payload(), Payload(meta={"x": np.nan})]), "meta of 'b' cannot be stored"),
    ],
)
def test_a_bad_batch_is_refused_before_anything_of_it_is_written(store, bad, message):
    with pytest.raises(InvalidInputError, match=message):
        store.upsert(bad)
    assert store.count() == 0


# --- what is asked in a filter is never more than a value

odd = st.sampled_from(
    ["$or", "$exists", "t", "*", '{"$ne": 1}', "'", '"', "\x00", "a.b", "_id", "nmin_", "\\"]
) | st.text(max_size=4)


@given(odd.filter(lambda name: not name.startswith("$")), odd, odd)
@settings(max_examples=25)
def test_odd_names_and_values_find_what_they_mean(fuzzed, name, value, other):
    metas = [{name: value}, {name: other}, {other: value}, {}]
    ids = [f"{value}{number}" for number in range(4)]
    fuzzed.delete_where({})
    fuzzed.upsert(batch(ids, payloads=[Payload(meta=meta) for meta in metas]))
    for where in ({name: value}, {name: {"$nin": [other]}}, {name: {"$exists": False}}, {name: {"$gte": value}}):
        expected = sorted(id for id, meta in zip(ids, metas, strict=True) if matches(parse_where(where), meta))
        assert sorted(match.id for match in fuzzed.query([1, 0], k=4, where=where)) == expected
        assert fuzzed.count(where) == len(expected)


@pytest.fixture
def fuzzed(store):
    return store


@pytest.mark.parametrize("is_nin_loose", [False, True])
def test_filters_mean_the_same_however_the_service_reads_nin(server, store, is_nin_loose):
    server.is_nin_loose = is_nin_loose
    metas = [meta for _, meta, _ in CASES]
    store.upsert(batch(names(len(metas)), payloads=[Payload(meta=meta) for meta in metas]))
    for where, _, _ in CASES:
        for asked in (where, {"$not": where}):
            tree = parse_where(asked)
            expected = [id for id, meta in zip(names(len(metas)), metas, strict=True) if matches(tree, meta)]
            found = store.query([1, 0], k=len(metas), where=asked, with_payload=False)
            assert [match.id for match in found] == expected, asked
            assert store.count(asked) == len(expected), asked


def test_a_filter_with_too_many_values_is_refused(store):
    with pytest.raises(InvalidInputError, match="up to 10,000 values at once, got 10,001"):
        store.count({"n": {"$in": list(range(10_001))}})


# --- the service is slow to show what was written


def test_reads_wait_for_what_was_written_before(database, server, store):
    server.lag = 0.3
    store.upsert(batch(["a", "b"]))
    assert store.count() == 2
    store.upsert(batch(["c"]))
    assert [match.id for match in store.query([1, 0], k=5)] == ["a", "b", "c"]
    store.delete(["a"])
    assert [point.id for point in store.scroll()] == ["b", "c"]
    store.delete_where({})
    assert store.get(["b"]) == []
    database.write("faq", "manifest", b"{}")
    assert database.collections() == ["faq"]


def test_reading_goes_on_when_the_service_does_not_catch_up(server, store, monkeypatch, caplog):
    monkeypatch.setattr(pinecone_namespace, "PATIENCE", 0.1)
    server.lag = 60
    store.upsert(batch(["a"]))
    assert store.count() == 0
    assert "cannot be read after 0.1 s" in caplog.text
    server.lag = 0
    assert store.count() == 1


# --- the server fails


def test_a_server_that_is_gone_is_an_error_and_so_is_connecting_to_it(server, store):
    server.stop()
    with pytest.raises(StorageError, match=r"writing points \(0 of 1 are stored\) failed at pinecone://near\?host="):
        store.upsert(batch(["a"]))
    with pytest.raises(StorageError, match="listing indexes failed"):
        database_at(server)


def test_a_restart_in_the_middle_of_a_batch_is_survived(server, store, monkeypatch):
    monkeypatch.setattr(pinecone_namespace, "_MAX_RECORDS", 10)
    writing = threading.Thread(target=store.upsert, args=(batch(names(400)),))
    writing.start()
    while len(paths(server, UPSERT)) < 6:
        time.sleep(0.001)
    server.stop()
    time.sleep(0.05)
    server.start()
    writing.join()
    assert store.count() == 400


def test_what_was_stored_is_there_after_a_restart_and_a_new_connection(database, server, store):
    store.upsert(batch(["a"]))
    database.write("faq", "manifest", b"{}")
    server.stop()
    server.start()
    other = database_at(server)
    assert other.collections() == ["faq"]
    assert [point.id for point in other.open_store("faq", 1, PineconeConfig(dim=2)).scroll()] == ["a"]
    other.close()


@pytest.mark.parametrize("fault", [Fault(UPSERT, 503), Fault(UPSERT, 429, headers={"Retry-After": "1"}), Fault(UPSERT)])
@pytest.mark.parametrize("applied", [False, True])
def test_a_passing_fault_is_not_noticed(server, store, fault, applied):
    server.faults = [replace(fault, times=5, is_applied=applied)]
    store.upsert(batch(["a"]))
    assert server.faults[0].times == 0
    assert store.count() == 1


def test_a_fault_that_stays_is_told_with_what_is_stored(server, store, monkeypatch):
    monkeypatch.setattr(pinecone_namespace, "_MAX_RECORDS", 10)
    server.faults = [Fault(UPSERT, times=99, when=lambda body: body["vectors"][0]["id"] == "p0020")]
    with pytest.raises(StorageError, match=r"writing points \(20 of 30 are stored\) failed"):
        store.upsert(batch(names(30)))
    server.faults = []
    assert store.count() == 20
    store.upsert(batch(names(30)))
    assert store.count() == 30


def test_a_server_that_does_not_answer_in_time_is_an_error(server, monkeypatch):
    monkeypatch.setattr(pinecone_service, "TIMEOUT", 0.1)
    database = database_at(server)
    store = database.create_store("faq", 1, PineconeConfig(dim=2))
    server.faults = [Fault("/query", seconds=0.3, times=9)]
    with pytest.raises(StorageError, match=r"searching failed at .*timed out"):
        store.query([1, 0], k=1)
    database.close()


@pytest.mark.parametrize("status", [401, 403])
def test_a_refusal_later_on_is_told_as_one(server, store, status):
    server.faults = [Fault("/query", status)]
    with pytest.raises(StoreAccessError, match="refuses this user"):
        store.query([1, 0], k=1)


def test_a_project_that_is_full_is_not_told_as_a_wrong_key(database, server):
    server.faults = [Fault("/indexes", 403, "QUOTA_EXCEEDED", when=lambda body: body is not None)]
    with pytest.raises(StorageError, match="making the index near-cosine-2 failed") as caught:
        database.create_store("faq", 1, PineconeConfig(dim=2))
    assert not isinstance(caught.value, StoreAccessError)


# --- the registry


def test_a_document_is_replaced_whole_or_not_at_all(database, server):
    old, new = b"old" * 30_000, b"new" * 30_000
    database.create_store("faq", 1, PineconeConfig(dim=2))
    database.write("faq", "manifest", old)
    server.faults = [Fault(UPSERT, times=99, when=lambda body: body["vectors"][0]["id"] == "manifest/faq")]
    with pytest.raises(StorageError, match="writing the registry"):
        database.write("faq", "manifest", new)
    server.faults = []
    assert database.read("faq", "manifest") == old
    database.write("faq", "manifest", new)
    assert database.read("faq", "manifest") == new
    database.write("faq", "previous", new)
    database.write("faq", "manifest", old)
    assert database.read("faq", "previous") == new
    database.write("faq", "previous", None)
    database.write("faq", "manifest", b"{}")
    assert database.read("faq", "manifest") == b"{}"
    database.write("faq", "migration", b"x" * 30_000)
    database.read("faq", "migration")
    kept = {id.partition(".")[0] for id in server.indexes["near-registry"].namespaces["nearfield.parts"].visible}
    assert len(kept) == 2  # the migration's, and what a failed write left


def test_a_registry_of_another_version_is_refused(database, server, store):
    assert database.generations("faq") == [1]
    (record,) = server.indexes["near-registry"].namespaces["nearfield"].visible.values()
    record["metadata"]["version"] = 2
    with pytest.raises(CollectionError, match=r"registry at pinecone://near.* is of version 2,"):
        database.open_store("faq", 1, PineconeConfig(dim=2))


def test_the_name_of_a_namespace_is_never_used_again(database, server, store):
    store.upsert(batch(["a"]))
    database.drop_store("faq", 1)
    again = database.create_store("faq", 1, PineconeConfig(dim=2))
    again.upsert(batch(["b"]))
    (name,) = server.indexes["near-cosine-2"].namespaces
    assert name.startswith("faq.1-")
    assert again.count() == 1


def test_collections_of_another_prefix_are_none_of_ours(database, server):
    other = database_at(server, prefix="other")
    other.write("faq", "manifest", b"{}")
    assert database.collections() == []
    assert other.collections() == ["faq"]
    other.close()


def test_an_index_that_was_removed_is_told(database, server, store):
    del server.indexes["near-cosine-2"]
    other = database_at(server)
    with pytest.raises(CollectionError, match=r"the index near-cosine-2 with store 1 of .*#faq was removed"):
        other.open_store("faq", 1, PineconeConfig(dim=2))
    other.drop_store("faq", 1)
    assert other.generations("faq") == []
    other.close()


@pytest.mark.parametrize("way", ["ids", "filter", "update"])
def test_changing_many_points_holds_the_records_of_one_page_at_a_time(store, monkeypatch, way):
    monkeypatch.setattr(pinecone_store, "PAGE", 5)
    ids = [f"p{row}" for row in range(40)]
    payloads = [Payload("old", meta={"text": "abc"})] * 40
    store.upsert(Batch(ids, payloads, np.ones((40, 2), np.float32)))
    held, most = weakref.WeakSet(), []

    class Watched:
        def __init__(self, record):
            self.id, self.values, self.metadata = record.id, record.values, record.metadata
            held.add(self)
            most.append(len(held))

    read = pinecone_store.Namespace.fetch, pinecone_store.Namespace.pages

    def fetch(self, *arguments):
        return {id: Watched(record) for id, record in read[0](self, *arguments).items()}

    def pages(self, *arguments):
        return ([Watched(record) for record in page] for page in read[1](self, *arguments))

    monkeypatch.setattr(pinecone_store.Namespace, "fetch", fetch)
    monkeypatch.setattr(pinecone_store.Namespace, "pages", pages)
    changed = {
        "ids": lambda: store.delete(ids),
        "filter": lambda: store.delete_where({"text": {"$contains": "b"}}),
        "update": lambda: store.update(ids, [Payload("new")] * 40),
    }[way]()
    assert changed == 40
    assert max(most) <= 10
    assert store.count() == (40 if way == "update" else 0)
