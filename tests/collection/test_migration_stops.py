"""A migration stopped before each step that reaches the disk: whatever is opened then is whole."""

import itertools
import shutil

import pytest
from two_spaces import ENCODERS, NEW, OLD, require_whole, some_records

from nearfield.collection.build import build_collection
from nearfield.collection.collection import Collection
from nearfield.collection.generations import (
    abandon_migration,
    drop_previous,
    pending_manifest,
    previous_manifest,
    settle,
)
from nearfield.collection.home import Home
from nearfield.collection.migration import Migration, migrate
from nearfield.collection.rollback import roll_back

RECORDS = some_records(12)
STEPS = ("save", "write", "create_store", "drop_store")


class Stopped(BaseException):
    """What a kill looks like to the code that it interrupts."""


@pytest.fixture(scope="module")
def prepared(tmp_path_factory):
    """A collection as it is, with a migration under way, and migrated."""
    folder = tmp_path_factory.mktemp("prepared")
    build_collection(folder / "plain", RECORDS, "hash", encoder=OLD)[0].close()
    shutil.copytree(folder / "plain", folder / "begun")
    with Collection.open(folder / "begun", encoder=OLD) as collection:
        Migration.begin(collection, NEW).close()
    shutil.copytree(folder / "plain", folder / "migrated")
    migrate(folder / "migrated", NEW)
    return folder


def stop_at(patch, number):
    """Let so many steps happen, and no more."""
    steps = itertools.count()

    def stopping(original):
        def step(*arguments, **options):
            if next(steps) >= number:
                raise Stopped
            return original(*arguments, **options)

        return step

    for name in STEPS:
        patch.setattr(Home, name, stopping(getattr(Home, name)))


def back(path):
    with Collection.open(path) as collection:
        roll_back(collection, encoder=OLD)


def abandon(path):
    with Collection.open(path) as collection:
        abandon_migration(collection)


def drop(path):
    with Collection.open(path) as collection:
        drop_previous(collection)


@pytest.mark.parametrize(
    ("beginning", "work", "ends_with", "generations"),
    [
        ("plain", lambda path: migrate(path, NEW), NEW, [1, 2]),
        ("begun", lambda path: migrate(path, NEW), NEW, [1, 2]),
        ("migrated", back, OLD, [1, 2]),
        ("begun", abandon, OLD, [1]),
        ("migrated", drop, NEW, [2]),
    ],
    ids=["migrate", "go on", "roll back", "abandon", "drop"],
)
def test_stopped_at_any_step_it_opens_whole_and_the_same_goes_on(
    prepared, tmp_path, beginning, work, ends_with, generations
):
    for number in itertools.count():
        path = tmp_path / str(number)
        shutil.copytree(prepared / beginning, path)
        with pytest.MonkeyPatch.context() as patch:
            stop_at(patch, number)
            stopped = stops(work, path)
        require_either(path)
        if stopped:
            repeat(work, path)
        with Collection.open(path, encoder=ends_with) as collection:
            require_whole(collection, ends_with, RECORDS)
            if collection.home.generations() != generations:  # the rest is removed by whatever comes next
                assert stopped
                settle(collection)
            assert collection.home.generations() == generations
            assert pending_manifest(collection) is None
            assert (previous_manifest(collection) is None) == (len(generations) == 1)
        if not stopped:
            break
    assert number >= 2


def stops(work, path):
    try:
        work(path)
    except Stopped:
        return True
    return False


def require_either(path):
    with Collection.open(path) as collection:
        encoder = ENCODERS[collection.manifest.encoder.fingerprint]
        collection.use(encoder)
        require_whole(collection, encoder, RECORDS)


def repeat(work, path):
    """Do it again, unless it was done but for the last of it."""
    with Collection.open(path) as collection:
        state = collection.manifest.generation, pending_manifest(collection), previous_manifest(collection)
    if work is abandon and state[1] is None:
        return
    if work is drop and state[2] is None:
        return
    if work is back and state[0] == 1:
        return
    work(path)
