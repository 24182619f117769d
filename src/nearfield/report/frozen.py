"""Frozen dataclasses to JSON values and back, for everything that is saved."""

import math
import types
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from functools import cache
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

from nearfield.errors import InvalidInputError

T = TypeVar("T")


def to_json(value: Any) -> Any:  # noqa: ANN401  # any JSON value
    """Turn a dataclass and all it holds into JSON values.

    Args:
        value: A dataclass of dataclasses, mappings with string keys, tuples, lists, strings, numbers and None.

    Returns:
        JSON values; a number that is not finite becomes null, since JSON has none.
    """
    if is_dataclass(value) and not isinstance(value, type):
        return {field.name: to_json(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, Mapping):
        return {key: to_json(item) for key, item in value.items()}
    if isinstance(value, tuple | list):
        return [to_json(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


def from_json(kind: type[T], values: Any) -> T:  # noqa: ANN401  # any JSON value
    """Rebuild a dataclass from what `to_json` made of it.

    Args:
        kind: The dataclass.
        values: JSON values. A field that they lack takes its default; one that the dataclass lacks is an error.

    Returns:
        The dataclass.

    Raises:
        InvalidInputError: If the values do not fit, naming the field.
    """
    return _decode(kind, values, kind.__name__)  # type: ignore[no-any-return]


def _decode(kind: Any, value: Any, where: str) -> Any:  # noqa: ANN401  # one branch for each kind of type
    origin, parameters = get_origin(kind), get_args(kind)
    if origin in (Union, types.UnionType):
        kinds = [option for option in parameters if option is not type(None)]
        return None if value is None else _decode(kinds[0], value, where)
    if origin is Literal:
        _require(value in parameters, where, f"one of {', '.join(map(repr, parameters))}", value)
        return value
    if is_dataclass(kind):
        return _decode_dataclass(kind, value, where)
    if origin is tuple:
        _require(isinstance(value, list), where, "a list", value)
        return tuple(_decode(parameters[0], item, f"{where}[{i}]") for i, item in enumerate(value))
    if origin is not None and issubclass(origin, Mapping):
        _require(isinstance(value, dict), where, "an object", value)
        return {key: _decode(parameters[1], item, f"{where}.{key}") for key, item in value.items()}
    if kind is float:
        value = math.nan if value is None else value
        _require(isinstance(value, int | float) and not isinstance(value, bool), where, "a number", value)
        try:
            return float(value)
        except OverflowError:
            raise InvalidInputError(f"{where} must be a number that a float can hold") from None
    _require(isinstance(value, kind), where, f"{'an' if kind is int else 'a'} {kind.__name__}", value)
    return value


def _decode_dataclass(kind: Any, value: Any, where: str) -> Any:  # noqa: ANN401
    _require(isinstance(value, dict), where, "an object", value)
    hints = _type_hints(kind)
    known = {field.name for field in fields(kind)}
    if unknown := sorted(value.keys() - known):
        raise InvalidInputError(f"{where} has an unknown field {unknown[0]!r}; it has {', '.join(sorted(known))}")
    try:
        return kind(**{key: _decode(hints[key], item, f"{where}.{key}") for key, item in value.items()})
    except TypeError as error:
        raise InvalidInputError(f"{where} is incomplete: {error}") from error


@cache  # takes far longer than the rest, and a list holds many of one kind
def _type_hints(kind: type) -> dict[str, Any]:
    return get_type_hints(kind)


def _require(fits: bool, where: str, what: str, value: object) -> None:
    if not fits:
        raise InvalidInputError(f"{where} must be {what}, got {str(value)[:80]!r}")
