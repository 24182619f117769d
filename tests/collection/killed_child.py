"""Indexes until killed, printing how many records are safe; run by test_kill.py as a process of its own."""

import sys
from pathlib import Path

from hash_encoder import HashEncoder

import nearfield.collection.collection as module
from nearfield.collection.build import build_collection
from nearfield.data.records import Record
from nearfield.encoders.cache import VectorCache


def main() -> None:
    folder, total = Path(sys.argv[1]), int(sys.argv[2])
    module.BATCH_SIZE = 50
    encoder = HashEncoder()
    records = [Record(f"id-{i}", f"record number {i} of many words {i % 7}", "", {"n": i}) for i in range(total)]
    collection, summary = build_collection(
        folder / "c",
        records,
        "hybrid:hash",
        encoder=encoder,
        cache=VectorCache(folder / "cache.sqlite"),
        progress=lambda what, done, _: print(what.split()[0], done, encoder.encoded, flush=True),
    )
    collection.close()
    print("finished", summary.written + summary.unchanged, encoder.encoded, flush=True)


if __name__ == "__main__":
    main()
