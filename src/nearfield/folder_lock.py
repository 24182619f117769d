"""One holder at a time: a lock on a folder that says who has it."""

import contextlib
import json
import os
import socket
import sys
from datetime import UTC, datetime
from pathlib import Path

from nearfield.errors import CollectionBusyError, StorageError

LOCK_FILES = ("lock", "lock.holder")
"""Names that a lock puts into its folder."""


class FolderLock:
    """Hold a folder until released; the operating system releases it when the process ends, however.

    Args:
        folder: The folder; must exist.

    Raises:
        CollectionBusyError: If another process, or another holder in this process, has it.
        StorageError: If the lock file cannot be made.
    """

    def __init__(self, folder: Path) -> None:
        import filelock

        self._holder = folder / LOCK_FILES[1]
        # Whichever thread took it, any may release it.
        self._lock = filelock.FileLock(folder / LOCK_FILES[0], thread_local=False)
        try:
            self._lock.acquire(timeout=0)
        except filelock.Timeout:
            raise CollectionBusyError(
                f"{folder} is held by {self._describe_holder()}; close it there or try again later"
            ) from None
        except OSError as error:
            raise StorageError(
                f"{folder} cannot be locked ({error.strerror}); it must be writable, to search too"
            ) from error
        # Only for the message of the one who comes second, so a full disk must not keep the first one out.
        with contextlib.suppress(OSError):
            self._holder.write_text(json.dumps(_this_process()))

    def release(self) -> None:
        """Let others in; harmless when already released."""
        if self._lock.is_locked:
            with contextlib.suppress(OSError):
                self._holder.unlink()
            self._lock.release()

    def _describe_holder(self) -> str:
        try:
            holder = json.loads(self._holder.read_text())
            return f"process {holder['pid']} on {holder['host']} ({holder['command']}) since {holder['since']}"
        except (OSError, ValueError, KeyError, TypeError):
            return "another process"


def _this_process() -> dict[str, str | int]:
    return {
        "pid": os.getpid(),
        "host": socket.gethostname(),
        "command": Path(sys.argv[0]).name if sys.argv and sys.argv[0] else "python",
        "since": datetime.now(UTC).isoformat(timespec="seconds"),
    }
