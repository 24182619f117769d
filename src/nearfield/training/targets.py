"""What a teacher says of many texts, kept in shards, so that a run that is cut short goes on where it stopped."""

import hashlib
import io
import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from nearfield.arrays import Vectors, normalise, row_norms
from nearfield.encoders.base import Encoder, check_vectors
from nearfield.errors import InvalidInputError, StorageError
from nearfield.files import make_directory, replace_file
from nearfield.progress import Progress, silent

Targets = npt.NDArray[np.float16]
SHARD_TEXTS = 8192
_DESCRIPTION = "targets.json"
_LENGTH_TOLERANCE = 0.01  # half precision rounds by a tenth of that


def teacher_targets(teacher: Encoder, texts: Sequence[str], folder: Path, *, progress: Progress = silent) -> Targets:
    """Encode texts with a teacher, or go on doing so.

    Args:
        teacher: The encoder to learn from.
        texts: What it encodes, as documents.
        folder: Where the shards are kept; made if it does not exist.
        progress: Called with the number of texts done.

    Returns:
        `(n, d)` float16 of length 1, whatever the teacher's length, in the order of the texts: half the memory, and far
        finer than what a student can learn.

    Raises:
        InvalidInputError: If the folder holds the vectors of another teacher or of other texts, or the teacher gives a
            zero vector, which has no direction to learn.
        StorageError: If the disk refuses, or a shard is damaged.
    """
    try:
        make_directory(folder)
    except OSError as error:
        raise StorageError(f"the folder {folder} cannot be made ({error.strerror}); choose another") from error
    _check_same(folder, teacher, texts)
    targets = np.empty((len(texts), teacher.spec.dim), dtype=np.float16)
    for start in range(0, len(texts), SHARD_TEXTS):
        chunk = texts[start : start + SHARD_TEXTS]
        path = folder / f"targets-{start:09d}.npy"
        if not path.exists():
            done = start
            vectors = teacher.encode_document(chunk, progress=lambda what, n, _: progress(what, done + n, len(texts)))  # noqa: B023  # called before the next shard
            buffer = io.BytesIO()
            np.save(buffer, _directions(check_vectors(vectors, teacher.spec, len(chunk)), start).astype(np.float16))
            replace_file(path, buffer.getvalue())
        targets[start : start + len(chunk)] = _read(path, (len(chunk), teacher.spec.dim))
        progress("encoding", start + len(chunk), len(texts))
    return targets


def _directions(vectors: Vectors, start: int) -> Vectors:
    zero = row_norms(vectors) == 0
    if zero.any():
        raise InvalidInputError(
            f"the teacher gives texts[{start + int(np.argmax(zero))}] a zero vector, which has no direction to learn; "
            "leave the text out"
        )
    return normalise(vectors)


def _check_same(folder: Path, teacher: Encoder, texts: Sequence[str]) -> None:
    digest = hashlib.blake2b(digest_size=16)
    for text in texts:
        digest.update(text.encode() + b"\0")
    description = {"teacher": teacher.spec.fingerprint, "texts": len(texts), "digest": digest.hexdigest()}
    path = folder / _DESCRIPTION
    if not path.exists():
        replace_file(path, json.dumps(description).encode())
        return
    try:
        found = json.loads(path.read_bytes())
    except (OSError, ValueError) as error:
        raise StorageError(
            f"{path} cannot be read ({error}); delete {folder}, and all texts are encoded again"
        ) from error
    if found != description:
        raise InvalidInputError(
            f"{folder} holds the vectors of another teacher or of other texts; delete it, or choose another folder"
        )


def _read(path: Path, shape: tuple[int, int]) -> Targets:
    advice = "delete it, and its texts are encoded again"
    try:
        with path.open("rb") as file:
            shard = np.lib.format.read_array(file, allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise StorageError(f"{path} cannot be read ({error}); {advice}") from error
    if shard.shape != shape or shard.dtype != np.float16:
        raise StorageError(f"{path} holds {shard.dtype} {shard.shape}, not float16 {shape}; {advice}")
    lengths = row_norms(shard.astype(np.float32))
    if not (np.abs(lengths - 1) < _LENGTH_TOLERANCE).all():
        raise StorageError(f"{path} holds vectors that are not of length 1; {advice}")
    targets: Targets = shard
    return targets
