"""Measure one runtime in a process of its own, so that its memory is its own; started by `doctor`.

    python -m nearfield.evaluation.doctor_worker ENCODER RUNTIME THREADS OUTPUT.npz

Writes the vectors of `EDGES`, `SENTENCES` and `LONG_TEXTS`, the rates on the last two and the peak of memory.
"""

import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from nearfield.arrays import Vectors
from nearfield.encoders.find import find_folder
from nearfield.encoders.load import open_encoder
from nearfield.encoders.options import VectorOptions, override, split_name
from nearfield.errors import NearfieldError
from nearfield.evaluation.doctor_texts import EDGES, LONG_TEXTS, SENTENCES

SENTENCE_TRANSFORMERS = "sentence-transformers"

Encode: TypeAlias = Callable[[Sequence[str]], Vectors]

_STATUS = Path("/proc/self/status")
_REPEATS = 2


def measure(encoder: str, runtime: str, threads: int | None) -> dict[str, npt.NDArray[Any]]:
    """Encode the texts in this process.

    Args:
        encoder: As `load_encoder` takes it.
        runtime: An engine, `auto` for an encoder that has none, or `SENTENCE_TRANSFORMERS`.
        threads: Cores to use; all by default.

    Returns:
        `vectors`, `(n, d)` float32 in the order of `EDGES`, `SENTENCES`, `LONG_TEXTS`; `rates`, texts per second on
        the last two; `peak`, bytes of resident memory, NaN where the system does not tell.
    """
    encode = _load(encoder, runtime, threads)
    # The first run of a length is slower in some engines, so it counts for the vectors and not for the rates.
    vectors = [encode(EDGES), encode(SENTENCES), encode(LONG_TEXTS)]
    rates = [_rate(encode, SENTENCES), _rate(encode, LONG_TEXTS)]
    return {"vectors": np.concatenate(vectors), "rates": np.array(rates), "peak": np.array(peak_bytes())}


def peak_bytes() -> float:
    """Read the most memory that this process ever held; NaN where the system is not Linux."""
    # Not getrusage: its figure includes the process that this one was started from.
    try:
        lines = _STATUS.read_text(encoding="utf-8").splitlines()
    except OSError:
        return float("nan")
    return next(float(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM:"))


def _load(encoder: str, runtime: str, threads: int | None) -> Encode:
    name, _, options = split_name(encoder)
    if runtime != SENTENCE_TRANSFORMERS:
        chosen = override(options, engine=runtime, threads=threads, device="cpu")
        return open_encoder(name, VectorOptions(), chosen).encode
    import torch
    from sentence_transformers import SentenceTransformer

    if threads is not None:
        torch.set_num_threads(threads)
    peer = SentenceTransformer(str(find_folder(name)), device="cpu")
    return lambda texts: np.asarray(peer.encode(list(texts), prompt="", show_progress_bar=False))


def _rate(encode: Encode, texts: Sequence[str]) -> float:
    seconds = []
    for _ in range(_REPEATS):
        began = time.perf_counter()
        encode(texts)
        seconds.append(time.perf_counter() - began)
    return len(texts) / min(seconds)


def main(arguments: Sequence[str]) -> None:
    """Measure, and write the file; an error on purpose ends the process with its message as the last line."""
    encoder, runtime, threads, output = arguments
    try:
        found = measure(encoder, runtime, int(threads) or None)
    except NearfieldError as error:
        raise SystemExit(str(error)) from error
    np.savez(output, allow_pickle=False, **found)


if __name__ == "__main__":
    main(sys.argv[1:])
