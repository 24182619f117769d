"""Tests of systems against each other: the paired randomisation test, and Holm's correction for many tests."""

import math

import numpy as np
import numpy.typing as npt

from nearfield.arrays import Scores
from nearfield.errors import InvalidInputError
from nearfield.statistics import BLOCK_DRAWS, as_scores, check_resamples


def randomisation_test(differences: npt.ArrayLike, *, resamples: int = 10_000, seed: int = 0) -> float:
    """Test by flipping signs whether two systems differ in the mean, query by query.

    Args:
        differences: `(n,)` finite differences of two systems' scores, one for each query.
        resamples: How many random assignments of signs, at least 100.
        seed: Of the signs.

    Returns:
        Two-sided p = (hits + 1) / (resamples + 1), in (0, 1]; 1 if all differences are 0.

    Raises:
        InvalidInputError: If there are no differences, one is not finite, or `resamples` is below 100.

    References:
        Smucker, Allan & Carterette (2007), doi:10.1145/1321440.1321528.

    Examples:
        >>> randomisation_test([0.0, 0.0])
        1.0
    """
    values = as_scores(differences)
    check_resamples(resamples)
    # A byte holds the signs of eight queries: their signed sums are looked up, not added again in each resample.
    patterns = np.unpackbits(np.arange(256, dtype=np.uint8)[:, None], axis=1) * 2.0 - 1.0
    eights = np.zeros(math.ceil(len(values) / 8) * 8)
    eights[: len(values)] = values
    sums = eights.reshape(-1, 8) @ patterns.T
    generator = np.random.default_rng(seed)
    # Sums that are equal on paper differ in their last bits; they count as hits.
    reached = abs(float(values.sum())) - 1e-12 * float(np.abs(values).sum())
    rows = max(1, BLOCK_DRAWS // len(sums))
    hits = 0
    for start in range(0, resamples, rows):
        drawn = generator.integers(0, 256, (min(rows, resamples - start), len(sums)), dtype=np.uint8)
        totals = sums[np.arange(len(sums)), drawn].sum(axis=1)
        hits += int(np.count_nonzero(np.abs(totals) >= reached))
    return (hits + 1) / (resamples + 1)


def holm(p_values: npt.ArrayLike) -> Scores:
    """Correct p-values for their number by Holm's step-down method.

    Args:
        p_values: `(n,)` in [0, 1].

    Returns:
        `(n,)` float64 adjusted p in the same order: rejecting those of at most alpha makes any false rejection at
        most alpha likely, however the tests depend on each other.

    Raises:
        InvalidInputError: If a value is not in [0, 1].

    References:
        Holm (1979), Scandinavian Journal of Statistics 6, 65–70.

    Examples:
        >>> holm([0.01, 0.04, 0.03])
        array([0.03, 0.06, 0.06])
    """
    p = _as_p_values(p_values)
    order = np.argsort(p, kind="stable")
    stepped = np.maximum.accumulate(p[order] * np.arange(len(p), 0, -1))
    adjusted = np.empty(len(p))
    adjusted[order] = np.minimum(stepped, 1.0)
    return adjusted


def holm_levels(p_values: npt.ArrayLike, alpha: float) -> Scores:
    """Find the level at which Holm's method tests each hypothesis, to show intervals that agree with its decisions.

    Args:
        p_values: `(n,)` in [0, 1].
        alpha: How likely any false rejection may be.

    Returns:
        `(n,)` float64: alpha / n for the smallest p, alpha / (n - 1) for the next, and so on; from the first that is
        not rejected, all have its level. A hypothesis is rejected exactly if its p is at most its level.

    Raises:
        InvalidInputError: If a value is not in [0, 1].

    Examples:
        >>> holm_levels([0.01, 0.04, 0.03], 0.05).round(4)
        array([0.0167, 0.025 , 0.025 ])
    """
    p = _as_p_values(p_values)
    order = np.argsort(p, kind="stable")
    steps = alpha / np.arange(len(p), 0, -1)
    kept = np.flatnonzero(p[order] > steps)
    if len(kept):
        steps[kept[0] :] = steps[kept[0]]
    levels = np.empty(len(p))
    levels[order] = steps
    return levels


def _as_p_values(p_values: npt.ArrayLike) -> Scores:
    p = np.asarray(p_values, dtype=np.float64)
    if p.ndim != 1 or not ((p >= 0) & (p <= 1)).all():
        raise InvalidInputError(f"p_values must have shape (n,) and lie in [0, 1], got {p_values!r:.80}")
    return p
