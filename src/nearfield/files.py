"""Files that a crash cannot halve, and directories that it cannot lose."""

import contextlib
import os
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from nearfield.errors import StorageError


def replace_file(path: Path, content: bytes) -> None:
    """Replace a file's content: after a crash it holds the old content or the new, whole.

    The content is written beside the file, under a name of its own that `is_leftover` knows, and renamed. A process
    that is killed meanwhile leaves that name behind.

    Args:
        path: The file; a new one gets the permissions that the umask leaves, an old one is replaced by such a one.
        content: All of it.

    Raises:
        StorageError: If the disk refuses, or something other than a file is there. The old content stays, unless the
            rename was done and only syncing it failed: then the new content is there, and a power cut may undo it.
            An interrupt leaves the same two outcomes.
    """
    with replaced_file(path) as file:
        file.write(content)


@contextlib.contextmanager
def replaced_file(path: Path) -> Iterator[BinaryIO]:
    """Give a stream whose content takes the file's place, as in `replace_file`, when the `with` ends without an error.

    Args:
        path: The file.

    Yields:
        What to write to.

    Raises:
        StorageError: As `replace_file`.
    """
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(8)}.new")
    with disk_errors(path):
        _refuse_special(path)
        try:
            # "x" never touches what somebody else has there.
            with temporary.open("xb") as file:
                yield file
                file.flush()
                os.fsync(file.fileno())
            temporary.replace(path)
        except BaseException:
            with contextlib.suppress(OSError):
                temporary.unlink()
            raise
        sync_directory(path.parent)


@contextlib.contextmanager
def disk_errors(path: Path) -> Iterator[None]:
    """Say of what the disk refuses that `path` could not be written, and what to do.

    Args:
        path: The file or folder that is written.

    Yields:
        Nothing.

    Raises:
        StorageError: In place of any other error of the operating system.
    """
    try:
        yield
    except StorageError:
        raise
    except OSError as error:
        raise StorageError(
            f"{path} could not be written ({error.strerror or error}); make room there, or choose another folder that "
            "exists and can be written to"
        ) from error


def is_leftover(name: str, of: str) -> bool:
    """Say whether a name is what an interrupted `replace_file` of the file `of`, in the same folder, left behind."""
    return name == f"{of}.new" or (name.startswith(f".{of}.") and name.endswith(".new"))


def make_directory(path: Path) -> None:
    """Make a directory and its missing parents, so that they survive a power cut; one that exists is only synced.

    Args:
        path: The directory.
    """
    missing = [parent for parent in path.parents if not parent.exists()]
    path.mkdir(parents=True, exist_ok=True)
    for made in (path, *missing):
        # Whoever may not list a directory, such as another user's, cannot sync it either.
        with contextlib.suppress(PermissionError):
            sync_directory(made.parent)


def allocated_bytes(path: Path) -> int:
    """Measure the blocks that a folder's files take, which for sparse files is far below their size."""
    total = 0
    for folder, _, files in os.walk(path):
        for name in files:
            try:
                status = (Path(folder) / name).stat()
            except FileNotFoundError:  # somebody replaces files while this walks
                continue
            total += getattr(status, "st_blocks", -(-status.st_size // 512)) * 512
    return total


def sync_directory(path: Path) -> None:
    """Make the names in a directory survive a power cut; Windows keeps them by itself."""
    if os.name == "nt":
        return
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _refuse_special(path: Path) -> None:
    """Refuse a device, pipe or socket, which a rename would replace; the rename itself refuses a directory."""
    if path.exists() and not (path.is_file() or path.is_dir()):
        raise StorageError(f"{path} is not a regular file and would be lost; choose another name to write to")
