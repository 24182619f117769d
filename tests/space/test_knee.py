import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nearfield.errors import InvalidInputError
from nearfield.space.knee import knee


def test_the_knee_is_farthest_from_the_chord():
    costs, values = [0, 2, 4, 6, 10], [0, 5, 9, 9.5, 10]
    start, end = np.array([0, 0]), np.array([10, 10])
    chord = (end - start) / np.linalg.norm(end - start)
    away = [abs(chord[0] * y - chord[1] * x) for x, y in zip(costs, values, strict=True)]
    assert knee(costs, values) == int(np.argmax(away)) == 2


@pytest.mark.parametrize(
    ("costs", "values"),
    [([], []), ([1, 2], [0, 1]), ([1, 2, 3], [1, 2, 3]), ([1, 2, 3], [3, 1, 3]), ([2, 2, 2], [1, 2, 3])],
)
def test_a_line_without_a_bend_upwards_has_none(costs, values):
    assert knee(costs, values) is None


def test_each_cost_needs_a_value():
    with pytest.raises(InvalidInputError, match="got 3 costs and 2 values"):
        knee([1, 2, 3], [1, 2])


@given(st.floats(0.1, 100), st.floats(-50, 50), st.floats(0.1, 100), st.floats(-50, 50))
def test_units_do_not_matter(a, b, c, d):
    costs, values = np.arange(6.0), np.array([0, 0.8, 0.9, 0.95, 0.98, 1])
    assert knee(list(a * costs + b), list(c * values + d)) == knee(list(costs), list(values)) == 1
