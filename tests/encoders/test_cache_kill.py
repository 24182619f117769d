"""Two processes write one cache and are killed in the middle of it, again and again."""

import contextlib
import random
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
from killed_cache import DIM, MAX_BYTES, SPEC, key_of, vector_of

from nearfield.encoders.cache import Kept, VectorCache

CHILD = Path(__file__).with_name("killed_cache.py")


def start(path: Path, writer: int) -> subprocess.Popen[str]:
    command = [sys.executable, str(CHILD), str(path), str(writer)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env={"PYTHONPATH": ":".join(sys.path)})


def kill_while_writing(path: Path, writer: int, rng: random.Random) -> list[bytes]:
    """Let two processes write, kill both: the keys that the first last called written."""
    with start(path, writer) as first, start(path, writer + 1) as second:
        assert first.stdout is not None
        assert second.stdout is not None
        second.stdout.readline()
        for _ in range(rng.randrange(1, 12)):
            last = int(first.stdout.readline())
        time.sleep(rng.random() * 0.01)
        first.kill()
        second.kill()
    return [key_of(writer, 100 * last + row) for row in range(100)]


def test_a_cache_survives_hard_kills_of_two_writers(tmp_path):
    path, rng = tmp_path / "v.sqlite", random.Random(0)
    for writer in range(0, 8, 2):
        written = kill_while_writing(path, writer, rng)
        with contextlib.closing(sqlite3.connect(path)) as database:
            assert database.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
            rows = database.execute("SELECT key, vector, seconds FROM vectors").fetchall()
        assert rows
        for key, vector, seconds in rows:
            np.testing.assert_array_equal(np.frombuffer(vector, "<f4"), vector_of(key))
            assert seconds == 0.5
        with contextlib.closing(VectorCache(path, max_bytes=MAX_BYTES)) as cache:
            found = cache.get(written, DIM)
            assert all((kept.vector == vector_of(key)).all() for key, kept in found.items())
            cache.put({written[0]: Kept(vector_of(written[0]), 0.5)}, SPEC)
            assert cache.get(written[:1], DIM)
            assert cache.disk_bytes() <= MAX_BYTES
