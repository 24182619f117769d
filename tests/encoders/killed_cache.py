"""Fills a vector cache until killed, for test_cache_kill.py: each vector follows from its key."""

import hashlib
import itertools
import sys

import numpy as np

from nearfield.encoders.base import EncoderSpec
from nearfield.encoders.cache import Kept, VectorCache

DIM = 64
SPEC = EncoderSpec("killed", "weights", "tokenizer", DIM)
MAX_BYTES = 600_000  # so that every few batches the oldest must go


def key_of(writer: int, number: int) -> bytes:
    return hashlib.blake2b(f"{writer} {number}".encode(), digest_size=16).digest()


def vector_of(key: bytes) -> np.ndarray:
    return np.random.default_rng(int.from_bytes(key, "little")).normal(size=DIM).astype(np.float32)


def main() -> None:
    path, writer = sys.argv[1], int(sys.argv[2])
    cache = VectorCache(path, max_bytes=MAX_BYTES)
    for batch in itertools.count():
        keys = [key_of(writer, 100 * batch + row) for row in range(100)]
        cache.put({key: Kept(vector_of(key), 0.5) for key in keys}, SPEC)
        if batch % 10 == 9:
            cache.purge(older_than_days=1)  # removes nothing and gives free pages back, meanwhile
        print(batch, flush=True)


if __name__ == "__main__":
    main()
