"""Which formats there are, and which one a file is in."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from nearfield.data.files import open_bytes, require_file
from nearfield.errors import DataError, InvalidInputError
from nearfield.space.formats.rows import ReadOptions
from nearfield.space.formats.text import count_numbers, parse_header, read_glove, read_word2vec
from nearfield.space.formats.word2vec_binary import read_word2vec_binary
from nearfield.space.space import Space

_HEAD_BYTES = 65_536


@dataclass(frozen=True)
class Format:
    """A kind of file.

    Attributes:
        name: What it is called.
        recognises: Says of a file's first bytes, decompressed, whether it is of this kind.
        read: Reads one.
    """

    name: str
    recognises: Callable[[bytes], bool]
    read: Callable[[Path, ReadOptions], Space]


def _is_glove(head: bytes) -> bool:
    return parse_header(head.partition(b"\n")[0]) is None and count_numbers(_whole_fields(head)) > 0


def _is_word2vec(head: bytes) -> bool:
    first, _, rest = head.partition(b"\n")
    return parse_header(first) is not None and (not rest or count_numbers(_whole_fields(rest)) > 0)


def _is_word2vec_binary(head: bytes) -> bool:
    return parse_header(head.partition(b"\n")[0]) is not None and not _is_word2vec(head)


def _whole_fields(head: bytes) -> bytes:
    """Give the first line, or what of it is there without the field that the end may cut."""
    line, end, _ = head.partition(b"\n")
    return line if end or len(head) < _HEAD_BYTES // 2 else line.rpartition(b" ")[0]


FORMATS = {
    kind.name: kind
    for kind in (
        Format("word2vec", _is_word2vec, read_word2vec),
        Format("word2vec-binary", _is_word2vec_binary, read_word2vec_binary),
        Format("glove", _is_glove, read_glove),
    )
}


def find_format(path: Path, name: str | None) -> Format:
    """Find out which format a file is in, by its content.

    Args:
        path: The file.
        name: The format, if it is known.

    Returns:
        The format.

    Raises:
        InvalidInputError: If no format has that name.
        DataError: If there is no file, it is empty, or in no format known.
    """
    require_file(path)
    if name is not None:
        if name not in FORMATS:
            raise InvalidInputError(f"format must be one of {', '.join(FORMATS)}, got {name!r}")
        return FORMATS[name]
    with open_bytes(path) as stream:
        head = stream.read(_HEAD_BYTES)
    if not head:
        raise DataError("is empty", source=str(path))
    for kind in FORMATS.values():
        if kind.recognises(head):
            return kind
    raise DataError(f"is no file of vectors; formats are {', '.join(FORMATS)}", source=str(path))
