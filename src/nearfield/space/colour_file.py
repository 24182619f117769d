"""What colours a map, read from a table with a value for each key."""

import math
import os
from pathlib import Path

from nearfield.data.tables import read_table
from nearfield.errors import DataError, InvalidInputError


def read_colours(
    path: str | os.PathLike[str], *, column: str | None = None
) -> tuple[str, dict[str, str] | dict[str, float]]:
    """Read a value for each key.

    Args:
        path: A `.tsv` or `.csv` file, plain, `.gz`, `.xz` or `.zst`, with a header; the first column holds the keys.
        column: The column of the values; by default the second.

    Returns:
        The column's name, and its values by key: numbers if all are. An empty cell is no value.

    Raises:
        DataError: If the table cannot be read, has no second column or no values, or has a key twice.
        InvalidInputError: If it has no column of that name.
    """
    delimiter = "," if ".csv" in Path(path).suffixes else "\t"
    values: dict[str, str] = {}
    name = column
    for line, row in read_table(Path(path), delimiter=delimiter):
        if isinstance(row, DataError):
            raise DataError(row.problem, source=str(path), line=line)
        names = list(row)
        name = _value_column(names, name, path)
        key = row[names[0]]
        if key in values:
            raise DataError(f"the key {key!r} stands twice; give each one value", source=str(path), line=line)
        values[key] = row[name]
    given = {key: value for key, value in values.items() if value.strip()}
    if not given or name is None:
        raise DataError("holds no values to colour by: write a header and lines of a key and a value", source=str(path))
    numbers = {key: _number(value) for key, value in given.items()}
    if all(number is not None for number in numbers.values()):
        return name, {key: number for key, number in numbers.items() if number is not None}
    return name, given


def _value_column(names: list[str], name: str | None, path: str | os.PathLike[str]) -> str:
    if len(names) < 2:
        raise DataError(f"needs a column of keys and one of values, found only {names[0]!r}", source=str(path), line=1)
    if name is not None and name not in names:
        raise InvalidInputError(f"{os.fspath(path)} has no column {name!r}; it has {', '.join(names)}")
    return name if name is not None else names[1]


def _number(text: str) -> float | None:
    try:
        number = float(text)
    except ValueError:
        return None
    return number if math.isfinite(number) else None
