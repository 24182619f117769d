"""Plain text: one record a line, named by its number."""

from collections.abc import Iterator, Mapping
from pathlib import Path

from nearfield.data.files import BOM, decode, open_bytes
from nearfield.errors import DataError


def read_lines(path: Path) -> Iterator[tuple[int, Mapping[str, object] | DataError]]:
    """Read one text a line; blank lines are passed over.

    Args:
        path: A file of plain text in UTF-8, itself, `.gz`, `.xz` or `.zst`.

    Yields:
        The 1-based line number, and the record or what is wrong with the line; its id is that number.
    """
    with open_bytes(path) as stream:
        for line, raw in enumerate(stream, start=1):
            content = raw.removeprefix(BOM) if line == 1 else raw
            if not content or content.isspace():
                continue
            try:
                row: Mapping[str, object] | DataError = {"_id": str(line), "text": decode(content).strip()}
            except DataError as error:
                row = error
            yield line, row
