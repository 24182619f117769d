"""What a record's metadata holds, field by field and type by type; `nearfield.stores.filters` says what it means."""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from json.encoder import encode_basestring
from typing import Any, TypeAlias

from nearfield.data.records import MAX_DEPTH
from nearfield.errors import InvalidInputError

_LARGEST = 1.7976931348623157e308
_EPOCH = datetime(1970, 1, 1)
_DATE_LENGTH = 10
_ISO = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)(?:[T ](\d\d):(\d\d)(?::(\d\d)(?:\.(\d+))?)?(?:Z|([+-])(\d\d):(\d\d))?)?", re.ASCII
)


@dataclass(slots=True)
class Values:
    """What one field of one record holds, by type; all empty where it holds only objects. Not to be changed.

    Attributes:
        numbers: As float64; an integer beyond its range is the largest float64 of its sign.
        strings: As given, those that are points in time among them.
        booleans: As given.
        instants: The strings that are points in time, in seconds since 1970-01-01 UTC.
    """

    numbers: tuple[float, ...] = ()
    strings: tuple[str, ...] = ()
    booleans: tuple[bool, ...] = ()
    instants: tuple[float, ...] = ()


Projection: TypeAlias = dict[str, Values]
"""The values of each field that holds any; the path to a field inside objects is joined by dots."""

_Lists: TypeAlias = tuple[list[float], list[str], list[bool], list[float]]
"""What `Values` is made of, while it is collected."""

_TRUE, _FALSE = Values(booleans=(True,)), Values(booleans=(False,))


def project(meta: Mapping[str, Any]) -> Projection:
    """Flatten metadata into typed values, checking on the way that it is JSON.

    Args:
        meta: JSON values under string keys.

    Returns:
        An entry for each path that holds something other than `null` and empty lists.

    Raises:
        InvalidInputError: If a key is not a string, a value is not JSON (NaN and tuples are not) or not unicode, or
            the nesting is deeper than 64 levels. The message names the field.

    Examples:
        >>> project({"a": {"b": [1, "x"]}, "c": None})["a.b"]
        Values(numbers=(1.0,), strings=('x',), booleans=(), instants=())
    """
    found: dict[str, _Lists] = {}
    for key, value in meta.items():
        _check_key(key, "meta")
        _collect(found, key, value, MAX_DEPTH)
    return {
        path: Values(tuple(numbers), tuple(strings), tuple(booleans), tuple(instants))
        for path, (numbers, strings, booleans, instants) in found.items()
    }


def write_flat(meta: Mapping[str, Any]) -> tuple[str, Projection] | None:
    """Write metadata as JSON and project it, in one go, where no value is a list or an object.

    That is what most metadata is like, and a bulk load waits for it: this takes a quarter of the time of `project` and
    a JSON encoder.

    Args:
        meta: JSON values under string keys.

    Returns:
        The JSON text and what `project` returns; None where there is anything else in it, allowed or not, so that
        `project` says which.

    Raises:
        ValueError: If an integer has more digits than Python writes.

    Examples:
        >>> write_flat({"year": 2024, "draft": None})
        ('{"year":2024,"draft":null}', {'year': Values(numbers=(2024.0,), strings=(), booleans=(), instants=())})
    """
    found: Projection = {}
    parts: list[str] = []
    for key, value in meta.items():
        if type(key) is not str or not (key.isascii() or is_unicode(key)):
            return None
        kind = type(value)
        if kind is str:
            if not (value.isascii() or is_unicode(value)):
                return None
            seconds = seconds_of(value)
            found[key] = Values((), (value,), (), () if seconds is None else (seconds,))
            written = encode_basestring(value)
        elif kind is int:
            found[key] = Values((number_of(value),))
            written = repr(value)
        elif kind is float:
            if not math.isfinite(value):
                return None
            found[key] = Values((value + 0.0,))
            written = repr(value)
        elif kind is bool:
            found[key], written = (_TRUE, "true") if value else (_FALSE, "false")
        elif value is None:
            written = "null"
        else:
            return None
        parts.append(f"{encode_basestring(key)}:{written}")
    return f"{{{','.join(parts)}}}", found


def _collect(found: dict[str, _Lists], path: str, value: object, depth: int) -> None:
    if value is None:
        return
    if isinstance(value, dict | list):
        if depth == 0:
            raise InvalidInputError(f"the field {path[:80]!r} is nested more than {MAX_DEPTH} levels deep; flatten it")
        if isinstance(value, list):
            for item in value:
                _collect(found, path, item, depth - 1)
            return
        found.setdefault(path, ([], [], [], []))
        for key, item in value.items():
            _check_key(key, path)
            _collect(found, f"{path}.{key}", item, depth - 1)
        return
    _add(found.setdefault(path, ([], [], [], [])), path, value)


def _add(lists: _Lists, path: str, value: object) -> None:
    numbers, strings, booleans, instants = lists
    if isinstance(value, bool):
        booleans.append(value)
    elif isinstance(value, int | float):
        if isinstance(value, float) and not math.isfinite(value):
            raise InvalidInputError(f"the field {path!r} holds {value!r}, which is not JSON; leave it out or use null")
        numbers.append(number_of(value))
    elif isinstance(value, str):
        if not is_unicode(value):
            raise InvalidInputError(f"the field {path!r} holds a lone surrogate, which is not unicode: {value!r}")
        strings.append(value)
        seconds = seconds_of(value)
        if seconds is not None:
            instants.append(seconds)
    else:
        raise InvalidInputError(
            f"the field {path!r} holds a {type(value).__name__}, which is not JSON; "
            "allowed are str, int, float, bool, None, list and dict"
        )


def _check_key(key: object, place: str) -> None:
    if not isinstance(key, str):
        raise InvalidInputError(f"{place!r} has the key {key!r}; JSON keys are strings")
    if not is_unicode(key):
        raise InvalidInputError(f"{place!r} has a key with a lone surrogate, which is not unicode: {key!r}")


def is_unicode(text: str) -> bool:
    """Say whether a string can be written as UTF-8; one with a lone surrogate cannot."""
    if text.isascii():
        return True
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def number_of(value: float) -> float:
    """Turn a number into the float64 it compares as: never minus zero, and finite for any integer."""
    try:
        return float(value) + 0.0
    except OverflowError:
        return _LARGEST if value > 0 else -_LARGEST


def seconds_of(text: str) -> float | None:
    """Read a point in time from a string.

    Args:
        text: Any string.

    Returns:
        Seconds since 1970-01-01 UTC, digits beyond the microsecond cut off; None if the string has none of the
        ISO 8601 forms that filters know, or names a day or an hour that does not exist.
    """
    if len(text) < _DATE_LENGTH or text[4] != "-":
        return None
    found = _ISO.fullmatch(text)
    if found is None:
        return None
    year, month, day, hour, minute, second, fraction, sign, zone_hours, zone_minutes = found.groups(default="")
    offset = timedelta(hours=int(zone_hours or 0), minutes=int(zone_minutes or 0))
    if offset >= timedelta(days=1) or int(zone_minutes or 0) > 59:
        return None
    micros = int((fraction + "000000")[:6])
    try:
        moment = datetime(int(year), int(month), int(day), int(hour or 0), int(minute or 0), int(second or 0), micros)
    except ValueError:
        return None
    return _since_epoch(moment, -offset if sign == "-" else offset)


def seconds_of_date(value: date) -> float:
    """Measure the seconds from 1970-01-01 UTC to a date or datetime; no zone means UTC."""
    if isinstance(value, datetime):
        return _since_epoch(value.replace(tzinfo=None), value.utcoffset() or timedelta())
    return _since_epoch(datetime(value.year, value.month, value.day), timedelta())


def _since_epoch(moment: datetime, offset: timedelta) -> float:
    # The offset is taken off the difference, not off the moment: an hour before year 1 is no datetime.
    return ((moment - _EPOCH) - offset) // timedelta(microseconds=1) / 1_000_000
