"""What a filter means, whichever back end evaluates it.

A filter is a mapping. Each key is a field, or `$and` / `$or` (a list of filters) or `$not` (one filter); several keys
must all hold. A field's condition is a value, meaning `$eq`, or a mapping of operators that must all hold::

    {"year": {"$gte": 2020}, "lang": "en", "$or": [{"tag": {"$in": ["a", "b"]}}, {"tag": {"$exists": False}}]}

**Fields.** `a.b` is the top-level field named `a.b`, and also the field `b` inside the object `a`; names may contain
dots and spaces. A list matches when any element does, through lists of objects too. `null` and the empty list count
as missing.

**Types.** A value is a number, a string or a boolean; an integer and a float are one type and compare as numbers
(in float64), `True` is never 1. A comparison with a missing field or with another type is false, so:

- `$eq $in $gt $gte $lt $lte`: true when a value of the operand's type compares so; an empty `$in` matches nothing.
- `$ne` and `$nin`: the negation of `$eq` and `$in`, so true for a missing field or another type.
- `$exists`: whether the field holds any value (an object counts).
- `$contains`: true when a string value contains the operand, compared by code point.

**Order.** Strings compare by code point. An operand that is a `datetime.date` or `datetime.datetime`, or a string in
one of the ISO 8601 forms `YYYY-MM-DD` and `YYYY-MM-DD(T| )hh:mm[:ss[.f]][Z|±hh:mm]`, compares under
`$gt $gte $lt $lte` by point in time with values of those forms (no zone means UTC; a date is its first moment), and
is false for other strings. Under `$eq $ne $in $nin` strings are equal only when all their characters are; a `date`
or `datetime` operand equals every value that is the same point in time. Digits beyond the microsecond are cut off,
and points in time compare as float64 seconds: exactly from 1698 to 2242.
"""

import math
import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, Literal, TypeAlias, get_args

import numpy as np

from nearfield.data.records import MAX_DEPTH
from nearfield.errors import InvalidInputError
from nearfield.stores.values import (
    Projection,
    Values,
    is_unicode,
    number_of,
    project,
    seconds_of,
    seconds_of_date,
)

Order: TypeAlias = Literal["$gt", "$gte", "$lt", "$lte"]
ORDERS: tuple[str, ...] = get_args(Order)
OPERATORS: tuple[str, ...] = ("$eq", "$ne", "$in", "$nin", *ORDERS, "$exists", "$contains")


@dataclass(frozen=True, slots=True)
class Instant:
    """A point in time, in float64 seconds since 1970-01-01 UTC: exact to the microsecond from 1698 to 2242."""

    seconds: float


Operand: TypeAlias = bool | float | str | Instant
"""What a value is compared with; a number is always a float."""


@dataclass(frozen=True, slots=True)
class And:
    """All parts hold; true without any."""

    parts: "tuple[Filter, ...]"


@dataclass(frozen=True, slots=True)
class Or:
    """At least one part holds; false without any."""

    parts: "tuple[Filter, ...]"


@dataclass(frozen=True, slots=True)
class Not:
    """The part does not hold."""

    part: "Filter"


@dataclass(frozen=True, slots=True)
class Equals:
    """A value of the field equals one of the operands and is of its type; false without any operand."""

    name: str
    operands: tuple[Operand, ...]


@dataclass(frozen=True, slots=True)
class Compares:
    """A value of the field, of the operand's type, stands in this order to it."""

    name: str
    order: Order
    operand: float | str | Instant


@dataclass(frozen=True, slots=True)
class Exists:
    """The field holds a value."""

    name: str


@dataclass(frozen=True, slots=True)
class Contains:
    """A string value of the field contains the part."""

    name: str
    part: str


Filter: TypeAlias = And | Or | Not | Equals | Compares | Exists | Contains

COMPARE: Mapping[str, Callable[[Any, Any], bool]] = {
    "$gt": operator.gt,
    "$gte": operator.ge,
    "$lt": operator.lt,
    "$lte": operator.le,
}
"""What each order means between two values of one type."""


def matches(tree: Filter, meta: Mapping[str, Any]) -> bool:
    """Say whether metadata satisfies a filter: the plain definition that every back end must agree with.

    Args:
        tree: What `parse_where` returned.
        meta: JSON values under string keys.

    Returns:
        Whether it matches.

    Raises:
        InvalidInputError: If `meta` is not JSON.

    Examples:
        >>> matches(parse_where({"year": {"$gte": 2020}}), {"year": [1999, 2021]})
        True
    """
    return _holds(tree, project(meta))


_MISSING = Values()


def _holds(tree: Filter, record: Projection) -> bool:
    match tree:
        case And(parts):
            return all(_holds(part, record) for part in parts)
        case Or(parts):
            return any(_holds(part, record) for part in parts)
        case Not(part):
            return not _holds(part, record)
        case Exists(name):
            return name in record
        case Contains(name, part):
            return any(part in text for text in record.get(name, _MISSING).strings)
        case Equals(name, operands):
            return any(_equals(record.get(name, _MISSING), operand) for operand in operands)
        case Compares(name, order, operand):
            return _compares(record.get(name, _MISSING), COMPARE[order], operand)


def _equals(values: Values, operand: Operand) -> bool:
    match operand:
        case bool():
            return operand in values.booleans
        case str():
            return operand in values.strings
        case Instant(seconds):
            return seconds in values.instants
        case _:
            return operand in values.numbers


def _compares(values: Values, stands: Callable[[Any, Any], bool], operand: float | str | Instant) -> bool:
    match operand:
        case str():
            return any(stands(text, operand) for text in values.strings)
        case Instant(seconds):
            return any(stands(value, seconds) for value in values.instants)
        case _:
            return any(stands(number, operand) for number in values.numbers)


def parse_where(where: Mapping[str, Any]) -> Filter:
    """Check a filter and turn it into a tree.

    Args:
        where: The filter as the caller wrote it; an empty one matches everything.

    Returns:
        The tree; `$ne` and `$nin` have become `Not`, `$eq` an `Equals` with one operand.

    Raises:
        InvalidInputError: If an operator is unknown, an operand has the wrong type, or the nesting is wrong.

    Examples:
        >>> parse_where({"year": {"$gte": 2020}})
        And(parts=(Compares(name='year', order='$gte', operand=2020.0),))
    """
    return _parse_filter(where, "where", MAX_DEPTH)


def _parse_filter(where: object, place: str, depth: int) -> Filter:
    if not isinstance(where, Mapping):
        raise InvalidInputError(f"{place} must be a mapping such as {{'lang': 'en'}}, got {where!r}")
    if depth == 0:
        raise InvalidInputError(f"a filter may be nested {MAX_DEPTH} levels deep; write it flatter")
    return And(tuple(_parse_key(key, value, place, depth - 1) for key, value in where.items()))


def _parse_key(key: object, value: object, place: str, depth: int) -> Filter:
    if not isinstance(key, str):
        raise InvalidInputError(f"{place} has the key {key!r}; field names are strings")
    if not key.startswith("$"):
        return _parse_field(_checked(key, place), value)
    if key == "$not":
        return Not(_parse_filter(value, key, depth))
    if key not in ("$and", "$or"):
        raise InvalidInputError(f"{place} has the key {key!r}; allowed beside field names are $and, $or and $not")
    if not isinstance(value, list | tuple):
        raise InvalidInputError(f"{key} must be a list of filters, got {value!r}")
    parts = tuple(_parse_filter(part, f"{key}[{index}]", depth) for index, part in enumerate(value))
    return And(parts) if key == "$and" else Or(parts)


def _parse_field(name: str, condition: object) -> Filter:
    if not isinstance(condition, Mapping):
        return Equals(name, (_operand(condition, f"$eq on {name!r}"),))
    if not condition:
        raise InvalidInputError(f"the condition on {name!r} is empty; give it one of {', '.join(OPERATORS)}")
    parts = tuple(_parse_condition(name, key, operand) for key, operand in condition.items())
    return parts[0] if len(parts) == 1 else And(parts)


def _parse_condition(name: str, key: object, operand: object) -> Filter:
    place = f"{key} on {name!r}"
    match key:
        case "$eq" | "$ne" | "$in" | "$nin":
            several = key in ("$in", "$nin")
            if several and not isinstance(operand, list | tuple | set | frozenset):
                raise InvalidInputError(f"{place} needs a list of values, got {operand!r}")
            values: Any = operand if several else (operand,)
            equals = Equals(name, tuple(_operand(value, place) for value in values))
            return equals if key in ("$eq", "$in") else Not(equals)
        case "$gt" | "$gte" | "$lt" | "$lte":
            return Compares(name, key, _ordered(operand, place))
        case "$exists" if isinstance(operand, bool):
            return Exists(name) if operand else Not(Exists(name))
        case "$contains" if isinstance(operand, str):
            return Contains(name, _checked(operand, place))
        case "$exists" | "$contains":
            needed = "True or False" if key == "$exists" else "a string"
            raise InvalidInputError(f"{place} needs {needed}, got {operand!r}")
    raise InvalidInputError(
        f"the condition on {name!r} has the operator {key!r}; allowed are {', '.join(OPERATORS)} "
        "(the field b inside the object a is written 'a.b')"
    )


def _ordered(operand: object, place: str) -> float | str | Instant:
    parsed = _operand(operand, place)
    if isinstance(parsed, bool):
        raise InvalidInputError(f"{place} needs a number, a string or a date, got {operand!r}")
    seconds = seconds_of(parsed) if isinstance(parsed, str) else None
    return parsed if seconds is None else Instant(seconds)


def _operand(operand: object, place: str) -> Operand:
    value = operand.item() if isinstance(operand, np.bool_ | np.number | np.str_) else operand
    match value:
        case bool():
            return value
        case float() if not math.isfinite(value):
            raise InvalidInputError(f"{place} needs a finite number, got {value!r}")
        case int() | float():
            return number_of(value)
        case str():
            return _checked(value, place)
        case date():
            return Instant(seconds_of_date(value))
    hint = {"NoneType": "; a missing field is {'$exists': False}", "list": "; several values are {'$in': [...]}"}
    raise InvalidInputError(
        f"{place} needs a number, a string, a boolean or a date, got {value!r}{hint.get(type(value).__name__, '')}"
    )


def _checked(text: str, place: str) -> str:
    if not is_unicode(text):
        raise InvalidInputError(f"{place} has {text!r}, which is not unicode (a lone surrogate)")
    return text
