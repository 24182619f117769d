"""What only the Weaviate back end has: its options, its server's faults, its limits."""

import logging
import threading
import time
from types import SimpleNamespace

import numpy as np
import pytest
import weaviate_engine
import weaviate_server
from hypothesis import given, settings
from hypothesis import strategies as st
from weaviate.exceptions import AuthenticationFailedError

from nearfield.errors import CapabilityError, CollectionError, InvalidInputError, StorageError, StoreAccessError
from nearfield.stores.address import Address, connect
from nearfield.stores.base import Batch, Effort, Payload, SparseVector, StoreConfig
from nearfield.stores.filters import matches, parse_where
from nearfield.stores.weaviate import reads as weaviate_reads
from nearfield.stores.weaviate import search as weaviate_search
from nearfield.stores.weaviate import slices as weaviate_slices
from nearfield.stores.weaviate.calls import is_denial
from nearfield.stores.weaviate.config import WeaviateConfig
from nearfield.stores.weaviate.points import object_id
from nearfield.stores.weaviate.schema import class_name, store_of


@pytest.fixture
def server():
    with weaviate_server.running() as running:
        yield running


@pytest.fixture
def database(server):
    connected = connect(Address.parse(server.url))
    yield connected
    connected.close()


@pytest.fixture
def impatient(monkeypatch):
    """Nobody waits before asking again: the seconds that were not waited, ours and the client's."""
    waited = {"nearfield.stores.retries": [], "weaviate.retry": []}
    for module, seconds in waited.items():
        monkeypatch.setattr(f"{module}.time", SimpleNamespace(sleep=seconds.append))
    return waited


@pytest.fixture
def few_results(monkeypatch):
    """A server that gives at most 50 results."""
    for module in (weaviate_engine, weaviate_search, weaviate_slices):
        monkeypatch.setattr(module, "MAX_RESULTS", 50)
    monkeypatch.setattr("weaviate_grpc.MAX_RESULTS", 50)
    for module in (weaviate_reads, weaviate_search):
        monkeypatch.setattr(module, "PAGE", 20)


def points(count, dim=4, metas=None, seed=0, **payload):
    ids = [f"p{row:04d}" for row in range(count)]
    vectors = np.random.default_rng(seed).normal(size=(count, dim)).astype(np.float32)
    return Batch(ids, [Payload(meta=meta, **payload) for meta in (metas or [{}] * count)], vectors)


def nearest(batch, query, k):
    vectors = np.asarray(batch.vectors, np.float64)
    scores = vectors @ query / np.linalg.norm(vectors, axis=1)
    return [batch.ids[row] for row in np.argsort(-scores, kind="stable")[:k]]


# --- options


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"sparse": ("s",)}, "Weaviate holds no sparse vectors"),
        ({"quantisation": "float16"}, "quantisation must be one of none, int8, binary, got 'float16'"),
        ({"metric": "hamming"}, "metric must be one of"),
        ({"index": "tree"}, "index must be one of hnsw, flat, dynamic"),
        ({"consistency": "most"}, "consistency must be one of one, quorum, all"),
        ({"quantiser": "pq"}, "quantiser must be one of rq, sq, bq"),
        ({"quantisation": "binary", "quantiser": "sq"}, "quantiser 'sq' makes int8, got quantisation 'binary'"),
        ({"quantisation": "int8", "quantiser": "bq"}, "quantiser 'bq' makes binary"),
        ({"dim": 0}, "dim must be at least 1"),
        ({"m": 3}, "m must be at least 4"),
        ({"m": 2048}, "m must be at most 2047"),
        ({"ef": 0}, "ef must be at least 1"),
        ({"oversampling": 0.5}, "oversampling must be at least 1"),
        ({"replicas": 0}, "replicas must be at least 1"),
        ({"shards": 0}, "shards must be at least 1"),
        ({"rescore_limit": 0}, "rescore_limit must be at least 1"),
        ({"index": "flat", "ef": 99}, "the flat index has no graph, so ef must be left at 128"),
        ({"index": "flat", "quantisation": "int8", "quantiser": "sq"}, "the flat index has no quantiser 'sq'"),
    ],
)
def test_what_weaviate_cannot_do_is_refused(database, options, message):
    with pytest.raises(InvalidInputError, match=message):
        database.create_store("faq", 1, WeaviateConfig(**{"dim": 2} | options))
    assert database.generations("faq") == []


def test_a_config_of_another_back_end_is_refused(database):
    with pytest.raises(InvalidInputError, match="needs a WeaviateConfig, got a StoreConfig"):
        database.create_store("faq", 1, StoreConfig(dim=2))


@pytest.mark.parametrize(
    ("options", "kind", "expected"),
    [
        (
            {"m": 8, "ef": 77},
            "hnsw",
            {"maxConnections": 8, "ef": 77, "efConstruction": 128, "flatSearchCutoff": 40_001},
        ),
        ({}, "hnsw", {"skipDefaultQuantization": True, "distance": "cosine"}),
        ({"metric": "l2"}, "hnsw", {"distance": "l2-squared"}),
        ({"quantisation": "int8"}, "hnsw", {"rq": {"bits": 8, "enabled": True, "rescoreLimit": 128}}),
        ({"quantisation": "binary"}, "hnsw", {"rq": {"bits": 1, "enabled": True, "rescoreLimit": 128}}),
        ({"quantisation": "int8", "quantiser": "sq"}, "hnsw", {"sq": {"enabled": True, "rescoreLimit": 128}}),
        ({"quantisation": "binary", "quantiser": "bq"}, "hnsw", {"bq": {"enabled": True, "rescoreLimit": 128}}),
        ({"index": "flat", "metric": "dot"}, "flat", {"distance": "dot"}),
        ({"index": "dynamic", "index_above": 5}, "dynamic", {"threshold": 5}),
    ],
)
def test_options_reach_the_server(server, database, options, kind, expected):
    database.create_store("faq", 1, WeaviateConfig(dim=2, **options))
    definition = server.engine.get("Nearfield_faq").definition
    index = definition["vectorConfig"]["dense"]
    assert index["vectorIndexType"] == kind
    assert {name: index["vectorIndexConfig"].get(name) for name in expected} == expected


def test_replicas_and_shards_reach_the_server(server, database):
    database.create_store("faq", 1, WeaviateConfig(dim=2, replicas=3, shards=5, consistency="all"))
    definition = server.engine.get("Nearfield_faq").definition
    assert definition["replicationConfig"]["factor"] == 3
    assert definition["shardingConfig"]["desiredCount"] == 5


def test_a_collection_of_words_alone_needs_no_vectors(database):
    store = database.create_store("faq", 1, WeaviateConfig(dim=None))
    store.upsert(Batch(["a", "b"], [Payload("a dripping tap"), Payload("a tube")]))
    assert [match.id for match in store.query_text("tap", k=3)] == ["a"]
    store.optimise()
    with pytest.raises(CapabilityError, match="no dense vectors"):
        store.query([1.0], k=1)
    with pytest.raises(CapabilityError, match="query_text"):
        store.query_sparse("s", SparseVector(np.array([1]), np.array([1.0])), k=1)


def test_only_what_a_back_end_has_may_stand_in_its_url():
    for url, message in (
        ("weaviate://#faq", "needs a host"),
        ("weaviate://key@host", "takes a key, as in weaviate://:key@host"),
        ("weaviate://host/path", "needs a host and takes a key"),
        ("weaviate://host?grpc=1", "no option 'grpc'; it has grpc_host, grpc_port, timeout, tls"),
        ("weaviate://host?tls=yes", "tls must be true or false"),
        ("weaviate://host?timeout=0", "timeout must be a number above zero, got '0'"),
        ("weaviate://host?grpc_port=x", "grpc_port must be a number"),
    ):
        with pytest.raises(InvalidInputError, match=message):
            connect(Address.parse(url))


# --- names


names = st.text(st.sampled_from("abzABZ019_-"), max_size=20).map(lambda rest: f"a{rest}") | st.just("A_2d-__2")


@given(names, names, st.integers(1, 99), st.integers(1, 99))
def test_a_class_belongs_to_one_store_whatever_the_case(one, other, first, second):
    assert store_of(class_name(one, first)) == (one, first)
    same = class_name(one, first).lower() == class_name(other, second).lower()
    assert same == ((one, first) == (other, second))


@pytest.mark.parametrize("name", ["a'b", "", "1a", "x" * 49, "é"])
def test_a_name_that_is_none_never_reaches_the_server(server, database, name):
    server.requests.clear()
    with pytest.raises(InvalidInputError, match="1 to 48"):
        database.drop_store(name, 1)
    assert server.requests == []


def test_other_classes_are_left_alone(server, database):
    for name in ("Article", "Nearfield", "Nearfield_", "Nearfield_faq__0", "Nearfield_fA"):
        server.engine.add({"class": name, "vectorizer": "none"})
    assert database.collections() == []
    assert database.generations("faq") == []
    database.claim("faq")
    assert len(server.engine.classes) == 5
    server.engine.add({"class": "Nearfield_faq", "vectorizer": "none"})
    with pytest.raises(CollectionError, match="nearfield did not make"):
        database.open_store("faq", 1, WeaviateConfig(dim=2))


# --- keys


def test_a_wrong_key_is_refused_at_once_and_never_repeated(server, caplog):
    server.key = "right"
    with caplog.at_level(logging.DEBUG), pytest.raises(StoreAccessError, match="refuses this user") as caught:
        connect(Address.parse(server.url.replace("//", "//:hunter2@")))
    assert "hunter2" not in f"{caught.value!r} {caught.value} {caplog.text}"
    assert server.requests == ["GET meta"]


def test_an_error_that_is_being_handled_is_not_taken_for_one_of_this_server():
    def fall_back():
        try:
            raise StoreAccessError("another server refuses") from AuthenticationFailedError("wrong key")
        except StoreAccessError:
            raise ValueError("this one does not know a word")  # noqa: B904  # as the client does

    with pytest.raises(ValueError, match="does not know") as caught:
        fall_back()
    assert not is_denial(caught.value)


def test_the_key_comes_from_the_url_or_the_environment(server, monkeypatch):
    server.key = "right"
    connected = connect(Address.parse(server.url.replace("//", "//:right@")))
    assert "right" not in connected._calls.server
    connected.close()
    monkeypatch.setenv("WEAVIATE_API_KEY", "right")
    connected = connect(Address.parse(server.url))
    store = connected.create_store("faq", 1, WeaviateConfig(dim=4))
    store.upsert(points(3))
    server.key = "changed"
    for use in (lambda: store.query([1, 0, 0, 0], k=1), lambda: store.upsert(points(3)), lambda: store.delete(["a"])):
        with pytest.raises(StoreAccessError, match="refuses this user"):
            use()
    connected.close()


# --- a server that is gone, slow, too old, or keeps only a part


def test_a_server_that_is_not_there_is_an_error_after_a_few_attempts(server, impatient):
    url = server.url
    server.stop()
    with pytest.raises(StorageError, match=r"connecting failed at weaviate://127\.0\.0\.1"):
        connect(Address.parse(url))
    server.start()


def test_a_server_that_goes_is_an_error_that_says_how_many_points_are_stored(server, database, impatient):
    store = database.create_store("faq", 1, WeaviateConfig(dim=4))
    batch = points(2500)

    def go(uuid):
        if uuid == str(object_id("p1000")):
            threading.Thread(target=server.stop).start()
            time.sleep(0.2)

    server.kept = go
    with pytest.raises(StorageError, match=r"writing points \(1,000 of 2,500 are stored\) failed"):
        store.upsert(batch)
    for waits in impatient.values():
        waits.clear()
    with pytest.raises(StorageError, match="failed at weaviate://"):
        store.query([1, 0, 0, 0], k=1)
    assert list(impatient.values()) == [[], [1, 2, 4, 8, 16, 32]]  # the client has asked again already
    server.kept = lambda uuid: None
    server.start()
    again = connect(Address.parse(server.url))
    reopened = again.open_store("faq", 1, WeaviateConfig(dim=4))
    reopened.upsert(batch)
    assert reopened.count() == 2500
    again.close()


def test_a_server_that_restarts_in_the_middle_of_a_batch_is_waited_for(server, database):
    store = database.create_store("faq", 1, WeaviateConfig(dim=4))
    restarted = []

    def restart():
        server.stop()
        server.start()

    def kept(uuid):
        if uuid == str(object_id("p1500")) and not restarted:
            restarted.append(threading.Thread(target=restart))
            restarted[0].start()
            time.sleep(0.1)

    server.kept = kept
    store.upsert(points(2500))
    restarted[0].join()
    assert store.count() == 2500
    assert len(store.query([1, 0, 0, 0], k=5)) == 5


def test_a_slow_server_is_asked_again_and_then_given_up(server, impatient):
    connected = connect(Address.parse(f"{server.url}&timeout=0.2"))
    store = connected.create_store("faq", 1, WeaviateConfig(dim=4))
    store.upsert(points(3))
    server.requests.clear()
    server.seconds = 0.4
    with pytest.raises(StorageError, match="counting failed"):
        store.count()
    assert server.requests.count("Aggregate") == 6
    with pytest.raises(StorageError, match="waiting for the index failed"):
        store.optimise()
    server.seconds = 0
    time.sleep(0.5)
    assert store.count() == 3
    connected.close()


def test_a_partly_stored_request_says_how_many_and_writing_again_completes_it(server, database):
    store = database.create_store("faq", 1, WeaviateConfig(dim=4))
    batch = points(1500)
    full = {str(object_id(id)) for id in batch.ids[1100:1200]}
    server.kept = lambda uuid: "store is read-only: disk full" if uuid in full else None
    with pytest.raises(StorageError, match=r"refused 100 of 500 .*1,000 of 1,500 are stored: .*disk full"):
        store.upsert(batch)
    assert store.count() == 1400
    server.kept = lambda uuid: "store is read-only"
    with pytest.raises(StorageError, match=r"writing points \(0 of 1,500 are stored\) failed .*read-only"):
        store.upsert(batch)
    server.kept = lambda uuid: None
    store.upsert(batch)
    assert store.count() == 1500


def test_a_server_that_is_too_old_is_refused(server):
    server.version = "1.32.9"
    with pytest.raises(StorageError, match=r"is Weaviate 1\.32\.9; filters need 1\.33 or newer"):
        connect(Address.parse(server.url))


def test_a_write_waits_until_the_server_has_indexed_it(server, database, monkeypatch):
    store = database.create_store("faq", 1, WeaviateConfig(dim=4))
    server.queue = [3, 1]
    store.upsert(points(3))
    assert server.queue == []
    monkeypatch.setattr("nearfield.stores.weaviate.store._INDEXING_SECONDS", 0.0)
    server.queue = [3] * 3
    with pytest.raises(StorageError, match="all points are stored, but the server has not indexed them"):
        store.upsert(points(3))


def test_a_registry_of_another_version_is_not_read(server, database):
    database.write("faq", "manifest", b"{}")
    definition = server.engine.get("NearfieldDocuments").definition
    for description, message in (
        ('{"nearfield": 2}', "has format version 2, this nearfield reads 1"),
        ("documents of the house", "nearfield did not make"),
    ):
        definition["description"] = description
        other = connect(Address.parse(server.url))
        for use in (lambda other=other: other.read("faq", "manifest"), lambda other=other: other.collections()):
            with pytest.raises(CollectionError, match=message):
                use()
        other.close()


def test_what_was_written_is_there_after_a_restart(server, database):
    database.create_store("faq", 1, WeaviateConfig(dim=4, ef=64)).upsert(points(3))
    database.write("faq", "manifest", b"{}")
    server.stop()
    server.start()
    again = connect(Address.parse(server.url))
    assert again.collections() == ["faq"]
    store = again.open_store("faq", 1, WeaviateConfig(dim=4, ef=200))
    assert [point.id for point in store.get(["p0001"])] == ["p0001"]
    again.close()


def test_more_collections_than_a_page_are_listed(database, monkeypatch):
    monkeypatch.setattr("nearfield.stores.weaviate.documents._PAGE", 3)
    for number in range(7):
        database.write(f"c{number}", "manifest", b"{}")
        database.write(f"c{number}", "previous", b"{}")
    assert database.collections() == [f"c{number}" for number in range(7)]


# --- searching


def test_a_search_compares_all_where_it_says_so(server, database):
    batch, query = points(600), np.array([1, 2, 3, 4.0])
    expected = nearest(batch, query, 300)
    for options, exact in (
        ({"index_above": 600}, False),
        ({"index": "flat"}, False),
        ({"index_above": 150}, True),
        ({"index_above": 0}, True),
        ({"index_above": 150, "quantisation": "int8"}, True),
    ):
        store = database.create_store("faq", 1, WeaviateConfig(dim=4, **options))
        store.upsert(batch)
        assert [match.id for match in store.query(query, k=300, exact=exact)] == expected, options
        database.drop_store("faq", 1)
    store = database.create_store("faq", 1, WeaviateConfig(dim=4, index_above=150))
    store.upsert(batch)
    assert [match.id for match in store.query(query, k=600)] != nearest(batch, query, 600)  # by the graph


def test_more_effort_looks_at_more_candidates(server, database):
    asked = []
    plain = database.create_store("faq", 1, WeaviateConfig(dim=4, ef=20))
    coarse = database.create_store("faq", 2, WeaviateConfig(dim=4, ef=20, quantisation="int8"))
    for store in (plain, coarse):
        store.upsert(points(300))
        near_vector = store._reads.collection.query.near_vector
        store._reads.collection.query.near_vector = lambda vector, near_vector=near_vector, **options: (
            asked.append(options["limit"]) or near_vector(vector, **options)
        )
        for effort in (None, Effort(10), Effort(20), Effort(64), Effort(20, 5.0)):
            assert len(store.query([1, 0, 0, 0], k=9, effort=effort)) == 9
    assert asked == [10, 10, 10, 64, 10, 10, 10, 10, 64, 50]
    with pytest.raises(InvalidInputError, match="ef must be at least 1"):
        plain.query([1, 0, 0, 0], k=1, effort=Effort(0))


def test_more_than_the_server_gives_at_once_can_be_had(database, few_results):
    store = database.create_store("faq", 1, WeaviateConfig(dim=4, index_above=10_000))
    batch = points(300, metas=[{"n": row % 3, "s": f"x{row}"} for row in range(300)], text="a tap")
    store.upsert(batch)
    query = np.array([1, 2, 3, 4.0])
    found = store.query(query, k=200, with_payload=False)
    assert [match.id for match in found] == nearest(batch, query, 200)
    assert found[0].payload is None
    assert [match.id for match in store.query(query, k=1000, where={"n": 1})] == [
        id for id in nearest(batch, query, 300) if int(id[1:]) % 3 == 1
    ]
    assert [match.id for match in store.query_text("tap", k=200)] == batch.ids[:200]
    assert len(store.query_text("tap", k=200, where={"s": {"$contains": "x1"}})) == 111
    assert sorted(point.id for point in store.scroll()) == batch.ids
    assert sorted(point.id for point in store.scroll({"n": 2}, page_size=1)) == batch.ids[2::3]
    assert store.facets("n")[0].count == 100
    assert store.delete_where({"n": {"$gte": 1}}) == 200
    assert store.delete_where({"s": {"$contains": "9"}}) == sum("9" in f"x{row}" for row in range(0, 300, 3))


def test_equal_scores_are_ordered_by_id_where_the_points_are_read(database):
    store = database.create_store("faq", 1, WeaviateConfig(dim=2, quantisation="int8"))
    ids = [f"p{row:04d}" for row in range(2500)]
    store.upsert(Batch(ids, [Payload()] * 2500, np.array([[1, 0]] * 2000 + [[0, 1]] * 500, np.float32)))
    found = store.query_batch([[1, 0], [0, 1]], k=7, exact=True)
    assert [[match.id for match in matches] for matches in found] == [ids[:7], ids[2000:2007]]
    assert found[0][0].payload == Payload()


@pytest.mark.parametrize("expected", [0, 1, 500, 10_000])
def test_every_slot_is_visited_once_however_wrong_the_expectation(expected):
    taken = np.random.default_rng(0).integers(0, 1 << 31, 500).tolist() + [7] * 30
    asked = []

    def fetch(slots, limit):
        asked.append((limit, len(slots) == 1))
        return [slot for slot in taken if slot in slots][:limit]

    assert sorted(weaviate_slices.visit(fetch, expected, 10)) == sorted(taken)
    assert {limit for limit, _ in asked} == {20, weaviate_slices.MAX_RESULTS}  # the thirty are in one slot
    assert all(alone for limit, alone in asked if limit > 20)


def test_an_update_of_many_says_how_many_are_done(server, database, impatient):
    store = database.create_store("faq", 1, WeaviateConfig(dim=4))
    store.upsert(points(3))
    assert store.update(["p0000", "gone", "p0002"], [Payload("new")] * 3) == 2
    assert store.get(["p0002"])[0].payload.text == "new"
    database.close()
    with pytest.raises(StorageError, match=r"updating points \(0 of 1 are done\) failed"):
        store.update(["p0000"], [Payload()])


# --- nothing that is stored or asked for is taken for a query

odd = st.sampled_from(["*", "?", "a*", "\x00", "\\", '"', "'", "tokens", "all", "none", "{}", "_id", "é", " x ", "%"])
odd_texts = odd | st.text(max_size=5)


@pytest.fixture(scope="module")
def fuzzed():
    with weaviate_server.running() as running:
        connected = connect(Address.parse(running.url))
        yield connected.create_store("faq", 1, WeaviateConfig(dim=2))
        connected.close()


@given(
    metas=st.lists(st.dictionaries(odd_texts, odd_texts, max_size=3), min_size=1, max_size=5),
    ids=st.lists(odd_texts.filter(lambda id: id and not id.endswith("x")), min_size=5, max_size=5, unique=True),
    field=odd_texts.filter(lambda name: not name.startswith("$")),
    value=odd_texts,
)
@settings(max_examples=20)
def test_nothing_is_taken_for_a_query(fuzzed, metas, ids, field, value):
    fuzzed.delete_where({})
    kept = dict(zip(ids, metas, strict=False))
    fuzzed.upsert(Batch(list(kept), [Payload(value, field, meta) for meta in metas], np.ones((len(kept), 2))))
    for where in ({field: value}, {field: {"$contains": value}}, {field: {"$gte": value}}, {field: {"$ne": value}}):
        expected = sorted(id for id, meta in kept.items() if matches(parse_where(where), meta))
        assert sorted(point.id for point in fuzzed.scroll(where)) == expected
    fuzzed.query_text(value, k=3)
    assert fuzzed.get(ids)[0].payload == Payload(value, field, metas[0])
    assert fuzzed.delete([f"{value}x", *ids]) == len(kept)
