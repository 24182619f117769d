"""Student's t distribution for whole degrees of freedom, without SciPy."""

import math
from functools import lru_cache
from statistics import NormalDist

import numpy as np

_NORMAL = NormalDist()
_PLAINLY_NORMAL = 20_000
"""Degrees of freedom from which the normal distribution differs by less than 1e-4 in the quantiles used here."""


def t_tail(value: float, df: int) -> float:
    """Find the probability that Student's t exceeds a value.

    Args:
        value: Any number.
        df: Degrees of freedom, at least 1.

    Returns:
        In [0, 1], to about 1e-14; the normal distribution's from 20,000 degrees on.

    References:
        Abramowitz & Stegun (1964), 26.7.3 and 26.7.4: finite series in the cosine of atan(t / sqrt(df)).

    Examples:
        >>> round(t_tail(2.0096, 49), 4)
        0.025
    """
    if df >= _PLAINLY_NORMAL:
        return _NORMAL.cdf(-value)
    angle = math.atan(value / math.sqrt(df))
    sine, cosine = math.sin(angle), math.cos(angle)
    # Terms (1/2)cos^2, (1·3/2·4)cos^4 … if df is even, (2/3)cos^2, (2·4/3·5)cos^4 … times cos if it is odd.
    first = 1 if df % 2 == 0 else 2
    numerators = np.arange(first, df - 2, 2)
    total = 1.0 + float(np.cumprod(numerators / (numerators + 1) * cosine**2).sum())
    odd = angle + (sine * cosine * total if df > 1 else 0.0)
    inside = sine * total if df % 2 == 0 else 2 / math.pi * odd
    return min(max((1.0 - inside) / 2, 0.0), 1.0)


@lru_cache(maxsize=256)
def t_quantile(tail: float, df: int) -> float:
    """Find the value that Student's t exceeds with a given probability.

    Args:
        tail: Probability, above 0 and at most 0.5.
        df: Degrees of freedom, at least 1.

    Returns:
        At least 0, to about 1e-9 of itself.

    Examples:
        >>> round(t_quantile(0.025, 49), 4)
        2.0096
    """
    low, high = 0.0, 1.0
    while t_tail(high, df) > tail and high < 1e12:
        low, high = high, high * 2
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if t_tail(middle, df) > tail else (low, middle)
    return (low + high) / 2
