import random
import subprocess
import sys
import time
from pathlib import Path

import pytest
from hash_encoder import HashEncoder

from nearfield.collection.collection import Collection

CHILD = Path(__file__).with_name("killed_child.py")
CANARIES = 3
BATCH = 50


def start(folder: Path, total: int) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, str(CHILD), str(folder), str(total)],
        stdout=subprocess.PIPE,
        text=True,
        env={"PYTHONPATH": str(CHILD.parents[1]), "PATH": ""},
    )


def run_until_killed(folder: Path, total: int, after: int, delay: float) -> tuple[int, int]:
    """Kill the child `delay` seconds after its `after`-th line: records it called safe, texts it encoded."""
    with start(folder, total) as child:
        assert child.stdout is not None
        safe = encoded = 0
        for line, text in enumerate(child.stdout):
            what, done, texts = text.split()
            safe, encoded = (int(done), int(texts)) if what == "indexing" else (safe, int(texts))
            if line == after:
                time.sleep(delay)
                child.kill()
        return safe, encoded


@pytest.mark.parametrize("kills", [8, pytest.param(40, marks=pytest.mark.slow)])
def test_nothing_acknowledged_is_lost_in_hard_kills(tmp_path, kills):
    rng, total = random.Random(kills), 150 * kills
    encoded_in_all = runs = 0
    for _ in range(kills):
        safe, encoded = run_until_killed(tmp_path, total, after=rng.randrange(0, 3), delay=rng.random() * 0.03)
        encoded_in_all += encoded
        runs += 1
        with Collection.open(tmp_path / "c", encoder=HashEncoder()) as collection:
            expected = [f"id-{i}" for i in range(safe)]
            assert [record.id for record in collection.get(expected)] == expected
            assert collection.count() >= safe
    with start(tmp_path, total) as child:
        assert child.stdout is not None
        what, done, encoded = child.stdout.readlines()[-1].split()
    assert (what, int(done)) == ("finished", total)
    # A kill may cost the batch in flight, and each run encodes the canaries; nothing else is encoded twice.
    assert encoded_in_all + int(encoded) <= total + (runs + 1) * CANARIES + runs * BATCH
    with Collection.open(tmp_path / "c", encoder=HashEncoder()) as collection:
        assert collection.complete
        assert collection.count() == total
        assert any(
            hit.id == f"id-{total - 1}" and "bm25" in hit.legs for hit in collection.search(f"{total - 1}", k=300)
        )
