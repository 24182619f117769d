"""Hard kills at random moments of copying and migrating: nothing is lost, nothing half done is served."""

import os
import random
import subprocess
import sys
import time
from pathlib import Path

import pytest
from two_spaces import ENCODERS, OLD, require_one_space, require_whole, some_records

import nearfield
from nearfield.collection.build import build_collection
from nearfield.collection.collection import Collection
from nearfield.collection.copy import copy_collection

CHILD = Path(__file__).with_name("killed_mover.py")
RECORDS = some_records(300)
KILLS = [10, pytest.param(60, marks=pytest.mark.slow)]


def run_until_killed(work, folder, rng):
    """Kill the child a moment after one of its first lines; what it told until then."""
    after, delay = rng.randrange(25), rng.random() * 0.05
    path = os.pathsep.join(map(str, (CHILD.parent, CHILD.parents[1], Path(nearfield.__file__).parents[1])))
    command = [sys.executable, str(CHILD), work, str(folder)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env={"PYTHONPATH": path, "PATH": ""}) as child:
        told = []
        for number, line in enumerate(child.stdout):
            told.append(line.split())
            if number == after:
                time.sleep(delay)
                child.kill()
    assert child.returncode == -9, "the child failed by itself"
    return told


@pytest.fixture
def source(tmp_path):
    build_collection(tmp_path / "source", RECORDS, "hybrid:hash", encoder=OLD)[0].close()
    return tmp_path / "source"


@pytest.mark.parametrize("kills", KILLS)
def test_a_copy_killed_at_random_loses_nothing_and_goes_on(source, tmp_path, kills):
    rng = random.Random(kills)
    for _ in range(kills):
        told = run_until_killed("copy", tmp_path, rng)
        with Collection.open(source, encoder=OLD) as collection:
            assert collection.count() == len(RECORDS)
        if told[-1][0] == "copying":  # else it may have been removing what was finished
            with Collection.open(tmp_path / "copy", encoder=OLD) as collection:
                assert not collection.complete or collection.count() == len(RECORDS)
                assert collection.count() >= int(told[-1][1])
                require_one_space(collection, OLD)
    try:
        copy_collection(source, tmp_path / "copy")
    finally:
        with Collection.open(tmp_path / "copy", encoder=OLD) as collection:
            require_whole(collection, OLD, RECORDS)
            assert collection.complete


@pytest.mark.parametrize("kills", KILLS)
def test_a_migration_killed_at_random_serves_one_space_whole_and_goes_on(source, tmp_path, kills):
    rng, written, generations = random.Random(kills), {}, set()
    for _ in range(kills):
        told = run_until_killed("migrate", tmp_path, rng)
        written |= {f"written {line[1]}": f"text at {line[2]}" for line in told if line[0] == "written"}
        with Collection.open(source) as collection:
            encoder = ENCODERS[collection.manifest.encoder.fingerprint]
            collection.use(encoder)
            require_one_space(collection, encoder)
            there = {record.id: record for record in collection}
            generations.add(collection.manifest.generation)
        assert there.keys() >= {record.id for record in RECORDS} | written.keys()
        # Of the write that was killed nothing is known; all the others are as they were acknowledged.
        unlike = [id_ for id_, text in written.items() if there[id_].text != text]
        assert len(unlike) <= 1
        written |= {id_: there[id_].text for id_ in unlike}
        assert [there[record.id] for record in RECORDS] == RECORDS
        assert there.keys() - written.keys() - {record.id for record in RECORDS} <= {f"written {n}" for n in range(500)}
        written |= {id_: record.text for id_, record in there.items() if id_.startswith("written")}
    assert len(generations) > 1
    assert written
    with Collection.open(source) as collection:
        assert len(collection.home.generations()) <= 3
