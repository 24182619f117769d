"""Index a source that breaks off, go on where it stopped, and later bring the collection up to date."""

from collections.abc import Iterator

import nearfield as nf

TOTAL, BREAKS_AT = 5000, 2500


def notes(*, broken: bool = False, revised: bool = False) -> Iterator[nf.Record]:
    """Read the source from its start."""
    for number in range(TOTAL):
        if broken and number == BREAKS_AT:
            raise ConnectionError("the database went away")
        text = f"note {number}, revised" if revised and number % 1000 == 0 else f"note {number}"
        yield nf.Record(f"note-{number}", text, meta={"shelf": number % 7})


def bring_up_to_date(collection: nf.Collection, records: Iterator[nf.Record]) -> None:
    """Write what is missing or has changed. What `progress` reports is synced: a power cut does not lose it."""
    summary = collection.upsert(records, progress=lambda _, done, total: print(f"  {done} safe"))
    collection.finish()
    print(f"{collection.count()} notes: {summary.written} written, {summary.unchanged} unchanged")


with nf.Collection.create("notes.collection", "bm25", sample=["note 1"]) as collection:
    try:
        bring_up_to_date(collection, notes(broken=True))
    except ConnectionError as error:
        print(f"{error}; {collection.count()} notes are safe")

# Another day, another process: the same call goes on, and skips what is there.
with nf.Collection.open("notes.collection") as collection:
    print("complete" if collection.complete else "not complete yet")
    bring_up_to_date(collection, notes())

with nf.Collection.open("notes.collection") as collection:
    bring_up_to_date(collection, notes(revised=True))
    print([hit.id for hit in collection.search("revised", k=10, where={"shelf": 0})])
