"""Which formats there are, and which one a file is in."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from nearfield.data.files import COMPRESSIONS, format_suffix, open_bytes, require_file
from nearfield.errors import DataError, InvalidInputError
from nearfield.progress import Progress
from nearfield.space.formats import fasttext, gensim, npy, parquet, safetensors_file, text, word2vec_binary
from nearfield.space.formats.rows import ReadOptions
from nearfield.space.space import Space

_HEAD_BYTES = 65_536


@dataclass(frozen=True)
class Format:
    """A kind of file.

    Attributes:
        name: What it is called.
        recognises: Says of a file's first bytes, decompressed, whether it is of this kind.
        read: Reads one.
        write: Writes one, if that is offered.
        suffixes: Names of files that are written in this format unless another is asked for.
        compressible: Whether it may be compressed as a whole.
    """

    name: str
    recognises: Callable[[bytes], bool]
    read: Callable[[Path, ReadOptions], Space]
    write: Callable[[Space, Path, Progress], None] | None = None
    suffixes: tuple[str, ...] = ()
    compressible: bool = False


def _is_glove(head: bytes) -> bool:
    return text.parse_header(head.partition(b"\n")[0]) is None and text.count_numbers(_whole_fields(head)) > 0


def _is_word2vec(head: bytes) -> bool:
    first, _, rest = head.partition(b"\n")
    return text.parse_header(first) is not None and (not rest or text.count_numbers(_whole_fields(rest)) > 0)


def _is_word2vec_binary(head: bytes) -> bool:
    return text.parse_header(head.partition(b"\n")[0]) is not None and not _is_word2vec(head)


def _whole_fields(head: bytes) -> bytes:
    """Give the first line, or what of it is there without the field that the end may cut."""
    line, end, _ = head.partition(b"\n")
    return line if end or len(head) < _HEAD_BYTES // 2 else line.rpartition(b" ")[0]


def _starts_with(magic: bytes) -> Callable[[bytes], bool]:
    return lambda head: head.startswith(magic)


FORMATS = {
    kind.name: kind
    for kind in (
        Format("npy", _starts_with(b"\x93NUMPY"), npy.read_npy, npy.write_npy, (".npy",)),
        Format("parquet", _starts_with(b"PAR1"), parquet.read_parquet, parquet.write_parquet, (".parquet",)),
        Format("fasttext", _starts_with(fasttext.MAGIC), fasttext.read_fasttext),
        Format(
            "safetensors",
            safetensors_file.is_safetensors,
            safetensors_file.read_safetensors,
            safetensors_file.write_safetensors,
            (".safetensors",),
        ),
        Format("gensim", _starts_with(b"\x80"), gensim.read_gensim),
        Format("word2vec", _is_word2vec, text.read_word2vec, text.write_word2vec, (".vec",), compressible=True),
        Format(
            "word2vec-binary",
            _is_word2vec_binary,
            word2vec_binary.read_word2vec_binary,
            word2vec_binary.write_word2vec_binary,
            (".bin",),
            compressible=True,
        ),
        Format("glove", _is_glove, text.read_glove, text.write_glove, (".txt",), compressible=True),
    )
}
"""By name; a file is in the first that recognises it."""


def find_format(path: Path, name: str | None) -> Format:
    """Find out which format a file is in, by its content.

    Args:
        path: The file.
        name: The format, if it is known.

    Returns:
        The format.

    Raises:
        InvalidInputError: If no format has that name.
        DataError: If there is no file, it is empty, in no format known, or compressed though its format cannot be.
    """
    require_file(path)
    with open_bytes(path) as stream:
        head = stream.read(_HEAD_BYTES)
    if not head:
        raise DataError("is empty", source=str(path))
    kind = next((kind for kind in FORMATS.values() if kind.recognises(head)), None) if name is None else _named(name)
    if kind is None:
        raise DataError(f"is no file of vectors; formats are {', '.join(FORMATS)}", source=str(path))
    if not kind.compressible and path.suffix.lower() in COMPRESSIONS[1:]:
        raise DataError(
            f"is a compressed {kind.name} file, which is read from the disk; decompress it", source=str(path)
        )
    return kind


def find_writer(path: Path, name: str | None) -> Callable[[Space, Path, Progress], None]:
    """Find what writes a file.

    Args:
        path: The file; its suffix says the format if there is no name.
        name: The format.

    Returns:
        A function of the space, the path and the progress.

    Raises:
        InvalidInputError: If there is no such format, or none for such a suffix, or it is only read.
    """
    if path.suffix.lower() == ".zst":
        raise InvalidInputError(f".zst files are only read; name {path.name!r} .gz or .xz to have it compressed")
    suffix = format_suffix(path)
    kind = next((kind for kind in FORMATS.values() if suffix in kind.suffixes), None) if name is None else _named(name)
    if kind is None or kind.write is None:
        suffixes = ", ".join(f"{suffix} ({kind.name})" for kind in FORMATS.values() for suffix in kind.suffixes)
        given = f"file {path.name!r}" if name is None else f"format {name!r}"
        raise InvalidInputError(f"cannot write {given}; name the file .space, {suffixes}, or give a format")
    if not kind.compressible and path.suffix.lower() in COMPRESSIONS[1:]:
        raise InvalidInputError(f"{kind.name} files are not compressed as a whole; leave out {path.suffix}")
    return kind.write


def _named(name: str) -> Format:
    if name not in FORMATS:
        raise InvalidInputError(f"format must be one of {', '.join(FORMATS)}, got {name!r}")
    return FORMATS[name]
