"""Two processes write one cache, and each is killed in the middle of a write, again and again."""

import contextlib
import random
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from killed_cache import DIM, MAX_BYTES, SPEC, keys_of, vector_of

from nearfield.encoders.cache import Kept, VectorCache

CHILD = Path(__file__).with_name("killed_cache.py")


def start(path: Path, writer: int, steps: int) -> subprocess.Popen[str]:
    command = [sys.executable, str(CHILD), str(path), str(writer), str(steps)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env={"PYTHONPATH": ":".join(sys.path)})


def write_until_killed(path: Path, writers: tuple[int, int], rng: random.Random) -> int:
    """Let two processes write until both are dead: how many batches were called written."""
    with contextlib.ExitStack() as stack:
        children = [stack.enter_context(start(path, writer, rng.randrange(20, 800))) for writer in writers]
        batches = sum(len(child.communicate()[0].splitlines()) for child in children)
    assert [child.returncode for child in children] == [-signal.SIGKILL] * 2
    return batches


@pytest.mark.skipif(sys.platform == "win32", reason="needs signals")
def test_a_cache_survives_hard_kills_of_two_writers(tmp_path):
    path, rng = tmp_path / "v.sqlite", random.Random(0)
    batches = 0
    for writer in range(0, 6, 2):
        batches += write_until_killed(path, (writer, writer + 1), rng)
        with contextlib.closing(sqlite3.connect(path)) as database:
            assert database.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
            rows = database.execute("SELECT key, vector, seconds FROM vectors").fetchall()
        for key, vector, seconds in rows:
            np.testing.assert_array_equal(np.frombuffer(vector, "<f4"), vector_of(key))
            assert seconds == 0.5
        with contextlib.closing(VectorCache(path, max_bytes=MAX_BYTES)) as cache:
            key, *_ = keys_of(writer, -1)
            cache.put({key: Kept(vector_of(key), 0.5)}, SPEC)
            assert (cache.get([key], DIM)[key].vector == vector_of(key)).all()
            assert cache.disk_bytes() <= MAX_BYTES
    assert batches > 10
