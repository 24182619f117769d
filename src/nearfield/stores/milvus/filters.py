"""Filters in the terms of Milvus: what is stored for them, and the expressions that ask.

Milvus has no order on the elements of a list, and its JSON compares types in its own way. So beside each record's
metadata, which is kept as JSON text, its projection is stored in two fields:

- `terms`, an array of hashes: of each value with its field and type, of the types each field holds, and of each field
  that holds anything. Equality and `$exists` are membership in it, from an inverted index.
- `bounds`, a JSON object: for each field and type the lowest and the highest value, as hexadecimal text in the values'
  order. *Any* value is above a bound exactly when the highest is.

Only hexadecimal digits and hashes ever stand in an expression, so nothing that a caller gives can change its meaning.

`$contains` on a field, and an order on a string of 32 bytes or more, are asked for as a superset; the rest is checked
on the metadata that comes back, so such filters cost time with the number of points that hold a string there.
"""

from collections.abc import Iterable, Sequence
from functools import lru_cache
from hashlib import blake2b
from typing import Literal, TypeAlias

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
    Order,
)
from nearfield.stores.ordinals import ordinal_digits
from nearfield.stores.values import Projection

TERMS, BOUNDS = "terms", "bounds"
TERM_LENGTH = 32

ALL = 'id != ""'
NONE = 'id == ""'

_Kind: TypeAlias = Literal["any", "boolean", "number", "string", "instant"]
_PREFIX_BYTES = 32
_NEGATED: dict[str, Order] = {"$gt": "$lte", "$gte": "$lt", "$lt": "$gte", "$lte": "$gt"}
_SYMBOLS = {"$gt": ">", "$gte": ">=", "$lt": "<", "$lte": "<="}


def stored_terms(fields: Projection) -> tuple[list[str], dict[str, str]]:
    """Turn a projection into what Milvus filters by.

    Args:
        fields: What `project` found in a record's metadata.

    Returns:
        The terms, each once, and the bounds.
    """
    terms: dict[str, None] = {}
    bounds: dict[str, str] = {}
    for path, values in fields.items():
        terms[_marker("any", path)] = None
        terms.update((_term("boolean", path, _text(value)), None) for value in values.booleans)
        ordered: tuple[tuple[_Kind, Sequence[str], list[str]], ...] = (
            ("number", [_text(value) for value in values.numbers], [_sortable(value) for value in values.numbers]),
            ("instant", [_text(value) for value in values.instants], [_sortable(value) for value in values.instants]),
            ("string", values.strings, [_sortable(value) for value in values.strings]),
        )
        for kind, texts, sortables in ordered:
            if texts:
                terms[_marker(kind, path)] = None
                terms.update((_term(kind, path, text), None) for text in texts)
                key = _bound(kind, path)
                bounds[f"{key}_lo"], bounds[f"{key}_hi"] = min(sortables), max(sortables)
    return list(terms), bounds


class Condition:
    """A filter as an expression of Milvus.

    `text` is true wherever the filter is, and nowhere else if `is_exact`.

    Args:
        tree: What `parse_where` returned.
    """

    def __init__(self, tree: Filter) -> None:
        self.tree = tree
        self.is_exact = True
        self.text = self._build(tree, negated=False)

    def _build(self, tree: Filter, *, negated: bool) -> str:
        # A negation is carried down to the leaves: a superset's is no superset, and what Milvus makes of the negation
        # of a comparison with a missing key has changed between its versions.
        match tree:
            case And(parts) | Or(parts):
                built = [self._build(part, negated=negated) for part in parts]
                return _every(built) if isinstance(tree, And) != negated else _some(built)
            case Not(part):
                return self._build(part, negated=not negated)
            case Exists(name):
                return _contains([_marker("any", name)], negated=negated)
            case Equals(name, operands):
                return _contains([_term(_kind(value), name, _text(value)) for value in operands], negated=negated)
            case Contains(name, _):
                self.is_exact = False
                return ALL if negated else _contains([_marker("string", name)], negated=False)
            case Compares(name, order, operand):
                return self._compares(name, order, operand, negated=negated)

    def _compares(self, name: str, order: Order, operand: float | str | Instant, *, negated: bool) -> str:
        kind = _kind(operand)
        end = "hi" if order in ("$gt", "$gte") else "lo"
        symbol = _SYMBOLS[_NEGATED[order] if negated else order]
        if isinstance(operand, str) and len(operand.encode()) >= _PREFIX_BYTES:
            # The stored prefix may equal the operand's where the strings differ.
            self.is_exact = False
            symbol = f"{symbol[0]}="
        compared = f'{BOUNDS}["{_bound(kind, name)}_{end}"] {symbol} "{_sortable(_plain(operand))}"'
        return _some([_contains([_marker(kind, name)], negated=True), compared]) if negated else compared


def _every(parts: Iterable[str]) -> str:
    kept = [part for part in parts if part != ALL]
    if NONE in kept:
        return NONE
    return f"({' and '.join(kept)})" if len(kept) > 1 else "".join(kept) or ALL


def _some(parts: Iterable[str]) -> str:
    kept = [part for part in parts if part != NONE]
    if ALL in kept:
        return ALL
    return f"({' or '.join(kept)})" if len(kept) > 1 else "".join(kept) or NONE


def _contains(terms: list[str], *, negated: bool) -> str:
    if not terms:
        return ALL if negated else NONE
    listed = ", ".join(f'"{term}"' for term in terms)
    found = f"array_contains({TERMS}, {listed})" if len(terms) == 1 else f"array_contains_any({TERMS}, [{listed}])"
    return f"(not {found})" if negated else found


def _kind(operand: Operand) -> _Kind:
    match operand:
        case bool():
            return "boolean"
        case str():
            return "string"
        case Instant():
            return "instant"
        case _:
            return "number"


def _plain(operand: float | str | Instant) -> float | str:
    return operand.seconds if isinstance(operand, Instant) else operand


def _text(value: Operand) -> str:
    """Write a value so that equal ones of its type, and only those, give the same text."""
    match value:
        case bool():
            return "true" if value else "false"
        case str():
            return value
        case Instant(seconds):
            return seconds.hex()
        case _:
            return float(value).hex()


@lru_cache(maxsize=4_096)
def _marker(kind: _Kind, path: str) -> str:
    """Give the term of a field that holds a value of this type."""
    return _hashed(f"{kind} {len(path)} {path}")


def _term(kind: _Kind, path: str, text: str) -> str:
    """Give the term of a value; the space after the path tells it from a marker, even for an empty text."""
    return _hashed(f"{kind} {len(path)} {path} {text}")


def _hashed(content: str) -> str:
    return blake2b(content.encode(), digest_size=TERM_LENGTH // 2).hexdigest()


def _bound(kind: _Kind, path: str) -> str:
    return f"{kind[0]}{field_key(path)}"


def _sortable(value: float | str) -> str:
    """Write a number, or the beginning of a string, as hexadecimal digits in the values' order.

    UTF-8 has the order of code points, and hexadecimal digits that of bytes.
    """
    if isinstance(value, str):
        return value[:_PREFIX_BYTES].encode()[:_PREFIX_BYTES].hex()
    return ordinal_digits(value)
