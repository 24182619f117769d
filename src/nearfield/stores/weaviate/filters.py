"""Filters in the terms of Weaviate: the tokens that are stored for them, and the conditions that ask.

Weaviate has one type for each property, no null beside values, no order on lists of strings that is by code point,
and splits or trims texts. So beside each point stands one list of tokens, indexed whole, each a hash of the field's
path, a letter, and a value:

- `x`: the field holds something; `s`: it holds a string.
- `t` and `f`: a boolean; `s` and a hash: exactly this string.
- `n` and `d`: a number, or a point in time, as the hexadecimal digits of its float64 in the float's order, the zeros at
  the end cut off and a full stop put there. What is above or below a number is then what begins with one of a few
  dozen prefixes (a `Like` that Weaviate looks up in the order of its keys): exact, and few for short numbers.

What begins or ends a string, what it contains and its order are not asked of Weaviate: a filter with `$contains`, or
with `$gt $gte $lt $lte` on strings that are no points in time, lets through all that have a string in that field, and
the rest is checked here. Such a filter costs time with what it lets through; under `$not` that is everything.
"""

from collections.abc import Iterable, Sequence
from functools import lru_cache
from hashlib import blake2b
from typing import Any, TypeAlias

from nearfield.extras import import_extra
from nearfield.stores.field_keys import field_key
from nearfield.stores.filters import And, Compares, Contains, Equals, Exists, Filter, Instant, Not, Operand, Or, Order
from nearfield.stores.ordinals import ordinal_digits
from nearfield.stores.values import Projection

Condition: TypeAlias = Any
"""A filter of Weaviate's client, which has no public type for it."""

TOKENS = "tokens"
"""The property that holds the tokens."""
ALL = "all"
"""A token of every point."""
_NONE = "none"
_END = "."


def tokens_of(fields: Projection) -> list[str]:
    """List the tokens of a point.

    Args:
        fields: What `project` found in its metadata.

    Returns:
        Tokens of ASCII letters, digits and full stops, each once; never empty.
    """
    tokens = [ALL]
    for path, values in fields.items():
        name = field_key(path)
        tokens.append(f"{name}x")
        if values.strings:
            tokens.append(f"{name}s")
        held: list[Operand] = [*values.strings, *values.booleans, *values.numbers, *map(Instant, values.instants)]
        tokens += [_exact(name, value) for value in held]
    return list(dict.fromkeys(tokens))


def everything() -> Condition:
    """Give the condition that every point meets."""
    return _has(ALL)


def condition_of(tree: Filter) -> tuple[Condition, bool]:
    """Translate a filter.

    Args:
        tree: What `parse_where` returned.

    Returns:
        A condition that every point meets that `matches` finds true, and whether no other does.
    """
    return _widened(tree, negated=False), _is_exact(tree)


def _is_exact(tree: Filter) -> bool:
    match tree:
        case And(parts) | Or(parts):
            return all(_is_exact(part) for part in parts)
        case Not(part):
            return _is_exact(part)
        case Contains():
            return False
        case Compares(_, _, operand):
            return not isinstance(operand, str)
        case _:
            return True


def _widened(tree: Filter, *, negated: bool) -> Condition:
    """Translate a filter or its negation into a condition that lets through all that is meant, at least."""
    match tree:
        case Not(part):
            return _widened(part, negated=not negated)
        case And(parts) | Or(parts):
            translated = [_widened(part, negated=negated) for part in parts]
            return _every(translated) if isinstance(tree, And) != negated else _any(translated)
    if not _is_exact(tree):
        return everything() if negated else _has(f"{field_key(tree.name)}s")
    return ~_leaf(tree) if negated else _leaf(tree)


def _leaf(tree: Equals | Exists | Compares | Contains) -> Condition:
    name = field_key(tree.name)
    match tree:
        case Equals(_, operands):
            return _any([_has(*(_exact(name, operand) for operand in operands))] if operands else [])
        case Compares(_, order, Instant(seconds)):
            return _ordered(f"{name}d", order, seconds)
        case Compares(_, order, float(number)):
            return _ordered(f"{name}n", order, number)
        case _:
            return _has(f"{name}x")


def _ordered(prefix: str, order: Order, value: float) -> Condition:
    digits = _digits(value)
    found = [_begins(f"{prefix}{start}") for start in (_above if order[:3] == "$gt" else _below)(digits)]
    return _any([*found, _has(f"{prefix}{digits}{_END}")] if order.endswith("e") else found)


def _above(digits: str) -> Iterable[str]:
    """List prefixes of the numbers above one, and of no others."""
    for place, digit in enumerate(digits):
        yield from (f"{digits[:place]}{higher:x}" for higher in range(int(digit, 16) + 1, 16))
    if len(digits) < 16:
        yield from (f"{digits}{more:x}" for more in range(16))


def _below(digits: str) -> Iterable[str]:
    """List prefixes of the numbers below one, and of no others; one with more zeros at the end is no other number."""
    for place, digit in enumerate(digits):
        yield from (f"{digits[:place]}{lower:x}" for lower in range(int(digit, 16)))
        if place:
            yield f"{digits[:place]}{_END}"


def _digits(value: float) -> str:
    """Write a float64 so that the order of the texts is that of the numbers: 1 to 16 digits, the last no zero."""
    return ordinal_digits(value).rstrip("0")


def _exact(name: str, value: Operand) -> str:
    match value:
        case bool():
            return f"{name}{'t' if value else 'f'}"
        case str():
            return f"{name}s{blake2b(value.encode(), digest_size=16).hexdigest()}"
        case Instant(seconds):
            return f"{name}d{_digits(seconds)}{_END}"
        case _:
            return f"{name}n{_digits(value)}{_END}"


@lru_cache(maxsize=1)
def _filter() -> Any:  # noqa: ANN401  # the client's class, imported once
    return import_extra("weaviate.classes.query", extra="weaviate").Filter


def _has(*tokens: str) -> Condition:
    tokens_property = _filter().by_property(TOKENS)
    return tokens_property.contains_any(list(tokens)) if len(tokens) > 1 else tokens_property.equal(tokens[0])


def _begins(start: str) -> Condition:
    return _filter().by_property(TOKENS).like(f"{start}*")


def _every(conditions: Sequence[Condition]) -> Condition:
    return _filter().all_of(list(conditions)) if conditions else everything()


def _any(conditions: Sequence[Condition]) -> Condition:
    return _filter().any_of(list(conditions)) if conditions else _has(_NONE)
