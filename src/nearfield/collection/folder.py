"""The folder of a collection: taking an empty one."""

import shutil
from pathlib import Path

from nearfield.collection.manifest import FILE_NAME
from nearfield.errors import CollectionError, StorageError
from nearfield.files import is_leftover, make_directory
from nearfield.folder_lock import LOCK_FILES, FolderLock

POINTS = "points"
"""Name of the store's folder in a collection's."""


def claim_folder(path: Path) -> FolderLock:
    """Take a folder for a new collection, clearing what an interrupted creation left.

    Args:
        path: A folder that is empty or does not exist.

    Returns:
        The lock on it.

    Raises:
        CollectionError: If it holds a collection, or anything else.
        CollectionBusyError: If another process is making one there.
        StorageError: If the disk refuses.
    """
    ours = {*LOCK_FILES, POINTS}
    try:
        make_directory(path)
        lock = FolderLock(path)
        try:
            names = {entry.name for entry in path.iterdir()}
            leftovers = {name for name in names if is_leftover(name, FILE_NAME)}
            if FILE_NAME in names:
                raise CollectionError(f"{path} is a collection already; open it, or choose another folder")
            if foreign := sorted(names - ours - leftovers):
                raise CollectionError(f"{path} holds {foreign[0]} and is no collection; choose a new or empty folder")
            shutil.rmtree(path / POINTS, ignore_errors=True)
            for name in leftovers:
                (path / name).unlink(missing_ok=True)
        except BaseException:
            lock.release()
            raise
    except OSError as error:
        if isinstance(error, StorageError | CollectionError):
            raise
        raise StorageError(f"{path} cannot be made into a collection: {error}") from error
    return lock
