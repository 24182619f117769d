"""Read pairs of keys, such as a dictionary, from a file."""

import os
from pathlib import Path

from nearfield.errors import DataError


def read_pairs(path: str | os.PathLike[str]) -> list[tuple[str, str]]:
    """Read a pair of keys a line, with a tab between them; or one space, as in the dictionaries of MUSE.

    Args:
        path: A UTF-8 file; empty lines are skipped.

    Returns:
        The pairs, in the file's order.

    Raises:
        DataError: If the file cannot be read, holds none, or a line is no pair.
    """
    try:
        text = Path(path).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"cannot be read: {error}", source=str(path)) from error
    pairs = []
    for number, line in enumerate(text.splitlines(), start=1):
        parts = line.split("\t") if "\t" in line else line.split(" ")
        if not line.strip():
            continue
        if len(parts) != 2 or not all(parts):
            raise DataError("must be two keys with a tab between them", source=str(path), line=number)
        pairs.append((parts[0], parts[1]))
    if not pairs:
        raise DataError("holds no pair of keys", source=str(path))
    return pairs
