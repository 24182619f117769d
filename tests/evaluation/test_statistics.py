import itertools
import math
from statistics import NormalDist

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nearfield.errors import InvalidInputError
from nearfield.evaluation.significance import holm, holm_levels, randomisation_test
from nearfield.statistics import bootstrap, bootstrap_interval
from nearfield.student import t_quantile, t_tail

SCORES = np.array([0.0, 0.0, 0.2, 0.5, 0.63, 0.63, 0.8, 1.0, 1.0, 1.0])
values_of_queries = st.lists(st.floats(-1, 1, allow_subnormal=False), min_size=2, max_size=40)
p_values = st.lists(st.floats(0, 1), min_size=1, max_size=12)


@pytest.mark.parametrize(
    ("tail", "df", "quantile"),
    # From printed tables of Student's t.
    [
        (0.025, 1, 12.706),
        (0.05, 2, 2.920),
        (0.025, 3, 3.182),
        (0.005, 10, 3.169),
        (0.025, 49, 2.010),
        (0.001, 30, 3.385),
    ],
)
def test_student_quantiles_are_those_of_the_tables(tail, df, quantile):
    assert t_quantile(tail, df) == pytest.approx(quantile, abs=6e-4)
    assert t_tail(quantile, df) == pytest.approx(tail, rel=2e-3)


@given(st.floats(-8, 8), st.integers(1, 60))
def test_the_tail_of_student_is_the_integral_of_its_density(value, df):
    grid = np.linspace(0, value, 20_001)
    constant = math.exp(math.lgamma((df + 1) / 2) - math.lgamma(df / 2)) / math.sqrt(df * math.pi)
    density = constant * (1 + grid**2 / df) ** (-(df + 1) / 2)
    area = float((density[1:] + density[:-1]).sum() / 2 * (grid[1] - grid[0]))
    assert t_tail(value, df) == pytest.approx(0.5 - area, abs=1e-7)


def test_student_becomes_normal():
    assert t_tail(1.96, 19_999) == pytest.approx(t_tail(1.96, 20_000), abs=1e-5)
    assert t_tail(1.96, 10**7) == NormalDist().cdf(-1.96)


def all_resampled_means(values):
    """The whole bootstrap distribution, every resample once; possible for a few values only."""
    return np.sort([np.mean(drawn) for drawn in itertools.product(values, repeat=len(values))])


def test_resampled_means_follow_the_exact_bootstrap_distribution():
    values = [0.0, 0.3, 0.31, 1.0, 0.9]
    exact, drawn = all_resampled_means(values), bootstrap(values, resamples=40_000, seed=3).means
    # At values that no mean takes, so that rounding puts none on the wrong side.
    for value in (0.111, 0.2111, 0.3511, 0.5011, 0.6511, 0.8511):
        assert np.mean(drawn < value) == pytest.approx(np.mean(exact < value), abs=0.01)


def test_the_interval_is_that_of_expanded_quantiles_worked_out_by_hand():
    # n = 10: t is 2.2622, times sqrt(10/9) 2.3846, whose normal tail is 0.00855: the 84th of 9,999 from either end.
    means = bootstrap(SCORES, resamples=9_999, seed=1).means
    interval = bootstrap_interval(SCORES, resamples=9_999, seed=1)
    assert (interval.low, interval.high) == (means[84], means[-85])
    assert interval.mean == pytest.approx(0.576)


def test_the_interval_of_many_values_is_the_normal_one():
    values = np.random.default_rng(5).random(2_000)
    interval = bootstrap_interval(values)
    half = 1.96 * values.std(ddof=1) / math.sqrt(2_000)
    np.testing.assert_allclose((interval.low, interval.high), (values.mean() - half, values.mean() + half), atol=4e-4)


@given(values_of_queries, st.integers(0, 5))
def test_an_interval_holds_the_mean_lies_within_the_values_and_repeats(values, seed):
    interval = bootstrap_interval(values, resamples=200, seed=seed)
    assert min(values) - 1e-12 <= interval.low <= interval.mean <= interval.high <= max(values) + 1e-12
    assert interval == bootstrap_interval(values, resamples=200, seed=seed)


@given(values_of_queries)
def test_a_higher_level_never_narrows_the_interval(values):
    narrow, wide = (bootstrap_interval(values, level=level, resamples=500) for level in (0.8, 0.99))
    assert wide.low <= narrow.low <= narrow.high <= wide.high


@given(st.lists(st.integers(-20, 20).map(lambda i: i / 20), min_size=10, max_size=40), st.floats(-0.5, 0.5))
def test_one_sided_p_agrees_with_the_end_of_the_interval(values, bound):
    resampled = bootstrap(values, resamples=500)
    for tail in (0.025, 0.1):
        assert (resampled.p_at_most(bound) <= tail) == (resampled.low(tail) > bound)
        assert (resampled.p_at_least(bound) <= tail) == (resampled.high(tail) < bound)


def test_a_handful_of_equal_values_proves_nothing():
    assert bootstrap([0.0] * 5).p_at_most(-0.01) == pytest.approx(1 / 32)
    assert bootstrap([0.0] * 50).p_at_most(-0.01) < 0.001
    assert bootstrap([0.0] * 50).p_at_most(0.01) == 1.0


def test_differences_of_the_same_queries_stay_paired():
    scores = np.random.default_rng(0).random((2, 30))
    generator = np.random.default_rng(4)
    drawn = generator.integers(0, 30, (200, 30))
    expected = np.sort(scores[0][drawn].mean(axis=1) - scores[1][drawn].mean(axis=1))
    np.testing.assert_allclose(bootstrap(scores[0] - scores[1], resamples=200, seed=4).means, expected, atol=1e-12)


def test_equal_values_have_an_interval_of_no_width():
    interval = bootstrap_interval([0.1] * 7)
    assert (interval.mean, interval.low, interval.high) == (0.1, 0.1, 0.1)


def test_one_value_has_no_interval():
    interval = bootstrap_interval([0.4])
    assert interval.mean == 0.4
    assert math.isnan(interval.low)
    assert math.isnan(interval.high)
    assert bootstrap([0.4]).p_at_most(-9.0) == 1.0


def test_many_values_are_resampled_in_blocks_that_leave_none_out():
    assert bootstrap(np.arange(70_000) % 2, resamples=101).means.min() == pytest.approx(0.5, abs=0.01)


@pytest.mark.parametrize("count", [50, 300])
def test_intervals_cover_the_truth_about_as_often_as_they_say(count):
    generator = np.random.default_rng(17)
    # A third zeros, a third ones, the rest between: the mean is 0.5.
    covered = 0
    for _ in range(300):
        values = np.clip(generator.uniform(-1, 2, count), 0, 1)
        interval = bootstrap_interval(values, resamples=600)
        covered += interval.low <= 0.5 <= interval.high
    assert 0.91 <= covered / 300 <= 0.985


def all_sign_flips(differences):
    """The exact two-sided p: every assignment of signs."""
    sums = [np.dot(signs, differences) for signs in itertools.product((-1, 1), repeat=len(differences))]
    return np.mean(np.abs(sums) >= abs(np.sum(differences)) - 1e-12)


@pytest.mark.parametrize("differences", [[0.1, 0.3, -0.2, 0.5, 0.4, 0.0, 0.2, 0.1, 0.3], [0.1] * 6, [0.2, -0.1, 0.05]])
def test_the_randomisation_test_agrees_with_every_assignment_of_signs(differences):
    p = randomisation_test(differences, resamples=40_000, seed=2)
    assert p == pytest.approx(all_sign_flips(differences), abs=0.008)


def test_six_differences_of_one_sign_give_the_p_worked_out_by_hand():
    # Two of 2^6 assignments reach the sum: all plus and all minus.
    assert randomisation_test([0.3, 0.1, 0.2, 0.5, 0.4, 0.6], resamples=40_000) == pytest.approx(2 / 64, abs=0.003)


@given(values_of_queries, st.integers(0, 3))
def test_the_randomisation_test_is_two_sided_never_0_and_repeats(values, seed):
    p = randomisation_test(values, resamples=200, seed=seed)
    assert 1 / 201 <= p <= 1
    assert p == randomisation_test([-value for value in values], resamples=200, seed=seed)


def test_a_clear_difference_has_the_smallest_p_that_resampling_can_give():
    assert randomisation_test(np.full(100, 0.5), resamples=999) == 1 / 1000


def test_holm_adjusts_as_worked_out_by_hand():
    # Sorted 0.01, 0.02, 0.024, 0.5 times 4, 3, 2, 1 is 0.04, 0.06, 0.048, 0.5; the third may not fall below the second.
    np.testing.assert_allclose(holm([0.024, 0.5, 0.01, 0.02]), [0.06, 0.5, 0.04, 0.06])
    np.testing.assert_allclose(holm_levels([0.024, 0.5, 0.01, 0.02], 0.05), [0.05 / 3, 0.05 / 3, 0.05 / 4, 0.05 / 3])
    assert holm([]).shape == (0,)


def plain_holm(p, alpha):
    """Reject from the smallest p up, until one is too large."""
    rejected = [False] * len(p)
    for step, i in enumerate(sorted(range(len(p)), key=p.__getitem__)):
        if p[i] > alpha / (len(p) - step):
            break
        rejected[i] = True
    return rejected


@given(p_values, st.sampled_from([0.025, 0.05, 0.3]))
def test_holm_rejects_what_stepping_down_does(p, alpha):
    expected = plain_holm(p, alpha)
    assert (np.array(p) <= holm_levels(p, alpha)).tolist() == expected
    adjusted = holm(p)
    clear = np.abs(adjusted - alpha) > 1e-12
    assert (adjusted <= alpha)[clear].tolist() == np.array(expected)[clear].tolist()
    assert (adjusted >= p).all()
    assert (adjusted <= 1).all()


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: bootstrap_interval([]), r"values must have shape \(n,\) with n at least 1, got shape \(0,\)"),
        (lambda: bootstrap_interval([[0.5]]), r"got shape \(1, 1\)"),
        (lambda: bootstrap_interval([0.5, math.nan]), "number 1 is NaN or infinite"),
        (lambda: bootstrap_interval(["a"]), "values must be numbers"),
        (lambda: bootstrap_interval([0.5], level=95), "level must be between 0 and 1, such as 0.95, got 95"),
        (lambda: bootstrap_interval([0.5], level=0), "level must be between"),
        (lambda: bootstrap_interval([0.5], resamples=10), "resamples must be at least 100, got 10"),
        (lambda: randomisation_test([0.5], resamples=10), "resamples must be at least 100, got 10"),
        (lambda: randomisation_test([math.inf]), "must be finite"),
        (lambda: holm([0.5, 1.5]), r"must have shape \(n,\) and lie in \[0, 1\]"),
        (lambda: holm([math.nan]), "lie in"),
        (lambda: holm_levels([[0.5]], 0.05), "shape"),
    ],
)
def test_values_that_make_no_sense_are_refused(call, message):
    with pytest.raises(InvalidInputError, match=message):
        call()
