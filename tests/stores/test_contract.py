"""What every store promises, against brute force; see `backends.py` for the back ends."""

import inspect
import json
import math
from dataclasses import replace

import numpy as np
import pytest
from filter_cases import CASES, filters, metas_strategy
from hypothesis import given, settings
from hypothesis import strategies as st

from nearfield.errors import CapabilityError, CollectionError, InvalidInputError, NearfieldError
from nearfield.stores.base import Batch, Effort, Facet, Payload, SparseVector, Store
from nearfield.stores.database import Database
from nearfield.stores.filters import matches, parse_where
from nearfield.stores.values import project


def batch(ids, vectors=None, metas=None, sparse=None, **payload):
    payloads = [Payload(meta=meta, **payload) for meta in (metas or [{}] * len(ids))]
    return Batch(ids, payloads, None if vectors is None else np.asarray(vectors, np.float32), sparse or {})


def sparse(terms):
    return SparseVector(np.array(list(terms), np.uint32), np.array(list(terms.values()), np.float32))


def names(count):
    return [f"p{number:04d}" for number in range(count)]


def random_vectors(count, dim=8, seed=0):
    return np.random.default_rng(seed).normal(size=(count, dim)).astype(np.float32)


def brute_scores(vectors, query, metric):
    wide, query = np.asarray(vectors, np.float64), np.asarray(query, np.float64)
    if metric == "l2":
        return -np.linalg.norm(wide - query, axis=1)
    if metric == "dot":
        return wide @ query
    return wide @ query / (np.linalg.norm(wide, axis=1) * np.linalg.norm(query))


# --- the shape of a store


def signature(function):
    return [(p.name, p.kind, p.default) for p in inspect.signature(function).parameters.values()]


def test_every_back_end_has_the_signatures_of_the_contract(database, new_store):
    for contract, kept in ((Store, new_store(dim=2)), (Database, database)):
        for name, member in inspect.getmembers(contract, inspect.isfunction):
            if not name.startswith("_"):
                assert signature(getattr(type(kept), name)) == signature(member), name


def test_a_new_store_is_empty(new_store):
    store = new_store(dim=4)
    store.upsert(batch([], np.empty((0, 4))))
    assert store.count() == 0
    assert store.query([1, 0, 0, 0], k=5) == []
    assert store.query_batch([[1, 0, 0, 0]] * 2, k=5) == [[], []]
    assert store.query_batch([], k=5) == []
    assert list(store.scroll()) == []
    assert store.get(["a"]) == []
    assert store.get([]) == []
    assert store.update(["a"], [Payload()]) == 0
    assert store.delete(["a"]) == 0
    assert store.delete([]) == 0
    assert store.delete_where({"a": 1}) == 0
    assert store.facets("a") == []
    allocated = store.allocated_bytes()
    assert allocated is None or allocated > 0
    store.optimise()
    store.compact()
    assert store.count({"a": {"$exists": True}}) == 0


def test_a_new_sparse_leg_is_empty(new_store):
    store = new_store(dim=4, sparse=("s",))
    store.upsert(batch([], np.empty((0, 4)), sparse={"s": []}))
    assert store.query_sparse("s", sparse({1: 1.0}), k=5) == []
    assert store.query_sparse("s", sparse({}), k=5) == []


# --- dense search


@pytest.mark.parametrize("metric", ["cosine", "dot", "l2"])
def test_query_finds_what_brute_force_finds(new_store, metric):
    store = new_store(dim=8, metric=metric)
    ids, vectors = names(300), random_vectors(300) * 3
    store.upsert(batch(ids, vectors))
    for query in random_vectors(5, seed=1):
        scores = brute_scores(vectors, query, metric)
        best = np.argsort(-scores, kind="stable")[:10]
        found = store.query(query, k=10)
        assert [match.id for match in found] == [ids[row] for row in best]
        np.testing.assert_allclose([match.score for match in found], scores[best], rtol=2e-5, atol=2e-6)
        distances = {"cosine": 1 - scores, "dot": -scores, "l2": -scores}[metric][best]
        np.testing.assert_allclose([match.distance for match in found], distances, rtol=2e-5, atol=2e-6)


def test_equal_scores_are_ordered_by_id_even_at_the_cut(new_store):
    store = new_store(dim=2)
    ids = [f"p{number:03d}" for number in np.random.default_rng(0).permutation(200)]
    store.upsert(batch(ids, [[1, 0]] * 150 + [[0, 1]] * 50))
    tied = sorted(ids[:150])
    for k in (1, 7, 149, 150):
        assert [match.id for match in store.query([2, 0], k=k)] == tied[:k]
    assert [match.id for match in store.query([2, 0], k=160)] == tied + sorted(ids[150:])[:10]
    assert len(store.query([1, 1], k=10**9)) == 200


def test_query_returns_payloads_only_when_asked(new_store):
    store = new_store(dim=2)
    store.upsert(batch(["a"], [[1, 0]], [{"x": 1}], text="body", title="head", digest="d"))
    assert store.query([1, 0], k=1)[0].payload == Payload("body", "head", {"x": 1}, "d")
    assert store.query([1, 0], k=1, with_payload=False)[0].payload is None


@pytest.mark.parametrize("metric", ["cosine", "dot", "l2"])
def test_a_batch_of_queries_is_answered_as_each_would_be(new_store, metric):
    store = new_store(dim=8, metric=metric)
    store.upsert(batch(names(50), random_vectors(50), [{"n": row % 3} for row in range(50)]))
    queries = random_vectors(7, seed=1) * 2
    for options in ({}, {"where": {"n": 1}}, {"exact": True}, {"with_payload": False}, {"effort": Effort(64, 3.0)}):
        together = store.query_batch(queries, k=5, **options)
        for found, query in zip(together, queries, strict=True):
            alone = store.query(query, k=5, **options)
            assert [(match.id, match.payload) for match in found] == [(match.id, match.payload) for match in alone]
            np.testing.assert_allclose([m.score for m in found], [m.score for m in alone], rtol=1e-5, atol=1e-6)
    for bad in ([[1.0]], [1.0] * 8, [[math.nan] * 8]):
        with pytest.raises(InvalidInputError):
            store.query_batch(bad, k=5)


def test_more_results_than_any_page_can_be_asked_for(new_store):
    store = new_store(dim=4)
    store.upsert(batch(names(3000), random_vectors(3000, 4)))
    assert len({match.id for match in store.query([1, 0, 0, 0], k=2500, with_payload=False)}) == 2500


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (([1, 0], 0), "k must be a whole number of at least 1, got 0"),
        (([1, 0], True), "k must be a whole number of at least 1, got True"),
        (([1, 0], 1.5), "k must be a whole number of at least 1, got 1.5"),
        (([1, 0, 0], 1), r"shape \(2,\), got \(3,\)"),
        (([[1, 0]], 1), r"got \(1, 2\)"),
        (([math.nan, 0], 1), "NaN"),
        (([1e300, 0], 1), "infinity"),
        (([0, 0], 1), "zero vector"),
    ],
)
def test_a_query_that_cannot_be_answered_is_refused(new_store, arguments, message):
    store = new_store(dim=2)
    with pytest.raises(InvalidInputError, match=message):
        store.query(arguments[0], k=arguments[1])


def test_what_a_store_does_not_hold_cannot_be_queried(new_store):
    with pytest.raises(CapabilityError, match="no dense vectors"):
        new_store(sparse=("s",)).query([1.0], k=1)
    with pytest.raises(CapabilityError, match="no sparse leg 't'"):
        new_store(sparse=("s",)).query_sparse("t", sparse({1: 1.0}), k=1)


# --- an approximate index


def indexed_store(new_store, quantisation, metric="cosine"):
    centres = random_vectors(40, 32, seed=3)
    vectors = centres[np.arange(1500) % 40] + 0.4 * random_vectors(1500, 32, seed=4)
    store = new_store(dim=32, metric=metric, quantisation=quantisation, index_above=500)
    store.upsert(batch(names(1500), vectors, [{"n": row % 10} for row in range(1500)]))
    store.optimise()
    return store, vectors


@pytest.mark.parametrize("metric", ["cosine", "dot", "l2"])
@pytest.mark.parametrize("quantisation", ["none", "int8"])
def test_an_indexed_store_keeps_recall_and_full_precision_scores(new_store, quantisation, metric):
    store, vectors = indexed_store(new_store, quantisation, metric)
    found_right = 0
    for query in random_vectors(20, 32, seed=5):
        scores = brute_scores(vectors, query, metric)
        best = {f"p{row:04d}" for row in np.argsort(-scores)[:10]}
        found = store.query(query, k=10)
        found_right += len(best & {match.id for match in found})
        expected = [scores[int(match.id[1:])] for match in found]
        np.testing.assert_allclose([match.score for match in found], expected, rtol=1e-5, atol=1e-5)
        assert {match.id for match in store.query(query, k=10, exact=True)} == best
        kept = np.where(np.arange(1500) % 10 == 3, scores, -np.inf)
        filtered = [match.id for match in store.query(query, k=10, where={"n": 3})]
        assert len(set(filtered) & {f"p{row:04d}" for row in np.argsort(-kept)[:10]}) >= 9
    assert found_right >= 0.95 * 200


def test_writes_after_optimise_are_seen_at_once(new_store):
    store, vectors = indexed_store(new_store, "int8")
    store.upsert(batch(["new"], vectors[:1], text="fresh"))
    assert [match.id for match in store.query(vectors[0], k=2)] == ["new", "p0000"]
    store.upsert(batch(["p0000"], -vectors[:1]))
    assert [match.id for match in store.query(vectors[0], k=1)] == ["new"]
    assert store.delete(["new", "gone", "new"]) == 1
    assert "new" not in {match.id for match in store.query(vectors[0], k=20)}
    assert store.count() == 1500 == len({point.id for point in store.scroll(page_size=333)})
    store.optimise()
    assert "p0000" not in {match.id for match in store.query(vectors[0], k=20)}


# --- sparse search


def sparse_oracle(documents, query, keep=lambda id: True):
    n = len(documents)
    scores = {}
    for id, terms in documents.items():
        shared = [term for term in query if term in terms]
        if shared and keep(id):
            df = {term: sum(term in other for other in documents.values()) for term in shared}
            idf = {term: math.log(1 + (n - df[term] + 0.5) / (df[term] + 0.5)) for term in shared}
            scores[id] = sum(idf[term] * query[term] * terms[term] for term in shared)
    return scores


def check_sparse_against_oracle(store, documents, rng):
    for _ in range(3):
        query = {int(term): float(np.float32(rng.random() + 0.1)) for term in rng.choice(30, 4, replace=False)}
        for where, keep in ((None, lambda id: True), ({"odd": True}, lambda id: int(id[1:]) % 2 == 1)):
            expected = sparse_oracle(documents, query, keep)
            found = store.query_sparse("s", sparse(query), k=10_000, where=where)
            assert {match.id for match in found} == set(expected)
            assert [match.distance for match in found] == [None] * len(found)
            np.testing.assert_allclose([m.score for m in found], [expected[m.id] for m in found], rtol=2e-5)
            assert [(-m.score, m.id) for m in found] == sorted((-m.score, m.id) for m in found)


def test_sparse_scores_are_right_through_writes_deletes_and_optimise(new_store):
    rng = np.random.default_rng(0)
    store = new_store(dim=4, sparse=("s", "t"), index_above=100)
    documents = {}

    def write(rows):
        ids = [f"p{row:04d}" for row in rows]
        for id in ids:
            terms = np.unique(rng.zipf(1.4, rng.integers(0, 8)) % 30)
            documents[id] = {int(term): float(np.float32(rng.random() + 0.1)) for term in terms}
        vectors = [sparse(documents[id]) for id in ids]
        metas = [{"odd": row % 2 == 1} for row in rows]
        store.upsert(batch(ids, rng.normal(size=(len(ids), 4)), metas, {"s": vectors, "t": vectors}))

    def remove(rows):
        assert store.delete([f"p{row:04d}" for row in rows]) == len(rows)
        for row in rows:
            del documents[f"p{row:04d}"]

    for step in (
        lambda: write(range(200)),
        store.optimise,
        lambda: write(range(150, 300)),  # replaces some of the indexed ones
        lambda: remove(range(100)),
        lambda: remove(range(250, 300)),
        store.optimise,
        store.compact,
    ):
        step()
        check_sparse_against_oracle(store, documents, rng)


def test_statistics_follow_a_deletion_in_a_leg_without_empty_vectors(new_store):
    rng = np.random.default_rng(1)
    store = new_store(dim=4, sparse=("s",), index_above=100)
    documents = {f"p{row:04d}": {int(term): 1.0 for term in rng.choice(30, 5, replace=False)} for row in range(300)}
    metas = [{"odd": row % 2 == 1} for row in range(300)]
    vectors = [sparse(terms) for terms in documents.values()]
    store.upsert(batch(list(documents), rng.normal(size=(300, 4)), metas, {"s": vectors}))
    store.optimise()
    check_sparse_against_oracle(store, documents, rng)
    store.delete([id for id in list(documents)[:100] if documents.pop(id)])
    check_sparse_against_oracle(store, documents, rng)


# --- the back end's own lexical search


def test_a_back_end_searches_text_in_its_own_way_or_says_that_it_cannot(database, new_store):
    store = new_store(dim=2)
    texts = {"a": "the washer of a dripping tap", "b": "patch the inner tube", "c": "a tap, a tap, a washer"}
    payloads = [Payload(text, f"title {id}", {"id": id}) for id, text in texts.items()]
    store.upsert(Batch(list(texts), payloads, np.ones((3, 2), np.float32)))
    if not database.capabilities.text:
        with pytest.raises(CapabilityError):
            store.query_text("tap", k=3)
        return
    found = store.query_text("washer", k=3)
    assert sorted(match.id for match in found) == ["a", "c"]
    assert [(-match.score, match.id) for match in found] == sorted((-match.score, match.id) for match in found)
    assert found[0].distance is None
    assert found[0].payload.text == texts[found[0].id]
    assert store.query_text("washer", k=3, where={"id": "a"}, with_payload=False)[0].payload is None
    assert [match.id for match in store.query_text("washer", k=1, where={"id": "a"})] == ["a"]
    assert store.query_text("zeppelin", k=3) == []
    assert [match.id for match in store.query_text("title b", k=1)] == ["b"]
    for odd in ("", "'", '"', "a & | ! : * \\ ( ) <-> %", "tap'); DROP TABLE x; --", "\x00", "é" * 2000):
        store.query_text(odd, k=3)


# --- ids, payloads and vectors come back

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda children: st.lists(children, max_size=4) | st.dictionaries(st.text(), children, max_size=4),
    max_leaves=10,
)
texts = st.text(max_size=50)


# --- databases


def test_a_database_keeps_documents_and_stores_by_name(database):
    config = database.config_type(dim=2)
    assert "books" not in database.collections()
    assert database.read("books", "manifest") is None
    lock = database.claim("books")
    store = database.create_store("books", 1, config)
    store.upsert(batch(["a"], [[1, 0]]))
    content = json.dumps({"text": "é 🎉 'quoted' \\", "long": "x" * 60_000}, ensure_ascii=False).encode()
    database.write("books", "manifest", content)
    assert database.read("books", "manifest") == content
    assert "books" in database.collections()
    store.close()
    with pytest.raises(CollectionError, match="already"):
        database.create_store("books", 1, config)
    shadow = database.create_store("books", 2, config)
    assert shadow.count() == 0
    assert database.generations("books") == [1, 2]
    assert database.generations("book") == []
    shadow.close()
    lock.release()
    with pytest.raises(CollectionError, match="already"):
        database.claim("books")
    held = database.hold("books")
    again = database.open_store("books", 1, config)
    assert [point.id for point in again.get(["a"])] == ["a"]
    again.close()
    for wrong in (replace(config, dim=3), replace(config, metric="dot")):
        with pytest.raises((CollectionError, InvalidInputError)):
            database.open_store("books", 1, wrong)
    with pytest.raises(CollectionError):
        database.open_store("books", 7, config)
    database.write("books", "migration", b"{}")
    database.write("books", "migration", None)
    assert database.read("books", "migration") is None
    database.drop_store("books", 2)
    database.drop_store("books", 2)
    assert database.generations("books") == [1]
    held.release()
    database.drop("books")
    assert "books" not in database.collections()
    assert database.generations("books") == []
    with pytest.raises(CollectionError):
        database.drop("books")


def test_what_an_interrupted_creation_left_is_cleared_away(database):
    database.claim("begun").release()
    lock = database.claim("begun")
    database.create_store("begun", 1, database.config_type(dim=2)).close()
    lock.release()
    lock = database.claim("begun")
    assert database.generations("begun") == []
    store = database.create_store("begun", 1, database.config_type(dim=3))
    store.close()
    database.write("begun", "manifest", b"{}")
    lock.release()
    database.drop("begun")


@given(
    id=st.text(min_size=1, max_size=40),
    payload=st.builds(Payload, texts, texts, st.dictionaries(st.text(), json_values, max_size=4), texts),
    vector=st.lists(st.floats(width=32, allow_nan=False, allow_infinity=False), min_size=3, max_size=3),
)
@settings(max_examples=30)
def test_everything_comes_back_as_it_was_given(round_trip_store, id, payload, vector):
    given_vector = np.array([vector], np.float32)
    if not given_vector.any():
        given_vector[0, 0] = 1
    round_trip_store.upsert(Batch([id], [payload], given_vector))
    (point,) = round_trip_store.get([id], with_vectors=True)
    assert point.id == id
    assert point.payload == payload
    assert json.dumps(point.payload.meta) == json.dumps(dict(payload.meta))  # 1 stays 1 and 1.0 stays 1.0
    assert point.vector.dtype == np.float32
    length = float(np.linalg.norm(given_vector.astype(np.float64)))
    np.testing.assert_allclose(point.vector, given_vector[0], rtol=1e-6, atol=length * 1e-44 + 1e-45)


@pytest.fixture
def round_trip_store(new_store):
    return new_store(dim=3)


@pytest.mark.parametrize("scale", [1e-30, 1e-45, 1e30, 3e38])
def test_cosine_takes_any_length(new_store, scale):
    store = new_store(dim=2)
    vectors = np.array([[1, 0], [1, 1]]) * scale
    store.upsert(batch(["a", "b"], vectors))
    assert [match.id for match in store.query(vectors[1], k=2)] == ["b", "a"]
    got = [point.vector for point in store.get(["a", "b"], with_vectors=True)]
    np.testing.assert_allclose(got, vectors.astype(np.float32), rtol=1e-6)


def test_the_longest_vectors_come_back_finite(new_store):
    store = new_store(dim=16)
    vectors = np.tril(np.full((16, 16), np.finfo(np.float32).max))
    store.upsert(batch(names(16), vectors))
    np.testing.assert_allclose([p.vector for p in store.get(names(16), with_vectors=True)], vectors, rtol=1e-6)


def test_unit_vectors_come_back_bit_for_bit(new_store):
    vectors = random_vectors(500, 384)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    store = new_store(dim=384)
    store.upsert(batch(names(500), vectors))
    np.testing.assert_array_equal([p.vector for p in store.get(names(500), with_vectors=True)], vectors)


def test_get_keeps_the_order_asked_for_and_leaves_out_what_is_not_there(new_store):
    store = new_store(dim=2)
    store.upsert(batch(["a", "b", "c"], [[1, 0]] * 3))
    points = store.get(["c", "x", "a", "c"])
    assert [point.id for point in points] == ["c", "a", "c"]
    assert points[0].vector is None


def test_a_point_is_replaced_whole(new_store):
    store = new_store(dim=2)
    store.upsert(batch(["a", "b"], [[3, 4], [1, 0]], [{"x": 1, "old": True}] * 2, text="one"))
    store.upsert(batch(["a"], [[0, 1]], [{"x": 2}], text="two"))
    (point,) = store.get(["a"], with_vectors=True)
    assert (point.payload.text, point.payload.meta, point.vector.tolist()) == ("two", {"x": 2}, [0, 1])
    assert store.count() == 2
    assert [point.id for point in store.scroll({"old": True})] == ["b"]


def test_an_update_replaces_payloads_and_leaves_vectors(new_store):
    store = new_store(dim=2)
    store.upsert(batch(["a", "b"], [[3, 4], [1, 0]], [{"x": 1, "old": True}] * 2, text="one"))
    assert store.update(["a", "x"], [Payload("two", "t", {"x": 2}, "d"), Payload()]) == 1
    (point,) = store.get(["a"], with_vectors=True)
    assert (point.payload, point.vector.tolist()) == (Payload("two", "t", {"x": 2}, "d"), [3, 4])
    assert store.count({"old": True}) == 1
    assert [match.id for match in store.query([3, 4], k=2, where={"x": 2})] == ["a"]
    with pytest.raises(InvalidInputError, match="twice"):
        store.update(["a", "a"], [Payload()] * 2)
    with pytest.raises(InvalidInputError, match="payloads must be as many as ids"):
        store.update(["a"], [])
    with pytest.raises(InvalidInputError, match="meta of 'a' cannot be stored"):
        store.update(["a"], [Payload(meta={"x": math.nan})])


def test_an_update_leaves_the_words_too(new_store):
    store = new_store(dim=2, sparse=("s",))
    store.upsert(batch(["a", "b"], [[3, 4], [1, 0]], sparse={"s": [sparse({1: 1.0}), sparse({2: 1.0})]}))
    store.update(["a"], [Payload(meta={"x": 2})])
    (found,) = store.query_sparse("s", sparse({1: 1.0}), k=3)
    assert (found.id, found.payload.meta) == ("a", {"x": 2})


def test_points_are_deleted_by_a_filter(new_store):
    store = new_store(dim=2)
    store.upsert(batch(names(50), [[1, 0]] * 50, [{"n": row % 5, "t": "x" if row < 10 else "y"} for row in range(50)]))
    assert store.delete_where({"n": {"$gte": 3}, "t": "y"}) == 16
    assert store.count() == 34 == len(store.query([1, 0], k=100))
    assert store.count({"n": 4}) == 2
    with pytest.raises(InvalidInputError, match="where must be a mapping"):
        store.delete_where(None)
    assert store.count() == 34
    assert store.delete_where({}) == 34
    assert store.count() == 0


def facet_oracle(metas, name):
    counts = {}
    for meta in metas:
        values = project(meta).get(name)
        if values is not None:
            for kind in (values.booleans, values.numbers, values.strings):
                for value in set(kind):
                    counts[type(value), value] = counts.get((type(value), value), 0) + 1
    order = {bool: 0, float: 1, str: 2}
    found = [Facet(value, count) for (_, value), count in counts.items()]
    return sorted(found, key=lambda facet: (-facet.count, order[type(facet.value)], facet.value))


@given(metas=st.lists(metas_strategy, min_size=1, max_size=12))
@settings(max_examples=10)
def test_facets_count_each_value_once_for_each_point(filter_store, metas):
    filter_store.delete_where({})
    filter_store.upsert(batch(names(len(metas)), [[1, 0]] * len(metas), metas))
    for name in ("a", "a.b", 'a b"[].'):
        assert filter_store.facets(name, limit=1000) == facet_oracle(metas, name)


def test_facets_of_the_points_that_match(new_store):
    store = new_store(dim=2)
    metas = [{"tags": ["x", "y", "x"], "n": 1}, {"tags": "x", "n": 2}, {"tags": ["z", True, 1.5], "n": 3}, {}]
    store.upsert(batch(names(4), [[1, 0]] * 4, metas))
    assert store.facets("tags", where={"n": {"$lt": 3}}) == [Facet("x", 2), Facet("y", 1)]
    assert store.facets("tags", limit=2) == [Facet("x", 2), Facet(True, 1)]
    assert store.facets("none") == []
    with pytest.raises(InvalidInputError, match="limit must be a whole number of at least 1, got 0"):
        store.facets("tags", limit=0)


def test_long_texts_and_metadata_come_back(new_store):
    store = new_store(dim=2)
    meta = {"long": "é" * 10_000, "list": [f"tag {number}" for number in range(200)]}
    store.upsert(batch(["a"], [[1, 0]], [meta], text="ö" * 10_000))
    (point,) = store.scroll({"list": "tag 199"})
    assert (point.payload.meta, point.payload.text) == (meta, "ö" * 10_000)
    assert store.count({"long": "é" * 10_000}) == 1
    assert store.count({"long": {"$contains": "éé"}}) == 1


@pytest.mark.parametrize(
    "id", ["'", '"', "a'); DROP TABLE x; --", "\x00", "\\", "%_", "é", "🎉", "../x", "{}", " ", "x" * 1024]
)
def test_any_id_is_stored_as_it_is(new_store, id):
    store = new_store(dim=2)
    store.upsert(batch([id, "other"], [[1, 0], [0, 1]], [{id: id}, {}]))
    assert [point.id for point in store.get([id])] == [id]
    assert [match.id for match in store.query([1, 0], k=1, where={id: id})] == [id]
    assert store.facets(id) == [Facet(id, 1)]
    assert store.delete([id]) == 1
    assert [point.id for point in store.scroll()] == ["other"]


def test_scroll_visits_each_point_once_whatever_the_page(new_store):
    store = new_store(dim=2)
    store.upsert(batch(names(25), [[1, 0]] * 25, [{"n": row} for row in range(25)]))
    for page_size in (1, 7, 25, 100):
        assert sorted(point.id for point in store.scroll(page_size=page_size)) == names(25)
    (point,) = store.scroll({"n": 3}, with_vectors=True)
    assert (point.id, point.vector.tolist()) == ("p0003", [1, 0])
    with pytest.raises(InvalidInputError, match="page_size must be"):
        store.scroll(page_size=0)
    with pytest.raises(InvalidInputError, match="needs a number"):
        store.scroll({"n": None})  # at once, not at the first step


# --- filters


@given(metas=st.lists(metas_strategy, min_size=1, max_size=12), wheres=st.lists(filters, min_size=1, max_size=12))
@settings(max_examples=10)
def test_every_filter_finds_exactly_what_it_means(filter_store, metas, wheres):
    filter_store.delete_where({})
    ids = names(len(metas))
    filter_store.upsert(batch(ids, [[1, 0]] * len(metas), metas))
    for where in wheres:
        expected = [id for id, meta in zip(ids, metas, strict=True) if matches(parse_where(where), meta)]
        assert sorted(point.id for point in filter_store.scroll(where)) == expected, where
        assert filter_store.count(where) == len(expected)
        assert [match.id for match in filter_store.query([1, 0], k=12, where=where)] == expected


@pytest.fixture
def filter_store(new_store):
    return new_store(dim=2)


def test_the_worked_filters_find_what_they_mean(new_store):
    store = new_store(dim=2)
    metas = [meta for _, meta, _ in CASES]
    store.upsert(batch(names(len(metas)), [[1, 0]] * len(metas), metas))
    for where, _, _ in CASES:
        expected = [id for id, meta in zip(names(len(metas)), metas, strict=True) if matches(parse_where(where), meta)]
        assert sorted(point.id for point in store.scroll(where)) == expected, where


def test_random_floats_compare_exactly(new_store):
    rng = np.random.default_rng(0)
    values = np.frombuffer(rng.bytes(8 * 1000), np.float64)
    values = [float(value) for value in values[np.isfinite(values)]] + rng.random(200).tolist()
    values += [math.nextafter(value, math.inf) for value in values[-100:]] + [2.0, -2.0]
    near = [sign * (2.0 + steps * math.ulp(2.0)) for sign in (1, -1) for steps in (0, 1, 31, 32, 100, 1023, 1024)]
    store = new_store(dim=2)
    store.upsert(batch(names(len(values)), [[1, 0]] * len(values), [{"v": value} for value in values]))
    for value in values[::100] + values[-3:] + near:
        for operator, count in (
            ("$eq", values.count(value)),
            ("$gt", sum(other > value for other in values)),
            ("$gte", sum(other >= value for other in values)),
            ("$lt", sum(other < value for other in values)),
            ("$lte", sum(other <= value for other in values)),
        ):
            assert store.count({"v": {operator: value}}) == count


# --- what is refused is refused whole


def refused_batches():
    good = {"ids": ["a", "b"], "vectors": [[1, 0], [0, 1]], "sparse": {"s": [sparse({1: 1.0}), sparse({})]}}

    def changed(message, **changes):
        return pytest.param({**good, **changes}, message, id=message)

    def leg(message, indices, values):
        return changed(message, sparse={"s": [sparse({}), SparseVector(np.array(indices), np.array(values))]})

    return [
        changed("row 1 holds NaN", vectors=[[1, 0], [math.nan, 1]]),
        changed("row 0 holds NaN or infinity", vectors=[[math.inf, 0], [0, 1]]),
        changed("vector of 'b' is a zero vector", vectors=[[1, 0], [0, 0]]),
        changed("must have 2 dimensions, got 3", vectors=[[1, 0, 0], [0, 1, 0]]),
        changed("got 1 for 2 ids", vectors=[[1, 0]]),
        changed("give vectors", vectors=None),
        changed("'a' is in the batch twice", ids=["a", "a"]),
        changed("1 to 1024 bytes of UTF-8, got 0", ids=["a", ""]),
        changed("1 to 1024 bytes of UTF-8, got 1026", ids=["a", "é" * 513]),
        changed("lone surrogate", ids=["a", "\udc80"]),
        changed("must be a string, got 3", ids=["a", 3]),
        changed("wrap it as", ids="ab"),
        changed("meta of 'b' cannot be stored: the field 'x.y' holds nan", metas=[{}, {"x": {"y": math.nan}}]),
        changed("the field 'x' has the key 1|'x' has the key 1", metas=[{}, {"x": {1: 2}}]),
        changed("meta of 'b' cannot be stored: .*digits", metas=[{}, {"x": 10**5000}]),
        changed("text of 'a' must be a unicode string", text="\udc80"),
        changed("image of 'a' must be a unicode string", image="\udc80"),
        changed(r"has the sparse legs \['s'\], got \[\]", sparse={}),
        changed("got 1 for 2 ids$", sparse={"s": [sparse({})]}),
        leg("sparse vector 's' of 'b' has 2 indices but values of shape", [1, 2], [1.0]),
        leg("'b' has a value that is not finite and above zero", [1], [math.nan]),
        leg("'b' has a value that is not finite and above zero$", [1], [0.0]),
        leg("'b' has a value that is not finite and above zero.?", [1], [1e-60]),
        leg("'b' has the same index twice", [7, 3, 7], [1.0, 1.0, 1.0]),
        leg("'b' has an index outside", [-1], [1.0]),
        leg("'b' needs integer indices", [0.5], [1.0]),
    ]


@pytest.mark.parametrize(("arguments", "message"), refused_batches())
def test_a_bad_batch_is_refused_before_anything_is_written(new_store, arguments, message):
    store = new_store(dim=2, sparse=("s",))
    with pytest.raises(InvalidInputError, match=message):
        store.upsert(batch(**arguments))
    assert store.count() == 0


@pytest.mark.parametrize("metric", ["dot", "l2"])
def test_vectors_too_long_for_float32_products_are_refused(new_store, metric):
    store = new_store(dim=2, metric=metric)
    store.upsert(batch(["a", "zero"], [[9e17, 0], [0, 0]]))
    assert math.isfinite(store.query([-9e17, 0], k=1)[0].score)
    with pytest.raises(InvalidInputError, match="scale it"):
        store.upsert(batch(["b"], [[1e19, 0]]))
    with pytest.raises(InvalidInputError, match="the query has the length"):
        store.query([1e19, 0], k=1)


def test_a_closed_store_says_so(new_store):
    store = new_store(dim=2)
    store.close()
    store.close()
    for use in (lambda: store.count(), lambda: store.query([1, 0], k=1), lambda: store.upsert(batch(["a"], [[1, 0]]))):
        with pytest.raises(NearfieldError, match="closed"):
            use()
