"""Filters that keep a given share of a collection, from the metadata that it has."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain

import numpy as np

from nearfield.stores.base import Facet, Payload, Store, Where
from nearfield.stores.values import project

_FIELDS = 20
_FACETS = 1000
_VALUES = 50
_FACTOR = 2.0
_HALVINGS = 12


@dataclass(frozen=True)
class ShareFilter:
    """A filter that keeps about a share of the points.

    Attributes:
        share: The share asked for.
        where: The filter; None for everything.
        kept: How many points it keeps.
    """

    share: float
    where: Where | None
    kept: int


def find_filters(
    store: Store, payloads: Sequence[Payload], shares: Sequence[float]
) -> tuple[list[ShareFilter], list[float]]:
    """Find filters by the collection's own fields.

    A field whose values repeat is counted value by value (`facets`); one of many different numbers is cut where it
    keeps as many as wanted, found by counting. Only fields that the sample shows are seen.

    Args:
        store: Where the points are.
        payloads: Of points drawn at random.
        shares: Above 0 and at most 1.

    Returns:
        A filter for each share for which one keeps between half and twice as much, and the shares without one.
    """
    records = store.count()
    repeated, ranged = _fields([payload for payload in payloads if payload.meta])
    facets = {name: store.facets(name, limit=_FACETS) for name in repeated}
    found, missing = [], []
    for share in shares:
        if share == 1:
            found.append(ShareFilter(share, None, records))
            continue
        wanted = share * records
        by_value = (best for name, of in facets.items() for best in _by_values(name, of, wanted))
        by_range = (_by_range(store, name, values, share, wanted) for name, values in ranged.items())
        counted = [(where, store.count(where)) for where in chain(by_value, by_range)]
        usable = [(where, kept) for where, kept in counted if kept and _miss(kept, wanted) <= math.log(_FACTOR)]
        if usable:
            where, kept = min(usable, key=lambda one: _miss(one[1], wanted))
            found.append(ShareFilter(share, where, kept))
        else:
            missing.append(share)
    return found, missing


def _fields(payloads: Sequence[Payload]) -> tuple[list[str], dict[str, list[float]]]:
    """Name the fields whose values repeat, and give the sampled values of those of many different numbers."""
    values: dict[str, list[str | bool | float]] = {}
    for payload in payloads:
        for name, held in project(payload.meta).items():
            values.setdefault(name, []).extend([*held.strings, *held.numbers, *held.booleans])
    common = sorted(values, key=lambda name: -len(values[name]))[:_FIELDS]
    repeated = [name for name in common if 2 * len(set(values[name])) <= len(values[name])]
    numbers = {name: [v for v in values[name] if isinstance(v, float)] for name in common if name not in repeated}
    return repeated, {name: held for name, held in numbers.items() if held}


def _by_values(name: str, facets: Sequence[Facet], wanted: float) -> Iterator[Where]:
    """Give the value nearest to a number of points, and values that make it up together."""
    if not facets:
        return
    nearest = min(facets, key=lambda facet: _miss(facet.count, wanted))
    yield {name: nearest.value}
    together: list[str | bool | float] = []
    total = 0
    for facet in facets:  # the most frequent first
        if total + facet.count <= wanted and len(together) < _VALUES:
            together.append(facet.value)
            total += facet.count
    if len(together) > 1:
        yield {name: {"$in": together}}


def _by_range(store: Store, name: str, values: Sequence[float], share: float, wanted: float) -> Where:
    """Halve the range of a field of numbers until what is below keeps a number of points."""
    low, high = min(values), float(np.quantile(values, min(1.0, 2 * share + 0.01)))
    for _ in range(_HALVINGS):
        middle = low + (high - low) / 2
        if store.count({name: {"$lte": middle}}) > wanted:
            high = middle
        else:
            low = middle
    return {name: {"$lte": high}}


def _miss(kept: float, wanted: float) -> float:
    return abs(math.log(kept / wanted))
