"""CSV and TSV with a header line; DataFrames."""

import csv
import io
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Protocol, TypeGuard

from nearfield.data.files import open_bytes
from nearfield.errors import DataError

MAX_CELL = 2**26
"""Longest cell in characters: the csv module's own limit is too low, and none lets an unclosed quote eat a file."""

_DELIMITERS = {",": "comma", "\t": "tab"}


class Frame(Protocol):
    """What is used of a pandas DataFrame."""

    @property
    def columns(self) -> Iterable[object]:
        """Names of the columns."""
        ...

    @property
    def index(self) -> object:
        """Labels of the rows."""
        ...

    def itertuples(self, index: bool = True, name: str | None = None) -> Iterable[tuple[object, ...]]:
        """Iterate over the rows as tuples."""
        ...


def is_frame(source: object) -> TypeGuard[Frame]:
    """Tell a DataFrame by what it can do, without importing pandas."""
    return hasattr(source, "itertuples") and hasattr(source, "to_dict") and hasattr(source, "columns")


def read_frame(frame: Frame) -> Iterator[tuple[int, Mapping[str, object]]]:
    """Read the rows of a DataFrame; an index that has a name counts as a column.

    Args:
        frame: The DataFrame.

    Yields:
        The 1-based position of the row, and its cells by column.
    """
    index_name = getattr(frame.index, "name", None)
    names = [str(column) for column in frame.columns]
    if index_name is not None:
        names.insert(0, str(index_name))
    _refuse_twins(names, source="DataFrame", line=None)
    rows = frame.itertuples(index=index_name is not None, name=None)
    for position, cells in enumerate(rows, start=1):
        yield position, dict(zip(names, cells, strict=True))


def read_table(path: Path, *, delimiter: str) -> Iterator[tuple[int, Mapping[str, str] | DataError]]:
    """Read a table whose first line names the columns; blank lines are passed over.

    Args:
        path: A file in UTF-8, plain, `.gz`, `.xz` or `.zst`; cells may be quoted as RFC 4180 says.
        delimiter: What stands between cells.

    Yields:
        The 1-based line the row begins on, and its cells by column or what is wrong with the row.
    """
    with open_bytes(path) as stream:
        # Invalid bytes become lone surrogates, which `_row` finds: a decoding error would end the whole stream.
        lines = io.TextIOWrapper(stream, encoding="utf-8-sig", errors="surrogateescape", newline="")
        names: list[str] = []
        for line, cells in _cells(lines, delimiter):
            row = cells if isinstance(cells, DataError) else _checked(cells, names, delimiter)
            if names:
                yield line, row if isinstance(row, DataError) else dict(zip(names, row, strict=True))
            elif isinstance(row, DataError):
                raise DataError(row.problem, source=str(path), line=line)
            else:
                names = row
                _refuse_twins(names, source=str(path), line=line)


def _cells(lines: Iterable[str], delimiter: str) -> Iterator[tuple[int, list[str] | DataError]]:
    reader = csv.reader(lines, delimiter=delimiter, strict=True)
    while True:
        start = reader.line_num + 1
        # The limit belongs to the whole process: lift it only while one row is read.
        limit = csv.field_size_limit(MAX_CELL)
        try:
            cells: list[str] | DataError = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            cells = DataError(f"{error}; {_quoting_advice(str(error))}")
        finally:
            csv.field_size_limit(limit)
        if cells:
            yield start, cells


def _quoting_advice(problem: str) -> str:
    if "field larger" in problem:
        return f"a cell may hold {MAX_CELL:,} characters: is a quote left open on this line?"
    return 'a cell that begins with " must end with one, and a " inside it is written ""'


def _checked(cells: list[str], names: Sequence[str], delimiter: str) -> list[str] | DataError:
    for column, cell in enumerate(cells, start=1):
        if not cell.isascii() and not _encodable(cell):
            return DataError(f"not valid UTF-8 in cell {column}; save the file as UTF-8")
    if names and len(cells) != len(names):
        return DataError(
            f"the header has {len(names)} cells ({', '.join(names)}), this row {len(cells)}; "
            f"quote a cell that holds a {_DELIMITERS.get(delimiter, delimiter)}"
        )
    return cells


def _encodable(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _refuse_twins(names: Sequence[str], *, source: str, line: int | None) -> None:
    for position, name in enumerate(names):
        if name in names[:position]:
            raise DataError(f"two columns are named {name!r}; rename one", source=source, line=line)
