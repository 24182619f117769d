"""Vectors once computed are kept on disk, so that comparing and then indexing encodes each text once.

One SQLite file for all encoders, filled by `CachedEncoder`. SQLite's write-ahead log makes it safe under several
processes and hard kills: what is missing is computed again. When the file grows past its bound, what was written first
goes first. With each vector stands how long it took, so that the cost of encoding is known even when nothing has to be
encoded.
"""

import contextlib
import os
import sqlite3
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from nearfield.encoders.base import EncoderSpec
from nearfield.errors import InvalidInputError, StorageError

DEFAULT_MAX_BYTES = 4 * 2**30
_FILE_NAME = "vectors-2.sqlite"  # the number of the schema, so that versions of nearfield may share a folder
_OLD_FILES = "vectors-1.sqlite*"
_KEYS_AT_ONCE = 1000
_LOG_SHARE, _LOG_BYTES = 8, 16 * 2**20  # of the bound, an eighth or so many are kept free for the write-ahead log
_SECONDS_PER_DAY = 86_400
_SCHEMA = """
CREATE TABLE IF NOT EXISTS encoders (
    number INTEGER PRIMARY KEY, fingerprint TEXT NOT NULL, name TEXT NOT NULL, dim INTEGER NOT NULL,
    UNIQUE (fingerprint, name)
);
CREATE TABLE IF NOT EXISTS vectors (
    key BLOB PRIMARY KEY, encoder INTEGER NOT NULL, written INTEGER NOT NULL, seconds REAL NOT NULL,
    vector BLOB NOT NULL
);
CREATE INDEX IF NOT EXISTS vectors_by_encoder ON vectors (encoder, written);
"""


@dataclass(frozen=True, slots=True, eq=False)
class Kept:
    """A vector and what it took.

    Attributes:
        vector: `(d,)` float32.
        seconds: Its share, by length of text, of the time its batch took.
    """

    vector: npt.NDArray[np.float32]
    seconds: float


@dataclass(frozen=True)
class KeptSpace:
    """What the cache holds of one space under one name of its encoder.

    Attributes:
        name: What the encoder was called when the vectors were computed.
        fingerprint: Of the space.
        dim: Number of dimensions.
        vectors: How many there are.
        vector_bytes: What their values take; the file holds somewhat more.
        oldest: When the first of them was written, in seconds since 1970.
        newest: When the last was.
    """

    name: str
    fingerprint: str
    dim: int
    vectors: int
    vector_bytes: int
    oldest: int
    newest: int


def default_cache_path() -> Path:
    """Say where the cache lies: `$NEARFIELD_CACHE`, else the user's cache folder."""
    import platformdirs

    folder = os.environ.get("NEARFIELD_CACHE") or platformdirs.user_cache_dir("nearfield")
    return Path(folder) / _FILE_NAME


class VectorCache:
    """Vectors on disk, by content.

    Args:
        path: The file; made if it does not exist. The user's cache folder by default.
        max_bytes: Bound on what the file and its write-ahead log take on disk. While a batch is written they may take
            more, by about twice the batch.

    Raises:
        StorageError: If the file cannot be opened or made.
    """

    def __init__(self, path: str | os.PathLike[str] | None = None, *, max_bytes: int = DEFAULT_MAX_BYTES) -> None:
        self.path = Path(path) if path is not None else default_cache_path()
        self.max_bytes = max_bytes
        with self._errors("cannot be used"):
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._database = self._open()

    def get(self, keys: Sequence[bytes], dim: int) -> dict[bytes, Kept]:
        """Look up vectors.

        Args:
            keys: 16 bytes each, such as `vector_key` makes.
            dim: Dimensions they must have.

        Returns:
            Those found.

        Raises:
            StorageError: If the file is damaged.
        """
        found: dict[bytes, Kept] = {}
        for start in range(0, len(keys), _KEYS_AT_ONCE):
            block = keys[start : start + _KEYS_AT_ONCE]
            marks = ",".join("?" * len(block))
            with self._errors("could not be read"):
                rows = self._database.execute(f"SELECT key, vector, seconds FROM vectors WHERE key IN ({marks})", block)
                for key, vector, seconds in rows:
                    # What was damaged on disk is computed again.
                    if isinstance(vector, bytes) and len(vector) == 4 * dim and isinstance(seconds, float):
                        kept = np.frombuffer(vector, dtype="<f4")
                        if np.isfinite(kept).all():
                            found[key] = Kept(kept, seconds)
        return found

    def put(self, fresh: Mapping[bytes, Kept], spec: EncoderSpec) -> None:
        """Keep vectors.

        Args:
            fresh: By key.
            spec: The encoder they come from.

        Raises:
            StorageError: If the disk refuses.
        """
        rows = [(key, kept.seconds, kept.vector.astype("<f4").tobytes()) for key, kept in fresh.items()]
        with self._errors("could not be written"):
            with self._database:
                number, now = self._encoder_number(spec), int(time.time())
                self._database.executemany(
                    f"INSERT OR REPLACE INTO vectors (key, seconds, vector, encoder, written) "
                    f"VALUES (?, ?, ?, {number}, {now})",
                    rows,
                )
                self._make_room()
            self._shrink(self.max_bytes)

    def contents(self) -> list[KeptSpace]:
        """List what is kept, by encoder, most vectors first.

        Returns:
            One entry for each space and name.

        Raises:
            StorageError: If the file is damaged.
        """
        with self._errors("could not be read"):
            rows = self._database.execute(
                "SELECT name, fingerprint, dim, COUNT(*), 4 * dim * COUNT(*), MIN(written), MAX(written) "
                "FROM vectors JOIN encoders ON encoder = number GROUP BY number ORDER BY COUNT(*) DESC, name"
            )
            return [KeptSpace(*row) for row in rows]

    def disk_bytes(self) -> int:
        """Measure what the file and its write-ahead log take on disk, in bytes."""
        return sum(file.stat().st_size for file in (self.path, self._log) if file.exists())

    def purge(self, *, encoder: str | None = None, older_than_days: float | None = None) -> int:
        """Remove vectors, and give their bytes back to the disk.

        Args:
            encoder: Only those of an encoder of this name, or whose fingerprint begins so (at least 8 digits), whatever
                it is called elsewhere; all by default.
            older_than_days: Only those computed longer ago than this; all by default.

        Returns:
            How many were removed.

        Raises:
            InvalidInputError: If nothing is kept of such an encoder, or the days are less than 0.
            StorageError: If the disk refuses.
        """
        if older_than_days is not None and not older_than_days >= 0:
            raise InvalidInputError(f"days must be at least 0, got {older_than_days}")
        latest = None if older_than_days is None else time.time() - older_than_days * _SECONDS_PER_DAY
        with self._errors("could not be purged"):
            numbers = self._numbers_of(encoder)
            with self._database:
                marks = ",".join("?" * len(numbers))
                removed = self._database.execute(
                    f"DELETE FROM vectors WHERE encoder IN ({marks}) AND (? IS NULL OR written < ?)",
                    [*numbers, latest, latest],
                ).rowcount
                self._database.execute(
                    "DELETE FROM encoders WHERE NOT EXISTS (SELECT * FROM vectors WHERE encoder = number)"
                )
            self._shrink(0)
        return removed

    def remove_old_files(self) -> None:
        """Remove what earlier versions of nearfield kept in the same folder.

        Raises:
            StorageError: If the disk refuses.
        """
        with self._errors("has old files beside it that could not be removed"):
            for file in self.path.parent.glob(_OLD_FILES):
                file.unlink()

    def close(self) -> None:
        """Release the file."""
        self._database.close()

    @property
    def _log(self) -> Path:
        return self.path.with_name(f"{self.path.name}-wal")

    @property
    def _log_bytes(self) -> int:
        return min(self.max_bytes // _LOG_SHARE, _LOG_BYTES)

    def _open(self) -> sqlite3.Connection:
        import filelock

        # One at a time: SQLite does not wait for others when a file's journal mode changes, it fails at once.
        with filelock.FileLock(f"{self.path}.lock"):
            database = sqlite3.connect(self.path, timeout=60, check_same_thread=False)
            try:
                database.execute("PRAGMA auto_vacuum=INCREMENTAL")  # before the first table, else without effect
                database.execute("PRAGMA journal_mode=WAL")
                database.execute("PRAGMA synchronous=NORMAL")
                database.execute(f"PRAGMA journal_size_limit={self._log_bytes}")
                database.executescript(_SCHEMA)
            except sqlite3.Error:
                database.close()
                raise
        return database

    @contextlib.contextmanager
    def _errors(self, what: str) -> Iterator[None]:
        try:
            yield
        except (OSError, sqlite3.Error) as error:
            raise StorageError(
                f"the vector cache {self.path} {what} ({error}); delete it, set NEARFIELD_CACHE to another folder, or "
                "do without (--no-cache)"
            ) from error

    def _encoder_number(self, spec: EncoderSpec) -> int:
        """Find or give an encoder's number; asked for in each transaction, since a purge may have removed it."""
        self._database.execute(
            "INSERT OR IGNORE INTO encoders (fingerprint, name, dim) VALUES (?, ?, ?)",
            (spec.fingerprint, spec.name, spec.dim),
        )
        (number,) = self._database.execute(
            "SELECT number FROM encoders WHERE fingerprint = ? AND name = ?", (spec.fingerprint, spec.name)
        ).fetchone()
        return int(number)

    def _numbers_of(self, encoder: str | None) -> list[int]:
        known: list[tuple[int, str, str]] = self._database.execute(
            "SELECT number, fingerprint, name FROM encoders"
        ).fetchall()
        if encoder is None:
            return [number for number, _, _ in known]
        spaces = {
            fingerprint
            for _, fingerprint, name in known
            if name == encoder or (len(encoder) >= 8 and fingerprint.startswith(encoder))
        }
        if not spaces:
            names = ", ".join(sorted({name for _, _, name in known})) or "none"
            raise InvalidInputError(f"nothing is kept of an encoder {encoder!r}; there are: {names}")
        return [number for number, fingerprint, _ in known if fingerprint in spaces]

    def _pragma(self, name: str) -> int:
        (value,) = self._database.execute(f"PRAGMA {name}").fetchone()
        return int(value)

    def _make_room(self) -> None:
        size = self._pragma("page_size")
        bound = self.max_bytes - self._log_bytes
        while (self._pragma("page_count") - self._pragma("freelist_count")) * size > bound:
            # A tenth at a time, so that a full cache does not delete at each write.
            removed = self._database.execute(
                "DELETE FROM vectors WHERE rowid IN (SELECT rowid FROM vectors ORDER BY rowid "
                "LIMIT (SELECT COUNT(*) / 10 + 1 FROM vectors))"
            ).rowcount
            if not removed:
                return

    def _shrink(self, max_bytes: int) -> None:
        """Give free pages back to the disk, if the file and its log take more than a bound."""
        if self.disk_bytes() > max_bytes:
            # A script, since the free pages go one a row of the answer, and the rows have no columns to fetch.
            self._database.executescript("PRAGMA incremental_vacuum; PRAGMA wal_checkpoint(TRUNCATE)")
