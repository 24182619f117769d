"""A key a line, in a file beside one that holds nothing but numbers."""

from pathlib import Path
from typing import BinaryIO

from nearfield.data.files import BOM, decode, open_bytes, require_file
from nearfield.errors import DataError, InvalidInputError
from nearfield.space.formats.rows import ReadOptions
from nearfield.space.space import Space


def keys_path(path: Path) -> Path:
    """Name the file of keys that belongs to a file of vectors: `words.keys.txt` to `words.npy`."""
    return path.with_suffix(".keys.txt")


def find_keys(path: Path, options: ReadOptions) -> list[str]:
    """Find the keys of a file of vectors: those given, or those of the file given or beside it.

    Args:
        path: The file of vectors.
        options: What was given.

    Returns:
        The keys.

    Raises:
        DataError: If there are none, or a line is not UTF-8.
    """
    if options.keys is not None and not isinstance(options.keys, str | Path):
        return list(options.keys)
    file = keys_path(path) if options.keys is None else Path(options.keys)
    if options.keys is None and not file.is_file():
        raise DataError(f"has no keys: give `keys`, or put them into {file.name}, a key a line", source=str(path))
    return _read_keys(require_file(file))


def write_keys(space: Space, file: BinaryIO) -> None:
    """Write a space's keys, a line each."""
    content = bytes(space.keys)
    if content.count(b"\n") > len(space) or b"\r" in content:
        key = next(key for key in space.keys if "\n" in key or "\r" in key)
        raise InvalidInputError(f"the key {key!r:.80} holds a line break, and keys are written a line each; use .space")
    file.write(content)


def _read_keys(path: Path) -> list[str]:
    with open_bytes(path) as stream:
        lines = stream.read().removeprefix(BOM).split(b"\n")
    if not lines[-1]:
        del lines[-1]
    keys = []
    for number, line in enumerate(lines, start=1):
        try:
            keys.append(decode(line.removesuffix(b"\r")))
        except DataError as error:
            raise DataError(error.problem, source=str(path), line=number) from error
    return keys
