"""Filters in the terms of Pinecone: what is stored for them, and the conditions that ask.

A record's metadata at Pinecone is flat: strings, numbers, booleans and lists of strings. So the projection of a
record's own metadata is stored beside it as

- `t`: *tokens*, hashes of a field's path, a type and a value; one for each value, one for each type that a field
  holds, and one that every record has.
- `nmin_…`, `nmax_…`, `dmin_…`, `dmax_…`: the least and the greatest of a field's numbers and points in time. Some value
  is above a bound exactly if the greatest is.

Equality, existence and order of numbers and dates are the service's own, compared as float64. It has no order on
strings and no search inside them, no `$not`, and does not say what `$nin` means for a list: such conditions let through
too many records, never too few, and what they let through is checked here.
"""

import struct
from binascii import b2a_base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from hashlib import blake2b
from typing import Any

from nearfield.errors import InvalidInputError
from nearfield.stores.field_keys import field_key
from nearfield.stores.filters import And, Compares, Contains, Equals, Exists, Filter, Instant, Not, Operand, Or
from nearfield.stores.values import Projection, Values

TOKENS = "t"

_ALL, _NO = "*", "-"
_MAX_OPERANDS = 10_000
_TOKEN_BYTES, _BOUND_BYTES = 19, 60  # 16 characters, in quotes; a key of 21 and a float64 of 24
_NEGATED = {"$gt": "$lte", "$gte": "$lt", "$lt": "$gte", "$lte": "$gt"}


@dataclass(frozen=True, slots=True)
class Condition:
    """A filter of Pinecone's.

    Attributes:
        filter: In the service's own language.
        exact: Whether it is true of no more records than the filter that it stands for.
    """

    filter: Mapping[str, Any]
    exact: bool = True


EVERY = Condition({TOKENS: {"$in": [_ALL]}})
_SOME = Condition(EVERY.filter, exact=False)
_NONE = Condition({TOKENS: {"$in": [_NO]}})


def stored_fields(fields: Projection) -> dict[str, Any]:
    """Turn a projection into the metadata that Pinecone filters by.

    Args:
        fields: What `project` found in a record's metadata.

    Returns:
        Keys with a list of strings or a float64.
    """
    tokens: dict[str, None] = {_ALL: None}
    stored: dict[str, Any] = {}
    for path, values in fields.items():
        name = _hashed(path)
        for kind, held in (("n", values.numbers), ("d", values.instants)):
            if held:
                stored[_bound(kind, "min", name)], stored[_bound(kind, "max", name)] = min(held), max(held)
        by_kind = {kind: held for kind, held in zip("snbd", _by_kind(values), strict=True) if held}
        tokens.update((_token(name, kind), None) for kind in by_kind or "o")
        tokens.update((_token(name, kind, value), None) for kind, held in by_kind.items() for value in held)
    stored[TOKENS] = list(tokens)
    return stored


def field_bytes(stored: Mapping[str, Any]) -> int:
    """Measure what `stored_fields` gave, as JSON: the bytes that it takes at most."""
    return _TOKEN_BYTES * len(stored[TOKENS]) + _BOUND_BYTES * len(stored)


def build_condition(tree: Filter, *, negated: bool = False) -> Condition:
    """Translate a filter tree.

    Args:
        tree: What `parse_where` returned.
        negated: Whether its negation is meant.

    Returns:
        A condition that is true of every record that the filter is true of.

    Raises:
        InvalidInputError: If it asks for more values at once than the service takes.
    """
    match tree:
        case Not(part):
            return build_condition(part, negated=not negated)
        case And(parts) | Or(parts):
            conditions = [build_condition(part, negated=negated) for part in parts]
            return _join("$and" if isinstance(tree, And) is not negated else "$or", conditions)
        case Exists(name):
            return _holds([_token(_hashed(name), kind) for kind in "snbo"], negated)
        case Equals(name, operands):
            return _holds([_operand_token(_hashed(name), operand) for operand in operands], negated)
        case Contains(name, _):
            return _holds_strings(name, negated)
        case Compares(name, _, str()):
            return _holds_strings(name, negated)
        case Compares(name, order, operand):
            kind, value = ("d", operand.seconds) if isinstance(operand, Instant) else ("n", operand)
            key = _bound(kind, "max" if order in ("$gt", "$gte") else "min", _hashed(name))
            if not negated:
                return Condition({key: {order: value}})
            lacks = {TOKENS: {"$nin": [_token(_hashed(name), kind)]}}
            return Condition({"$or": [{key: {_NEGATED[order]: value}}, lacks]}, exact=False)


def _join(operator: str, conditions: list[Condition]) -> Condition:
    if not conditions:
        return EVERY if operator == "$and" else _NONE
    if len(conditions) == 1:
        return conditions[0]
    return Condition({operator: [each.filter for each in conditions]}, all(each.exact for each in conditions))


def _holds(tokens: list[str], negated: bool) -> Condition:
    if len(tokens) > _MAX_OPERANDS:
        raise InvalidInputError(f"Pinecone compares with up to {_MAX_OPERANDS:,} values at once, got {len(tokens):,}")
    if not tokens:
        return EVERY if negated else _NONE
    return Condition({TOKENS: {"$nin" if negated else "$in": tokens}}, exact=not negated)


def _holds_strings(name: str, negated: bool) -> Condition:
    return _SOME if negated else Condition({TOKENS: {"$in": [_token(_hashed(name), "s")]}}, exact=False)


def _by_kind(values: Values) -> tuple[Sequence[str | bool | float], ...]:
    return values.strings, values.numbers, values.booleans, values.instants


@lru_cache(maxsize=4096)
def _bound(kind: str, end: str, name: bytes) -> str:
    return f"{kind}{end}_{_written(name)}"


def _operand_token(name: bytes, operand: Operand) -> str:
    match operand:
        case bool():
            return _token(name, "b", operand)
        case str():
            return _token(name, "s", operand)
        case Instant(seconds):
            return _token(name, "d", seconds)
        case _:
            return _token(name, "n", operand)


@lru_cache(maxsize=65_536)
def _token(name: bytes, kind: str, value: object = None) -> str:
    match value:
        case None:
            content = b""
        case str():
            content = b"=" + value.encode()
        case bool():
            content = b"=t" if value else b"=f"
        case float():
            content = b"=" + struct.pack("<d", value)
        case _:
            raise TypeError(f"no token for {value!r}")
    return _written(blake2b(name + kind.encode() + content, digest_size=12).digest())


@lru_cache(maxsize=4096)
def _hashed(path: str) -> bytes:
    return bytes.fromhex(field_key(path))


def _written(digest: bytes) -> str:
    return b2a_base64(digest, newline=False).decode()
