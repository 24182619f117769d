"""Statistics of bootstrap resamples, computed from how often a resample draws each item rather than from its items.

A resample of n items is a row of n counts. Sums over it are products with its counts, and its ranks are running sums of
them in an order that is found once, so nothing is sorted for each resample. The same seed draws the same items for any
scores of the same number of items: differences of two systems stay paired.
"""

from collections.abc import Callable, Iterator

import numpy as np
import numpy.typing as npt

from nearfield.arrays import Scores
from nearfield.statistics import BLOCK_DRAWS

Counts = npt.NDArray[np.float64]
Resampled = Callable[[Counts], Scores]


def resample(statistic: Resampled, count: int, *, resamples: int, seed: int) -> Scores:
    """Compute a statistic of each resample.

    Args:
        statistic: From `(rows, count)` counts to `(rows,)` values.
        count: Number of items.
        resamples: How many resamples.
        seed: Of the draws.

    Returns:
        `(resamples,)` float64, in the order of the draws.
    """
    return np.concatenate([statistic(block) for block in _draw(count, resamples, seed)])


def _draw(count: int, resamples: int, seed: int) -> Iterator[Counts]:
    generator = np.random.default_rng(seed)
    rows = max(1, BLOCK_DRAWS // count)
    for start in range(0, resamples, rows):
        height = min(rows, resamples - start)
        drawn = generator.integers(0, count, (height, count)) + np.arange(height)[:, None] * count
        yield np.bincount(drawn.ravel(), minlength=height * count).reshape(height, count).astype(np.float64)


def resampled_means(values: npt.ArrayLike, *, resamples: int, seed: int) -> Scores:
    """Compute the mean of each resample of items that have few different values, such as right and wrong.

    How often each value is drawn follows the multinomial distribution, so the time does not depend on the number of
    items.

    Args:
        values: `(n,)` numbers of few different values.
        resamples: How many resamples.
        seed: Of the draws.

    Returns:
        `(resamples,)` float64.
    """
    different, counts = np.unique(np.asarray(values, np.float64), return_counts=True)
    total = int(counts.sum())
    drawn = np.random.default_rng(seed).multinomial(total, counts / total, size=resamples)
    means: Scores = drawn @ different / total
    return means


def pearson_of(gold: Scores, scores: Scores) -> Resampled:
    """Make the statistic of Pearson's correlation; 0 for a resample in which one side does not vary.

    Args:
        gold: `(n,)` numbers.
        scores: `(n,)` numbers.

    Returns:
        The statistic.
    """
    # About the means, so that sums of squares do not cancel.
    x, y = gold - gold.mean(), scores - scores.mean()
    terms = np.stack([x, y, x * y, x * x, y * y], axis=1)

    def statistic(counts: Counts) -> Scores:
        mean_x, mean_y, xy, xx, yy = (counts @ terms / len(x)).T
        return _ratio(xy - mean_x * mean_y, _variance(xx, mean_x, terms[:, 3]) * _variance(yy, mean_y, terms[:, 4]))

    return statistic


def spearman_of(gold: Scores, scores: Scores) -> Resampled:
    """Make the statistic of Spearman's correlation, of average ranks; 0 where one side does not vary.

    Args:
        gold: `(n,)` numbers.
        scores: `(n,)` numbers.

    Returns:
        The statistic.
    """
    ranks_x, ranks_y = _Ranks(gold), _Ranks(scores)
    mean = (len(gold) + 1) / 2

    def statistic(counts: Counts) -> Scores:
        x, y = ranks_x(counts) - mean, ranks_y(counts) - mean
        weighted = counts * x
        return _ratio(
            np.einsum("rn,rn->r", weighted, y),
            np.einsum("rn,rn->r", weighted, x) * np.einsum("rn,rn,rn->r", counts, y, y),
        )

    return statistic


def average_precision_of(gold: Scores, scores: Scores) -> Resampled:
    """Make the statistic of average precision; 0 for a resample without a positive item.

    Precision is taken at each different score, so the order of items of equal score does not matter.

    Args:
        gold: `(n,)` 1 for a positive item, else 0.
        scores: `(n,)` numbers, higher for more likely positive.

    Returns:
        The statistic.
    """
    order = np.argsort(-scores, kind="stable")
    starts = _starts(scores[order])
    positive = gold[order]

    def statistic(counts: Counts) -> Scores:
        drawn = np.add.reduceat(counts[:, order], starts, axis=1)
        hits = np.add.reduceat(counts[:, order] * positive, starts, axis=1)
        seen, found = drawn.cumsum(axis=1), hits.cumsum(axis=1)
        precision = found / np.maximum(seen, 1)
        average: Scores = (hits * precision).sum(axis=1) / np.maximum(found[:, -1], 1)
        return average

    return statistic


class _Ranks:
    """Average ranks of values in resamples."""

    def __init__(self, values: Scores) -> None:
        self._order = np.argsort(values, kind="stable")
        self._starts = _starts(values[self._order])
        self._tie = np.empty(len(values), np.int64)
        self._tie[self._order] = np.repeat(np.arange(len(self._starts)), np.diff([*self._starts, len(values)]))

    def __call__(self, counts: Counts) -> Scores:
        """Rank the items of resamples, `(rows, n)`."""
        drawn = np.add.reduceat(counts[:, self._order], self._starts, axis=1)
        ranks: Scores = (drawn.cumsum(axis=1) - (drawn - 1) / 2)[:, self._tie]
        return ranks


def _starts(ordered: Scores) -> npt.NDArray[np.int64]:
    """Find where each run of equal values begins."""
    return np.flatnonzero(np.concatenate([[True], ordered[1:] != ordered[:-1]]))


def _variance(square: Scores, mean: Scores, squares: Scores) -> Scores:
    """Subtract the squared mean; what is left of equal items is rounding, and counts as none."""
    variance = square - mean**2
    return np.where(variance > 1e-12 * squares.max(), variance, 0.0)


def _ratio(covariance: Scores, variances: Scores) -> Scores:
    ratio = np.divide(covariance, np.sqrt(variances), out=np.zeros_like(covariance), where=variances > 0)
    return np.clip(ratio, -1.0, 1.0)
