"""How much of a space's neighbourhoods a map of it shows, and how much it makes up.

References:
    Venna & Kaski (2001), doi:10.1007/3-540-44668-0_68 (trustworthiness and continuity).
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from nearfield.arrays import Scores, Vectors
from nearfield.progress import Progress, silent

_BLOCK_VALUES = 2**22  # distances held at a time


@dataclass(frozen=True)
class Faithfulness:
    """How far the neighbours on a map are those of the space; measured on a sample of keys against all others.

    Attributes:
        trustworthiness: In [0, 1]; 1 if whoever is near on the map is near in the space, about 0.5 for a random map.
        continuity: In [0, 1]; 1 if whoever is near in the space is near on the map.
        preservation: In [0, 1], the share of a key's nearest neighbours that are its nearest on the map.
        by_chance: What `preservation` would be on a random map.
        k: How many neighbours were compared.
        sampled: Of how many keys.
    """

    trustworthiness: float
    continuity: float
    preservation: float
    by_chance: float
    k: int
    sampled: int

    def __str__(self) -> str:
        """Say it in a sentence."""
        return (
            f"Of a key's {self.k} nearest neighbours, {self.preservation:.0%} are among its {self.k} nearest on the "
            f"map (by chance {100 * self.by_chance:.2g}%); trustworthiness {self.trustworthiness:.3f}, "
            f"continuity {self.continuity:.3f}."
        )


def measure_faithfulness(
    unit_vectors: Vectors,
    points: Vectors,
    *,
    k: int = 15,
    sample: int = 1000,
    seed: int = 0,
    progress: Progress = silent,
) -> Faithfulness:
    """Compare the neighbours of keys in their space, by cosine, with those on a map, by distance.

    Args:
        unit_vectors: `(n, d)` float32, the vectors scaled to length 1, n at least 3.
        points: `(n, 2)` float32, where each is on the map.
        k: How many neighbours; fewer where the measures, which want k below n / 2, allow no more.
        sample: Of how many keys at most; against all others.
        seed: Of the sample.
        progress: Told of each block of keys.

    Returns:
        The means over the sample.
    """
    n = len(points)
    k = min(k, (n - 1) // 2)
    rows = np.sort(np.random.default_rng(seed).permutation(n)[:sample])
    false, missed, kept = 0.0, 0.0, 0
    step = max(1, _BLOCK_VALUES // n)
    for start in range(0, len(rows), step):
        block = rows[start : start + step]
        far = -(unit_vectors[block] @ unit_vectors.T)
        away = _squared_distances(points, block)
        own = np.arange(len(block))
        far[own, block] = away[own, block] = np.inf
        near_in_space, near_on_map = _nearest(far, k), _nearest(away, k)
        false += _excess_ranks(far, near_on_map)
        missed += _excess_ranks(away, near_in_space)
        kept += sum(len(np.intersect1d(*pair)) for pair in zip(near_in_space, near_on_map, strict=True))
        progress("measuring the map", start + len(block), len(rows))
    # The most that the ranks of k neighbours can exceed k in sum is k (2n - 3k - 1) / 2.
    worst = len(rows) * k * (2 * n - 3 * k - 1) / 2
    return Faithfulness(1 - false / worst, 1 - missed / worst, kept / (len(rows) * k), k / (n - 1), k, len(rows))


def _squared_distances(points: Vectors, rows: npt.NDArray[np.int64]) -> Scores:
    wide = points.astype(np.float64)
    x, y = (wide[rows, axis, None] - wide[None, :, axis] for axis in (0, 1))
    return x * x + y * y


def _nearest(distances: npt.NDArray[np.floating], k: int) -> npt.NDArray[np.int64]:
    return np.argpartition(distances, k - 1, axis=1)[:, :k]


def _excess_ranks(distances: npt.NDArray[np.floating], chosen: npt.NDArray[np.int64]) -> float:
    """Add up by how much the ranks of the chosen exceed their number; of equal distances all have the best rank."""
    k = chosen.shape[1]
    total = 0
    for column in chosen.T:
        own = np.take_along_axis(distances, column[:, None], axis=1)
        ranks = np.count_nonzero(distances < own, axis=1) + 1
        total += int(np.clip(ranks - k, 0, None).sum())
    return float(total)
