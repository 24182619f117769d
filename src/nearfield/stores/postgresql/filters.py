"""Filters as SQL over a projection of the metadata.

Beside its metadata, as given, a point has the column `fields`: JSONB with an entry for each path that holds a value
(`nearfield.stores.values`), and in it the values by type: `n` numbers, `s` strings, `b` booleans, `t` points in time::

    {"year": {"n": [2024]}, "day": {"s": ["2024-01-01"], "t": [1704067200.0]}}

- Equality is containment, `fields @> '{"year": {"n": [2024]}}'`, which a GIN index answers.
- Order is a JSON path over the values of one type. Numbers are compared as decimals: the shortest decimal of a float
  that no other float has stands in the same order as the floats. Strings are compared by code point.
- What is compared with, and the names of fields, are parameters of the statement, never part of it.
"""

from collections.abc import Sequence
from functools import lru_cache
from json.encoder import encode_basestring
from typing import Any, TypeAlias

from nearfield.stores.base import Where
from nearfield.stores.batches import TO_JSON
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
    parse_where,
)
from nearfield.stores.postgresql.text import encode_text
from nearfield.stores.values import Projection, Values

Parameters: TypeAlias = dict[str, Any]
"""Values by the names they have in a statement."""

_NUMBERS, _STRINGS, _BOOLEANS, _INSTANTS = "n", "s", "b", "t"
_PATHS = {
    "$gt": "'$[*] ? (@ > $x)'",
    "$gte": "'$[*] ? (@ >= $x)'",
    "$lt": "'$[*] ? (@ < $x)'",
    "$lte": "'$[*] ? (@ <= $x)'",
}
_MOST_PARTS = 64  # as many equalities the index answers one by one; beyond, every point is looked at


def stored_fields(projection: Projection) -> str:
    """Write the projection of a point's metadata down.

    Args:
        projection: What `values.project` returned.

    Returns:
        JSON text for the column `fields`.
    """
    # Put together here, because a JSON encoder takes twice as long, and this is what a bulk load waits for.
    return f"{{{','.join([f'{_key(path)}{{{_values(values)}}}' for path, values in projection.items()])}}}"


def _values(values: Values) -> str:
    numbers, strings = values.numbers, values.strings
    parts = []
    if numbers:
        parts.append(f'"{_NUMBERS}":[{repr(numbers[0]) if len(numbers) == 1 else ",".join(map(repr, numbers))}]')
    if strings:
        parts.append(f'"{_STRINGS}":[{_string(strings[0]) if len(strings) == 1 else ",".join(map(_string, strings))}]')
    if values.booleans:
        parts.append(f'"{_BOOLEANS}":{TO_JSON(values.booleans)}')
    if values.instants:
        parts.append(f'"{_INSTANTS}":[{",".join(map(repr, values.instants))}]')
    return parts[0] if len(parts) == 1 else ",".join(parts)


@lru_cache(maxsize=4096)
def _key(path: str) -> str:
    return f"{_string(path)}:"


def _string(text: str) -> str:
    return encode_basestring(encode_text(text))


def condition(where: Where | None) -> tuple[str, Parameters]:
    """Translate a filter.

    Args:
        where: The filter as the caller wrote it; None matches everything.

    Returns:
        An SQL expression that is true or false, never null, with named placeholders, and their values.

    Raises:
        InvalidInputError: If it is no filter.
    """
    if where is None:
        return "true", {}
    parameters: Parameters = {}
    return _translate(parse_where(where), parameters), parameters


def _translate(tree: Filter, parameters: Parameters) -> str:
    match tree:
        case And(parts) | Or(parts):
            word, neutral = (" AND ", "true") if isinstance(tree, And) else (" OR ", "false")
            return _joined([_translate(part, parameters) for part in parts], word, neutral)
        case Not(part):
            return f"NOT ({_translate(part, parameters)})"
        case Exists(name):
            return f"fields ? {_bound(encode_text(name), parameters)}"
        case Contains(name, part):
            return (
                "EXISTS (SELECT FROM jsonb_array_elements_text("
                f"fields -> {_bound(encode_text(name), parameters)}::text -> '{_STRINGS}') AS v(value) "
                f'WHERE strpos(v.value COLLATE "C", {_bound(encode_text(part), parameters)}) > 0)'
            )
        case Equals(name, operands):
            return _equals(name, operands, parameters)
        case Compares(name, order, operand):
            kind, value = _typed(operand)
            values = f"fields -> {_bound(encode_text(name), parameters)}::text -> '{kind}'"
            operand_json = _bound(TO_JSON({"x": value}), parameters)
            return f"coalesce(jsonb_path_exists({values}, {_PATHS[order]}, {operand_json}::jsonb), false)"


def _equals(name: str, operands: Sequence[Operand], parameters: Parameters) -> str:
    if len(operands) > _MOST_PARTS:
        return _is_among(name, operands, parameters)
    wanted = [TO_JSON({encode_text(name): {kind: [value]}}) for kind, value in map(_typed, operands)]
    return _joined([f"fields @> {_bound(part, parameters)}::jsonb" for part in wanted], " OR ", "false")


def _is_among(name: str, operands: Sequence[Operand], parameters: Parameters) -> str:
    """Look the values of each point up in a table of operands, which PostgreSQL makes of a constant list."""
    by_kind: dict[str, list[str]] = {}
    for kind, value in map(_typed, operands):
        by_kind.setdefault(kind, []).append(TO_JSON(value))
    field = _bound(encode_text(name), parameters)
    parts = [
        f"EXISTS (SELECT FROM jsonb_array_elements(fields -> {field}::text -> '{kind}') AS v(value) "
        f"WHERE v.value = ANY({_bound(values, parameters)}::jsonb[]))"
        for kind, values in by_kind.items()
    ]
    return _joined(parts, " OR ", "false")


def _typed(operand: Operand) -> tuple[str, bool | float | str]:
    match operand:
        case bool():
            return _BOOLEANS, operand
        case str():
            return _STRINGS, encode_text(operand)
        case Instant(seconds):
            return _INSTANTS, seconds
        case _:
            return _NUMBERS, operand


def _joined(parts: Sequence[str], word: str, neutral: str) -> str:
    return f"({word.join(parts)})" if parts else neutral


def _bound(value: object, parameters: Parameters) -> str:
    name = f"f{len(parameters)}"
    parameters[name] = value
    return f"%({name})s"
