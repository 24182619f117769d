"""Collections in folders: each in one of its own, held by one process at a time."""

import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import get_args

from nearfield.errors import CollectionError, StorageError
from nearfield.files import disk_errors, is_leftover, make_directory, replace_file, sync_directory
from nearfield.folder_lock import LOCK_FILES, FolderLock
from nearfield.stores.address import Address
from nearfield.stores.base import Capabilities, StoreConfig
from nearfield.stores.database import Document
from nearfield.stores.embedded.store import CAPABILITIES, EmbeddedStore

MANIFEST: Document = "manifest"
_POINTS = "points"


class FolderDatabase:
    """The collections in one folder; see `nearfield.stores.database` for what is promised.

    A collection is a folder with its documents (`manifest.json`), its stores (`points`, `points-2`) and a lock.

    Args:
        folder: The folder that holds the collections' folders; made when the first of them is.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    @classmethod
    def connect(cls, address: Address) -> "FolderDatabase":
        """Give the folder of an address; it need not exist."""
        return cls(Path(address.path))

    @property
    def config_type(self) -> type[StoreConfig]:
        """Say what its stores are created with."""
        return StoreConfig

    @property
    def capabilities(self) -> Capabilities:
        """Say what its stores can do."""
        return CAPABILITIES

    def collections(self) -> list[str]:
        """List the names of the collections, sorted."""
        if not self._folder.is_dir():
            return []
        return sorted(entry.name for entry in self._folder.iterdir() if (entry / _file(MANIFEST)).is_file())

    def claim(self, name: str) -> FolderLock:
        """Take a folder for a new collection, clearing what an interrupted creation left."""
        path = self._folder / name
        try:
            make_directory(path)
            lock = FolderLock(path)
            try:
                _clear(path)
            except BaseException:
                lock.release()
                raise
        except OSError as error:
            if isinstance(error, StorageError | CollectionError):
                raise
            raise StorageError(f"{path} cannot be made into a collection: {error}") from error
        return lock

    def hold(self, name: str) -> FolderLock:
        """Lock the folder of an existing collection."""
        path = self._folder / name
        if not (path / _file(MANIFEST)).exists():
            state = "is no collection (it has no manifest.json)" if path.is_dir() else "does not exist"
            raise CollectionError(f"{path} {state}; make one with `nearfield index`")
        return FolderLock(path)

    def read(self, name: str, document: Document) -> bytes | None:
        """Read one of a collection's documents; None if there is none."""
        path = self._folder / name / _file(document)
        try:
            return path.read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise StorageError(f"{path} cannot be read ({error.strerror or error})") from error

    def write(self, name: str, document: Document, content: bytes | None) -> None:
        """Replace one of a collection's documents, or remove it: all or nothing, synced when it returns."""
        path = self._folder / name / _file(document)
        if content is not None:
            replace_file(path, content)
            return
        with disk_errors(path):
            path.unlink(missing_ok=True)
            if path.parent.is_dir():
                sync_directory(path.parent)

    def create_store(self, name: str, generation: int, config: StoreConfig) -> EmbeddedStore:
        """Make an empty store."""
        return EmbeddedStore.create(self._points(name, generation), config)

    def open_store(self, name: str, generation: int, config: StoreConfig) -> EmbeddedStore:
        """Open a store with the configuration it was created with; what concerns searching alone may differ."""
        return EmbeddedStore.open(self._points(name, generation), config)

    def drop_store(self, name: str, generation: int) -> None:
        """Remove a store with its points; harmless when there is none."""
        path = self._points(name, generation)
        with disk_errors(path):
            if path.exists():
                shutil.rmtree(path)

    def drop(self, name: str) -> None:
        """Remove a collection whole, its manifest first."""
        lock = self.hold(name)
        path = self._folder / name
        try:
            self.write(name, MANIFEST, None)
            with disk_errors(path):
                _empty(path, {entry.name for entry in path.iterdir()} - {*LOCK_FILES})
                shutil.rmtree(path)  # the lock last: without it others may make a new collection here
        finally:
            lock.release()

    def generations(self, name: str) -> list[int]:
        """List the stores of a collection, ascending."""
        folder = self._folder / name
        found = [entry.name for entry in folder.iterdir()] if folder.is_dir() else []
        return sorted(
            int(entry.removeprefix(f"{_POINTS}-")) if entry != _POINTS else 1 for entry in found if _is_points(entry)
        )

    def close(self) -> None:
        """Do nothing: a folder is not connected to."""

    def _points(self, name: str, generation: int) -> Path:
        return self._folder / name / (_POINTS if generation == 1 else f"{_POINTS}-{generation}")


def _file(document: Document) -> str:
    return f"{document}.json"


def _is_points(entry: str) -> bool:
    return entry == _POINTS or (entry.startswith(f"{_POINTS}-") and entry.removeprefix(f"{_POINTS}-").isdecimal())


def _clear(path: Path) -> None:
    """Remove what an interrupted creation left, and refuse what is anything else."""
    manifest = _file(MANIFEST)
    names = {entry.name for entry in path.iterdir()}
    leftovers = {name for name in names if is_leftover(name, manifest)}
    if manifest in names:
        raise CollectionError(f"{path} is a collection already; open it, or choose another folder")
    points = {name for name in names if _is_points(name)}
    files = leftovers | (names & set(map(_file, get_args(Document))))
    if foreign := sorted(names - points - files - {*LOCK_FILES}):
        raise CollectionError(f"{path} holds {foreign[0]} and is no collection; choose a new or empty folder")
    _empty(path, points | files)


def _empty(path: Path, names: Iterable[str]) -> None:
    for name in names:
        if (path / name).is_dir() and not (path / name).is_symlink():
            shutil.rmtree(path / name)
        else:
            (path / name).unlink(missing_ok=True)
