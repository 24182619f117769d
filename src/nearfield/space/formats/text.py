"""Text, a row a line: a key, then numbers. With a header it is word2vec's (and fastText's `.vec`), without GloVe's.

References:
    Mikolov, Chen, Corrado & Dean (2013), arXiv:1301.3781; Pennington, Socher & Manning (2014), doi:10.3115/v1/D14-1162.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import BinaryIO

import numpy as np

from nearfield.arrays import Vectors
from nearfield.data.files import BOM, COMPRESSIONS, decode, open_bytes
from nearfield.errors import DataError
from nearfield.progress import Progress
from nearfield.space.formats.rows import ReadOptions, RowCollector
from nearfield.space.formats.writing import blocks_of, compressed_file, require_plain_keys
from nearfield.space.space import Space

_BLOCK_BYTES = 4_000_000
_MOST_DIMENSIONS = 10_000_000  # a header that says more lies, and would have as much memory taken for a row


def read_word2vec(path: Path, options: ReadOptions) -> Space:
    """Read text whose first line says how many rows there are and of how many dimensions."""
    with open_bytes(path) as stream:
        count, dim = read_header(path, stream)
        require_size(path, rows=count, row_bytes=2 * dim + 1)
        collector = RowCollector(path, dim, options, unit="line", total=count)
        _read_rows(stream, collector, dim, line=2, count=count)
    return collector.space(format="word2vec")


def read_glove(path: Path, options: ReadOptions) -> Space:
    """Read text whose every line is a row; the first one says how many dimensions there are."""
    with open_bytes(path) as stream:
        first = stream.readline().removeprefix(BOM)
        dim = count_numbers(first)
        if not dim:
            raise DataError("a line is a key and its numbers, got no number", source=str(path), line=1)
        collector = RowCollector(path, dim, options, unit="line")
        _take_lines([first], 1, dim, collector)
        _read_rows(stream, collector, dim, line=2, count=None)
    return collector.space(format="glove")


def write_word2vec(space: Space, path: Path, progress: Progress) -> None:
    """Write text with a header, as word2vec and fastText do; compressed where the name ends in `.gz` or `.xz`."""
    _write(space, path, progress, header=f"{len(space)} {space.dim}\n", format="word2vec")


def write_glove(space: Space, path: Path, progress: Progress) -> None:
    """Write text without a header; compressed where the name ends in `.gz` or `.xz`."""
    _write(space, path, progress, header="", format="glove")


def read_header(path: Path, stream: BinaryIO) -> tuple[int, int]:
    """Read the line that word2vec begins text and binary files with: numbers of rows and of dimensions."""
    header = parse_header(stream.readline(100))
    if header is None:
        raise DataError("the first line must hold the numbers of rows and of dimensions", source=str(path), line=1)
    if min(header) < 1:
        raise DataError(f"the header says {header[0]} rows of {header[1]} dimensions", source=str(path), line=1)
    if header[1] > _MOST_DIMENSIONS:
        raise DataError(
            f"the header says {header[1]:,} dimensions, and at most {_MOST_DIMENSIONS:,} are read",
            source=str(path),
            line=1,
        )
    return header


def parse_header(line: bytes) -> tuple[int, int] | None:
    """Take word2vec's first line apart; None if it is none."""
    fields = line.removeprefix(BOM).split()
    if len(fields) != 2 or not all(field.isdigit() for field in fields):
        return None
    return int(fields[0]), int(fields[1])


def require_size(path: Path, *, rows: int, row_bytes: int) -> None:
    """Refuse a header that promises more than the file can hold, before anything is read or made room for.

    Args:
        path: The file; of a compressed one nothing is known.
        rows: Rows promised.
        row_bytes: Fewest bytes of a row.

    Raises:
        DataError: If the file is too small.
    """
    if path.suffix.lower() not in COMPRESSIONS[1:] and path.stat().st_size < rows * row_bytes:
        raise DataError(
            f"the header says {rows:,} rows, which take at least {rows * row_bytes:,} bytes, and the file has "
            f"{path.stat().st_size:,}; it is cut short, or the header wrong",
            source=str(path),
            line=1,
        )


def count_numbers(line: bytes) -> int:
    """Count the numbers at a line's end; the first field is the key whatever it looks like."""
    fields = line.split()[1:]
    return next((count for count, field in enumerate(reversed(fields)) if not _is_number(field)), len(fields))


def _write(space: Space, path: Path, progress: Progress, *, header: str, format: str) -> None:
    require_plain_keys(space, format=format)
    # Nine digits bring each float32 back exactly.
    row = "%s" + " %.9g" * space.dim + "\n"
    with compressed_file(path) as file:
        file.write(header.encode())
        for block in blocks_of(space, progress):
            rows = zip(space.keys[block], space.vectors[block].tolist(), strict=True)
            file.write("".join([row % (key, *vector) for key, vector in rows]).encode())


def _read_rows(stream: BinaryIO, collector: RowCollector, dim: int, *, line: int, count: int | None) -> None:
    """Read rows to the end or the limit, and compare how many there were with the header."""
    while not collector.full and (lines := stream.readlines(_BLOCK_BYTES)):
        if count is not None and collector.seen + len(lines) > count:
            _refuse_surplus(lines, line, collector, count)
        _take_lines(lines, line, dim, collector)
        line += len(lines)
    if count is not None and not collector.full and collector.seen < count:
        raise collector.error(
            f"the header says {count:,} rows, and the file has {collector.seen:,}; it is cut short, or the header wrong"
        )


def _refuse_surplus(lines: Sequence[bytes], start: int, collector: RowCollector, count: int) -> None:
    rows = [line for line, raw in enumerate(lines, start) if not raw.isspace()]
    room = count - collector.seen
    if len(rows) > room:
        raise collector.error(f"the header says {count:,} rows, and here is one more; correct the header", rows[room])


def _take_lines(lines: Sequence[bytes], start: int, dim: int, collector: RowCollector) -> None:
    try:
        keys, vectors = _parse_all(lines, dim)
    except ValueError:
        for place, key, vector in _parse_each(lines, start, dim, collector):
            collector.add([key], vector, [place])
    else:
        collector.add(keys, vectors, range(start, start + len(lines)))


def _parse_all(lines: Sequence[bytes], dim: int) -> tuple[list[str], Vectors]:
    """Parse lines of which nothing is wrong, fast; a ValueError if something is, or may be."""
    parts = [line.rstrip().partition(b" ") for line in lines]
    numbers = [rest for _, _, rest in parts]
    keys = [key for key, _, _ in parts]
    if not (all(keys) and all(numbers)):
        raise ValueError("a line without a key or numbers")
    vectors = np.loadtxt(numbers, np.float32, comments=None, ndmin=2)
    if vectors.shape != (len(lines), dim):
        raise ValueError("rows of another length")
    return b"\n".join(keys).decode().split("\n"), vectors


def _parse_each(
    lines: Sequence[bytes], start: int, dim: int, collector: RowCollector
) -> Iterator[tuple[int, str, Vectors]]:
    """Parse lines one by one, to tell what is wrong with which; blank ones are passed over."""
    for place, line in enumerate(lines, start):
        if line.isspace():
            continue
        try:
            key, vector = _parse_line(line, dim)
        except DataError as error:
            collector.refuse(error.problem, place)
        else:
            yield place, key, vector


def _parse_line(line: bytes, dim: int) -> tuple[str, Vectors]:
    text = decode(line.rstrip())
    # Only ASCII's white space parts fields: words may hold other kinds. A key may hold spaces, as GloVe's ". . .",
    # yet a number before the numbers is one too many.
    key, *numbers = line.rsplit(None, dim)
    *_, before = key.rsplit(None, 1)
    if len(numbers) < dim or (before != key and _is_number(before)):
        raise DataError(f"a key and {dim} numbers are to stand here, got {len(line.split())} fields: {text!r:.60}")
    try:
        with np.errstate(over="ignore"):
            return key.decode(), np.array([[float(number) for number in numbers]]).astype(np.float32)
    except ValueError:
        wrong = next(number for number in numbers if not _is_number(number))
        raise DataError(f"{wrong.decode()!r:.40} is no number") from None


def _is_number(field: bytes) -> bool:
    try:
        float(field)
    except ValueError:
        return False
    return True
