"""How many points hold each value of a metadata field."""

from collections import Counter
from collections.abc import Iterable, Mapping

from nearfield.data.records import Json
from nearfield.stores.arguments import check_count
from nearfield.stores.base import Facet
from nearfield.stores.values import project


def count_facets(metas: Iterable[Mapping[str, Json]], name: str, limit: int) -> list[Facet]:
    """Count here, where a back end does not count.

    Args:
        metas: The metadata of each point; read only once the limit is known to be right.
        name: Path of the field.
        limit: How many facets to give, at least 1.

    Returns:
        The first `limit`, in the order of `sort_facets`; a point counts once for each of its values.

    Raises:
        InvalidInputError: If `limit` is less than 1.
    """
    check_count("limit", limit)
    counts: Counter[tuple[type, str | bool | float]] = Counter()  # by type too, because True equals 1
    for meta in metas:
        values = project(meta).get(name)
        if values is not None:
            held: tuple[str | bool | float, ...] = (*values.booleans, *values.numbers, *values.strings)
            counts.update({(type(value), value) for value in held})
    return sort_facets((Facet(value, count) for (_, value), count in counts.items()), limit)


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
    check_count("limit", limit)
    kinds = {bool: 0, float: 1, str: 2}
    return sorted(facets, key=lambda facet: (-facet.count, kinds[type(facet.value)], facet.value))[:limit]
