"""The folder of an embedded store: who holds it, which shard counts, and what has reached the disk.

A folder holds `store.json`, a lock and one shard of the engine, named in `store.json`. A shard that is not named there
is what a crash or an error left of a creation or of `compact`, and is removed when the folder is next opened or
compacted.
"""

import errno
import json
import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nearfield.errors import CollectionError, NearfieldError, StorageError
from nearfield.files import is_leftover, make_directory, replace_file, sync_directory
from nearfield.folder_lock import LOCK_FILES, FolderLock
from nearfield.stores.base import StoreConfig

FORMAT_VERSION = 1
ENGINE = "qdrant-edge 0.9"
_DESCRIPTION = "store.json"
_SHARD = "shard-"


@dataclass
class Folder:
    """A locked folder.

    Attributes:
        path: Where it is.
        shard: Name of the shard that counts.
        lock: Held until `release`.
    """

    path: Path
    shard: str
    lock: FolderLock

    @property
    def shard_path(self) -> Path:
        """Where the shard that counts is."""
        return self.path / self.shard

    def next_shard(self) -> str:
        """Name the shard that `compact` writes."""
        return f"{_SHARD}{int(self.shard.removeprefix(_SHARD)) + 1}"

    def commit(self, shard: str, config: StoreConfig) -> None:
        """Make a shard the one that counts, in one step that a crash cannot halve; after an error ask `committed`."""
        description = {
            "format_version": FORMAT_VERSION,
            "engine": ENGINE,
            "dim": config.dim,
            "metric": config.metric,
            "sparse": list(config.sparse),
            "dtype": "float32",
            "normalised": config.metric == "cosine",
            "shard": shard,
        }
        replace_file(self.path / _DESCRIPTION, json.dumps(description, indent=1).encode())
        self.shard = shard

    def committed(self, config: StoreConfig) -> str:
        """Read which shard counts: the last one committed, or the one whose `commit` failed late."""
        return _read_description(self.path / _DESCRIPTION, config)

    def remove_leftovers(self) -> None:
        """Remove every shard but the one that counts, and what interrupted commits left."""
        for entry in list(self.path.iterdir()):
            if entry.name.startswith(_SHARD) and entry.name != self.shard:
                shutil.rmtree(entry, ignore_errors=True)
            elif is_leftover(entry.name, _DESCRIPTION):
                entry.unlink(missing_ok=True)

    def release(self) -> None:
        """Let others open the folder."""
        self.lock.release()


def create_folder(path: Path) -> Folder:
    """Take a folder for a new store; nothing counts before the first `commit`.

    Args:
        path: A folder that does not exist, or is empty but for what an interrupted creation left.

    Returns:
        The locked folder.

    Raises:
        CollectionError: If there is a store already, or something else.
        CollectionBusyError: If another process is creating one there.
    """
    make_directory(path)
    folder = Folder(path, "", FolderLock(path))
    try:
        if (path / _DESCRIPTION).exists():
            raise CollectionError(f"{path} already holds a store; open it, or remove the folder first")
        names = [entry.name for entry in path.iterdir() if entry.name not in LOCK_FILES]
        strange = [name for name in names if not (name.startswith(_SHARD) or is_leftover(name, _DESCRIPTION))]
        if strange:
            raise CollectionError(f"{path} holds other files ({strange[0]}, ...); a store needs a folder of its own")
        folder.remove_leftovers()
    except BaseException:
        folder.release()
        raise
    folder.shard = f"{_SHARD}1"
    return folder


def open_folder(path: Path, config: StoreConfig) -> Folder:
    """Lock the folder of an existing store and check that it is of this kind.

    Args:
        path: The folder.
        config: What the caller believes the store to hold.

    Returns:
        The locked folder, without what a crash may have left in it.

    Raises:
        CollectionError: If there is no store, or it is damaged, newer than this program, or holds something else.
        CollectionBusyError: If another process, or this one, has it open.
    """
    if not (path / _DESCRIPTION).is_file():
        raise CollectionError(f"{path} holds no store (there is no {_DESCRIPTION}); create it first")
    folder = Folder(path, "", FolderLock(path))
    try:
        folder.shard = folder.committed(config)
        sync_directory(path)  # the commit may not have reached the disk, and what is removed now was before it
        folder.remove_leftovers()
    except BaseException:
        folder.release()
        raise
    return folder


def _read_description(path: Path, config: StoreConfig) -> str:
    try:
        found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        version, shard = found["format_version"], str(found["shard"])
        kept = {"dim": found["dim"], "metric": found["metric"], "sparse": list(found["sparse"])}
    except (ValueError, KeyError, TypeError) as error:
        raise CollectionError(f"{path} is damaged ({error!r}); restore the folder from a copy") from error
    if version != FORMAT_VERSION:
        raise CollectionError(f"{path} has format {version}, this program reads {FORMAT_VERSION}; upgrade nearfield")
    asked = {"dim": config.dim, "metric": config.metric, "sparse": list(config.sparse)}
    if kept != asked:
        raise CollectionError(f"{path.parent} holds {kept}, asked to open it as {asked}; these are fixed when created")
    if not re.fullmatch(rf"{_SHARD}\d+", shard):  # anything else may lie outside, or be a folder of the engine's
        raise CollectionError(f"{path} is damaged (it names the shard {shard!r}); restore the folder from a copy")
    if not (path.parent / shard).is_dir():
        raise CollectionError(f"{path.parent} lacks its folder {shard}; restore it from a copy")
    return shard


class DirectorySync:
    """Sync the directories of a shard whose entries changed.

    The engine's flush syncs the contents of its files, and most directories it renames into, but not those of
    a freshly grown vector storage, index or segment. Those gain names. Wherever it renames onto a name that exists
    (`segment.json`, `edge_config.json`, a `config.json`, the log's `first-index`) it syncs the directory itself.
    """

    def __init__(self) -> None:
        self._entries: dict[str, frozenset[str]] = {}

    def run(self, root: Path) -> None:
        """Sync every directory under `root` that gained or lost entries since the last call."""
        for path, directories, files in os.walk(root):
            entries = frozenset((*directories, *files))
            if self._entries.get(path) != entries:
                sync_directory(Path(path))
                self._entries[path] = entries


def require_space(path: Path, needed: int) -> None:
    """Refuse a write that may not fit: the engine writes through memory maps, where a full disk kills the process.

    Args:
        path: Anything on the disk.
        needed: Bytes the write may take.

    Raises:
        StorageError: If less is free.
    """
    free = shutil.disk_usage(path).free
    if free < needed:
        raise StorageError(
            errno.ENOSPC, f"the disk of {path} has {free:,} bytes free, this write may need {needed:,}; make room"
        )


def engine_error(doing: str, error: BaseException) -> NearfieldError | None:
    """Turn what the engine raises into an error of ours.

    Args:
        doing: What was being done, for the message.
        error: What came out of it.

    Returns:
        A `CollectionError` if the engine broke down, as it does over files that are damaged; a `StorageError` for
        what it, or the disk, refused; None for what is no error of the engine's, such as an interruption.
    """
    if is_panic(error):
        return CollectionError(
            f"{doing} failed: the engine broke down ({error}), as it does when its files are damaged; close the store "
            "and restore the folder from a copy"
        )
    if not isinstance(error, Exception) or isinstance(error, NearfieldError):
        return None
    return StorageError(f"{doing} failed: {error}; what was acknowledged before is kept")


def is_panic(error: BaseException) -> bool:
    """Say whether the engine's own code broke down: a class of its Python binding that cannot be imported."""
    return type(error).__name__ == "PanicException"


@contextmanager
def engine_errors(doing: str) -> Iterator[None]:
    """Turn what the engine raises into errors of ours; see `engine_error`.

    Args:
        doing: What was being done, for the message.

    Yields:
        Nothing.

    Raises:
        CollectionError: If the engine broke down.
        StorageError: If the engine or the disk refused.
    """
    try:
        yield
    except BaseException as error:  # the engine raises bare Exception and, when it breaks down, BaseException
        found = engine_error(doing, error)
        if found is None:
            raise
        raise found from error
