import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nearfield.collection.sameness import Checksum, compare_stores, content_of, relative_deviations
from nearfield.stores.base import Batch, Payload, Point, StoreConfig
from nearfield.stores.embedded.store import EmbeddedStore


@pytest.fixture
def two_stores(tmp_path):
    stores = [EmbeddedStore.create(tmp_path / name, StoreConfig(dim=2, metric="l2")) for name in ("one", "other")]
    yield stores
    for store in stores:
        store.close()


def fill(store, **changed):
    vectors = {f"p{i}": [i, 1.0] for i in range(5)} | changed
    payloads = [Payload(f"text of {id_}", meta={"n": 1, "a": None}) for id_ in vectors]
    store.upsert(Batch(list(vectors), payloads, np.array(list(vectors.values()), np.float32)))


@given(st.lists(st.binary(), max_size=8).flatmap(lambda parts: st.tuples(st.just(parts), st.permutations(parts))))
def test_a_checksum_depends_on_what_and_not_on_the_order(orders):
    one, other, less = Checksum(), Checksum(), Checksum()
    for part in orders[0]:
        one.add(part)
    for part in orders[1]:
        other.add(part)
    for part in orders[0][1:]:
        less.add(part)
    assert str(one) == str(other)
    assert (str(one) == str(less)) is (not orders[0])


def test_the_same_points_are_the_same(two_stores):
    for store in two_stores:
        fill(store)
    found = compare_stores(*two_stores)
    assert found.same
    assert (found.records, found.deviation) == (5, 0)
    assert str(found.contents[0]) == str(found.contents[1])
    assert str(found.vectors[0]) == str(found.vectors[1])


def test_each_kind_of_difference_is_found(two_stores):
    one, other = two_stores
    fill(one)
    fill(other, p1=[1.0, 1.00001], extra=[1, 1])
    other.update(["p2"], [Payload("another text")])
    other.delete(["p3"])
    found = compare_stores(one, other)
    assert (sorted(found.differing), found.surplus, found.missing) == (["p1", "p2"], ["extra"], [])
    other.delete(["extra", "p4"])
    found = compare_stores(one, other)
    assert sorted(found.missing) == ["p3", "p4"]
    assert "only in the source: 'p" in str(found)


def test_deviations_are_shares_of_the_length():
    def point(*vector):
        return Point("p", Payload(), np.array(vector, np.float32))

    pairs = [((3, 4), (3, 4.5)), ((0, 0), (0, 0)), ((0, 0), (0, 1)), ((1e-30, 0), (1e-30, 0))]
    found = relative_deviations([point(*one) for one, _ in pairs], [point(*other) for _, other in pairs])
    np.testing.assert_allclose(found, [0.1, 0, np.inf, 0])
    without = Point("p", Payload())
    assert relative_deviations([without], [without]).tolist() == [0]
    assert relative_deviations([without], [point(1)]).tolist() == [np.inf]


def test_content_does_not_depend_on_the_order_of_keys():
    one, other = (
        Point("p", Payload("t", meta=meta))
        for meta in ({"a": 1, "b": {"c": 1, "d": 2}}, {"b": {"d": 2, "c": 1}, "a": 1})
    )
    assert content_of(one) == content_of(other)
    assert content_of(one) != content_of(Point("q", one.payload))
