import math

import numpy as np
import pytest
import scipy.spatial
import scipy.stats

from nearfield.arrays import normalise
from nearfield.space.concentration import hubness, mean_cosine, occurrences, relative_contrast


def test_contrast_is_how_much_farther_the_farthest_is():
    assert relative_contrast(np.array([1.0, 2.0, 0.0, 1.0]), np.array([3.0, 3.0, 9.0, 5.0])) == 2.0


def test_contrast_is_unknown_where_all_lie_on_another():
    assert math.isnan(relative_contrast(np.zeros(2), np.ones(2)))


def test_distances_concentrate_as_dimensions_grow():
    def contrast(dim):
        points = np.random.default_rng(0).normal(size=(300, dim))
        apart = scipy.spatial.distance.cdist(points, points) + np.diag(np.full(300, np.nan))
        return relative_contrast(np.nanmin(apart, axis=1), np.nanmax(apart, axis=1))

    assert contrast(3) > contrast(30) > contrast(300)


def test_occurrences_count_how_often_each_is_a_neighbour():
    counts = occurrences(np.array([[1, 2], [2, 0], [1, 3], [1, 2]]), 5)
    np.testing.assert_array_equal(counts, [1, 3, 3, 1, 0])


def test_hubness_is_the_skewness_of_the_counts():
    counts = np.random.default_rng(0).geometric(0.2, 200)
    assert hubness(counts) == pytest.approx(scipy.stats.skew(counts))
    assert hubness(np.full(5, 3)) == 0.0


def test_the_mean_cosine_is_that_of_all_pairs():
    unit = normalise(np.random.default_rng(0).normal(0.3, 1, (50, 6)).astype(np.float32))
    cosines = unit.astype(np.float64) @ unit.T
    assert mean_cosine(unit) == pytest.approx(cosines[np.triu_indices(50, 1)].mean(), abs=1e-6)
