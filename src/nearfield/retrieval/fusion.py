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
    legs: Sequence[Mapping[str, float]],
    *,
    floors: Sequence[float | None] | None = None,
    weights: Sequence[float] | None = None,
    method: FusionMethod = "zscore",
) -> list[tuple[str, float]]:
    """Combine the candidates of several legs into one ranking.

    Each leg gives every candidate a score: its own, or its floor for those that it did not return. These are
    normalised over all candidates and then averaged. A leg that returned nothing, or scores everything alike, has no
    say.

    Args:
        legs: For each leg, its candidates' scores, higher is better; depths may differ.
        floors: For each leg, the score of everything it did not return, where that is known: 0 for a lexical leg
            that returned all records that share a word. None for the lowest score that the leg returned. Without
            meaning under `rrf`, where what a leg did not return gets 0.
        weights: For each leg, how much it counts; equal by default.
        method: `zscore` (scores minus their mean, over their standard deviation), `minmax` (scores scaled to 0..1),
            or `rrf` (1 / (60 + rank)).

    Returns:
        Every candidate of any leg with its fused score, best first; ties by id.

    Raises:
        InvalidInputError: If there is no leg, the number of weights or floors is not that of the legs, or the method
            is unknown.

    References:
        Cormack, Clarke & Büttcher (2009), doi:10.1145/1571941.1572114, for `rrf`; Montague & Aslam (2001),
        doi:10.1145/502585.502657, for `zscore` and `minmax`.

    Examples:
        >>> fuse([{"a": 3.0, "b": 1.0}, {"b": 0.9, "c": 0.1}], method="minmax")
        [('a', 0.5), ('b', 0.5), ('c', 0.0)]
    """
    if not legs:
        raise InvalidInputError("legs must hold at least one ranking, got none")
    if method not in FUSION_METHODS:
        raise InvalidInputError(f"method must be one of {', '.join(FUSION_METHODS)}, got {method!r}")
    weights = [1.0 / len(legs)] * len(legs) if weights is None else list(weights)
    floors = [None] * len(legs) if floors is None else list(floors)
    for what, given in (("weights", weights), ("floors", floors)):
        if len(given) != len(legs):
            raise InvalidInputError(f"{what} must be one for each of the {len(legs)} legs, got {len(given)}")
    ids = sorted(set().union(*legs))
    position = {id_: column for column, id_ in enumerate(ids)}
    total = np.zeros(len(ids))
    for leg, floor, weight in zip(legs, floors, weights, strict=True):
        if leg:
            columns = np.fromiter((position[id_] for id_ in leg), dtype=np.intp, count=len(leg))
            if method == "rrf":
                total[columns] += weight * _reciprocal_ranks(leg)
            else:
                row = np.full(len(ids), min(leg.values()) if floor is None else floor)
                row[columns] = list(leg.values())
                total += weight * _normalised(row, method)
    order = np.argsort(-total, kind="stable")
    return [(ids[column], float(total[column])) for column in order]


def _reciprocal_ranks(leg: Mapping[str, float]) -> Scores:
    ranked = sorted(leg, key=lambda id_: (-leg[id_], id_))
    shares = {id_: 1.0 / (RRF_CONSTANT + rank) for rank, id_ in enumerate(ranked, start=1)}
    return np.array([shares[id_] for id_ in leg])


def _normalised(row: Scores, method: FusionMethod) -> Scores:
    if method == "minmax":
        centre, spread = row.min(), np.ptp(row)
    else:
        centre, spread = row.mean(), row.std()
    # Scores that differ by rounding alone carry no information, and would be blown up to full size.
    if spread <= 1e-9 * max(1.0, float(np.abs(row).max())):
        return np.zeros_like(row)
    normalised: Scores = (row - centre) / spread
    return normalised
