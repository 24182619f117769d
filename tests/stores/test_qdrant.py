"""What only the Qdrant server has: its address and key, its faults, its options, its collections beside ours."""

import threading
from contextlib import closing
from dataclasses import replace
from functools import partial
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from qdrant_grpc import serving_grpc
from qdrant_server import running

from nearfield.errors import CapabilityError, CollectionError, InvalidInputError, StorageError, StoreAccessError
from nearfield.stores.address import Address, connect
from nearfield.stores.base import Batch, Effort, Facet, Payload, StoreConfig
from nearfield.stores.qdrant import points as qdrant_points
from nearfield.stores.qdrant import server as qdrant_server
from nearfield.stores.qdrant.config import QdrantConfig, check_config
from nearfield.stores.qdrant.points import requests
from nearfield.stores.retries import ServerCalls

SECRET = "hunter2-key"


def batch(ids, metas=None):
    vectors = np.tile(np.array([[1, 0]], np.float32), (len(ids), 1))
    return Batch(ids, [Payload(meta=meta) for meta in metas or [{}] * len(ids)], vectors)


def names(count):
    return [f"p{number:04d}" for number in range(count)]


def connected(server, options="", key=""):
    secret = f":{key}@" if key else ""
    return closing(connect(Address.parse(f"qdrant://{secret}127.0.0.1:{server.port}{options}")))


@pytest.fixture
def server(tmp_path, monkeypatch):
    monkeypatch.delenv("QDRANT_API_KEY", raising=False)
    monkeypatch.setattr(qdrant_server, "ServerCalls", partial(ServerCalls, waits=(0.0, 0.0)))
    monkeypatch.setattr(qdrant_server, "_POLL_SECONDS", 0.0)
    with running(tmp_path) as server:
        yield server


@pytest.fixture
def database(server):
    with connected(server) as database:
        yield database


@pytest.fixture
def store(database):
    return database.create_store("faq", 1, QdrantConfig(dim=2))


# --- the address


@pytest.mark.parametrize(
    ("url", "message"),
    [
        (f"qdrant://{SECRET}@127.0.0.1", "write the key as qdrant://:KEY@host"),
        ("qdrant://127.0.0.1?ssl=true", r"knows the options grpc_port, timeout, tls; got 'ssl'"),
        ("qdrant://127.0.0.1?tls=yes", "tls in a qdrant:// URL must be true or false, got 'yes'"),
        ("qdrant://127.0.0.1?timeout=0", "timeout in a qdrant:// URL must be a whole number above zero, got '0'"),
        ("qdrant://127.0.0.1?grpc_port=x", "grpc_port in a qdrant:// URL must be a whole number"),
        ("qdrant://", "names a server"),
        ("qdrant:///", "names a server"),
        ("qdrant:///folder?timeout=3", "or a folder and nothing else"),
        (f"qdrant://:{SECRET}@/folder", "or a folder and nothing else"),
    ],
)
def test_an_address_that_cannot_be_meant_is_refused(url, message):
    with pytest.raises(InvalidInputError, match=message) as caught:
        connect(Address.parse(url))
    assert SECRET not in str(caught.value)


def test_a_key_is_sent_in_the_clear_only_on_this_machine(monkeypatch):
    made = []
    client = SimpleNamespace(QdrantClient=lambda **options: made.append(options))
    monkeypatch.setattr(qdrant_server, "import_extra", lambda module, extra: client)
    for url in ("qdrant://:k@far", "qdrant://far", "qdrant://:k@localhost", "qdrant://:k@far?tls=false"):
        qdrant_server._client(Address.parse(url), Address.parse(url).password)
    assert [options["https"] for options in made] == [True, False, False, False]


def test_what_a_proxy_puts_before_the_paths_is_kept(monkeypatch):
    made = []
    client = SimpleNamespace(QdrantClient=lambda **options: made.append(options))
    monkeypatch.setattr(qdrant_server, "import_extra", lambda module, extra: client)
    qdrant_server._client(Address.parse("qdrant://far:80/vectors/?grpc_port=81&timeout=7#faq"), "")
    expected = {"host": "far", "port": 80, "grpc_port": 81, "prefer_grpc": True, "prefix": "vectors", "timeout": 7}
    assert made[0].items() >= expected.items()


# --- the key


def test_a_wrong_key_is_an_error_at_once_and_not_in_it(server):
    server.key = "right"
    with connected(server, key=SECRET) as database:
        with pytest.raises(StoreAccessError, match="refuses this user") as caught:
            database.collections()
        assert SECRET not in str(caught.value) + repr(caught.value) + repr(database)
    assert [path for _, path in server.requests] == ["/", "/collections/nearfield.registry/exists"]


def test_the_key_may_be_in_the_environment(server, monkeypatch):
    server.key = SECRET
    monkeypatch.setenv("QDRANT_API_KEY", SECRET)
    with connected(server) as database:
        assert database.collections() == []


def test_a_key_that_a_server_repeats_is_not_in_the_message(server, monkeypatch):
    server.key = SECRET
    with connected(server, key=SECRET) as database:
        monkeypatch.setattr(server.engine, "answer", lambda *request: _fail(f"no {SECRET}"))
        with pytest.raises(StorageError, match=r"no \*\*\*"):
            database.collections()


def _fail(message):
    raise ValueError(message)


def test_who_may_only_read_searches_with_filters_all_the_same(server):
    server.key, server.reader = "writer", "reader"
    with connected(server, key="writer") as database:
        database.create_store("faq", 1, QdrantConfig(dim=2)).upsert(batch(["a", "b"], [{"n": 1}, {"n": 2}]))
        database.write("faq", "manifest", b"{}")
    with connected(server, key="reader") as database:
        assert database.collections() == ["faq"]
        store = database.open_store("faq", 1, QdrantConfig(dim=2))
        for _ in range(2):
            assert [match.id for match in store.query([1, 0], k=3, where={"n": {"$gt": 1}})] == ["b"]
        refused = sum(request[1].endswith("/index") for request in server.requests)
        assert refused <= 3 + 2  # the registry's and the writer's, and one for each of the two fields asked for
        with pytest.raises(StoreAccessError):
            store.upsert(batch(["c"]))


@pytest.mark.parametrize("version", ["1.19.3", "0.11.0"])
def test_a_server_that_is_too_old_is_refused(server, version):
    server.version = version
    with pytest.raises(StorageError, match=f"is Qdrant {version}; needed is 1.20 or later"), connected(server):
        pass


# --- faults


def test_a_server_that_is_gone_is_an_error_after_a_few_attempts(server, store):
    store.upsert(batch(["a"]))
    server.stop()
    with pytest.raises(StorageError, match=r"writing points \(0 of 1 are stored\) failed at qdrant://127"):
        store.upsert(batch(["b"]))
    with pytest.raises(StorageError, match="counting failed"):
        store.count()
    with pytest.raises(StorageError, match="asking for the version"), connected(server):
        pass
    server.start()
    assert store.count() == 1


@pytest.mark.parametrize("status", [429, 500, 503, "drop", "lose"])
def test_a_server_in_trouble_is_asked_again(server, store, status):
    left = [status] * 2
    server.fault = lambda method, path: left.pop() if left and path.endswith("/points") else None
    store.upsert(batch(["a"]))
    assert not left
    assert store.count() == 1


def test_what_a_server_will_not_do_is_not_asked_again(server, store):
    server.fault = lambda method, path: 422 if path.endswith("/points") else None
    before = len(server.requests)
    with pytest.raises(StorageError, match="told so by the test"):
        store.upsert(batch(["a"]))
    assert len(server.requests) == before + 1


def test_a_slow_server_is_given_up_after_the_timeout(server):
    with connected(server, "?timeout=1") as database:
        store = database.create_store("faq", 1, QdrantConfig(dim=2))
        waits = [1.5]
        server.fault = lambda method, path: waits.pop() if waits else None
        assert store.count() == 0
        server.fault = lambda method, path: 1.2
        database._connection._calls = replace(database._connection._calls, waits=())
        with pytest.raises(StorageError, match=r"counting failed .*timed out"):
            store.count()


@pytest.fixture
def small_requests(monkeypatch):
    monkeypatch.setattr(qdrant_points, "REQUEST_POINTS", 10)


def test_a_server_that_restarts_in_the_middle_of_a_batch_has_all_of_it(server, store, small_requests, monkeypatch):
    monkeypatch.setattr(qdrant_server, "ServerCalls", ServerCalls)
    with connected(server) as patient:
        store = patient.open_store("faq", 1, QdrantConfig(dim=2))
        restarts = []

        def fault(method, path):
            if path.endswith("/points") and sum(request == (method, path) for request in server.requests) == 3:
                restarts.append(threading.Thread(target=_restart, args=(server,)))
                restarts[0].start()
                return "drop"
            return None

        server.fault = fault
        store.upsert(batch(names(50)))
        restarts[0].join()
        assert store.count() == 50


def _restart(server):
    server.stop()
    server.start()


def test_a_server_that_goes_in_the_middle_of_a_batch_leaves_an_error_that_says_how_far_it_came(
    server, store, small_requests
):
    def fault(method, path):
        return "drop" if sum(request[1].endswith("/points") for request in server.requests) > 2 else None

    server.fault = fault
    with pytest.raises(StorageError, match=r"writing points \(20 of 50 are stored\) failed"):
        store.upsert(batch(names(50)))
    server.fault = lambda method, path: None
    assert store.count() == 20
    store.upsert(batch(names(50)))
    assert store.count() == 50


def test_what_was_done_although_the_answer_was_lost_is_no_error_when_asked_again(server, database):
    lost = set()

    def fault(method, path):
        if method in ("PUT", "DELETE") and (method, path) not in lost:
            lost.add((method, path))
            return "lose"
        return None

    server.fault = fault
    database.claim("faq")
    store = database.create_store("faq", 1, QdrantConfig(dim=2))
    store.upsert(batch(["a"]))
    database.write("faq", "manifest", b"{}")
    assert database.collections() == ["faq"]
    database.drop("faq")
    assert ("DELETE", "/collections/faq") in lost
    assert database.collections() == []


def test_faults_over_grpc_are_told_apart_too(server):
    server.key = SECRET
    with serving_grpc(server) as port, connected(server, f"?grpc_port={port}", key=SECRET) as database:
        store = database.create_store("faq", 1, QdrantConfig(dim=2))
        left = [503, 503]
        server.fault = lambda method, path: left.pop() if left else None
        store.upsert(batch(["a"]))
        server.fault = lambda method, path: 503
        with pytest.raises(StorageError, match=r"counting failed at .*: UNAVAILABLE: told so by the test$"):
            store.count()
        server.fault = lambda method, path: None
        server.engine.answer("DELETE", ["faq"], {})
        with pytest.raises(StorageError, match="NOT_FOUND"):
            store.count()
        server.key = "another"
        with pytest.raises(StoreAccessError, match="refuses this user") as caught:
            store.count()
        assert SECRET not in str(caught.value)


# --- collections beside ours


def test_a_collection_of_somebody_else_is_left_alone(server, database):
    server.engine.answer("PUT", ["faq"], {"vectors": {"": {"size": 2, "distance": "Dot"}}})
    with pytest.raises(CollectionError, match="faq is a Qdrant collection that nearfield did not make"):
        database.claim("faq")
    with pytest.raises(CollectionError, match="faq is there already"):
        database.create_store("faq", 1, QdrantConfig(dim=2))
    with pytest.raises(CollectionError, match="there is no store faq"):
        database.open_store("faq", 1, QdrantConfig(dim=2))
    assert database.generations("faq") == []
    database.drop_store("faq", 1)
    assert {"name": "faq"} in server.engine.answer("GET", [], {})["collections"]


def test_no_name_can_be_taken_for_another_one(database):
    for name in ("faq", "faq-2", "faq_2", "nearfield"):
        database.create_store(name, 1, QdrantConfig(dim=2))
        database.write(name, "manifest", name.encode())
    database.create_store("faq", 2, QdrantConfig(dim=2)).upsert(batch(["a"]))
    assert [database.generations(name) for name in ("faq", "faq-2", "nearfield")] == [[1, 2], [1], [1]]
    database.drop("nearfield")
    assert database.collections() == ["faq", "faq-2", "faq_2"]
    with pytest.raises(InvalidInputError, match="a collection's name on a server"):
        database.create_store("faq.2", 1, QdrantConfig(dim=2))


def test_what_a_later_nearfield_wrote_is_not_read(server, database):
    database.create_store("faq", 1, QdrantConfig(dim=2))
    server.engine.answer("PATCH", ["faq"], {"metadata": {"nearfield": {"format_version": 2}}})
    with pytest.raises(CollectionError, match="faq has the format version 2, known here is 1"):
        database.open_store("faq", 1, QdrantConfig(dim=2))
    database.write("faq", "manifest", b"{}")
    server.engine.answer("PATCH", ["nearfield.registry"], {"metadata": {"nearfield": {"format_version": 9}}})
    with connected(server) as again, pytest.raises(CollectionError, match="has the format version 9, known here is 1"):
        again.collections()


# --- options


@pytest.mark.parametrize(
    ("config", "error", "message"),
    [
        (QdrantConfig(), InvalidInputError, "needs dim, or at least one sparse leg"),
        (QdrantConfig(dim=0), InvalidInputError, "dim must be at least 1, got 0"),
        (QdrantConfig(dim=65_537), InvalidInputError, "at most 65536 dimensions, got dim=65537"),
        (QdrantConfig(dim=2, metric="hamming"), InvalidInputError, "metric must be one of"),
        (QdrantConfig(dim=2, quantisation="float16"), CapabilityError, "none, int8, binary, got 'float16'"),
        (QdrantConfig(dim=2, shard_number=0), InvalidInputError, "shard_number must be at least 1, got 0"),
        (QdrantConfig(dim=2, segments=0), InvalidInputError, "segments must be at least 1, got 0"),
        (QdrantConfig(dim=2, write_consistency_factor=2), InvalidInputError, "at most replication_factor, which is 1"),
        (QdrantConfig(dim=2, sparse=("s",), shard_number=2), CapabilityError, "use shard_number=1, got 2"),
        (QdrantConfig(dim=2, sparse=("a/b",)), InvalidInputError, "sparse legs need different names"),
        (QdrantConfig(dim=2, sparse=("s", "s")), InvalidInputError, "sparse legs need different names"),
        (QdrantConfig(dim=2, sparse=("dense",)), InvalidInputError, "sparse legs need different names"),
    ],
)
def test_a_configuration_that_cannot_be_had_is_refused(config, error, message):
    with pytest.raises(error, match=message):
        check_config(config)


def test_a_store_needs_the_configuration_of_its_back_end(database):
    with pytest.raises(InvalidInputError, match="created with a QdrantConfig, got StoreConfig"):
        database.create_store("faq", 1, StoreConfig(dim=2))


def test_options_reach_the_server(server, database):
    config = QdrantConfig(dim=256, m=24, quantisation="binary", shard_number=3, replication_factor=2, segments=4)
    database.create_store("faq", 1, replace(config, on_disk=True, index_on_disk=True, payload_on_disk=False))
    sent = server.engine._kept["faq"].options
    assert (sent["shard_number"], sent["replication_factor"], sent["write_consistency_factor"]) == (3, 2, 2)
    assert sent["vectors"]["dense"]["memory"] == "cold"
    assert sent["payload"] == {"memory": "cached"}
    assert sent["hnsw_config"] == {"m": 24, "ef_construct": 100, "full_scan_threshold": 40_000, "memory": "cold"}
    assert sent["optimizers_config"] == {"default_segment_number": 4, "indexing_threshold": 5000}
    assert sent["quantization_config"] == {"binary": {"memory": "pinned"}}


def test_a_write_that_not_all_copies_have_is_visible_eventually(database):
    config = QdrantConfig(dim=2, replication_factor=3)
    assert database.create_store("all", 1, config).capabilities.visibility == "immediate"
    some = database.create_store("some", 1, replace(config, write_consistency_factor=2))
    assert some.capabilities.visibility == "eventual"


def test_an_effort_that_finds_nothing_is_refused(store):
    with pytest.raises(InvalidInputError, match="ef and oversampling must be at least 1, got 0"):
        store.query([1, 0], k=1, effort=Effort(0))
    assert store.config == QdrantConfig(dim=2)


def test_optimise_applies_the_configuration_and_waits(server, database):
    database.create_store("faq", 1, QdrantConfig(dim=2, quantisation="none")).upsert(batch(names(30)))
    store = database.open_store("faq", 1, QdrantConfig(dim=2, m=32, index_above=10))
    store.optimise()
    assert server.engine._kept["faq"].options["hnsw_config"]["m"] == 32
    assert "scalar" in server.engine._kept["faq"].options["quantization_config"]
    assert [path for method, path in server.requests[-3:] if method == "GET"] == ["/collections/faq"] * 3
    assert [match.id for match in store.query([1, 0], k=3)] == names(3)
    database.open_store("faq", 1, QdrantConfig(dim=2, quantisation="none")).optimise()
    assert server.engine._kept["faq"].options["quantization_config"] == "Disabled"


def test_a_server_that_cannot_optimise_says_why(server, store, monkeypatch):
    answer = server.engine.answer
    failed = {"optimizer_status": {"error": "the disk is full"}}
    monkeypatch.setattr(
        server.engine,
        "answer",
        lambda m, p, b: answer(m, p, b) | failed if (m, p) == ("GET", ["faq"]) else answer(m, p, b),
    )
    with pytest.raises(StorageError, match=r"building the index failed at .*: the disk is full"):
        store.optimise()


def test_compact_has_the_server_rewrite_and_leaves_its_thresholds_as_they_were(server, store):
    store.upsert(batch(names(300)))
    store.delete(names(10))
    store.compact()
    options = server.engine._kept["faq"].options["optimizers_config"]
    assert (options["deleted_threshold"], options["vacuum_min_vector_number"]) == (0.2, 1000)
    assert store.count() == 290
    assert store.allocated_bytes() is None


# --- requests


def test_rows_are_cut_into_requests_by_size_and_number(monkeypatch):
    monkeypatch.setattr(qdrant_points, "REQUEST_BYTES", 100)
    monkeypatch.setattr(qdrant_points, "REQUEST_POINTS", 3)
    assert list(requests([])) == []
    assert list(requests([500])) == [range(1)]
    assert list(requests([60, 40, 1, 500, 1, 1, 1, 1])) == [
        range(2),
        range(2, 3),
        range(3, 4),
        range(4, 7),
        range(7, 8),
    ]


def test_ties_in_a_batch_of_queries_are_asked_for_until_they_are_certain(server, store):
    store.upsert(batch(names(200)[::-1]))
    before = len(server.requests)
    found = store.query_batch([[1, 0], [1, 1]], k=3)
    assert [[match.id for match in each] for each in found] == [names(3)] * 2
    assert len(server.requests) > before + 1
    assert [match.id for match in store.query_batch([[1, 0]], k=2000)[0]] == names(200)


def test_facets_beyond_the_first_page_are_counted_too(store, monkeypatch):
    monkeypatch.setattr(qdrant_server, "_FACETS", 5)
    store.upsert(batch(names(60), [{"t": f"v{row % 30:02d}"} for row in range(60)]))
    assert store.facets("t", limit=100) == [Facet(f"v{row:02d}", 2) for row in range(30)]
    assert store.count({"t": {"$gt": "v27"}}) == 4


# --- injection

odd = st.text(min_size=1, max_size=12) | st.sampled_from(
    ['"', "'", "a.b", "a[]", "a[0]", '"]}', "../faq", "\x00", "*", '{"must": []}', "s", "k", "id", "body", "%2e%2e"]
)


@pytest.fixture
def fuzzed(database):
    beside = database.create_store("beside", 1, QdrantConfig(dim=2))
    beside.upsert(batch(["a"]))
    return database.create_store("fuzzed", 1, QdrantConfig(dim=2)), beside


@given(id=odd, key=odd.filter(lambda key: not key.startswith("$")), value=odd)
@settings(max_examples=15)
def test_whatever_is_written_is_data(fuzzed, id, key, value):
    store, beside = fuzzed
    store.delete_where({})
    store.upsert(batch([id, f"{id}."], [{key: value}, {key: f"{value}."}]))
    assert [match.id for match in store.query([1, 0], k=5, where={key: value})] == [id]
    assert store.count({key: {"$contains": value}}) == 2
    assert store.count({key: {"$gt": value}}) == 1
    assert {facet.value for facet in store.facets(key)} == {value, f"{value}."}
    assert store.delete([id]) == 1
    assert store.count() == 1 == beside.count()
