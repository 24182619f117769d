"""Vectors once computed are kept on disk, so that comparing and then indexing encodes each text once.

One SQLite file for all encoders. The key is a hash of the encoder's fingerprint (prompts included), the role and the
text or the image's content, so vectors of one space never meet another. SQLite's write-ahead log makes it safe under
several processes and hard kills: what is missing is computed again. When the file grows past its bound, what was
written first goes first.
With each vector stands how long it took, so that the cost of encoding is known even when nothing has to be encoded.
"""

import contextlib
import hashlib
import os
import sqlite3
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from nearfield.arrays import Vectors
from nearfield.data.images import Image
from nearfield.encoders.base import (
    BatchedEncoder,
    Encoder,
    EncoderSpec,
    Item,
    Role,
    TextInspection,
    as_items,
    as_texts,
    check_vectors,
)
from nearfield.errors import StorageError
from nearfield.progress import Progress, silent

DEFAULT_MAX_BYTES = 4 * 2**30
_CHUNK = 1024  # texts looked up and encoded between two commits: what a kill can cost
_IMAGE_LENGTH = 1000  # an image takes about as long as so many characters
_SCHEMA = "CREATE TABLE IF NOT EXISTS vectors (key BLOB PRIMARY KEY, vector BLOB NOT NULL, seconds REAL NOT NULL)"
_FILE_NAME = "vectors-1.sqlite"  # the number of the schema, so that versions of nearfield may share a folder


@dataclass(frozen=True, slots=True, eq=False)
class Kept:
    """A vector and what it took.

    Attributes:
        vector: `(d,)` float32.
        seconds: Its share, by length of text, of the time its batch took.
    """

    vector: npt.NDArray[np.float32]
    seconds: float


def default_cache_path() -> Path:
    """Say where the cache lies: `$NEARFIELD_CACHE`, else the user's cache folder."""
    import platformdirs

    folder = os.environ.get("NEARFIELD_CACHE") or platformdirs.user_cache_dir("nearfield")
    return Path(folder) / _FILE_NAME


class VectorCache:
    """Vectors on disk, by content.

    Args:
        path: The file; made if it does not exist. The user's cache folder by default.
        max_bytes: Bound on the file's size.

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
            keys: As `vector_key` makes them.
            dim: Dimensions they must have.

        Returns:
            Those found.

        Raises:
            StorageError: If the file is damaged.
        """
        marks = ",".join("?" * len(keys))
        with self._errors("could not be read"):
            rows = self._database.execute(f"SELECT * FROM vectors WHERE key IN ({marks})", list(keys))
            return {key: Kept(np.frombuffer(v, dtype="<f4"), seconds) for key, v, seconds in rows if len(v) == 4 * dim}

    def put(self, fresh: Mapping[bytes, Kept]) -> None:
        """Keep vectors.

        Args:
            fresh: By key.

        Raises:
            StorageError: If the disk refuses.
        """
        rows = [(key, kept.vector.astype("<f4").tobytes(), kept.seconds) for key, kept in fresh.items()]
        with self._errors("could not be written"), self._database:
            self._database.executemany("INSERT OR REPLACE INTO vectors VALUES (?, ?, ?)", rows)
            self._make_room()

    def close(self) -> None:
        """Release the file."""
        self._database.close()

    def _open(self) -> sqlite3.Connection:
        import filelock

        # One at a time: SQLite does not wait for others when a file's journal mode changes, it fails at once.
        with filelock.FileLock(f"{self.path}.lock"):
            database = sqlite3.connect(self.path, timeout=60, check_same_thread=False)
            try:
                database.execute("PRAGMA journal_mode=WAL")
                database.execute("PRAGMA synchronous=NORMAL")
                database.execute(_SCHEMA)
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

    def _make_room(self) -> None:
        (pages,), (free,), (size,) = (
            self._database.execute(f"PRAGMA {name}").fetchone()
            for name in ("page_count", "freelist_count", "page_size")
        )
        if (pages - free) * size > self.max_bytes:
            # A tenth at a time, so that a full cache does not delete at each write.
            self._database.execute(
                "DELETE FROM vectors WHERE rowid IN (SELECT rowid FROM vectors ORDER BY rowid "
                "LIMIT (SELECT COUNT(*) / 10 + 1 FROM vectors))"
            )


def vector_key(fingerprint: str, item: Item) -> bytes:
    """Make the key of a document's vector, of an image by its content: 16 bytes."""
    role, content = ("image", item.digest) if isinstance(item, Image) else ("document", item)
    digest = hashlib.blake2b(f"{fingerprint}\0{role}\0".encode(), digest_size=16)
    digest.update(content.encode())
    return digest.digest()


def _length(item: Item) -> int:
    return _IMAGE_LENGTH if isinstance(item, Image) else len(item)


class CachedEncoder:
    """An encoder that looks a document's vector up before it computes it.

    Queries are few and timed, so only documents are kept. Satisfies the `Encoder` protocol.

    Args:
        encoder: What computes.
        cache: What keeps.

    Attributes:
        seconds: What computing all the documents asked for so far took, now or when they were first met.
    """

    seconds: float

    def __init__(self, encoder: Encoder, cache: VectorCache) -> None:
        self.encoder = encoder
        self.cache = cache
        self.seconds = 0.0

    @property
    def spec(self) -> EncoderSpec:
        """Say which space the vectors are in."""
        return self.encoder.spec

    @property
    def weights_bytes(self) -> int:
        """Memory that the weights take."""
        return self.encoder.weights_bytes

    def encode(self, items: Sequence[Item], *, progress: Progress = silent) -> Vectors:
        """Encode texts as they are, without any prompt, or images: `(n, d)` float32."""
        return self.encoder.encode(items, progress=progress)

    def encode_query(self, items: Sequence[Item], *, progress: Progress = silent) -> Vectors:
        """Encode texts or images as queries: `(n, d)` float32."""
        return self.encoder.encode_query(items, progress=progress)

    def encode_document(self, items: Sequence[Item], *, progress: Progress = silent) -> Vectors:
        """Encode texts or images as documents: `(n, d)` float32, computing only those not kept yet."""
        checked = as_items(items)
        vectors = np.empty((len(checked), self.spec.dim), dtype=np.float32)
        for start in range(0, len(checked), _CHUNK):
            chunk = checked[start : start + _CHUNK]
            keys = [vector_key(self.spec.fingerprint, item) for item in chunk]
            kept = self.cache.get(keys, self.spec.dim)
            missing = {key: item for key, item in zip(keys, chunk, strict=True) if key not in kept}
            if missing:
                known = start + len(chunk) - len(missing)
                kept |= self._compute(missing, lambda what, done, _: progress(what, known + done, len(checked)))  # noqa: B023  # called before the next chunk
            vectors[start : start + len(chunk)] = [kept[key].vector for key in keys]
            self.seconds += sum(kept[key].seconds for key in keys)
            progress("encoding", start + len(chunk), len(checked))
        return vectors

    def _compute(self, items: Mapping[bytes, Item], progress: Progress) -> dict[bytes, Kept]:
        """Encode items and keep them, each batch as soon as it is there."""
        keys, contents = list(items), list(items.values())
        computed: dict[bytes, Kept] = {}
        began = time.perf_counter()
        for rows, found in self._encode(contents, progress):
            # Checked before it is kept: a damaged vector would come back for ever.
            vectors = check_vectors(found, self.spec, len(rows))
            share = (time.perf_counter() - began) / max(1, sum(_length(contents[row]) for row in rows))
            fresh = {
                keys[row]: Kept(vector, share * _length(contents[row]))
                for row, vector in zip(rows, vectors, strict=True)
            }
            self.cache.put(fresh)
            computed |= fresh
            began = time.perf_counter()
        return computed

    def _encode(self, items: list[Item], progress: Progress) -> Iterator[tuple[range, Vectors]]:
        if isinstance(self.encoder, BatchedEncoder):
            yield from self.encoder.encode_document_batches(as_texts(items), progress=progress)
        else:
            yield range(len(items)), self.encoder.encode_document(items, progress=progress)

    def inspect(self, items: Sequence[Item], *, role: Role = "document") -> list[TextInspection]:
        """Say how many tokens each text has, and whether it would be cut or is empty."""
        return self.encoder.inspect(items, role=role)
