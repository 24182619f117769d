"""Filters in the terms of Qdrant, embedded or a server: what is stored for them, and the conditions that ask.

The engine cannot be asked everything directly: it compares a boolean with nothing, has no order on strings, and reads
floats back from its payloads up to a unit in the last place off. So beside each record's metadata, which is kept as
JSON text, its projection is stored under payload keys made of a letter and a hash of the field's path:

- `s`: the strings. Equality and `$contains` are the engine's own; order asks which distinct strings there are (a
  facet) and then for those that qualify, which costs time with their number.
- `n` and `d`: the numbers and the points in time as *buckets*. The 64 bits of a float, as an integer in the float's
  order, are cut to the upper 54, which the engine compares without rounding.
- `k`: keywords for exact values: `t` and `f`, `o` for a field of objects alone, and for a number or point in time one
  for all 64 bits (`n=`, `d=`) and, where the lowest ten are not all zero, one for the upper 59 (`n~`, `d~`). Within
  the operand's own bucket, order is then a list of at most 62 keywords.

So a field that holds something has an `s` or a `k`. A list of one is stored as its element, which is the same to the
engine and a third of the time to hand over.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Literal, TypeAlias

from nearfield.stores.condition_models import Bound, Condition, ConditionModel
from nearfield.stores.field_keys import field_key
from nearfield.stores.filters import (
    COMPARE,
    And,
    Compares,
    Contains,
    Equals,
    Exists,
    Filter,
    Instant,
    Not,
    Operand,
    Or,
    Order,
)
from nearfield.stores.ordinals import float_of, ordinal
from nearfield.stores.values import Projection

Kind: TypeAlias = Literal["keyword", "float"]

_BUCKET_BITS = 10
_GROUP_BITS = 5
_MIDDLE = 1 << (63 - _BUCKET_BITS)


def stored_fields(fields: Projection) -> dict[str, object]:
    """Turn a projection into the payload keys that the engine filters by.

    Args:
        fields: What `project` found in a record's metadata.

    Returns:
        Payload keys with JSON values; empty for a record without metadata.
    """
    stored: dict[str, object] = {}
    for path, values in fields.items():
        name = field_key(path)
        keywords = ["t" if value else "f" for value in values.booleans]
        if values.strings:
            stored[f"s{name}"] = _alone(values.strings)
        if values.numbers:
            stored[f"n{name}"] = _alone([_bucket(value) for value in values.numbers])
            keywords += [keyword for value in values.numbers for keyword in _keywords("n", value)]
        if values.instants:
            stored[f"d{name}"] = _alone([_bucket(value) for value in values.instants])
            keywords += [keyword for value in values.instants for keyword in _keywords("d", value)]
        if keywords or not values.strings:
            stored[f"k{name}"] = _alone(keywords or ["o"])
    return stored


def field_keys(path: str) -> tuple[str, str]:
    """Name the payload keys that hold a field's strings, and keywords for its other values."""
    name = field_key(path)
    return f"s{name}", f"k{name}"


def value_of(keyword: str) -> bool | float | None:
    """Read the boolean or number that a keyword stands for; None for the other keywords."""
    if keyword in ("t", "f"):
        return keyword == "t"
    return float_of(int(keyword[2:], 16)) if keyword.startswith("n=") else None


def _alone(values: Sequence[object]) -> object:
    return values[0] if len(values) == 1 else list(values)


class ConditionBuilder:
    """Turn filter trees into the engine's conditions.

    Args:
        model: Makes the engine's conditions.
        prepare: Called with each payload key before a condition on it is built, to index it.
        distinct: Lists the distinct strings stored under a payload key.
    """

    def __init__(
        self,
        model: ConditionModel,
        prepare: Callable[[str, Kind], None],
        distinct: Callable[[str], Iterable[str]],
    ) -> None:
        self._model = model
        self._prepare = prepare
        self._distinct = distinct

    def build(self, tree: Filter) -> Condition:
        """Translate a tree.

        Args:
            tree: What `parse_where` returned.

        Returns:
            A filter that the engine finds true exactly where `matches` does.
        """
        match tree:
            case And(parts):
                return self._model.all_of([self.build(part) for part in parts])
            case Or(parts):
                return self._model.any_of([self.build(part) for part in parts])
            case Not(part):
                return self._model.none_of([self.build(part)])
            case Exists(name):
                return self._model.any_of([self._holds_any(f"{letter}{field_key(name)}") for letter in "sk"])
            case Contains(name, part):
                key = self._prepared(f"s{field_key(name)}", "keyword")
                return self._model.any_of([self._model.has_part(key, part)])
            case Equals(name, operands):
                return self._equals(field_key(name), operands)
            case Compares(name, order, operand):
                return self._compares(field_key(name), order, operand)

    def _has(self, key: str, keywords: list[str]) -> Condition:
        return self._model.has_any(self._prepared(key, "keyword"), keywords)

    def _holds_any(self, key: str) -> Condition:
        return self._model.none_of([self._model.is_empty(self._prepared(key, "keyword"))])

    def _prepared(self, key: str, kind: Kind) -> str:
        self._prepare(key, kind)
        return key

    def _equals(self, name: str, operands: tuple[Operand, ...]) -> Condition:
        strings = [operand for operand in operands if isinstance(operand, str)]
        keywords = [_exact(operand) for operand in operands if not isinstance(operand, str)]
        conditions: list[Condition] = []
        if strings:
            conditions.append(self._has(f"s{name}", strings))
        if keywords:
            conditions.append(self._has(f"k{name}", keywords))
        return self._model.any_of(conditions)

    def _compares(self, name: str, order: Order, operand: float | str | Instant) -> Condition:
        if isinstance(operand, str):
            stands = COMPARE[order]
            strings = [text for text in self._distinct(f"s{name}") if stands(text, operand)]
            return self._model.any_of([self._has(f"s{name}", strings)] if strings else [])
        kind, value = ("d", operand.seconds) if isinstance(operand, Instant) else ("n", operand)
        key = self._prepared(f"{kind}{name}", "float")
        bound: Bound = "lt" if order in ("$lt", "$lte") else "gt"
        whole = order == "$gte" and _is_first(value)  # the common case, such as a year: a bucket without keywords
        conditions = [self._model.is_bounded(key, "gte" if whole else bound, float(_bucket(value)))]
        keywords = [] if whole else _within_bucket(kind, value, order)
        if keywords:
            conditions.append(self._has(f"k{name}", keywords))
        return self._model.any_of(conditions)


def _bucket(value: float) -> int:
    return (ordinal(value) >> _BUCKET_BITS) - _MIDDLE


def _is_first(value: float) -> bool:
    """Say whether a value is the lowest of its bucket, as integers below 2**42 are."""
    return ordinal(value) % (1 << _BUCKET_BITS) == 0


def _keywords(kind: str, value: float) -> list[str]:
    number = ordinal(value)
    exact = f"{kind}={number:016x}"
    if _is_first(value):
        return [exact]
    return [exact, f"{kind}~{number >> _GROUP_BITS:015x}"]


def _exact(operand: bool | float | Instant) -> str:
    if isinstance(operand, bool):
        return "t" if operand else "f"
    kind, value = ("d", operand.seconds) if isinstance(operand, Instant) else ("n", operand)
    return f"{kind}={ordinal(value):016x}"


def _within_bucket(kind: str, value: float, order: Order) -> list[str]:
    """List the keywords of the values that share a bucket with `value` and stand in the order to it."""
    number = ordinal(value)
    start = number >> _BUCKET_BITS << _BUCKET_BITS
    group = number >> _GROUP_BITS << _GROUP_BITS
    if order in ("$gt", "$gte"):
        first = number if order == "$gte" else number + 1
        exact = range(first, group + (1 << _GROUP_BITS))
        groups = range((group >> _GROUP_BITS) + 1, (start + (1 << _BUCKET_BITS)) >> _GROUP_BITS)
    else:
        last = number if order == "$lte" else number - 1
        exact = range(group, last + 1)
        groups = range(start >> _GROUP_BITS, group >> _GROUP_BITS)
    keywords = [f"{kind}={each:016x}" for each in exact] + [f"{kind}~{each:015x}" for each in groups]
    # The first value of a bucket, such as any small integer, has no group keyword.
    return [f"{kind}={start:016x}", *keywords] if order[:3] == "$lt" and group > start else keywords
