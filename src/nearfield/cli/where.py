"""Filters as people type them: `year>=2020`."""

import json
import re
from typing import TYPE_CHECKING, Any

from nearfield.errors import InvalidInputError

if TYPE_CHECKING:  # the command line starts without numpy
    from nearfield.stores.base import Where

_OPERATORS = {"=": "$eq", "==": "$eq", "!=": "$ne", ">": "$gt", ">=": "$gte", "<": "$lt", "<=": "$lte"}
_CONDITION = re.compile(r"^\s*(?P<field>[^=!<>]+?)\s*(?P<operator>==|!=|>=|<=|=|>|<)\s*(?P<value>.*?)\s*$", re.DOTALL)

_TURNED = re.compile(r"([<>])\s*[-+.]?\d")
"""What follows the equals sign of `year=>2020`, whose operator is the wrong way round."""


def parse_conditions(conditions: tuple[str, ...]) -> "Where | None":
    """Understand conditions that must all hold.

    Args:
        conditions: Each `field OPERATOR value` with one of `= != > >= < <=`, or a filter as a JSON object. A value
            is a number, `true`, `false`, a quoted string, or anything else as a string.

    Returns:
        The filter; None if there is no condition.

    Raises:
        InvalidInputError: If a condition is neither.

    Examples:
        >>> parse_conditions(("year>=2020", "lang=en"))
        {'$and': [{'year': {'$gte': 2020}}, {'lang': {'$eq': 'en'}}]}
    """
    filters = [_parse(condition) for condition in conditions]
    if len(filters) < 2:
        return filters[0] if filters else None
    return {"$and": filters}


def _parse(condition: str) -> dict[str, Any]:
    if condition.lstrip().startswith("{"):
        try:
            values = json.loads(condition)
        except (ValueError, RecursionError) as error:
            raise InvalidInputError(f"--where {condition[:200]!r} is not valid JSON: {error}") from error
        return dict(values)
    found = _CONDITION.match(condition)
    if found is None:
        operators = " ".join(_OPERATORS)
        raise InvalidInputError(
            f"--where {condition!r} is not a condition; write field, one of {operators}, and a value, as in "
            "'year>=2020', or a JSON filter"
        )
    turned = _TURNED.match(found["value"]) if found["operator"] == "=" else None
    if turned is not None:
        raise InvalidInputError(
            f"--where {condition!r} compares with a text; write {turned[1]}= for a number, or put the text in quotes"
        )
    return {found["field"]: {_OPERATORS[found["operator"]]: _value(found["value"])}}


def _value(text: str) -> str | int | float | bool:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return text
    return value if isinstance(value, str | int | float | bool) else text
