"""Milvus Lite: Milvus' engine in this process and one folder whose name ends in `.db`.

The vendor's engine listens on a port of the loopback interface, and its client is none the wiser. What it does not do
itself is done here: one engine for each folder however often it is connected to, calls one at a time (a read that
falls into a flush would miss points), and syncing what it wrote.
"""

import os
import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from nearfield.errors import CollectionBusyError, InvalidInputError, StorageError
from nearfield.extras import import_extra
from nearfield.files import sync_directory

_GRACE_SECONDS = 2.0


@dataclass
class LiteEngine:
    """An engine that runs in this process.

    Attributes:
        folder: Where its files are.
        uri: Where the client finds it.
        turn: Held by the one call that it answers.
    """

    folder: Path
    uri: str
    turn: threading.RLock = field(default_factory=threading.RLock)
    _server: Any = None
    _engine: Any = None
    _users: int = 1
    _synced: dict[str, tuple[int, int]] = field(default_factory=dict)

    def collection_folder(self, physical: str) -> Path:
        """Where the files of a collection are."""
        return self.folder / "collections" / physical

    def sync(self, physical: str) -> None:
        """Return when everything written to a collection is on the disk; the engine leaves that to the system."""
        directories = {self.folder, self.folder / "collections"}
        for entry in (self.collection_folder(physical), *self.collection_folder(physical).rglob("*")):
            try:
                if entry.is_dir():
                    directories.add(entry)
                else:
                    self._sync_file(entry)
            except FileNotFoundError:  # the engine replaces files while this walks
                continue
        for directory in directories:
            self._sync_directory(directory)

    def _sync_file(self, path: Path) -> None:
        status = path.stat()
        state = (status.st_mtime_ns, status.st_size)
        if self._synced.get(str(path)) == state:
            return
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        self._synced[str(path)] = state

    def _sync_directory(self, path: Path) -> None:
        try:
            state = (path.stat().st_mtime_ns, 0)
            if self._synced.get(str(path)) != state:
                sync_directory(path)
                self._synced[str(path)] = state
        except FileNotFoundError:
            return

    def release(self) -> None:
        """Stop the engine when the last of its users is gone, and let other processes have the folder."""
        with _LOCK:
            self._users -= 1
            if self._users:
                return
            _ENGINES.pop(self.folder, None)
            self._server.stop(_GRACE_SECONDS).wait()
            self._engine.close()


_ENGINES: dict[Path, LiteEngine] = {}
_LOCK = threading.Lock()


def open_engine(path: str) -> LiteEngine:
    """Start the engine of a folder, or share the one that this process runs.

    Args:
        path: The folder, absolute; made if it does not exist.

    Returns:
        The engine; release it.

    Raises:
        InvalidInputError: If the path is not absolute or does not end in `.db`.
        CollectionBusyError: If another process has the folder open.
        StorageError: If the folder cannot be used.
        MissingExtraError: If Milvus Lite is not installed.
    """
    folder = Path(path)
    if not folder.is_absolute() or folder.suffix != ".db":
        raise InvalidInputError(
            f"Milvus Lite has an absolute folder that ends in .db, as in milvus:///home/me/faq.db; got {path!r}"
        )
    folder = folder.resolve()
    with _LOCK:
        if folder in _ENGINES:
            _ENGINES[folder]._users += 1
        else:
            _ENGINES[folder] = _start(folder)
        return _ENGINES[folder]


def _start(folder: Path) -> LiteEngine:
    lite = import_extra("milvus_lite", extra="milvus")
    serving = import_extra("milvus_lite.adapter.grpc.server", extra="milvus")
    if not folder.parent.is_dir():
        raise StorageError(f"{folder.parent} does not exist; make it first")
    try:
        server, engine, port = serving.start_server_in_thread(str(folder), host="127.0.0.1", port=0)
    except lite.DataDirLockedError:
        raise CollectionBusyError(
            f"another process has {folder} open; Milvus Lite serves one at a time: try again later"
        ) from None
    except OSError as error:
        raise StorageError(f"{folder} cannot be opened: {error}") from error
    return LiteEngine(folder, f"http://127.0.0.1:{port}", _server=server, _engine=engine)
