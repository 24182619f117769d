"""Reading more of a Weaviate collection than one answer may hold.

A server answers with at most 10,000 objects (`QUERY_MAXIMUM_RESULTS`), and pages through no filter. So every point is
in one of 2**31 slots, by a hash of its id, and what is too much at once is asked for by ranges of slots.
"""

from collections.abc import Callable, Iterator
from functools import lru_cache
from itertools import pairwise
from typing import Any, TypeVar

from nearfield.extras import import_extra
from nearfield.stores.weaviate.filters import Condition
from nearfield.stores.weaviate.points import SLOTS
from nearfield.stores.weaviate.schema import SLOT

T = TypeVar("T")

MAX_RESULTS = 10_000
ALL_SLOTS = range(SLOTS)


def visit(fetch: Callable[[range, int], list[T]], expected: int, page_size: int) -> Iterator[T]:
    """Go through all that match, each once.

    Args:
        fetch: Given a range of slots and a limit, gives what matches in those slots, at most so many.
        expected: About how many match.
        page_size: About how many to ask for at a time, at least 1.

    Yields:
        What `fetch` gave, by slots.
    """
    limit = min(2 * page_size, MAX_RESULTS)
    waiting = _split(ALL_SLOTS, -(-2 * expected // limit))  # pages are half full, so few overflow
    while waiting:
        slots = waiting.pop()
        found = fetch(slots, limit)
        if len(found) < limit:
            yield from found
        elif len(slots) > 1:
            waiting += _split(slots, 2)
        else:
            yield from fetch(slots, MAX_RESULTS)


def slices_of(count: Callable[[range], int], at_most: int) -> Iterator[range]:
    """Divide the slots so that few enough points match in each part.

    Args:
        count: Counts what matches in a range of slots.
        at_most: How many may match in one part, at least 1.

    Yields:
        Ranges of slots; those without a match are left out.
    """
    waiting = [ALL_SLOTS]
    while waiting:
        slots = waiting.pop()
        found = count(slots)
        if found > at_most and len(slots) > 1:
            waiting += _split(slots, 2)
        elif found:
            yield slots


def _split(slots: range, parts: int) -> list[range]:
    parts = min(max(parts, 1), len(slots))
    edges = [slots.start + len(slots) * part // parts for part in range(parts + 1)]
    return [range(start, stop) for start, stop in pairwise(edges)]


def within(slots: range, condition: Condition | None) -> Condition | None:
    """Narrow a condition to a range of slots; None means no condition."""
    if slots == ALL_SLOTS:
        return condition
    slot = _filter().by_property(SLOT)
    inside = slot.greater_or_equal(slots.start) & slot.less_than(slots.stop)
    return inside if condition is None else inside & condition


@lru_cache(maxsize=1)
def _filter() -> Any:  # noqa: ANN401  # the client's class, imported once
    return import_extra("weaviate.classes.query", extra="weaviate").Filter
