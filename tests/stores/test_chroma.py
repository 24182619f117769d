"""What only Chroma has: its options, its addresses, its failures, and what it must not be trusted with."""

import contextlib
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest
from backend_chroma import free_port, start, stop
from hypothesis import given, settings
from hypothesis import strategies as st

from nearfield import ChromaConfig
from nearfield.errors import (
    CapabilityError,
    CollectionBusyError,
    CollectionError,
    InvalidInputError,
    StorageError,
    StoreAccessError,
)
from nearfield.stores.address import Address, connect
from nearfield.stores.base import Batch, Effort, Payload, StoreConfig
from nearfield.stores.chroma import server as chroma_server
from nearfield.stores.filters import matches, parse_where

pytest.importorskip("chromadb")

NOW = (0.0, 0.0)


def batch(ids, vectors=None, metas=None):
    chosen = np.ones((len(ids), 2)) if vectors is None else vectors
    payloads = [Payload(text=id, meta=meta) for id, meta in zip(ids, metas or [{}] * len(ids), strict=True)]
    return Batch(ids, payloads, np.asarray(chosen, np.float32))


def names(count):
    return [f"p{number:04d}" for number in range(count)]


@pytest.fixture(scope="module")
def url(servers: Callable[[str], str]) -> str:
    return servers("chroma")


@pytest.fixture
def database(url):
    connected = connect(Address.parse(url))
    yield connected
    connected.close()


@pytest.fixture
def make_store(database):
    made = []

    def make(name="only", **options):
        made.append(name)
        return database.create_store(name, 1, ChromaConfig(**{"dim": 2, **options}))

    yield make
    for name in made:
        database.drop_store(name, 1)


# --- options and addresses


@pytest.mark.parametrize(
    ("config", "error", "message"),
    [
        (StoreConfig(dim=2), InvalidInputError, "with a ChromaConfig"),
        (ChromaConfig(), CapabilityError, "give dim and no sparse legs, got dim=None"),
        (ChromaConfig(dim=2, sparse=("s",)), CapabilityError, r"no sparse legs, got dim=2 and \['s'\]"),
        (ChromaConfig(dim=2, quantisation="int8"), CapabilityError, "must be 'none' and oversampling 1, got 'int8'"),
        (ChromaConfig(dim=2, oversampling=2.0), CapabilityError, "got 'none' and 2.0"),
        (ChromaConfig(dim=2, metric="hamming"), InvalidInputError, "metric must be one of"),
        (ChromaConfig(dim=0), InvalidInputError, "dim must be at least 1, got 0"),
        (ChromaConfig(dim=2, m=1), InvalidInputError, "m must be at least 2, got 1"),
        (ChromaConfig(dim=2, sync_threshold=1), InvalidInputError, "sync_threshold must be at least 2, got 1"),
        (ChromaConfig(dim=2, resize_factor=0.5), InvalidInputError, "resize_factor must be at least 1, got 0.5"),
    ],
)
def test_what_chroma_cannot_do_is_refused(database, config, error, message):
    with pytest.raises(error, match=message):
        database.create_store("refused", 1, config)
    assert database.generations("refused") == []


def test_options_reach_the_server(database, make_store):
    make_store("options", metric="l2", m=8, ef_construct=50, ef=30, sync_threshold=500, resize_factor=1.5)
    made = database._server.find("options.1")
    asked = {"space": "l2", "max_neighbors": 8, "ef_construction": 50, "ef_search": 30, "sync_threshold": 500}
    assert made.configuration_json["hnsw"] == {**asked, "resize_factor": 1.5}


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("chroma://hunter2@host#faq", "a token is written as ://:TOKEN@host"),
        ("chroma://host?tls=yes", "the option tls, true or false, and no other"),
        ("chroma://host?speed=9", "the option tls, true or false, and no other"),
        ("chroma://host/tenant#faq", "must name a tenant and a database"),
        ("chroma:relative#faq", "neither a folder nor a URL"),
        ("chroma:///#faq", "an absolute folder"),
        ("chroma:///folder?tls=true#faq", "an absolute folder"),
    ],
)
def test_an_address_that_says_too_little_or_too_much_is_refused(url, message):
    with pytest.raises(InvalidInputError, match=message) as caught:
        connect(Address.parse(url))
    assert "hunter2" not in str(caught.value)


def test_tenants_and_databases_are_those_of_the_address(url, database):
    database._server.api.create_tenant("tenant")
    database._server.api.create_database("base", tenant="tenant")
    other = connect(Address.parse(f"{url}/tenant/base"))
    other.create_store("apart", 1, ChromaConfig(dim=2)).upsert(batch(["a"]))
    assert other.generations("apart") == [1]
    assert database.generations("apart") == []
    other.close()
    with pytest.raises(StorageError, match="finding the database base failed"):
        connect(Address.parse(f"{url}/nobody/base"))


# --- what Chroma's graph and metadata must not be trusted with


def test_points_that_a_broken_graph_no_longer_leads_to_are_found(make_store):
    store = make_store("broken")
    ids = names(200)
    points = batch(ids, [[1, 0]] * 150 + [[0, 1]] * 50)
    store.upsert(points)
    store.delete(ids[50:150])
    store.upsert(points)
    assert len(store._collection.query([[1.0, 0.0]], n_results=200)["ids"][0]) < 150  # or Chroma has got better
    for options in ({}, {"exact": True}):
        assert [match.id for match in store.query([1, 0], k=160, **options)] == ids[:160]
    assert [len(found) for found in store.query_batch([[1, 0], [0, 1]], k=200)] == [200, 200]


def test_lists_in_metadata_do_not_come_back_on_the_points_of_the_next_store(database, make_store):
    store = make_store("ghost")
    store.upsert(batch(names(3), metas=[{"tags": ["x", "y"], "n": [1, 2]}] * 3))
    assert store.count({"tags": "y"}) == 3
    database.drop_store("ghost", 1)
    store = make_store("ghost")
    store.upsert(batch(names(3)))
    assert store.count({"$or": [{"tags": "y"}, {"n": {"$gte": 1}}, {"tags": {"$exists": True}}]}) == 0


def test_small_products_keep_their_order(make_store):
    store = make_store("small", metric="dot")
    scale = 1e-9
    store.upsert(batch(names(50), [[(row + 1) * scale, 0] for row in range(50)]))
    found = store.query([scale, 0], k=3)
    assert [match.id for match in found] == ["p0049", "p0048", "p0047"]
    np.testing.assert_allclose([match.score for match in found], np.array([50, 49, 48]) * scale**2, rtol=1e-6)
    assert [match.score for match in store.query([0, 0], k=2)] == [0, 0]


def test_more_effort_asks_for_more_candidates(make_store, monkeypatch):
    store = make_store("effort", ef=20)
    store.upsert(batch(names(100), np.random.default_rng(0).normal(size=(100, 2))))
    asked, query = [], store._collection.query
    monkeypatch.setattr(store._collection, "query", lambda **given: asked.append(given["n_results"]) or query(**given))
    assert len(store.query([1, 0], k=5)) == 5
    assert len(store.query([1, 0], k=5, effort=Effort(60))) == 5
    assert len(store.query([1, 0], k=5, effort=Effort(1))) == 5
    assert asked == [6, 60, 6]
    with pytest.raises(InvalidInputError, match="ef must be at least 1, got 0"):
        store.query([1, 0], k=5, effort=Effort(0))


def test_a_small_store_is_searched_exactly(make_store, monkeypatch):
    store = make_store("few", index_above=10)
    store.upsert(batch(names(10), np.random.default_rng(0).normal(size=(10, 2))))
    asked, query = [], store._collection.query
    monkeypatch.setattr(store._collection, "query", lambda **given: asked.append(given["n_results"]) or query(**given))
    store.query([1, 0], k=2)
    store.upsert(batch(["one more"]))
    store.query([1, 0], k=2)
    assert asked == [10, 3]


def test_filters_beyond_the_limits_of_the_server_are_answered(make_store):
    store = make_store("limits")
    metas = [{"n": row, "t": f"t{row}"} for row in range(20)]
    store.upsert(batch(names(20), metas=metas))
    deep = {"n": 3}
    for _ in range(30):
        deep = {"$and": [{"$or": [deep, {"n": -1}]}, {"n": {"$gte": 0}}]}
    for where in (
        {"n": {"$in": list(range(5, 40_000))}},
        {"t": {"$nin": [f"t{row}" for row in range(5, 9_000)]}},
        {"$or": [{"n": row} for row in range(0, 3000, 2)]},
        deep,
    ):
        expected = [id for id, meta in zip(names(20), metas, strict=True) if matches(parse_where(where), meta)]
        assert sorted(point.id for point in store.scroll(where)) == expected
        assert [match.id for match in store.query([1, 1], k=20, where=where)] == expected


nasty = st.sampled_from(
    [
        "$and",
        "$or",
        "$in",
        "#document",
        "#id",
        "chroma:document",
        "_body",
        "_norm",
        "f",
        "' OR 1=1 --",
        '"}]',
        "\x00",
        "%",
    ]
) | st.text(max_size=6)


@given(id=nasty.filter(bool), key=nasty.filter(lambda key: not key.startswith("$")), value=nasty, other=nasty)
@settings(max_examples=25)
def test_no_id_key_or_value_is_anything_but_data(nasty_store, id, key, value, other):
    nasty_store.delete_where({})
    nasty_store.upsert(batch([id, id + "2"], metas=[{key: value}, {key: [other, "x"]}]))
    for asked in (value, other):
        expected = [each for each, held in ((id, [value]), (id + "2", [other, "x"])) if asked in held]
        assert sorted(point.id for point in nasty_store.scroll({key: asked})) == expected
    assert [point.payload.meta for point in nasty_store.get([id])] == [{key: value}]
    assert nasty_store.delete([id]) == 1
    assert nasty_store.count() == 1


@pytest.fixture
def nasty_store(make_store):
    return make_store("nasty")


# --- formats


def test_a_registry_of_another_version_is_refused(url):
    first = connect(Address.parse(url))
    first._server.api.create_tenant("later")
    first._server.api.create_database("base", tenant="later")
    first.close()
    later = connect(Address.parse(f"{url}/later/base"))
    later._server.make("nearfield", {"hnsw": {"space": "ip"}}, {"nearfield": 2}, anew=True)
    for use in (later.collections, lambda: later.claim("faq"), lambda: later.write("faq", "manifest", b"{}")):
        with pytest.raises(CollectionError, match="has the format 2 and not 1"):
            use()
    later._server.make("faq.1", {"hnsw": {"space": "ip"}}, {"some": "body's"}, anew=True)
    with pytest.raises(CollectionError, match="has the format None"):
        later.open_store("faq", 1, ChromaConfig(dim=2))
    later.close()


# --- servers that fail


@contextlib.contextmanager
def stand_in(answer: Callable[[str], tuple[int, str]]) -> Iterator[str]:
    """A server that gives one answer to everything."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            status, text = answer(f"{self.headers.get('X-Chroma-Token')} {self.headers.get('Authorization')}")
            self.send_response(status)
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text.encode())

        def log_message(self, format: str, *args: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield f"127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


@pytest.mark.parametrize("status", [401, 403])
@pytest.mark.parametrize("user", [":hunter2", "ada:hunter2"])
def test_a_wrong_password_is_refused_at_once_and_never_repeated(status, user):
    seen = []

    def answer(headers):
        seen.append(headers)
        return status, f"bad token {headers} hunter2"

    with stand_in(answer) as host, pytest.raises(StoreAccessError, match="refuses this user") as caught:
        connect(Address.parse(f"chroma://{user}@{host}#faq"))
    assert len(seen) == 1
    assert seen[0] == ("hunter2 None" if user[0] == ":" else "None Basic YWRhOmh1bnRlcjI=")
    assert "hunter2" not in str(caught.value)


def test_the_key_of_the_cloud_is_sent_nowhere_else(monkeypatch):
    monkeypatch.setenv("CHROMA_API_KEY", "hunter2")
    seen = []
    with stand_in(lambda headers: (200, seen.append(headers) or '{"id":"","name":"","tenant":""}')) as host:
        connect(Address.parse(f"chroma://{host}")).close()
    assert seen == ["None None"]
    assert chroma_server._headers(Address("chroma", "api.trychroma.com")) == ({"X-Chroma-Token": "hunter2"}, "hunter2")
    assert chroma_server._headers(Address("chroma", "trychroma.com.example"))[0] == {}


def test_a_server_that_is_busy_is_asked_again():
    answers = [(503, "<html>busy</html>"), (429, '{"error":"RateLimitError","message":"slow down"}')]
    answers += [(200, '{"id":"","name":"","tenant":""}')]
    with stand_in(lambda headers: answers.pop(0)) as host:
        connect(Address.parse(f"chroma://{host}")).close()
    assert answers == []


def test_a_server_that_fails_for_good_is_an_error_without_the_secret(monkeypatch):
    monkeypatch.setattr("nearfield.stores.retries.time.sleep", lambda seconds: None)
    for status, text in ((500, "hunter2 broke"), (503, "hunter2 later"), (200, "no json hunter2")):
        server = stand_in(lambda headers, answer=(status, text): answer)
        with server as host, pytest.raises(StorageError, match="finding the database") as caught:
            connect(Address.parse(f"chroma://:hunter2@{host}"))
        assert "hunter2" not in str(caught.value)


def test_a_server_that_never_answers_is_given_up(monkeypatch):
    monkeypatch.setattr(chroma_server, "TIMEOUT", 0.05)
    monkeypatch.setattr("nearfield.stores.retries.time.sleep", lambda seconds: None)
    released = threading.Event()
    with stand_in(lambda headers: (200, str(released.wait(10)))) as host:
        with pytest.raises(StorageError, match="timed out"):
            connect(Address.parse(f"chroma://{host}"))
        released.set()


def test_no_server_is_an_error(monkeypatch):
    monkeypatch.setattr("nearfield.stores.retries.time.sleep", lambda seconds: None)
    with pytest.raises(StorageError, match=r"chroma://127.0.0.1:\d+: .*refused"):
        connect(Address.parse(f"chroma://127.0.0.1:{free_port()}"))


@pytest.fixture
def own_server(tmp_path):
    """A server that a test may kill: its address, and what kills it and starts it again."""
    port = free_port()
    running = [start(tmp_path, port)]

    def kill():
        stop(running.pop())

    def restart():
        running.append(start(tmp_path, port))

    yield f"chroma://127.0.0.1:{port}", kill, restart
    for server in running:
        stop(server)


def before_call(monkeypatch, store, number, act):
    """Act before the call to write of that number."""
    calls, upsert = [], store._collection.upsert

    def counted(**given):
        calls.append(len(given["ids"]))
        if len(calls) == number:
            act()
        return upsert(**given)

    monkeypatch.setattr(store._collection, "upsert", counted)
    return calls


def test_a_server_that_dies_in_a_batch_is_waited_for_or_the_error_says_how_far_it_came(own_server, monkeypatch):
    url, kill, restart = own_server
    database = connect(Address.parse(url))
    database.write("faq", "manifest", b"{}")
    store = database.create_store("faq", 1, ChromaConfig(dim=2))
    store._most = 100
    points = batch(names(500))
    calls = before_call(monkeypatch, store, 3, lambda: (kill(), threading.Thread(target=restart).start()))
    store.upsert(points)
    assert len(calls) >= 6
    assert store.count() == 500

    quick = replace(database._server, calls=replace(database._server.calls, waits=NOW))
    monkeypatch.setattr(store, "_server", quick)
    more = batch([f"q{number}" for number in range(500)])
    before_call(monkeypatch, store, 4, kill)
    with pytest.raises(
        StorageError, match=r"writing points \(300 of 500 of the batch are stored\) failed at chroma://"
    ):
        store.upsert(more)
    with pytest.raises(StorageError, match="reading points failed"):
        store.count()
    restart()
    again = connect(Address.parse(url))
    assert again.read("faq", "manifest") == b"{}"
    opened = again.open_store("faq", 1, ChromaConfig(dim=2))
    assert opened.count() == 800
    opened.upsert(more)
    assert opened.count() == 1000 == len(list(opened.scroll()))
    database.close()
    again.close()


def kill_while_writing(own_server, rounds):
    """Kill the server at some moment of writing, again and again; what was acknowledged must be there."""
    url, kill, restart = own_server
    rng = np.random.default_rng(0)
    database = connect(Address.parse(url))
    quick = replace(database._server, calls=replace(database._server.calls, waits=()))
    acknowledged = 0
    database.create_store("durable", 1, ChromaConfig(dim=2, sync_threshold=10)).close()
    for _ in range(rounds):
        store = database.open_store("durable", 1, ChromaConfig(dim=2))
        store._server = quick
        killing = threading.Timer(rng.random() / 2, kill)
        killing.start()
        with contextlib.suppress(StorageError):
            while True:
                store.upsert(batch([f"p{acknowledged}"], metas=[{"n": acknowledged}]))
                acknowledged += 1
        killing.join()
        restart()
        found = {point.payload.meta["n"] for point in database.open_store("durable", 1, ChromaConfig(dim=2)).scroll()}
        assert set(range(acknowledged)) <= found <= set(range(acknowledged + 1))
    assert len(store.query([1, 1], k=10**6)) >= acknowledged
    database.close()


def test_what_is_acknowledged_survives_a_hard_kill(own_server):
    kill_while_writing(own_server, 2)


@pytest.mark.slow
def test_what_is_acknowledged_survives_ten_hard_kills(own_server):
    kill_while_writing(own_server, 10)


# --- a folder in this process


def test_a_folder_is_a_database_held_by_one_process(tmp_path):
    address = Address.parse(f"chroma://{tmp_path / 'here'}")
    database = connect(address)
    assert database.capabilities.concurrency == "one process"
    lock = database.claim("faq")
    store = database.create_store("faq", 1, ChromaConfig(dim=2, metric="l2"))
    store.upsert(batch(["b", "a", "c"], [[3, 4], [3, 4], [0, 0]], [{"n": 1}, {"n": [2, "x"]}, {}]))
    database.write("faq", "manifest", b'{"a": "\xc3\xa9"}')
    assert [(match.id, match.score) for match in store.query([0, 0], k=2)] == [("c", 0), ("a", -5)]
    assert [match.id for match in store.query([0, 0], k=9, where={"n": {"$gte": 1}}, exact=True)] == ["a", "b"]
    assert store.update(["a", "x"], [Payload("new", meta={"m": 1}), Payload()]) == 1
    assert store.count({"n": {"$exists": True}}) == 1
    assert store.delete(["b", "x"]) == 1
    with pytest.raises(CollectionBusyError, match="is held by process"):
        database.hold("faq")
    lock.release()
    store.close()
    database.close()
    database.close()

    again = connect(address)
    assert again.collections() == ["faq"]
    opened = again.open_store("faq", 1, ChromaConfig(dim=2, metric="l2"))
    (point,) = opened.get(["a"], with_vectors=True)
    assert (point.payload.text, point.vector.tolist()) == ("new", [3, 4])
    with pytest.raises(CollectionError, match="no store of generation 2"):
        again.open_store("faq", 2, ChromaConfig(dim=2))
    opened.close()
    again.drop("faq")
    assert again.collections() == []
    again.close()


def test_a_folder_that_cannot_be_one_is_an_error(tmp_path: Path):
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageError, match="opening the folder failed"):
        connect(Address.parse(f"chroma://{tmp_path / 'file'}"))
