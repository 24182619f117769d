"""How much distances differ, and how unevenly points are the neighbours of others: what high dimension does to search.

References:
    Beyer, Goldstein, Ramakrishnan & Shaft (1999), doi:10.1007/3-540-49257-7_15;
    Aggarwal, Hinneburg & Keim (2001), doi:10.1007/3-540-44503-X_27;
    Radovanović, Nanopoulos & Ivanović (2010), "Hubs in space", JMLR 11.
"""

import numpy as np
import numpy.typing as npt

from nearfield.arrays import Scores, Vectors
from nearfield.space.keys import Positions


def relative_contrast(nearest: Scores, farthest: Scores) -> float:
    """Compare how far the farthest point is with how far the nearest is.

    Args:
        nearest: `(q,)` float64, distance of each query to its nearest other point.
        farthest: `(q,)` float64, to the farthest.

    Returns:
        Median over queries of (farthest - nearest) / nearest. The nearer to 0, the less "nearest" means. NaN if every
        query lies on another point.
    """
    apart = nearest > 0
    if not apart.any():
        return float("nan")
    return float(np.median(farthest[apart] / nearest[apart] - 1))


def occurrences(neighbours: Positions, n: int) -> npt.NDArray[np.int64]:
    """Count how often each point is among the neighbours of others, N_k.

    Args:
        neighbours: `(n, k)` int64, the neighbours of every point.
        n: How many points there are.

    Returns:
        `(n,)` int64, with mean k.
    """
    return np.bincount(neighbours.ravel(), minlength=n)


def hubness(counts: npt.NDArray[np.int64]) -> float:
    """Measure how skewed the counts are: 0 for none, above 1 for a few hubs that are everybody's neighbours.

    Args:
        counts: `(n,)` how often each point is a neighbour.

    Returns:
        Their skewness, third central moment over the cubed standard deviation; 0 if all are equal.
    """
    deviations = counts - counts.mean()
    spread = float(np.sqrt((deviations**2).mean()))
    return float((deviations**3).mean() / spread**3) if spread else 0.0


def mean_cosine(unit: Vectors) -> float:
    """Average the cosine over all pairs of different points: 0 for directions of all kinds, 1 for one only.

    Args:
        unit: `(n, d)` float32 of length 1, at least two.

    Returns:
        In [-1, 1].
    """
    total = unit.sum(axis=0, dtype=np.float64)
    pairs = len(unit) * (len(unit) - 1)
    lengths = float(np.einsum("nd,nd->", unit, unit, dtype=np.float64))
    return (float(total @ total) - lengths) / pairs
