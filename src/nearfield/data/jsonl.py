"""JSON Lines: one object a line."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path

from nearfield.data.files import BOM, decode, open_bytes
from nearfield.errors import DataError

_parse = json.JSONDecoder().decode


def read_jsonl(path: Path) -> Iterator[tuple[int, Mapping[str, object] | DataError]]:
    """Read one object a line; blank lines are passed over.

    Args:
        path: A file of JSON Lines in UTF-8, plain, `.gz`, `.xz` or `.zst`.

    Yields:
        The 1-based line number, and the object or what is wrong with the line.
    """
    with open_bytes(path) as stream:
        for line, raw in enumerate(stream, start=1):
            content = raw.removeprefix(BOM) if line == 1 else raw
            if not content or content.isspace():
                continue
            try:
                row: Mapping[str, object] | DataError = _object(content)
            except DataError as error:
                row = error
            yield line, row


def _object(raw: bytes) -> Mapping[str, object]:
    try:
        value = _parse(decode(raw))
    except json.JSONDecodeError as error:
        raise DataError(f"not valid JSON: {error.msg} at column {error.pos + 1}; {_advice(raw)}") from error
    except RecursionError as error:
        raise DataError("JSON nested too deeply to read") from error
    except ValueError as error:  # an integer of more digits than Python reads
        if isinstance(error, DataError):
            raise
        raise DataError(f"not usable JSON: {error}") from error
    if not isinstance(value, dict):
        raise DataError(f"not an object but {_kind(value)}; {_advice(raw)}")
    return value


def _advice(raw: bytes) -> str:
    if raw.lstrip().startswith(b"["):
        return "this looks like one JSON array; write one object a line instead"
    return 'each line must be one whole object, like {"_id": "1", "text": "..."}'


def _kind(value: object) -> str:
    names = {list: "a list", str: "a string", bool: "true or false", int: "a number", float: "a number"}
    return names.get(type(value), "null")
