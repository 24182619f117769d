"""How many dimensions the points themselves fill, estimated from distances to nearest neighbours.

Both estimators see the neighbourhood of a point as evenly filled, so that distances grow with the number of neighbours
as they would in so many dimensions. Both come out low where the dimension is high and points are few.
"""

import numpy as np

from nearfield.arrays import Scores

_KEPT = 0.9  # of the ratios: the largest come from thin regions, as Facco et al. found


def two_nn(distances: Scores) -> float:
    """Estimate the intrinsic dimension from the ratios of each point's two smallest distances.

    Their logarithms are exponentially distributed with the dimension as rate; it is the slope of a line through the
    origin, fitted to the nine tenths of smallest ratios.

    Args:
        distances: `(n, k)` float64 with k at least 2, each row ascending, to a point's nearest others. Points that lie
            on another are left out.

    Returns:
        The estimate; NaN if fewer than two points are left, or all ratios are 1.

    References:
        Facco, d'Errico, Rodriguez & Laio (2017), doi:10.1038/s41598-017-11873-y.
    """
    near = distances[distances[:, 0] > 0]
    logs = np.sort(np.log(near[:, 1] / near[:, 0]))
    kept = max(2, int(_KEPT * len(logs)))
    if len(logs) < 2 or not logs[:kept].any():
        return float("nan")
    empirical = -np.log1p(-np.arange(1, len(logs) + 1) / (len(logs) + 1))
    return float(logs[:kept] @ empirical[:kept] / (logs[:kept] @ logs[:kept]))


def mle(distances: Scores) -> float:
    """Estimate the intrinsic dimension by maximum likelihood from each point's k smallest distances.

    Args:
        distances: `(n, k)` float64 with k at least 2, each row ascending. Points that lie on another are left out.

    Returns:
        The estimate: inverse of the mean of the points' inverse estimates, which MacKay and Ghahramani showed to be
        the one to average. NaN if no point is left, or each has all neighbours equally far.

    References:
        Levina & Bickel (2004), "Maximum likelihood estimation of intrinsic dimension", NeurIPS 17;
        MacKay & Ghahramani (2005), "Comments on 'Maximum likelihood estimation of intrinsic dimension'".
    """
    near = distances[distances[:, 0] > 0]
    inverse = np.log(near[:, -1:] / near[:, :-1]).mean() if len(near) else 0.0
    return float(1 / inverse) if inverse > 0 else float("nan")
