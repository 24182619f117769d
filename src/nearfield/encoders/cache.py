"""Vectors once computed are kept on disk, so that comparing and then indexing encodes each text once.

One SQLite file for all encoders. The key is a hash of the encoder's fingerprint, the role's prompt and the text, so a
changed encoder never meets an old vector. SQLite's write-ahead log makes it safe under several processes and hard
kills: what is missing is computed again. When the file grows past its bound, what was written first goes first.
"""

import contextlib
import hashlib
import os
import sqlite3
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from nearfield.arrays import Vectors
from nearfield.encoders.base import Encoder, EncoderSpec, Role, TextInspection, as_texts
from nearfield.errors import StorageError
from nearfield.progress import Progress, silent

DEFAULT_MAX_BYTES = 4 * 2**30
_CHUNK = 1024  # texts looked up and encoded between two commits: what a kill can cost
_SCHEMA = """
CREATE TABLE IF NOT EXISTS vectors (key BLOB PRIMARY KEY, vector BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS speed (fingerprint TEXT PRIMARY KEY, characters INTEGER NOT NULL, seconds REAL NOT NULL);
"""


def default_cache_path() -> Path:
    """Say where the cache lies: `$NEARFIELD_CACHE`, else the user's cache folder."""
    import platformdirs

    folder = os.environ.get("NEARFIELD_CACHE") or platformdirs.user_cache_dir("nearfield")
    return Path(folder) / "vectors.sqlite"


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
            self._database = sqlite3.connect(self.path, timeout=60, check_same_thread=False)
            try:
                self._database.execute("PRAGMA journal_mode=WAL")
                self._database.execute("PRAGMA synchronous=NORMAL")
                self._database.executescript(_SCHEMA)
            except sqlite3.Error:
                self._database.close()
                raise

    def get(self, keys: Sequence[bytes], dim: int) -> dict[bytes, np.ndarray[tuple[int], np.dtype[np.float32]]]:
        """Look up vectors.

        Args:
            keys: As `vector_key` makes them.
            dim: Dimensions they must have.

        Returns:
            Those found, each `(dim,)` float32.
        """
        marks = ",".join("?" * len(keys))
        with self._errors("could not be read"):
            rows = self._database.execute(f"SELECT key, vector FROM vectors WHERE key IN ({marks})", list(keys))
            return {key: np.frombuffer(blob, dtype="<f4") for key, blob in rows if len(blob) == 4 * dim}

    def put(self, vectors: dict[bytes, Vectors], *, fingerprint: str, characters: int, seconds: float) -> None:
        """Keep vectors, and how long they took.

        Args:
            vectors: By key, each `(d,)` float32.
            fingerprint: The encoder's.
            characters: How many characters their texts have.
            seconds: What encoding them took.

        Raises:
            StorageError: If the disk refuses.
        """
        rows = [(key, vector.astype("<f4").tobytes()) for key, vector in vectors.items()]
        with self._errors("could not be written"), self._database:
            self._database.executemany("INSERT OR REPLACE INTO vectors VALUES (?, ?)", rows)
            self._database.execute(
                "INSERT INTO speed VALUES (?, ?, ?) ON CONFLICT (fingerprint) DO UPDATE SET "
                "characters = characters + excluded.characters, seconds = seconds + excluded.seconds",
                (fingerprint, characters, seconds),
            )
            self._make_room()

    def seconds_per_character(self, fingerprint: str) -> float | None:
        """Recall how long the encoder took for each character of text; None if nothing was kept of it."""
        with self._errors("could not be read"):
            row = self._database.execute(
                "SELECT seconds / characters FROM speed WHERE fingerprint = ? AND characters > 0", (fingerprint,)
            )
            return next((float(value) for (value,) in row), None)

    def close(self) -> None:
        """Release the file."""
        self._database.close()

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


def vector_key(fingerprint: str, prompt_role: str, text: str) -> bytes:
    """Make the key of a text's vector: 16 bytes."""
    digest = hashlib.blake2b(f"{fingerprint}\0{prompt_role}\0".encode(), digest_size=16)
    digest.update(text.encode())
    return digest.digest()


class CachedEncoder:
    """An encoder that looks a document's vector up before it computes it.

    Queries are few and timed, so only documents are kept. Satisfies the `Encoder` protocol.

    Args:
        encoder: What computes.
        cache: What keeps.
    """

    def __init__(self, encoder: Encoder, cache: VectorCache) -> None:
        self.encoder = encoder
        self.cache = cache

    @property
    def spec(self) -> EncoderSpec:
        """Say which space the vectors are in."""
        return self.encoder.spec

    @property
    def weights_bytes(self) -> int:
        """Memory that the weights take."""
        return self.encoder.weights_bytes

    def encode(self, texts: Sequence[str], *, progress: Progress = silent) -> Vectors:
        """Encode texts as they are, without any prompt: `(n, d)` float32."""
        return self.encoder.encode(texts, progress=progress)

    def encode_query(self, texts: Sequence[str], *, progress: Progress = silent) -> Vectors:
        """Encode texts as queries: `(n, d)` float32."""
        return self.encoder.encode_query(texts, progress=progress)

    def encode_document(self, texts: Sequence[str], *, progress: Progress = silent) -> Vectors:
        """Encode texts as documents: `(n, d)` float32, computing only those not kept yet."""
        texts = as_texts(texts)
        fingerprint = self.spec.fingerprint
        vectors = np.empty((len(texts), self.spec.dim), dtype=np.float32)
        for start in range(0, len(texts), _CHUNK):
            chunk = texts[start : start + _CHUNK]
            keys = [vector_key(fingerprint, "document", text) for text in chunk]
            known = self.cache.get(keys, self.spec.dim)
            missing = {key: text for key, text in zip(keys, chunk, strict=True) if key not in known}
            if missing:
                began = time.perf_counter()
                computed = self.encoder.encode_document(list(missing.values()))
                fresh = dict(zip(missing, computed, strict=True))
                seconds = time.perf_counter() - began
                characters = sum(map(len, missing.values()))
                self.cache.put(fresh, fingerprint=fingerprint, characters=characters, seconds=seconds)
                known |= fresh
            vectors[start : start + len(chunk)] = [known[key] for key in keys]
            progress("encoding", start + len(chunk), len(texts))
        return vectors

    def inspect(self, texts: Sequence[str], *, role: Role = "document") -> list[TextInspection]:
        """Say how many tokens each text has, and whether it would be cut or is empty."""
        return self.encoder.inspect(texts, role=role)
