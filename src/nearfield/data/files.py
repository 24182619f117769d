"""Files as streams of bytes: plain, gzip, xz or zstd, with errors that name the file."""

import gzip
import io
import lzma
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, cast

from nearfield.errors import DataError

COMPRESSIONS = ("", ".gz", ".xz", ".zst")
BOM = b"\xef\xbb\xbf"


def format_suffix(path: Path) -> str:
    """Tell the lower-case suffix that names the format: `.csv` for `a.CSV.gz`, `""` where there is none."""
    suffixes = [suffix.lower() for suffix in path.suffixes]
    if suffixes and suffixes[-1] in COMPRESSIONS:
        suffixes.pop()
    return suffixes[-1] if suffixes else ""


def require_file(path: Path) -> Path:
    """Refuse a path that is not a file, before anything is read."""
    if path.is_file():
        return path
    problem = "is a folder; give a file" if path.is_dir() else "no such file"
    raise DataError(f"{problem} (looked from {Path.cwd()})" if not path.is_absolute() else problem, source=str(path))


def has_file(folder: Path, name: str) -> bool:
    """Tell whether `name`, itself or compressed, is in a folder."""
    return any((folder / f"{name}{suffix}").is_file() for suffix in COMPRESSIONS)


def find_in_folder(folder: Path, name: str) -> Path:
    """Find `name`, itself or compressed, in a folder."""
    for suffix in COMPRESSIONS:
        if (path := folder / f"{name}{suffix}").is_file():
            return path
    found = ", ".join(sorted(entry.name for entry in folder.iterdir())[:10]) if folder.is_dir() else ""
    problem = f"has no {name} (nor {name}.gz, .xz or .zst)" if folder.is_dir() else "no such folder"
    raise DataError(f"{problem}; found: {found}" if found else problem, source=str(folder))


@contextmanager
def open_bytes(path: Path) -> Iterator[BinaryIO]:
    """Open a file for reading, decompressed; what goes wrong inside the `with` names the file.

    Args:
        path: The file; `.gz`, `.xz` and `.zst` are decompressed as they are read.

    Yields:
        The stream of bytes.

    Raises:
        DataError: If the file cannot be opened or read, or its compressed content is damaged.
        MissingExtraError: If it is `.zst`, and zstandard is not installed.
    """
    try:
        with _open(path) as stream:
            yield stream
    except (EOFError, zlib.error, lzma.LZMAError, gzip.BadGzipFile) as error:
        raise DataError(f"damaged or not {path.suffix.lower()} at all: {error}", source=str(path)) from error
    except OSError as error:
        raise DataError(f"cannot be read: {error.strerror or error}", source=str(path)) from error


def _open(path: Path) -> BinaryIO:
    suffix = path.suffix.lower()
    if suffix == ".gz":
        # GzipFile splits lines in Python; BufferedReader does it in C.
        return io.BufferedReader(cast(io.RawIOBase, gzip.open(path, "rb")))
    if suffix == ".xz":
        return io.BufferedReader(cast(io.RawIOBase, lzma.open(path, "rb")))
    if suffix == ".zst":
        from nearfield.data.zstd import ZstdFile

        return io.BufferedReader(ZstdFile(path))
    return path.open("rb")


def decode(raw: bytes) -> str:
    """Decode one line of UTF-8, or raise a `DataError` (without a place) that says which byte is wrong."""
    try:
        return raw.decode()
    except UnicodeDecodeError as error:
        byte = raw[error.start]
        raise DataError(
            f"not valid UTF-8: byte 0x{byte:02x} at byte {error.start + 1} of the line; save the file as UTF-8"
        ) from error
