"""Whether word pairs that should stand in one relation have one direction, and whether chance would do as well.

References:
    Fournier, Dupoux & Dunbar (2020), doi:10.18653/v1/2020.conll-1.29 (offset concentration, pairing consistency).
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from nearfield.arrays import Scores, Vectors, normalise
from nearfield.report.numbers import decimal
from nearfield.space.concentration import mean_cosine

_SCORED_SHUFFLES = 50
_SIGNIFICANT = 0.05


@dataclass(frozen=True)
class Consistency:
    """How far the differences of pairs agree, against those of the same words paired at random.

    Attributes:
        mean_cosine: Mean cosine among the differences of the pairs (offset concentration score): 1 if all are parallel.
        null_mean: Its mean over random pairings. It is well above 0 where the two sides differ as groups, which says
            nothing of the pairs.
        null_deviation: Its standard deviation over random pairings.
        effect: How many of these deviations `mean_cosine` is above `null_mean`; infinite if they do not vary.
        p: (hits + 1) / (shuffles + 1), a hit being a random pairing at least as consistent. Of m pairs there are m!
            pairings, so three pairs cannot come below about 1/6.
        pairing_score: Pairing consistency score: how often the cosine of two true differences is above that of two
            differences under a random pairing, 0.5 by chance, 1 at best.
        pairs: How many pairs.
        shuffles: How many random pairings.
    """

    mean_cosine: float
    null_mean: float
    null_deviation: float
    effect: float
    p: float
    pairing_score: float
    pairs: int
    shuffles: int

    def __str__(self) -> str:
        """Say it in a sentence."""
        agree = "agree on a direction" if self.p <= _SIGNIFICANT else "agree no more than chance explains"
        return (
            f"The pairs {agree}: mean cosine {decimal(self.mean_cosine)}, paired at random {decimal(self.null_mean)} ± "
            f"{decimal(self.null_deviation)} (p = {decimal(self.p)}, effect {decimal(self.effect, places=1)}, "
            f"pairing score {decimal(self.pairing_score, places=2)})."
        )


def measure_consistency(low: Vectors, high: Vectors, *, shuffles: int, seed: int) -> Consistency:
    """Compare how far differences agree with how far they would if the words were paired at random.

    Args:
        low: `(m, d)` float32 of length 1, one word of each pair; m at least 2.
        high: `(m, d)` float32 of length 1, the other.
        shuffles: How many random pairings, at least 1.
        seed: Of the pairings.

    Returns:
        The consistency.
    """
    generator = np.random.default_rng(seed)
    true = normalise(high - low)
    agreement = mean_cosine(true)
    null = np.empty(shuffles)
    scores = []
    for number in range(shuffles):
        shuffled = normalise(high[generator.permutation(len(high))] - low)
        null[number] = mean_cosine(shuffled)
        if number < _SCORED_SHUFFLES:
            scores.append(_chance_above(_cosines(true), _cosines(shuffled)))
    # Equal on paper, two sums may differ in their last bits; they count as hits.
    hits = int(np.count_nonzero(null >= agreement - 1e-6))
    above, deviation = agreement - float(null.mean()), float(null.std())
    varies = deviation > 1e-9
    return Consistency(
        mean_cosine=agreement,
        null_mean=float(null.mean()),
        null_deviation=deviation,
        effect=above / deviation if varies else float(np.copysign(np.inf, above)) if abs(above) > 1e-6 else 0.0,
        p=(hits + 1) / (shuffles + 1),
        pairing_score=float(np.mean(scores)),
        pairs=len(low),
        shuffles=shuffles,
    )


def _cosines(differences: Vectors) -> Scores:
    return (differences @ differences.T)[np.triu_indices(len(differences), 1)].astype(np.float64)


def _chance_above(true: Scores, shuffled: Scores) -> float:
    """Say how often one of `true` is above one of `shuffled`, equal ones counting half: the area under the ROC."""
    ranked: npt.NDArray[np.float64] = np.sort(shuffled)
    below, up_to = np.searchsorted(ranked, true, side="left"), np.searchsorted(ranked, true, side="right")
    return float((below + up_to).mean() / 2 / len(shuffled))
