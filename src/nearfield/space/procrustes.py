"""The rotation that brings one set of vectors as near as can be to another.

References:
    Schönemann (1966), doi:10.1007/BF02289451; Schönemann & Carroll (1970), doi:10.1007/BF02291266 (with a factor);
    of word vectors: Xing, Wang, Liu & Lin (2015), doi:10.3115/v1/N15-1104, and Smith, Turban, Hamblin & Hammerla
    (2017), arXiv:1702.03859.
"""

import numpy as np

from nearfield.arrays import Vectors
from nearfield.space.linear_map import LinearMap


def fit_procrustes(source: Vectors, target: Vectors, *, scale: bool = False) -> LinearMap:
    """Find the orthogonal map of the source whose rows have the largest products with the target's.

    Args:
        source: `(n, d)` float32.
        target: `(n, d')` float32, row for row what the source should become.
        scale: Whether to multiply by the factor that makes squared distances smallest, too.

    Returns:
        The map, with no mean. For d = d' it is a rotation, perhaps with a reflection, and has the smallest squared
        distances of all such; for d < d' too, and keeps all lengths and angles; for d > d' it drops directions.
    """
    left, singular, right = np.linalg.svd(source.astype(np.float64).T @ target.astype(np.float64), full_matrices=False)
    matrix = left @ right
    if scale:
        squares = float((np.asarray(source @ matrix) ** 2).sum())
        matrix = matrix * (singular.sum() / squares if squares else 1.0)
    return LinearMap(np.zeros(source.shape[1]), matrix)
