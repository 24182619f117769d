import math

import numpy as np
import pytest
import scipy.spatial

from nearfield.space.intrinsic_dimension import mle, two_nn
from nearfield.space.knn import distances_to


def neighbour_distances(points, k):
    points = np.asarray(points, np.float32)
    everyone = np.arange(len(points))
    apart = scipy.spatial.distance.cdist(points, points)
    return np.sort(distances_to(points, everyone, np.argsort(apart, axis=1)[:, 1 : k + 1]), axis=1)


@pytest.fixture(scope="module")
def flat():
    """A plane of five dimensions, evenly filled, turned within thirty."""
    generator = np.random.default_rng(0)
    turn = np.linalg.qr(generator.normal(size=(30, 5)))[0]
    return neighbour_distances(generator.uniform(size=(800, 5)) @ turn.T, 20)


@pytest.fixture(scope="module")
def sphere():
    points = np.random.default_rng(1).normal(size=(800, 4))
    return neighbour_distances(points / np.linalg.norm(points, axis=1, keepdims=True), 20)


@pytest.mark.parametrize("estimate", [two_nn, mle])
def test_the_dimension_of_a_turned_plane_and_of_a_sphere_is_found(flat, sphere, estimate):
    assert estimate(flat) == pytest.approx(5, rel=0.12)  # a little low, for points at the plane's edge
    assert estimate(sphere) == pytest.approx(3, rel=0.05)


@pytest.mark.parametrize("estimate", [two_nn, mle])
def test_the_scale_does_not_matter(sphere, estimate):
    assert estimate(1000 * sphere) == pytest.approx(estimate(sphere))


def test_two_nn_is_the_slope_of_the_published_fit(sphere):
    ratios = sorted(row[1] / row[0] for row in sphere)
    n = len(ratios)
    pairs = [(math.log(ratio), -math.log(1 - (i + 1) / (n + 1))) for i, ratio in enumerate(ratios)][: int(0.9 * n)]
    slope = sum(x * y for x, y in pairs) / sum(x * x for x, _ in pairs)
    assert two_nn(sphere) == pytest.approx(slope)


def test_mle_averages_inverse_estimates(flat):
    inverse = [sum(math.log(row[-1] / near) for near in row[:-1]) / (len(row) - 1) for row in flat.tolist()]
    assert mle(flat) == pytest.approx(len(inverse) / sum(inverse))


@pytest.mark.parametrize("estimate", [two_nn, mle])
def test_points_that_lie_on_another_are_left_out(sphere, estimate):
    twins = np.vstack([sphere, [[0.0] * 19 + [1.0]] * 50])
    assert estimate(twins) == pytest.approx(estimate(sphere))


@pytest.mark.parametrize("estimate", [two_nn, mle])
@pytest.mark.parametrize("distances", [np.zeros((4, 3)), np.ones((4, 3))])
def test_nothing_is_said_where_all_coincide_or_are_equally_far(estimate, distances):
    assert math.isnan(estimate(distances))
