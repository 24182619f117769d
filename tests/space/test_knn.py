import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nearfield.arrays import normalise
from nearfield.space import knn
from nearfield.space.knn import distances_to, nearest_rows, shared_share


@pytest.mark.parametrize("rows_at_once", [1, 3, 1_024])
def test_the_nearest_are_those_that_sorting_all_would_give(monkeypatch, rows_at_once):
    monkeypatch.setattr(knn, "_ROWS_AT_ONCE", rows_at_once)
    unit = normalise(np.random.default_rng(0).normal(size=(60, 5)).astype(np.float32))
    rows = np.array([3, 59, 0, 17])
    cosines = unit[rows] @ unit.T
    expected = [[i for i in np.argsort(-scores) if i != row][:7] for row, scores in zip(rows, cosines, strict=True)]
    np.testing.assert_array_equal(nearest_rows(unit, rows, 7), expected)


@pytest.mark.parametrize("queries", [3, 20])
def test_of_equally_near_rows_the_earlier_comes_first_and_a_zero_row_is_near_to_none(queries):
    unit = np.tile(np.array([[1, 0], [0, 1], [0, 0]], np.float32), (20, 1))
    found = nearest_rows(unit, np.arange(queries), 4)
    np.testing.assert_array_equal(found[:3], [[3, 6, 9, 12], [4, 7, 10, 13], [0, 1, 3, 4]])


def test_how_far_it_has_come_is_told(monkeypatch):
    monkeypatch.setattr(knn, "_ROWS_AT_ONCE", 2)
    told = []
    nearest_rows(np.eye(10, dtype=np.float32), np.arange(3), 2, what="x", progress=lambda *step: told.append(step))
    assert told == [("x", 2, 3), ("x", 3, 3)]


def test_distances_are_exact_where_dot_products_would_round_them_away():
    vectors = np.array([[1, 0], [1, 1e-5], [0, 1]], np.float32)
    distances = distances_to(vectors, np.array([0]), np.array([[2, 1]]))
    np.testing.assert_allclose(distances, [[2**0.5, 1e-5]], rtol=1e-6)


@given(st.lists(st.tuples(st.permutations(range(9)), st.permutations(range(9))), min_size=1), st.integers(1, 9))
def test_what_is_shared_is_what_sets_have_in_common(rows, k):
    ones, others = (np.array([list(row[side][:k]) for row in rows]) for side in (0, 1))
    expected = [len({*one} & {*other}) / k for one, other in zip(ones.tolist(), others.tolist(), strict=True)]
    np.testing.assert_allclose(shared_share(ones, others), expected)
