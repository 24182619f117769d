"""Several rankings become one: the one fusion path, for measuring and for serving alike."""

from collections.abc import Mapping, Sequence
from typing import Literal, TypeAlias, get_args

import numpy as np

from nearfield.arrays import Scores
from nearfield.errors import InvalidInputError

FusionMethod: TypeAlias = Literal["zscore", "minmax", "rrf"]
FUSION_METHODS: tuple[str, ...] = get_args(FusionMethod)

RRF_CONSTANT = 60
"""Rank offset of reciprocal-rank fusion, as in Cormack et al. (2009)."""


def fuse(
    legs: Sequence[Mapping[str, float]], *, weights: Sequence[float] | None = None, method: FusionMethod = "zscore"
) -> list[tuple[str, float]]:
    """Combine the candidates of several legs into one ranking.

    A candidate that a leg did not return gets that leg's lowest normalised score (0 under `rrf`). A leg that
    returned nothing, or scored all its candidates alike, has no say.

    Args:
        legs: For each leg, its candidates' scores, higher is better; depths may differ.
        weights: For each leg, how much it counts; equal by default.
        method: `zscore` (scores minus their mean, over their standard deviation), `minmax` (scores scaled to 0..1),
            or `rrf` (1 / (60 + rank)).

    Returns:
        Every candidate of any leg with its fused score, best first; ties by id.

    Raises:
        InvalidInputError: If the number of weights is not that of the legs.

    References:
        Cormack, Clarke & Büttcher (2009), doi:10.1145/1571941.1572114, for `rrf`; Montague & Aslam (2001),
        doi:10.1145/502585.502657, for `zscore` and `minmax`.

    Examples:
        >>> fuse([{"a": 3.0, "b": 1.0}, {"b": 0.9, "c": 0.1}], method="minmax")
        [('a', 0.5), ('b', 0.5), ('c', 0.0)]
    """
    weights = [1.0 / len(legs)] * len(legs) if weights is None else list(weights)
    if len(weights) != len(legs):
        raise InvalidInputError(f"weights must be one for each of the {len(legs)} legs, got {len(weights)}")
    ids = sorted(set().union(*legs))
    position = {id_: column for column, id_ in enumerate(ids)}
    total = np.zeros(len(ids))
    for leg, weight in zip(legs, weights, strict=True):
        if leg:
            columns = np.fromiter((position[id_] for id_ in leg), dtype=np.intp, count=len(leg))
            scores = np.fromiter(leg.values(), dtype=np.float64, count=len(leg))
            normalised = _normalise(scores, list(leg), method)
            row = np.full(len(ids), 0.0 if method == "rrf" else normalised.min())
            row[columns] = normalised
            total += weight * row
    order = np.argsort(-total, kind="stable")
    return [(ids[column], float(total[column])) for column in order]


def _normalise(scores: Scores, ids: Sequence[str], method: FusionMethod) -> Scores:
    if method == "rrf":
        order = sorted(range(len(ids)), key=lambda i: (-scores[i], ids[i]))
        ranks = np.empty(len(ids))
        ranks[order] = np.arange(1, len(ids) + 1)
        return 1.0 / (RRF_CONSTANT + ranks)  # type: ignore[no-any-return]  # numpy types a scalar over an array as Any
    if method == "minmax":
        centre, spread = scores.min(), np.ptp(scores)
    else:
        centre, spread = scores.mean(), scores.std()
    # Scores that differ by rounding alone carry no information, and would be blown up to full size.
    if spread <= 1e-9 * max(1.0, float(np.abs(scores).max())):
        return np.zeros_like(scores)
    return (scores - centre) / spread  # type: ignore[no-any-return]
