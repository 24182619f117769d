import math

import numpy as np
import pytest

from nearfield.space.spectrum import effective_rank, participation_ratio, principal_directions, second_moments


@pytest.fixture
def matrix():
    return np.random.default_rng(0).normal([1, 2, 3, 4], [4, 3, 2, 1], (200, 4)).astype(np.float32)


def test_moments_around_the_mean_are_the_covariance(matrix):
    mean, moments = second_moments(matrix, centred=True)
    np.testing.assert_allclose(mean, matrix.mean(axis=0), rtol=1e-5)
    np.testing.assert_allclose(moments, np.cov(matrix.T, bias=True), rtol=1e-5)


def test_moments_around_zero_keep_the_mean_in(matrix):
    mean, moments = second_moments(matrix, centred=False)
    assert not mean.any()
    np.testing.assert_allclose(moments, matrix.T @ matrix / 200, rtol=1e-5)


def test_directions_diagonalise_the_moments_from_large_to_small(matrix):
    _, moments = second_moments(matrix, centred=True)
    values, directions = principal_directions(moments)
    assert (np.diff(values) < 0).all()
    np.testing.assert_allclose(directions.T @ moments @ directions, np.diag(values), atol=1e-9)
    assert (directions[np.abs(directions).argmax(axis=0), range(4)] > 0).all()


@pytest.mark.parametrize("count", [effective_rank, participation_ratio])
def test_directions_that_vary_equally_count_one_each(count):
    assert count(np.array([2.0, 2.0, 2.0, 0.0])) == pytest.approx(3)


def test_effective_rank_is_by_entropy_of_singular_values_and_participation_by_variances():
    variances = np.array([9.0, 1.0])  # singular values 3 and 1
    entropy = -(0.75 * math.log(0.75) + 0.25 * math.log(0.25))
    assert effective_rank(variances) == pytest.approx(math.exp(entropy))
    assert participation_ratio(variances) == pytest.approx(100 / 82)


@pytest.mark.parametrize("count", [effective_rank, participation_ratio])
def test_nothing_is_said_where_nothing_varies(count):
    assert math.isnan(count(np.zeros(3)))


def test_moments_do_not_depend_on_the_blocks_they_are_summed_in(matrix, monkeypatch):
    whole = second_moments(matrix, centred=True)
    monkeypatch.setattr("nearfield.arrays.BLOCK_VALUES", 60)
    for one, other in zip(whole, second_moments(matrix, centred=True), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-12)


def test_directions_are_those_of_a_singular_value_decomposition(matrix):
    values, directions = principal_directions(second_moments(matrix, centred=True)[1])
    _, lengths, rows = np.linalg.svd(matrix.astype(np.float64) - matrix.mean(axis=0, dtype=np.float64))
    np.testing.assert_allclose(values, lengths**2 / len(matrix), rtol=1e-9)
    np.testing.assert_allclose(np.abs(np.einsum("dc,cd->c", directions, rows)), 1, rtol=1e-9)
