import numpy as np
import pytest
import scipy.stats
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import average_precision_score

from nearfield.evaluation.resampling import (
    average_precision_of,
    pearson_of,
    resample,
    resampled_means,
    spearman_of,
)

# Few different values, so that there are ties.
values = st.lists(st.tuples(st.integers(0, 5), st.integers(-3, 3)), min_size=3, max_size=25)


def once(statistic, count):
    return float(statistic(np.ones((1, count)))[0])


def test_spearman_of_tied_ranks_worked_out_by_hand():
    # Ranks 1, 2.5, 2.5, 4 and 1, 3, 2, 4: covariance 4.5, variances 4.5 and 5.
    gold, scores = np.array([0.0, 1, 1, 7]), np.array([-1.0, 5, 2, 9])
    assert once(spearman_of(gold, scores), 4) == pytest.approx(4.5 / np.sqrt(4.5 * 5))


def test_average_precision_worked_out_by_hand():
    # Positives at ranks 1, 3 and, tied with the fifth, 4: (1 + 2/3 + 3/5) / 3.
    gold, scores = np.array([1.0, 0, 1, 1, 0]), np.array([9.0, 8, 7, 5, 5])
    assert once(average_precision_of(gold, scores), 5) == pytest.approx((1 + 2 / 3 + 3 / 5) / 3)


@given(values)
def test_correlations_are_those_of_scipy(pairs):
    gold, scores = np.array(pairs, np.float64).T
    if np.ptp(gold) == 0 or np.ptp(scores) == 0:
        assert once(spearman_of(gold, scores), len(gold)) == once(pearson_of(gold, scores), len(gold)) == 0
        return
    assert once(spearman_of(gold, scores), len(gold)) == pytest.approx(
        scipy.stats.spearmanr(gold, scores)[0], abs=1e-12
    )
    assert once(pearson_of(gold, scores), len(gold)) == pytest.approx(scipy.stats.pearsonr(gold, scores)[0], abs=1e-12)


@given(values)
def test_average_precision_is_that_of_scikit_learn(pairs):
    gold, scores = np.array(pairs, np.float64).T
    gold = (gold > 2).astype(np.float64)
    expected = average_precision_score(gold, scores) if gold.any() else 0.0
    assert once(average_precision_of(gold, scores), len(gold)) == pytest.approx(expected, abs=1e-12)


@given(values, st.integers(0, 3))
def test_a_resample_by_counts_is_a_resample_of_the_items(pairs, seed):
    gold, scores = np.array(pairs, np.float64).T
    counts = np.bincount(np.random.default_rng(seed).integers(0, len(gold), len(gold)), minlength=len(gold))
    drawn = np.repeat(np.arange(len(gold)), counts)
    positive = (gold > 2).astype(np.float64)
    for statistic, judged in ((spearman_of, gold), (pearson_of, gold), (average_precision_of, positive)):
        by_counts = float(statistic(judged, scores)(counts[None].astype(np.float64))[0])
        assert by_counts == pytest.approx(once(statistic(judged[drawn], scores[drawn]), len(drawn)), abs=1e-9)


def test_large_offsets_do_not_cost_digits():
    rng = np.random.default_rng(0)
    gold, scores = rng.normal(size=50), rng.normal(size=50)
    assert once(pearson_of(gold + 1e6, scores), 50) == pytest.approx(once(pearson_of(gold, scores), 50), abs=1e-8)


def test_draws_are_the_same_for_the_same_seed_and_come_in_blocks():
    gold = np.arange(20_000.0)
    draws = resample(lambda counts: counts @ gold / len(gold), len(gold), resamples=101, seed=4)
    assert draws.shape == (101,)
    np.testing.assert_array_equal(
        draws, resample(lambda counts: counts @ gold / len(gold), len(gold), resamples=101, seed=4)
    )
    assert abs(draws.mean() - gold.mean()) < 5 * gold.std() / np.sqrt(101 * len(gold))


def test_means_of_right_and_wrong_follow_the_binomial_distribution():
    draws = resampled_means([1] * 30 + [0] * 70, resamples=20_000, seed=1)
    assert draws.mean() == pytest.approx(0.3, abs=0.002)
    assert draws.std() == pytest.approx(np.sqrt(0.3 * 0.7 / 100), rel=0.02)
    differences = resampled_means([1] * 10 + [-1] * 20 + [0] * 70, resamples=20_000, seed=1)
    assert differences.mean() == pytest.approx(-0.1, abs=0.002)
