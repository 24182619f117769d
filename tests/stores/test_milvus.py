"""What only Milvus has: its limits, its index types, Milvus Lite in this process, and servers that fail."""

import logging
import os
import re
import signal
import subprocess
import sys
import threading
import time
from itertools import repeat

import grpc
import numpy as np
import pytest
from faulty_milvus import faulty_milvus
from filter_cases import filters
from hypothesis import given
from hypothesis import strategies as st
from milvus_lite.engine.collection import Collection as EngineCollection

from nearfield.errors import (
    CapabilityError,
    CollectionBusyError,
    CollectionError,
    InvalidInputError,
    StorageError,
    StoreAccessError,
)
from nearfield.stores.address import Address, connect
from nearfield.stores.base import Batch, Payload, SparseVector
from nearfield.stores.filters import parse_where
from nearfield.stores.milvus import search as milvus_search
from nearfield.stores.milvus.config import MilvusConfig, check_config
from nearfield.stores.milvus.filters import Condition
from nearfield.stores.milvus.names import cut_text, decode_id, encode_id, escape, read_store_name, store_name, unescape
from nearfield.stores.milvus.schema import approximate_index, first_indexes, search_params
from nearfield.stores.milvus.server import _server_options
from nearfield.stores.milvus.store import MilvusStore

TWO = MilvusConfig(dim=2)


def points(count, dim=2, **payload):
    vectors = np.random.default_rng(0).normal(size=(count, dim)).astype(np.float32)
    ids = [f"p{row:05d}" for row in range(count)]
    return Batch(ids, [Payload(meta={"n": row % 10}, **payload) for row in range(count)], vectors)


def sparse(terms):
    return SparseVector(np.array(list(terms), np.uint32), np.array(list(terms.values()), np.float32))


@pytest.fixture(scope="module")
def lite(tmp_path_factory):
    database = connect(Address.parse(f"milvus://{tmp_path_factory.mktemp('lite') / 'test.db'}"))
    yield database
    database.close()


@pytest.fixture
def new_store(lite, request):
    name = f"s{abs(hash(request.node.name))}"[:20]
    stores = []

    def make(**options):
        stores.append(lite.create_store(name, len(stores) + 1, MilvusConfig(**options)))
        return stores[-1]

    yield make
    for generation, store in enumerate(stores, 1):
        store.close()
        lite.drop_store(name, generation)


# --- options and addresses


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({}, "needs dim, at least one sparse leg, or text"),
        ({"dim": 1}, r"dim must be 2 to 32,768 in Milvus, got 1"),
        ({"dim": 2, "m": 1}, "m must be 2 to 2,048"),
        ({"dim": 2, "ef": 0}, "ef must be 1 to 32,768"),
        ({"dim": 2, "ef_construct": 0}, "ef_construct must be at least 1"),
        ({"dim": 2, "nlist": 0}, "nlist must be 1 to 65,536"),
        ({"dim": 2, "shards": 0}, "shards must be 1 to 64"),
        ({"dim": 2, "replicas": 0}, "replicas must be at least 1"),
        ({"dim": 2, "oversampling": 0.5}, "oversampling must be at least 1"),
        ({"dim": 2, "index_above": -1}, "index_above must be at least 0"),
        ({"dim": 2, "metric": "hamming"}, "metric must be one of"),
        ({"dim": 2, "index_type": "ANNOY"}, "index_type must be one of HNSW, IVF_FLAT"),
        ({"dim": 2, "consistency_level": "Maybe"}, "consistency_level must be one of Strong"),
        ({"dim": 2, "analyzer": "klingon"}, "analyzer must be one of standard"),
        ({"dim": 2, "quantisation": "int4"}, "quantisation must be one of none, int8"),
        ({"dim": 2, "quantisation": "int8", "index_type": "IVF_FLAT"}, "needs index_type=\"HNSW\", got 'IVF_FLAT'"),
        ({"dim": 2, "quantisation": "binary"}, "needs index_type=\"IVF_FLAT\", got 'HNSW'"),
        ({"sparse": ("a", "a")}, "sparse legs need different names"),
        ({"sparse": ("",)}, "sparse legs need different names, not empty"),
    ],
)
def test_options_out_of_range_are_refused(options, message):
    with pytest.raises(InvalidInputError, match=message):
        check_config(MilvusConfig(**options))


@pytest.mark.parametrize(
    "options",
    [{"quantisation": "int8"}, {"index_type": "DISKANN"}, {"shards": 2}, {"replicas": 2}, {"analyzer": "english"}],
)
def test_milvus_lite_refuses_what_only_a_server_has(lite, options):
    with pytest.raises(CapabilityError, match=f"Milvus Lite has no {next(iter(options))}="):
        lite.create_store("refused", 1, MilvusConfig(dim=2, **options))


def test_another_back_ends_configuration_is_refused(lite):
    from nearfield.stores.base import StoreConfig

    with pytest.raises(InvalidInputError, match="created with a MilvusConfig, got StoreConfig"):
        lite.create_store("refused", 1, StoreConfig(dim=2))


@pytest.mark.parametrize(
    ("url", "error", "message"),
    [
        ("milvus://host/?colour=red", InvalidInputError, "no option 'colour'; allowed are tls, ca, timeout"),
        ("milvus://host/?tls=yes", InvalidInputError, "tls in a milvus:// URL is true or false, got 'yes'"),
        ("milvus://host/?ca=/ca.pem", InvalidInputError, "certificates to trust under tls=true; add that too"),
        ("milvus://host/?timeout=soon", InvalidInputError, "timeout in a milvus:// URL is a number of seconds"),
        ("milvus://host/?timeout=-1", InvalidInputError, "number of seconds, got '-1'"),
        ("milvus:///tmp/faq", InvalidInputError, r"ends in .db, as in milvus:///home/me/faq.db; got '/tmp/faq'"),
        ("milvus:///nowhere/there/faq.db", StorageError, "/nowhere/there does not exist; make it first"),
    ],
)
def test_addresses_that_lead_nowhere_are_refused(url, error, message):
    with pytest.raises(error, match=message):
        connect(Address.parse(url))


def test_an_address_says_where_the_server_is_and_who_asks(monkeypatch):
    monkeypatch.setenv("MILVUS_TOKEN", "from-environment")
    full = _server_options(Address.parse("milvus://me:s%3Acret@host:1/books?tls=true&ca=/ca.pem#faq"))
    assert full == {"uri": "https://host:1", "token": "me:s:cret", "db_name": "books", "server_pem_path": "/ca.pem"}
    key = _server_options(Address.parse("milvus://:key@[::1]"))
    assert key == {"uri": "http://[::1]:19530", "token": "key", "db_name": ""}
    assert _server_options(Address.parse("milvus://host"))["token"] == "from-environment"


# --- names


@given(name=st.text(min_size=1, max_size=20), generation=st.integers(1, 1000))
def test_names_and_ids_come_back(name, generation):
    assert unescape(escape(name)) == name
    assert read_store_name(store_name(name, generation)) == (name, generation)
    assert re.fullmatch(r"[A-Za-z0-9_]+", store_name(name, generation))
    assert decode_id(encode_id(name)) == name
    assert re.fullmatch(r"[A-Za-z0-9_.~%/:@-]+", encode_id(name))


@pytest.mark.parametrize("foreign", ["nearfield", "faq_1", "nearfield_faq", "nearfield_a-b_1", "nearfield_a_5f_2"])
def test_other_collections_are_no_stores(foreign):
    assert read_store_name(foreign) is None


@given(text=st.text(max_size=60), size=st.integers(4, 20))
def test_a_text_is_cut_between_characters(text, size):
    pieces = cut_text(text, size)
    assert "".join(pieces) == text
    assert all(len(piece.encode()) <= size for piece in pieces)


def test_collections_of_others_are_neither_listed_nor_cleared(lite):
    client = lite._server.client
    client.create_collection("books_1", dimension=2)
    try:
        lock = lite.claim("books")
        lock.release()
        assert lite.generations("books") == []
        assert client.has_collection("books_1")
    finally:
        client.drop_collection("books_1")


def test_names_with_dashes_and_underlines_do_not_meet(lite):
    for name in ("a-b", "a_b", "a"):
        lite.create_store(name, 1, TWO).close()
    assert [lite.generations(name) for name in ("a-b", "a_b", "a", "b")] == [[1], [1], [1], []]
    for name in ("a-b", "a_b", "a"):
        lite.drop_store(name, 1)


# --- filters


@given(
    where=filters
    | st.dictionaries(st.text(), st.text() | st.integers() | st.floats(allow_nan=False, allow_infinity=False))
)
def test_nothing_that_a_caller_gives_stands_in_an_expression(where):
    try:
        tree = parse_where(where)
    except InvalidInputError:
        return
    known = r"id|terms|bounds|array_contains|array_contains_any|not|and|or"
    strings = r'"[0-9a-f]*"|"[nsi][0-9a-f]{24}_(lo|hi)"'
    assert re.fullmatch(rf"(({known}|{strings}|[\[\](), <>=!])\s*)*", Condition(tree).text)


def test_long_strings_are_ordered_by_all_their_characters(new_store):
    store = new_store(dim=2)
    texts = [f"{'x' * 40}{letter}" for letter in "abcd"] + ["x" * 31, "x" * 32, "y"]
    vectors = np.ones((len(texts), 2), np.float32)
    store.upsert(Batch(texts, [Payload(meta={"t": text}) for text in texts], vectors))
    for operand in [*texts, "x" * 30, "é" * 20]:
        for operator, stands in (("$gt", str.__gt__), ("$gte", str.__ge__), ("$lt", str.__lt__), ("$lte", str.__le__)):
            where = {"t": {operator: operand}}
            expected = sorted(text for text in texts if stands(text, operand))
            assert sorted(point.id for point in store.scroll(where)) == expected, where
            assert store.count({"$not": where}) == len(texts) - len(expected)
    assert [
        match.id for match in store.query([1, 1], k=2, where={"t": {"$gt": texts[1]}}, with_payload=False)
    ] == texts[2:4]
    assert store.delete_where({"t": {"$contains": "xb"}}) == 1


# --- sizes


def test_a_text_of_any_length_comes_back(new_store):
    store = new_store(dim=2)
    text = "zebra " + "é\0" * 150_000
    store.upsert(Batch(["a", "b"], [Payload(text), Payload("", "gnu")], np.ones((2, 2), np.float32)))
    assert store.get(["a"])[0].payload.text == text
    assert [match.id for match in store.query_text("zebra", k=2)] == ["a"]
    assert [match.id for match in store.query_text("gnu", k=2)] == ["b"]


def test_more_values_than_milvus_filters_by_are_refused_before_anything_is_written(new_store):
    store = new_store(dim=2)
    many = {"list": [f"tag {number}" for number in range(5000)]}
    wide = {f"field {number}": number for number in range(2000)}
    for meta in (many, wide):
        with pytest.raises(InvalidInputError, match=r"the meta of 'b' has .* Milvus takes 4,096 a point"):
            store.upsert(Batch(["a", "b"], [Payload(), Payload(meta=meta)], np.ones((2, 2), np.float32)))
    assert store.count() == 0
    store.upsert(Batch(["a"], [Payload(meta={"list": many["list"][:4000]})], np.ones((1, 2), np.float32)))
    assert store.count({"list": "tag 3999"}) == 1


def test_the_highest_terms_and_more_terms_than_an_array_holds_are_counted(new_store):
    store = new_store(sparse=("odd leg-name",))
    long = dict.fromkeys(range(5000), 1.0)
    documents = {"long": long, "high": {2**32 - 1: 2.0, 7: 1.0}, "empty": {}, "low": {7: 1.0}}
    vectors = [sparse(terms) for terms in documents.values()]
    store.upsert(Batch(list(documents), [Payload()] * 4, sparse={"odd leg-name": vectors}))
    found = {m.id: m.score for m in store.query_sparse("odd leg-name", sparse({7: 1.0, 2**32 - 1: 1.0}), k=5)}
    common, rare = np.log(1 + 1.5 / 3.5), np.log(1 + 3.5 / 1.5)
    assert found == pytest.approx({"long": common, "high": common + 2 * rare, "low": common}, rel=1e-5)
    assert store.update(["long"], [Payload("still")]) == 1
    assert store.query_sparse("odd leg-name", sparse({4999: 1.0}), k=5)[0].payload.text == "still"


def test_results_beyond_milvus_window_are_right_too(new_store, monkeypatch):
    monkeypatch.setattr(milvus_search, "WINDOW", 40)
    monkeypatch.setattr(milvus_search, "_WITH_BODIES", 20)
    batch = points(120)
    legs = [sparse({1: 1.0 + row}) for row in range(120)]
    for metric in ("cosine", "l2"):
        store = new_store(dim=2, metric=metric, sparse=("s",))
        store.upsert(Batch(batch.ids, batch.payloads, batch.vectors, {"s": legs}))
        for where in (None, {"n": 3}, {"$not": {"t": {"$contains": "x"}}}):
            all_found = store.query([1, 0], k=10**6, where=where)
            assert [m.id for m in all_found[:30]] == [m.id for m in store.query([1, 0], k=30, where=where)]
            assert len(all_found) == store.count(where)
            assert all(match.payload is not None and match.distance is not None for match in all_found)
        ranked = store.query_sparse("s", sparse({1: 1.0}), k=100)
        assert [match.id for match in ranked] == batch.ids[:19:-1]


# --- indexes


@pytest.mark.parametrize("index_type", ["HNSW", "IVF_FLAT", "AUTOINDEX", "FLAT"])
def test_each_index_type_finds_the_nearest(new_store, index_type):
    store = new_store(dim=8, index_type=index_type, index_above=100, nlist=4, metric="l2")
    batch = points(400, 8)
    store.upsert(batch)
    store.optimise()
    kind = store._server.client.describe_index(store._physical, "dense")["index_type"]
    assert kind == index_type
    for row in range(3):
        distances = np.linalg.norm(batch.vectors - batch.vectors[row], axis=1)
        best = [batch.ids[other] for other in np.argsort(distances)[:5]]
        assert [match.id for match in store.query(batch.vectors[row], k=5, exact=True)] == best
        assert store.query(batch.vectors[row], k=5)[0].id == best[0]
    store.optimise()
    store.compact()
    assert store.count() == 400


@pytest.mark.parametrize(
    ("options", "kind", "built", "searched"),
    [
        ({}, "HNSW", {"M": 16, "efConstruction": 100}, {"ef": 128}),
        (
            {"quantisation": "int8", "m": 8},
            "HNSW_SQ",
            {"M": 8, "efConstruction": 100, "sq_type": "SQ8", "refine": True, "refine_type": "FP32"},
            {"ef": 128, "refine_k": 2.0},
        ),
        (
            {"quantisation": "float16"},
            "HNSW_SQ",
            {"M": 16, "efConstruction": 100, "sq_type": "FP16", "refine": True, "refine_type": "FP32"},
            {"ef": 128, "refine_k": 2.0},
        ),
        ({"index_type": "IVF_FLAT", "nlist": 64}, "IVF_FLAT", {"nlist": 64}, {"nprobe": 64}),
        (
            {"index_type": "IVF_FLAT", "quantisation": "binary", "oversampling": 4},
            "IVF_RABITQ",
            {"nlist": 1024, "refine": True, "refine_type": "FP32"},
            {"nprobe": 128, "refine_k": 4},
        ),
        ({"index_type": "DISKANN", "ef": 5}, "DISKANN", {}, {"search_list": 10}),
        ({"index_type": "AUTOINDEX"}, "AUTOINDEX", {}, {}),
    ],
)
def test_options_reach_the_index_and_the_search(options, kind, built, searched):
    config = MilvusConfig(dim=8, metric="dot", **options)
    check_config(config)
    (index,) = approximate_index(config)
    assert index.get_index_configs() == {"index_type": kind, "metric_type": "IP", **built}
    assert search_params(config, config.effort, 10) == searched


def test_a_server_indexes_the_arrays_that_filters_and_statistics_ask():
    indexes = {
        index.field_name: index.index_type for index in first_indexes(MilvusConfig(dim=2, sparse=("s",)), inverted=True)
    }
    assert indexes["terms"] == indexes["terms_of_s"] == "INVERTED"
    assert (indexes["dense"], indexes["leg_s"]) == ("FLAT", "SPARSE_INVERTED_INDEX")


def test_a_weaker_consistency_level_makes_visibility_eventual(lite, monkeypatch):
    monkeypatch.setattr(lite._server, "is_lite", False)
    for level, visibility in (("Strong", "immediate"), ("Session", "eventual"), ("Eventually", "eventual")):
        store = MilvusStore(lite._server, "none", MilvusConfig(dim=2, consistency_level=level))
        assert store.capabilities.visibility == visibility
        store.close()


def test_a_store_can_do_without_words(new_store):
    store = new_store(dim=2, analyzer="none")
    assert store.capabilities.text == ""
    store.upsert(points(3, text="a tap"))
    with pytest.raises(CapabilityError, match='analyzer="none"'):
        store.query_text("tap", k=1)
    assert store.get(["p00001"])[0].payload.text == "a tap"


# --- Milvus Lite: one process, and what it wrote is there


CHILD = """
import os, sys, time
import numpy as np
from nearfield.stores.address import Address, connect
from nearfield.stores.base import Batch, Payload
from nearfield.stores.milvus.config import MilvusConfig
database = connect(Address.parse(sys.argv[1]))
store = database.create_store("kept", 1, MilvusConfig(dim=2))
database.write("kept", "manifest", b"{}")
written = 0
while True:
    ids = [f"p{number}" for number in range(written, written + 50)]
    store.upsert(Batch(ids, [Payload("text")] * 50, np.ones((50, 2), np.float32)))
    written += 50
    store.delete([ids[0]])
    if written == 200:
        store.optimise()
    print(written, flush=True)
"""


def child(folder):
    command = [sys.executable, "-W", "ignore", "-c", CHILD, f"milvus://{folder / 'kept.db'}"]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def test_what_was_acknowledged_survives_a_hard_kill_and_meanwhile_the_folder_is_busy(tmp_path):
    process = child(tmp_path)
    try:
        assert process.stdout.readline() == "50\n"
        with pytest.raises(CollectionBusyError, match=r"another process has .*kept\.db open"):
            connect(Address.parse(f"milvus://{tmp_path / 'kept.db'}"))
        while int(acknowledged := process.stdout.readline()) < 300:
            pass
    finally:
        process.send_signal(signal.SIGKILL)
        rest = process.communicate()[0]
    written = int((acknowledged + rest).split()[-1])
    database = connect(Address.parse(f"milvus://{tmp_path / 'kept.db'}"))
    try:
        assert database.collections() == ["kept"]
        store = database.open_store("kept", 1, TWO)
        numbers = {int(point.id[1:]) for point in store.scroll()}
        deleted = set(range(0, written, 50))
        assert set(range(written)) - deleted <= numbers
        assert not deleted & numbers
        assert len(store.query([1, 1], k=1000)) == len(numbers)
        store.close()
    finally:
        database.close()


def test_a_write_is_acknowledged_when_it_is_on_the_disk(new_store, monkeypatch):
    store = new_store(dim=2)
    synced = set()
    monkeypatch.setattr("os.fsync", lambda descriptor: synced.add(os.fstat(descriptor).st_ino))
    folder = store._server.engine.collection_folder(store._physical)
    for write in (lambda: store.upsert(points(3)), lambda: store.delete(["p00001"]), store.optimise):
        synced.clear()
        before = {path: path.stat().st_mtime_ns for path in folder.rglob("*")}
        write()
        changed = [path for path in folder.rglob("*") if before.get(path) != path.stat().st_mtime_ns]
        assert changed
        assert {path.stat().st_ino for path in changed} <= synced


def test_one_engine_serves_all_of_a_process_and_stops_with_the_last(tmp_path):
    address = Address.parse(f"milvus://{tmp_path / 'shared.db'}")
    first, second = connect(address), connect(address)
    store = first.create_store("books", 1, TWO)
    store.upsert(points(5))
    assert second.open_store("books", 1, TWO).count() == 5
    first.close()
    first.close()
    assert second.generations("books") == [1]
    second.close()
    with pytest.raises(StorageError, match="counting points failed"):
        store.count()
    again = connect(address)
    assert again.open_store("books", 1, TWO).count() == 5
    again.close()


def test_a_flush_that_falls_into_a_read_of_the_engine_takes_nothing_from_it(new_store, monkeypatch):
    store = new_store(dim=2)
    store.upsert(points(200))
    snapshot, reading = EngineCollection._read_snapshot, threading.Event()

    def slow_snapshot(self):
        seen = snapshot(self)
        reading.set()
        time.sleep(0.2)
        return seen

    monkeypatch.setattr(EngineCollection, "_read_snapshot", slow_snapshot)
    found = []
    reader = threading.Thread(target=lambda: found.append(store.count({"n": {"$exists": True}})))
    reader.start()
    reading.wait()
    store.optimise()
    reader.join()
    assert found == [200]


def test_a_store_whose_creation_was_interrupted_says_so(lite, monkeypatch):
    def fail(*args, **options):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(lite._server.client, "create_index", fail)
        with pytest.raises(KeyboardInterrupt):
            lite.create_store("half", 1, TWO)
    with pytest.raises(CollectionError, match="nearfield_half_1 was created only in part"):
        lite.open_store("half", 1, TWO)
    lite.claim("half").release()
    assert lite.generations("half") == []


def test_a_registry_of_another_format_is_refused(tmp_path):
    address = Address.parse(f"milvus://{tmp_path / 'newer.db'}")
    database = connect(address)
    database.write("books", "manifest", b"{}")
    database._registry._write("", "format", "2")
    database.close()
    database = connect(address)
    with pytest.raises(CollectionError, match="format version '2', this nearfield reads 1"):
        database.collections()
    database.close()


# --- servers that fail


@pytest.fixture(scope="module")
def faulty(tmp_path_factory):
    with faulty_milvus(tmp_path_factory.mktemp("faulty") / "test.db") as server:
        yield server


@pytest.fixture
def remote(faulty):
    faulty.faults.planned.clear()
    database = connect(Address.parse(f"milvus://me:s3cret@127.0.0.1:{faulty.port}/?timeout=1"))
    yield database
    faulty.faults.planned.clear()
    faulty.stop()
    faulty.start()
    database.close()


def test_a_wrong_password_is_an_error_at_once_and_never_repeated(faulty, caplog):
    faulty.faults.planned = {"Connect": repeat(grpc.StatusCode.UNAUTHENTICATED)}
    with pytest.raises(StoreAccessError, match="refuses this user") as caught:
        connect(Address.parse(f"milvus://me:s3cret@127.0.0.1:{faulty.port}/?timeout=1"))
    faulty.faults.planned.clear()
    assert "s3cret" not in str(caught.value)
    assert "s3cret" not in caplog.text


def test_no_server_is_an_error_after_the_timeout():
    with pytest.raises(StorageError, match=r"connecting failed at milvus://me@127.0.0.1:9/\?timeout=0.2") as caught:
        connect(Address.parse("milvus://me:s3cret@127.0.0.1:9/?timeout=0.2"))
    assert "s3cret" not in str(caught.value)


def test_a_batch_that_a_server_leaves_half_written_says_so_and_is_completed_by_writing_it_again(faulty, remote, caplog):
    store = remote.create_store("halved", 1, TWO)
    faulty.faults.planned = {"Upsert": iter([None, grpc.StatusCode.INVALID_ARGUMENT])}
    caplog.set_level(logging.DEBUG, "pymilvus")
    with pytest.raises(StorageError, match=r"writing points \(2,000 of 4,500 are stored\) failed at milvus://me@"):
        store.upsert(points(4500))
    assert "Traceback" not in caplog.text
    store.upsert(points(4500))
    assert store.count() == 4500


def test_a_server_that_restarts_in_the_middle_of_a_batch_is_waited_for(faulty, remote):
    store = remote.create_store("restarted", 1, TWO)
    store.upsert(points(100))
    faulty.stop()
    waiting = threading.Timer(0.3, faulty.start)
    waiting.start()
    store.upsert(points(100, text="again"))
    waiting.join()
    reopened = remote.open_store("restarted", 1, TWO)
    assert {point.payload.text for point in reopened.scroll()} == {"again"}


def test_a_busy_server_is_asked_again_and_a_slow_one_given_up_after_a_bound(faulty, remote):
    store = remote.create_store("slow", 1, TWO)
    faulty.faults.planned = {"Query": iter([grpc.StatusCode.RESOURCE_EXHAUSTED, None])}
    assert store.count() == 0
    faulty.faults.planned = {"Query": repeat(1.5)}
    faulty.faults.seen.clear()
    with pytest.raises(StorageError, match="counting points failed"):
        store.count()
    assert 1 < faulty.faults.seen.count("Query") <= 3
