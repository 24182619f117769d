import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from nearfield.arrays import as_matrix, normalise, row_blocks, row_norms
from nearfield.errors import InvalidInputError

matrices = arrays(
    np.float32, st.tuples(st.integers(1, 5), st.integers(1, 5)), elements=st.floats(-(2.0**60), 2.0**60, width=32)
)


def test_a_good_matrix_is_not_copied():
    matrix = np.ones((2, 3), dtype=np.float32)
    assert as_matrix(matrix) is matrix


def test_lists_and_other_types_become_float32():
    assert as_matrix([[1, 2], [3, 4]]).dtype == np.float32


@pytest.mark.parametrize(
    ("vectors", "message"),
    [
        ([1.0, 2.0], r"must have shape \(n, d\), got shape \(2,\); wrap one vector"),
        ([[1.0], [1.0, 2.0]], "must be numbers of shape"),
        ([["a"]], "must be numbers"),
        ([[1.0, 2.0]], "must have 3 dimensions, got 2"),
        ([[0.0, 0.0, 0.0], [0.0, float("nan"), 0.0]], "row 1 holds NaN or infinity"),
        ([[1e300, 0.0, 0.0]], "row 0 holds NaN or infinity"),
    ],
)
def test_what_is_no_matrix_is_refused(vectors, message):
    with pytest.raises(InvalidInputError, match=message):
        as_matrix(vectors, dim=3)


def test_a_zero_row_stays_zero():
    np.testing.assert_array_equal(
        normalise(np.array([[0, 0], [3, 4]], np.float32)), np.array([[0, 0], [0.6, 0.8]], np.float32)
    )


@given(matrices)
def test_normalised_rows_have_length_one(matrix):
    lengths = row_norms(normalise(matrix))
    assert ((np.abs(lengths - 1) < 1e-5) | (row_norms(matrix) == 0)).all()


@pytest.mark.parametrize(
    ("shape", "values", "blocks"),
    [((5, 3), 6, [(0, 2), (2, 4), (4, 5)]), ((2, 9), 4, [(0, 1), (1, 2)]), ((0, 3), 6, []), ((3, 0), 6, [(0, 3)])],
)
def test_blocks_of_rows_are_as_large_as_asked_and_hold_a_row_at_least(shape, values, blocks):
    found = list(row_blocks(np.zeros(shape), values=values))
    assert [(block.start, block.stop) for block in found] == blocks
