"""Reads the JSON files of a model folder, and the numbers in them."""

import json
from pathlib import Path
from typing import Any

from nearfield.errors import ModelFolderError


def read_json(path: Path) -> object:
    """Read a file of any JSON.

    Args:
        path: The file.

    Returns:
        Its content.

    Raises:
        ModelFolderError: If it is missing or no JSON.
    """
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise ModelFolderError(f"{path} is missing; download the model again, or give another folder") from error
    except (OSError, ValueError, RecursionError) as error:
        raise ModelFolderError(f"{path} cannot be read as JSON ({error}); download the model again") from error


def read_json_object(path: Path, *, required: bool = True) -> dict[str, Any]:
    """Read a file that holds one JSON object.

    Args:
        path: The file.
        required: Whether it must exist.

    Returns:
        Its content; empty if it does not exist and need not.

    Raises:
        ModelFolderError: If it is missing, no JSON, or no object.
    """
    if not required and not path.exists():
        return {}
    values = read_json(path)
    if not isinstance(values, dict):
        raise ModelFolderError(f"{path} must hold a JSON object, got {type(values).__name__}; download the model again")
    return values


def whole_number(value: object, key: str, source: str, *, least: int = 1) -> int:
    """Check a number read from a `config.json`.

    Args:
        value: What stands there.
        key: Under which key.
        source: What to call the file in an error.
        least: The smallest that makes sense.

    Returns:
        The value.

    Raises:
        ModelFolderError: If it is no whole number of at least `least`.
    """
    if isinstance(value, bool) or not isinstance(value, int) or value < least:
        raise ModelFolderError(f"{source}: {key} must be a whole number of at least {least}, got {value!r}")
    return value
