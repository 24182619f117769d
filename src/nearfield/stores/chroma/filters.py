"""Filters in the terms of Chroma: what is stored for them, and the conditions that ask.

Chroma's metadata is flat: a key has a number, a string or a boolean. (Lists it has too, but those of a deleted
collection come back on points of the next one, as of 1.5.9.) It cannot be asked whether a key is there, compares
numbers only, and has no negation but that of equality, which a missing key passes. So beside each record's metadata,
which is kept as JSON text, its projection is stored under keys made of a letter and a hash of the field's path:

- `f`: which kinds of values the field holds, as a sum of `_KINDS`; 0 for objects alone.
- `s`: the string, a long one as its beginning and a hash.
- `n` and `d`: the number and the point in time, as the 64 bits of a float in the float's order, which Chroma compares
  as an integer, exactly. Of several, this is the greatest, and `m` and `e` are the least.
- `v`, with a hash of the value too: 1 for each of several strings, numbers or points in time.

A list matches where any of its elements does, so "greater" asks the greatest and "less" the least. What cannot be said
(`$contains`, an order on strings, the negation of an order) is asked for as the points that may match, which are then
checked here; so is a filter of more than a few hundred conditions.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any, TypeAlias

from nearfield.stores.field_keys import field_key
from nearfield.stores.filters import (
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
)
from nearfield.stores.ordinals import SIGN, ordinal
from nearfield.stores.values import Projection, Values

Metadata: TypeAlias = dict[str, Any]
"""What Chroma keeps of a point beside its vector."""

_KINDS = {"number": 1, "string": 2, "false": 4, "true": 8}
_ANY_KIND = tuple(range(2 * max(_KINDS.values())))

_LONG = 200
_MAX_NODES, _MAX_DEPTH, _MAX_VALUES = 400, 40, 10_000
"""Chroma's limits are a tree of 1,000 conditions in SQLite, 128 levels of JSON, and 32,766 variables in SQLite."""


@dataclass(frozen=True, slots=True)
class Condition:
    """A filter as Chroma is asked.

    Attributes:
        where: Chroma's `where`, which lets every point through that matches; None for all points.
        exact: Whether it lets through no others, so that nothing need be checked.
    """

    where: Metadata | None
    exact: bool


def stored_fields(fields: Projection) -> Metadata:
    """Turn a projection into the metadata keys that Chroma filters by.

    Args:
        fields: What `project` found in a record's metadata.

    Returns:
        Chroma's metadata; empty for a record without metadata.
    """
    stored: Metadata = {}
    for path, values in fields.items():
        name = field_key(path)
        stored[f"f{name}"] = _kinds(values)
        strings = set(map(_kept, values.strings))
        if len(strings) == 1:
            stored[f"s{name}"] = strings.pop()
        stored.update((_value_key("s", name, text), 1) for text in strings)
        for kind, least, numbers in (("n", "m", values.numbers), ("d", "e", values.instants)):
            ordinals = set(map(_ordinal, numbers))
            if ordinals:
                stored[kind + name] = max(ordinals)
            if len(ordinals) > 1:
                stored[least + name] = min(ordinals)
                stored.update((_value_key(kind, name, each), 1) for each in ordinals)
    return stored


def _kinds(values: Values) -> int:
    held = {
        "number": bool(values.numbers),
        "string": bool(values.strings),
        "false": False in values.booleans,
        "true": True in values.booleans,
    }
    return sum(_KINDS[kind] for kind, holds in held.items() if holds)


def _with_kind(kind: str) -> list[int]:
    return [kinds for kinds in _ANY_KIND if kinds & _KINDS[kind]]


def build_condition(tree: Filter) -> Condition:
    """Translate a tree.

    Args:
        tree: What `parse_where` returned.

    Returns:
        A condition that lets through what `matches`; where it is exact, nothing else.
    """
    asked = _build(tree, negated=False)
    if isinstance(asked.where, bool):
        return Condition(None if asked.where else {"f": 1}, asked.exact)  # a key that no point has
    if not _fits(asked.where):
        return Condition(None, exact=False)
    return Condition(asked.where, asked.exact)


@dataclass(frozen=True, slots=True)
class _Asked:
    """A part of a condition: Chroma's, or whether it is always or never true."""

    where: Metadata | bool
    exact: bool = True


_MAYBE = _Asked(True, exact=False)


def _build(tree: Filter, *, negated: bool) -> _Asked:
    match tree:
        case And(parts) | Or(parts):
            return _combine([_build(part, negated=negated) for part in parts], every=isinstance(tree, And) != negated)
        case Not(part):
            return _build(part, negated=not negated)
        case Exists(name):
            return _Asked(_is_in(f"f{field_key(name)}", _ANY_KIND, negated))
        case Equals(name, operands):
            asked = _equals(field_key(name), operands, negated)
            return _combine([_Asked(each) for each in asked], every=negated)
        case Compares(_, _, operand) if not negated and not isinstance(operand, str):
            return _compares(tree)
        case Compares(name) | Contains(name):
            return (
                _MAYBE if negated else _Asked(_is_in(f"f{field_key(name)}", _with_kind("string"), False), exact=False)
            )


def _combine(parts: Sequence[_Asked], *, every: bool) -> _Asked:
    """Join parts so that all must hold, or any."""
    deciding = [part for part in parts if part.where is not every]
    decided = not every  # what one part that is never true makes of all, one that is always true of any
    if any(part.where is decided for part in deciding):
        return _Asked(decided, exact=any(part.where is decided and part.exact for part in deciding))
    if not deciding:
        return _Asked(every, exact=all(part.exact for part in parts))
    exact = all(part.exact for part in parts)
    if len(deciding) == 1:
        return _Asked(deciding[0].where, exact)
    return _Asked({"$and" if every else "$or": [part.where for part in deciding]}, exact)


def _equals(name: str, operands: Sequence[Operand], negated: bool) -> list[Metadata]:
    strings = [_kept(operand) for operand in operands if isinstance(operand, str)]
    numbers = [_ordinal(operand) for operand in operands if isinstance(operand, float)]
    instants = [_ordinal(operand.seconds) for operand in operands if isinstance(operand, Instant)]
    booleans = {str(operand).lower() for operand in operands if isinstance(operand, bool)}
    asked: list[Metadata] = []
    for kind, values in (("s", strings), ("n", numbers), ("d", instants)):
        if values:
            asked.append(_is_in(kind + name, values, negated))
            asked += [_is_in(_value_key(kind, name, value), [1], negated) for value in values]
    if booleans:
        kinds = {kinds for boolean in booleans for kinds in _with_kind(boolean)}
        asked.append(_is_in(f"f{name}", sorted(kinds), negated))
    return asked


def _compares(tree: Compares) -> _Asked:
    name, operand = field_key(tree.name), tree.operand
    if isinstance(operand, Instant):
        (greatest, least), bound = "de", _ordinal(operand.seconds)
    else:
        (greatest, least), bound = "nm", _ordinal(float(operand))
    asked = _Asked({greatest + name: {tree.order: bound}})
    if tree.order in ("$gt", "$gte"):
        return asked
    return _combine([asked, _Asked({least + name: {tree.order: bound}})], every=False)


def _is_in(key: str, values: Sequence[object], negated: bool) -> Metadata:
    return {key: {"$nin" if negated else "$in": list(values)}}


def _fits(where: Metadata) -> bool:
    """Say whether a condition is within Chroma's limits."""
    nodes = values = depth = 0
    level: list[Metadata] = [where]
    while level and depth <= _MAX_DEPTH:
        depth += 1
        nodes += len(level)
        parts = [part for each in level for part in (each.get("$and") or each.get("$or") or [])]
        leaves = [operand for each in level for operand in each.values() if isinstance(operand, dict)]
        values += sum(len(operand.get("$in") or operand.get("$nin") or [0]) for operand in leaves)
        level = parts
    return not level and nodes <= _MAX_NODES and values <= _MAX_VALUES


def _value_key(kind: str, name: str, value: str | int) -> str:
    return "v" + blake2b(f"{kind}{name}{value}".encode(), digest_size=12).hexdigest()


def _kept(text: str) -> str:
    """Shorten a long string to what is as good for telling whether it equals another."""
    if len(text) <= _LONG:
        return text
    return text[:_LONG] + blake2b(text.encode(), digest_size=16).hexdigest()


def _ordinal(value: float) -> int:
    """Map a float64 to the signed 64-bit integer that has its place in their order."""
    return ordinal(value) - SIGN
