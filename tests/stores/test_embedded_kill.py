"""Hard kills at random moments of every operation: nothing acknowledged is lost, and the store opens."""

import random
import subprocess
import sys
import time
from contextlib import closing
from itertools import islice
from pathlib import Path

import numpy as np
import pytest
from killed_store import CONFIG, PLANS, POINTS, Action, batch, group_of, plan, vector_of

from nearfield.stores.embedded.store import EmbeddedStore

CHILD = Path(__file__).with_name("killed_store.py")
LINES = 6
"""Acknowledged actions after which, at the latest, the child is killed."""


def killed(folder: Path, operation: str, first: int, rng: random.Random) -> int:
    """Run the child, and kill it a moment after one of its first lines: how many actions it acknowledged."""
    command = [sys.executable, str(CHILD), str(folder), operation, str(first)]
    after, moment = rng.randrange(LINES), rng.random() * 0.06
    acknowledged = 0
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        for number, line in enumerate(child.stdout):
            if line.endswith("\n") and number:
                acknowledged = int(line)
            if number == after:
                time.sleep(moment)
                child.kill()
    assert child.returncode == -9
    return acknowledged


def applied(texts: dict[str, str], action: Action) -> dict[str, str]:
    """What each point says after an action."""
    if action.name == "upsert":
        return texts | dict.fromkeys(action.ids, action.text)
    if action.name == "update":
        return texts | {id: action.text for id in action.ids if id in texts}
    if action.name in ("delete", "delete_where"):
        return {id: text for id, text in texts.items() if id not in action.ids}
    return texts


def contents(folder: Path) -> dict[str, str]:
    """What each point says; every one is whole, and found by its vector and by its metadata."""
    with closing(EmbeddedStore.open(folder, CONFIG)) as store:
        points = list(store.scroll(with_vectors=True))
        assert store.count() == len(points)
        for point in points:
            assert point.payload.digest == point.payload.text
            assert point.payload.meta == {"group": group_of(point.id)}
            np.testing.assert_allclose(point.vector, vector_of(point.id), rtol=1e-5)
        for point in points[:5]:
            assert point.id in {match.id for match in store.query(point.vector, k=20)}
            assert store.count({"group": group_of(point.id)}) == sum(
                group_of(other.id) == group_of(point.id) for other in points
            )
        leftovers = [path.name for path in folder.glob("shard-*")]
        assert len(leftovers) == 1
        return {point.id: point.payload.text for point in points}


def survives(folder: Path, operation: str, kills: int, seed: int) -> None:
    ids = tuple(f"p{number}" for number in range(POINTS))
    with closing(EmbeddedStore.create(folder, CONFIG)) as store:
        store.upsert(batch(ids, "first"))
    texts, rng = dict.fromkeys(ids, "first"), random.Random(seed)
    for kill in range(kills):
        first = 1000 * kill
        acknowledged = killed(folder, operation, first, rng)
        *done, in_flight = islice(plan(operation, first), acknowledged + 1)
        for action in done:
            texts = applied(texts, action)
        perhaps, found = applied(texts, in_flight), contents(folder)
        for id in ids:
            assert found.get(id) in (texts.get(id), perhaps.get(id)), (operation, kill, id)
        texts = found


@pytest.mark.parametrize("operation", PLANS)
def test_nothing_acknowledged_is_lost(tmp_path, operation):
    survives(tmp_path / "store", operation, kills=2, seed=0)


@pytest.mark.slow
@pytest.mark.parametrize("operation", PLANS)
def test_nothing_acknowledged_is_lost_in_many_kills(tmp_path, operation):
    survives(tmp_path / "store", operation, kills=35, seed=1)
