"""The best `k` of what a back end finds, whatever it does with ties and however its filters fall short."""

import operator
from collections.abc import Callable, Iterable
from typing import SupportsIndex

from nearfield.errors import InvalidInputError
from nearfield.stores.base import Facet, Match

_FEW = 10_000


def check_k(k: int) -> int:
    """Check how many results are asked for.

    Args:
        k: What the caller wants.

    Returns:
        It, as an int.

    Raises:
        InvalidInputError: If it is not a whole number of at least 1.
    """
    return _at_least_one("k", k)


def _at_least_one(name: str, value: int) -> int:
    if isinstance(value, bool) or not isinstance(value, SupportsIndex) or (whole := operator.index(value)) < 1:
        raise InvalidInputError(f"{name} must be a whole number of at least 1, got {value!r}")
    return whole


def best_matches(
    fetch: Callable[[int], list[Match]],
    k: int,
    *,
    count: Callable[[], int],
    keep: Callable[[Match], bool] | None = None,
) -> list[Match]:
    """Ask a back end for more until the best `k` are certain.

    Equal scores are ordered by id, so all points that tie with the last one kept are needed; and where the back end's
    filter lets through more than is meant, so are as many more.

    Args:
        fetch: Asked with a limit, gives at most so many matches, best first; fewer only if there are no more.
        k: How many are wanted, at least 1.
        count: Number of points in the store, asked only for a large `k`.
        keep: Whether a match is meant; all are by default.

    Returns:
        At most `k` matches, best first, equal scores by id.
    """
    limit = k + 1 if k < _FEW else min(k, count()) + 1
    while True:
        found = fetch(limit)
        kept = found if keep is None else [match for match in found if keep(match)]
        # As many as asked for may still be fewer than k, when points were written since they were counted.
        if len(found) < limit or (len(kept) >= k and kept[k - 1].score != found[-1].score):
            if len({match.score for match in kept}) < len(kept):
                kept = sorted(kept, key=lambda match: (-match.score, match.id))
            return kept[:k]
        limit *= 2


def sort_facets(facets: Iterable[Facet], limit: int) -> list[Facet]:
    """Order facets as the contract says: the most frequent first, then booleans, numbers and strings by value.

    Args:
        facets: Any number of them.
        limit: How many to keep, at least 1.

    Returns:
        The first `limit`.

    Raises:
        InvalidInputError: If `limit` is less than 1.
    """
    most = _at_least_one("limit", limit)
    kinds = {bool: 0, float: 1, str: 2}
    return sorted(facets, key=lambda facet: (-facet.count, kinds[type(facet.value)], facet.value))[:most]
