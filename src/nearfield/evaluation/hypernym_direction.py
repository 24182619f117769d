"""Which of two words is the more general one: what of that can be read off their vectors?"""

import math
from dataclasses import dataclass

import numpy as np

from nearfield.arrays import Scores
from nearfield.evaluation.resampling import resample
from nearfield.evaluation.taxonomy import Taxonomy
from nearfield.space.keys import Positions
from nearfield.space.space import Space
from nearfield.statistics import Bootstrap

_EQUAL = 1e-5  # float32 lengths of unit vectors differ by less


@dataclass(frozen=True)
class Direction:
    """A rule that says which of two words is the more general one.

    Attributes:
        rule: What it goes by.
        accuracy: Share of pairs that it gets right, a tie counting half.
        low: Lower end of its interval over resampled general words, each with all its pairs.
        high: Upper end.
    """

    rule: str
    accuracy: float
    low: float
    high: float


def hypernym_pairs(taxonomy: Taxonomy) -> Positions:
    """Pair each word with the nearest more general one above it.

    Args:
        taxonomy: Words and their paths.

    Returns:
        `(m, 2)` int64 numbers of words, the more general one second.
    """
    word_at = {path[-1]: word for word, path in enumerate(taxonomy.paths)}
    pairs = []
    for word, path in enumerate(taxonomy.paths):
        above = next((word_at[concept] for concept in reversed(path[:-1]) if concept in word_at), None)
        if above is not None:
            pairs.append((word, above))
    return np.array(pairs, np.int64).reshape(-1, 2)


def directions(
    space: Space, taxonomy: Taxonomy, *, level: float, resamples: int, seed: int
) -> tuple[Positions, tuple[Direction, ...]]:
    """Measure rules on all pairs of a word and the one above it.

    Args:
        space: Vectors of the taxonomy's words, in its order, which is that of their frequency if anything is.
        taxonomy: The words.
        level: Of the intervals.
        resamples: How often general words are resampled.
        seed: Of that.

    Returns:
        The pairs, and of each rule its accuracy: `nearer to the centroid` of these words, by cosine; `shorter vector`,
        left out where all are equally long; `earlier in the space`; and `fewer letters`, which needs no vectors.
    """
    pairs = hypernym_pairs(taxonomy)
    if not len(pairs):
        return pairs, ()
    centre = space.unit_vectors.mean(axis=0, dtype=np.float64)
    signs = {
        "nearer to the centroid": space.unit_vectors @ centre,
        "shorter vector": -space.norms,
        "earlier in the space": -np.arange(len(space), dtype=np.float64),
        "fewer letters": -np.array([len(word) for word in taxonomy.words], np.float64),
    }
    if np.ptp(space.norms) <= _EQUAL * space.norms.mean():
        del signs["shorter vector"]
    found = (_direction(rule, sign, pairs, level, resamples, seed) for rule, sign in signs.items())
    return pairs, tuple(found)


def _direction(rule: str, signs: Scores, pairs: Positions, level: float, resamples: int, seed: int) -> Direction:
    difference = signs[pairs[:, 1]] - signs[pairs[:, 0]]
    right = (np.sign(difference) + 1) / 2
    _, general = np.unique(pairs[:, 1], return_inverse=True)
    sums, counts = np.bincount(general, weights=right), np.bincount(general)
    accuracy = float(right.mean())
    if len(sums) < 2:
        return Direction(rule, accuracy, math.nan, math.nan)
    resampled = resample(lambda drawn: (drawn @ sums) / (drawn @ counts), len(sums), resamples=resamples, seed=seed)
    ends = Bootstrap(accuracy, len(sums), np.sort(resampled)).interval(level)
    return Direction(rule, accuracy, ends.low, ends.high)
