"""The best `k` of what a back end finds, whatever it does with ties and however its filters fall short."""

from collections.abc import Callable

from nearfield.stores.base import Match

_FEW = 10_000


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
