"""Files that a crash cannot halve."""

import contextlib
import os
from pathlib import Path

from nearfield.errors import StorageError


def replace_file(path: Path, content: bytes) -> None:
    """Replace a file's content: after a crash it holds the old content or the new, whole.

    Args:
        path: The file.
        content: All of it.

    Raises:
        StorageError: If the disk refuses; the old content stays.
    """
    temporary = path.with_name(path.name + ".new")
    try:
        with temporary.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
        sync_directory(path.parent)
    except BaseException as error:
        with contextlib.suppress(OSError):
            temporary.unlink()
        if not isinstance(error, OSError):
            raise
        raise StorageError(
            f"{path} could not be written ({error.strerror}); make room there, or choose another folder that exists "
            "and can be written to"
        ) from error


def sync_directory(path: Path) -> None:
    """Make the names in a directory survive a power cut; Windows keeps them by itself."""
    if os.name == "nt":
        return
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
