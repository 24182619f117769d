"""Principal components: the directions along which vectors differ most.

References:
    Pearson (1901), doi:10.1080/14786440109462720.
"""

from dataclasses import dataclass

import numpy as np

from nearfield.arrays import Scores, Vectors

_BLOCK_VALUES = 2**24  # 128 MB of float64 at a time


@dataclass(frozen=True, eq=False)
class PrincipalComponents:
    """Where vectors lie and how they spread.

    Attributes:
        mean: `(d,)` float64.
        directions: `(count, d)` float64, orthonormal, the widest first. Of each, the entry that is largest by amount
            is positive, so that the same vectors always give the same picture.
        shares: `(count,)` float64 in [0, 1], how much of all variance lies along each; 0 if there is none.
    """

    mean: Scores
    directions: Scores
    shares: Scores

    def transform(self, vectors: Vectors) -> Vectors:
        """Give the coordinates of `(n, d)` vectors along the directions, `(n, count)` float32."""
        offset = self.mean @ self.directions.T
        along = vectors @ self.directions.T.astype(np.float32)
        return np.subtract(along, offset, dtype=np.float64).astype(np.float32)


def principal_components(vectors: Vectors, count: int) -> PrincipalComponents:
    """Find the directions of most variance from the covariance, read in blocks, so a memory-mapped matrix will do.

    Args:
        vectors: `(n, d)` float32, n at least 1.
        count: How many directions, from 1 to `d`.

    Returns:
        The components.
    """
    n, dim = vectors.shape
    mean = vectors.mean(axis=0, dtype=np.float64)
    covariance = np.zeros((dim, dim))
    step = max(1, _BLOCK_VALUES // dim)
    for start in range(0, n, step):
        centred = vectors[start : start + step] - mean
        covariance += centred.T @ centred
    variances, columns = np.linalg.eigh(covariance / n)
    directions = columns.T[::-1][:count]
    largest = np.abs(directions).argmax(axis=1)
    directions = directions * np.sign(directions[np.arange(count), largest])[:, None]
    widest = np.clip(variances[::-1][:count], 0, None)
    total = float(np.trace(covariance)) / n
    return PrincipalComponents(mean, directions, widest / total if total > 0 else np.zeros(count))
