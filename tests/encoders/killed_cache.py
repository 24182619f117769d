"""Fills a vector cache until it kills itself, for test_cache_kill.py: each vector follows from its key."""

import hashlib
import itertools
import os
import signal
import sys

import numpy as np

from nearfield.encoders.base import EncoderSpec
from nearfield.encoders.cache import Kept, VectorCache

DIM = 64
SPEC = EncoderSpec("killed", "weights", "tokenizer", DIM)
BATCH = 500
MAX_BYTES = 2_000_000  # so that every few batches the oldest must go


def keys_of(writer: int, batch: int) -> list[bytes]:
    return [hashlib.blake2b(f"{writer} {batch} {row}".encode(), digest_size=16).digest() for row in range(BATCH)]


def vector_of(key: bytes) -> np.ndarray:
    return np.frombuffer(key * (DIM // len(key)), np.uint8).astype(
        np.float32
    )  # cheap, so that most time goes to writing


def kill_after(cache: VectorCache, steps: int) -> None:
    """Kill this process in the middle of a write: after so many thousand steps of SQLite's virtual machine."""
    countdown = itertools.count(steps, -1)

    def step() -> int:
        if next(countdown) <= 0 and cache._database.in_transaction:
            os.kill(os.getpid(), signal.SIGKILL)
        return 0

    cache._database.execute("PRAGMA cache_size=10")  # pages: what is being written reaches the disk before its end
    cache._database.set_progress_handler(step, 1000)


def main() -> None:
    path, writer, steps = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    cache = VectorCache(path, max_bytes=MAX_BYTES)
    kill_after(cache, steps)
    for batch in itertools.count():
        cache.put({key: Kept(vector_of(key), 0.5) for key in keys_of(writer, batch)}, SPEC)
        print(batch, flush=True)
        if batch % 10 == 9:
            cache.purge(older_than_days=1)  # removes nothing, and gives free pages back meanwhile


if __name__ == "__main__":
    main()
