import numpy as np
import pytest

import nearfield as nf
from nearfield.errors import InvalidInputError


def test_a_map_takes_the_mean_off_and_multiplies(monkeypatch):
    monkeypatch.setattr("nearfield.arrays.BLOCK_VALUES", 4)
    turned = nf.LinearMap(np.array([1.0, 2.0]), np.array([[1.0, 0.0, 2.0], [0.0, 3.0, 0.0]]))
    np.testing.assert_array_equal(turned.apply([[1, 2], [2, 2], [1, 3]]), [[0, 0, 0], [1, 0, 2], [0, 3, 0]])
    assert turned.apply(np.empty((0, 2))).shape == (0, 3)


def test_parts_that_do_not_fit_are_refused():
    with pytest.raises(InvalidInputError, match=r"got \(2,\) and \(3, 3\)"):
        nf.LinearMap(np.zeros(2), np.eye(3))
    with pytest.raises(InvalidInputError, match="must have 3 dimensions, got 2"):
        nf.LinearMap(np.zeros(3), np.eye(3)).apply([[1, 2]])
