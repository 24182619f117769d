"""Copies or migrates over and over until killed, telling what is safe; run by test_moving_kill.py."""

import itertools
import shutil
import sys
from pathlib import Path

from two_spaces import ENCODERS, NEW, OLD

import nearfield.collection.copy as copying
import nearfield.collection.follower as following
from nearfield.collection.collection import Collection
from nearfield.collection.generations import pending_manifest
from nearfield.collection.migration import Migration
from nearfield.data.records import Record

PAGE = 50


def tell(*words: object) -> None:
    sys.stdout.write(" ".join(map(str, words)) + "\n")
    sys.stdout.flush()


def copy(folder: Path) -> None:
    """Copy, and begin anew when the copy is whole."""
    while True:
        copying.copy_collection(folder / "source", folder / "copy", progress=tell_safe)
        tell("finished", 0)
        shutil.rmtree(folder / "copy")


def tell_safe(what: str, done: int, total: int | None) -> None:
    tell(what.split()[0], done)


def migrate(folder: Path) -> None:
    """Go on with what is under way; then there and back for ever, writing records meanwhile."""
    with Collection.open(folder / "source") as collection:
        for _ in itertools.count():
            now = ENCODERS[collection.manifest.encoder.fingerprint]
            collection.use(now)
            pending = pending_manifest(collection)
            target = (NEW if now is OLD else OLD) if pending is None else ENCODERS[pending.encoder.fingerprint]

            def write(what: str, done: int, _: int | None) -> None:
                tell(what.split()[0], done)
                record = Record(f"written {done % 500}", f"text at {done}")
                collection.upsert([record])
                tell("written", record.id.split()[1], done)

            with Migration.begin(collection, target) as migration:
                migration.run(progress=write)
            tell("finished", collection.manifest.generation)


if __name__ == "__main__":
    copying.PAGE = following.PAGE = PAGE
    {"copy": copy, "migrate": migrate}[sys.argv[1]](Path(sys.argv[2]))
