"""The rules by which the stand-in for Pinecone takes records and filters: those that Pinecone documents."""

import operator as op
from typing import Any

import orjson

MAX_METADATA, MAX_OPERANDS = 40 << 10, 10_000
ORDERS = {"$gt": op.gt, "$gte": op.ge, "$lt": op.lt, "$lte": op.le}


class RefusedError(Exception):
    """An error body: the status of HTTP, a code of gRPC's and a message."""

    def __init__(self, status: int, code: int, message: str) -> None:
        super().__init__(message)
        self.status, self.code, self.message = status, code, message


def bad(message: str) -> RefusedError:
    return RefusedError(400, 3, message)


def holds(condition: Any, metadata: dict[str, Any], loose: bool) -> bool:
    """What a filter of Pinecone's means."""
    if not isinstance(condition, dict) or not condition:
        raise bad("filter must be a non-empty object")
    for key, wanted in condition.items():
        if key == "$and":
            result = all(holds(part, metadata, loose) for part in _parts(key, wanted))
        elif key == "$or":
            result = any(holds(part, metadata, loose) for part in _parts(key, wanted))
        elif key.startswith("$"):
            raise bad(f"{key} is not a valid operator")
        else:
            ask = wanted if isinstance(wanted, dict) else {"$eq": wanted}
            result = all(_compares(operator, value, metadata.get(key), loose) for operator, value in ask.items())
        if not result:
            return False
    return True


def _parts(key: str, wanted: Any) -> list[Any]:
    if not isinstance(wanted, list) or not wanted:
        raise bad(f"{key} needs a non-empty list")
    return wanted


def _compares(operator: str, wanted: Any, held: Any, loose: bool) -> bool:
    if operator in ORDERS:
        if not _is_number(wanted):
            raise bad(f"{operator} needs a number, got {wanted!r}")
        if not _is_number(held):
            return False
        return ORDERS[operator](held, wanted)
    if operator == "$exists":
        return (held is not None) is wanted
    values = held if isinstance(held, list) else [] if held is None else [held]
    wanted_values = wanted if operator in ("$in", "$nin") else [wanted]
    if not isinstance(wanted_values, list) or len(wanted_values) > MAX_OPERANDS:
        raise bad(f"{operator} needs a list of up to {MAX_OPERANDS} values")
    if any(isinstance(value, list | dict) for value in wanted_values):
        raise bad(f"{operator} takes strings, numbers and booleans")
    found = any(type(value) is type(other) and value == other for value in values for other in wanted_values)
    if operator in ("$eq", "$in"):
        return found
    if operator in ("$ne", "$nin"):
        return not found or (loose and any(value not in wanted_values for value in values))
    raise bad(f"{operator} is not a valid operator")


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def check_id(id: str) -> None:
    if not 1 <= len(id) <= 512 or not id.isascii() or "\x00" in id:
        raise bad(f"Vector ID must be 1 to 512 ASCII characters, got {len(id)}")


def check_metadata(metadata: dict[str, Any]) -> None:
    for key, value in metadata.items():
        strings = isinstance(value, list) and all(isinstance(each, str) for each in value)
        if not (strings or isinstance(value, str | bool | int | float)) or key.startswith("$"):
            raise bad(f"Metadata value must be a string, number, boolean or list of strings, got it for field '{key}'")
    size = len(orjson.dumps(metadata))
    if size > MAX_METADATA:
        raise bad(f"Metadata size is {size} bytes, which exceeds the limit of {MAX_METADATA} bytes per vector")
