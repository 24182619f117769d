"""What writing a space to any file shares: blocks of rows, and compression by the file's name."""

import contextlib
import gzip
import lzma
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, cast

from nearfield.arrays import row_blocks
from nearfield.errors import InvalidInputError
from nearfield.files import replaced_file
from nearfield.progress import Progress
from nearfield.space.space import Space

_BLOCK_VALUES = 400_000


def blocks_of(space: Space, progress: Progress) -> Iterator[slice]:
    """Cut a space into blocks of rows, so that nothing is held twice.

    Args:
        space: The space.
        progress: Called with `"writing"` and the rows done.

    Yields:
        Slices of rows, in order.
    """
    for block in row_blocks(space.vectors, values=_BLOCK_VALUES):
        yield block
        progress("writing", block.stop, len(space))


@contextlib.contextmanager
def compressed_file(path: Path) -> Iterator[BinaryIO]:
    """Give a stream that replaces a file as `replaced_file` does, compressed where the name ends in `.gz` or `.xz`.

    Args:
        path: The file.

    Yields:
        What to write to.
    """
    with replaced_file(path) as file:
        suffix = path.suffix.lower()
        if suffix == ".gz":
            with gzip.GzipFile(filename="", mode="wb", fileobj=file, mtime=0) as stream:
                yield cast(BinaryIO, stream)
        elif suffix == ".xz":
            with lzma.open(file, "wb") as stream:
                yield cast(BinaryIO, stream)
        else:
            yield file


def require_plain_keys(space: Space, *, format: str) -> None:
    """Refuse keys that a file of rows could not tell from their numbers.

    Args:
        space: The space.
        format: Name of the file's format.

    Raises:
        InvalidInputError: If a key is empty or holds white space.
    """
    for key in space.keys:
        if not key or key.encode().split() != [key.encode()]:
            raise InvalidInputError(
                f"the key {key!r:.80} is empty or holds white space, which ends a key in {format}; write .space, .npy, "
                ".safetensors or .parquet, or replace the white space"
            )
