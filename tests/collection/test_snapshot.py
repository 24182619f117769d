import io
import json
import shutil
import zipfile

import numpy as np
import pytest
from two_spaces import NEW, OLD, require_whole, some_records

from nearfield.collection import snapshot as module
from nearfield.collection.build import build_collection
from nearfield.collection.collection import Collection
from nearfield.collection.export import export_parquet
from nearfield.collection.listing import collection_exists, drop_collection, list_collections
from nearfield.collection.migration import Migration
from nearfield.collection.snapshot import restore_snapshot, save_snapshot
from nearfield.data.records import Record
from nearfield.errors import CollectionBusyError, CollectionError, DataError, InvalidInputError, StorageError

RECORDS = [
    Record(f"id-{i}", f"record {i}\u2028 of é 🎉 words", f"title {i}", {"n": i, "list": [1, 1.5, None, {"a": "b"}]})
    for i in range(25)
]


@pytest.fixture(params=["hybrid:hash", "hash", "bm25"])
def collection(request, tmp_path, encoder, monkeypatch):
    monkeypatch.setattr(module, "_PART", 10)
    with build_collection(tmp_path / "c", RECORDS, request.param, encoder=encoder)[0] as collection:
        yield collection


def points(collection):
    vectors = collection.manifest.encoder is not None
    found = collection.store.scroll(with_vectors=vectors)
    return {point.id: (point.payload, None if point.vector is None else point.vector.tolist()) for point in found}


def test_a_snapshot_makes_the_same_collection_again(collection, tmp_path, encoder):
    summary = save_snapshot(collection, tmp_path / "s.zip")
    assert summary.records == 25
    assert summary.bytes == (tmp_path / "s.zip").stat().st_size
    told = []
    with restore_snapshot(tmp_path / "s.zip", tmp_path / "again", progress=lambda *now: told.append(now)) as again:
        assert points(again) == points(collection)
        assert again.spec == collection.spec
        assert again.complete
        assert told[-1][:3] == ("restoring", 25, 25) or ("restoring", 25, 25) in told
    with Collection.open(tmp_path / "again", encoder=encoder if collection.spec.encoder else None) as again:
        assert again.upsert(RECORDS).unchanged == 25
        query = "record 7 of words"
        assert [(r.id, r.score) for r in again.rank(query, k=5)] == [
            (r.id, pytest.approx(r.score, abs=1e-5)) for r in collection.rank(query, k=5)
        ]


@pytest.mark.parametrize("write", [save_snapshot, export_parquet])
def test_nothing_is_written_over_the_collection_itself(collection, tmp_path, write):
    (tmp_path / "link").symlink_to(tmp_path / "c", target_is_directory=True)
    for path in (tmp_path / "c" / "manifest.json", tmp_path / "link" / "points" / "x.parquet"):
        with pytest.raises(InvalidInputError, match=r"is among the files of .* itself"):
            write(collection, path)
    collection.close()
    Collection.open(tmp_path / "c").close()


def test_a_snapshot_is_not_restored_over_anything(collection, tmp_path):
    save_snapshot(collection, tmp_path / "s.zip")
    with pytest.raises((CollectionError, CollectionBusyError)):
        restore_snapshot(tmp_path / "s.zip", tmp_path / "c")
    assert collection.count() == 25


def rewritten(path, change):
    """Write a snapshot again with members changed: `change` takes their contents by name."""
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    change(members)
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)


def with_lines(change):
    """Change each line of the first part."""

    def changed(members):
        lines = [json.loads(line) for line in members["00000/points.jsonl"].splitlines()]
        members["00000/points.jsonl"] = b"".join(json.dumps(change(line)).encode() + b"\n" for line in lines)

    return changed


def with_vectors(change):
    """Change the vectors of the first part."""

    def changed(members):
        buffer = io.BytesIO()
        np.save(buffer, change(np.load(io.BytesIO(members["00000/vectors.npy"]))))
        members["00000/vectors.npy"] = buffer.getvalue()

    return changed


def huge_claim():
    buffer = io.BytesIO()
    header = {"descr": "<f4", "fortran_order": False, "shape": (10**10, 16)}
    np.lib.format.write_array_header_1_0(buffer, header)
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda m: m.pop("snapshot.json"), "has no snapshot.json"),
        (lambda m: m.pop("manifest.json"), "has no manifest.json"),
        (lambda m: m.pop("00001/points.jsonl"), "has no 00001/points.jsonl"),
        (lambda m: m.update({"snapshot.json": b'{"format_version": 9}'}), "format that this nearfield does not read"),
        (lambda m: m.update({"snapshot.json": b"{"}), "damaged"),
        (
            lambda m: m.update({"snapshot.json": b'{"format_version": 1, "records": 99, "parts": 3}'}),
            "25 of 99 records",
        ),
        (lambda m: m.update({"00001/points.jsonl": b"{}\n"}), "part 00001 is damaged"),
        (lambda m: m.update({"00001/points.jsonl": b"\xff\n"}), "part 00001 is damaged"),
        (lambda m: m.update({"00000/vectors.npy": b"nothing"}), "part 00000 is damaged"),
        (lambda m: m.update({"snapshot.json": b"[" * 100_000}), "snapshot.json is damaged"),
        (lambda m: m.update({"snapshot.json": b'{"format_version": 1, "records": 1e999, "parts": 3}'}), "damaged"),
        (lambda m: m.update({"snapshot.json": b'{"format_version": 1, "records": 25, "parts": -3}'}), "damaged"),
        (lambda m: m.update({"snapshot.json": b'{"format_version": 1, "records": 0, "parts": 0}'}), "3 parts, not 0"),
        (lambda m: m.update({"snapshot.json": b" " * (1 << 27)}), "snapshot.json is too large"),
        (with_lines(lambda line: line | {"text": 7}), "part 00000 is damaged .a record with values of other types"),
        (with_lines(lambda line: line | {"meta": [1]}), "part 00000 is damaged .a record with values of other types"),
        (with_lines(lambda line: line | {"id": 7}), "part 00000 is damaged .a record with values of other types"),
        (with_lines(lambda line: [1]), "part 00000 is damaged"),
        (with_lines(lambda line: line | {"id": f"id-{10 + int(line['id'][3:])}"}), "ids more than once"),
        (with_vectors(lambda rows: rows[:, :5]), "vectors of 5 dimensions, not 16"),
        (with_vectors(lambda rows: rows[:5]), "part 00000 is damaged"),
        (with_vectors(lambda rows: np.vstack([rows, rows])), "20 vectors for 10 records"),
        (with_vectors(lambda rows: rows.astype(complex)), "type complex128, not a row of float32"),
        (with_vectors(lambda rows: rows * np.float32(np.nan)), "cannot be stored .vectors must be finite"),
        (lambda m: m.update({"00000/vectors.npy": huge_claim()}), "part 00000 is damaged"),
    ],
)
def test_a_damaged_snapshot_leaves_nothing_behind(tmp_path, encoder, monkeypatch, change, message):
    monkeypatch.setattr(module, "_PART", 10)
    with build_collection(tmp_path / "c", RECORDS, "hybrid:hash", encoder=encoder)[0] as collection:
        save_snapshot(collection, tmp_path / "s.zip")
    rewritten(tmp_path / "s.zip", change)
    with pytest.raises(DataError, match=message):
        restore_snapshot(tmp_path / "s.zip", tmp_path / "again")
    assert not (tmp_path / "again").exists()


@pytest.mark.parametrize("content", [None, b"no zip", b"cut", b"flipped"])
def test_what_is_no_snapshot_is_refused(tmp_path, encoder, content):
    path = tmp_path / "s.zip"
    with build_collection(tmp_path / "c", RECORDS, "hash", encoder=encoder)[0] as collection:
        save_snapshot(collection, path)
    whole = path.read_bytes()
    middle = whole.index(b"NUMPY") + 300
    damaged = {b"cut": whole[:-40], b"flipped": whole[:middle] + bytes([whole[middle] ^ 1]) + whole[middle + 1 :]}
    path.unlink()
    if content is not None:
        path.write_bytes(damaged.get(content, content))
    with pytest.raises(DataError):
        restore_snapshot(path, tmp_path / "again")
    assert not (tmp_path / "again").exists()


def test_a_locked_archive_is_refused(tmp_path, encoder):
    path = tmp_path / "s.zip"
    with build_collection(tmp_path / "c", RECORDS, "hash", encoder=encoder)[0] as collection:
        save_snapshot(collection, path)
    content = bytearray(path.read_bytes())
    content[content.index(b"PK\1\2") + 8] |= 1  # the first member claims to be encrypted
    content[6] |= 1
    path.write_bytes(content)
    with pytest.raises(DataError, match="encrypted"):
        restore_snapshot(path, tmp_path / "again")


def test_a_snapshot_that_the_disk_refuses_leaves_the_old_one(collection, tmp_path):
    with pytest.raises(StorageError):
        save_snapshot(collection, tmp_path / "nowhere" / "s.zip")


def test_records_are_exported_as_parquet(collection, tmp_path):
    import pyarrow.parquet

    assert export_parquet(collection, tmp_path / "c.parquet", where={"n": {"$lt": 20}}) == 20
    rows = pyarrow.parquet.read_table(tmp_path / "c.parquet").to_pylist()
    stored = points(collection)
    assert len(rows) == 20
    for row in rows:
        payload, vector = stored[row["id"]]
        assert (row["text"], row["title"], json.loads(row["meta"])) == (payload.text, payload.title, payload.meta)
        assert row.get("vector") == vector
    assert export_parquet(collection, tmp_path / "c.parquet", vectors=False) == 25
    assert "vector" not in pyarrow.parquet.read_schema(tmp_path / "c.parquet").names


def test_collections_are_listed_and_dropped(tmp_path, encoder):
    for name in ("b", "a"):
        build_collection(tmp_path / name, RECORDS[:3], "hash", encoder=encoder)[0].close()
    (tmp_path / "other").mkdir()
    assert list_collections(tmp_path) == [str(tmp_path / "a"), str(tmp_path / "b")]
    assert list_collections(tmp_path / "nowhere") == []
    with Collection.open(tmp_path / "a", encoder=encoder), pytest.raises(CollectionBusyError):
        drop_collection(tmp_path / "a")
    drop_collection(tmp_path / "a")
    assert not (tmp_path / "a").exists()
    assert not collection_exists(tmp_path / "a")
    with pytest.raises(CollectionError, match="does not exist"):
        drop_collection(tmp_path / "a")
    shutil.rmtree(tmp_path / "b")
    assert list_collections(tmp_path) == []


def test_a_snapshot_keeps_vectors_as_they_are(tmp_path, encoder):
    with build_collection(tmp_path / "c", RECORDS, "hash", encoder=encoder)[0] as collection:
        save_snapshot(collection, tmp_path / "s.zip")
        (point,) = collection.store.get(["id-3"], with_vectors=True)
    with restore_snapshot(tmp_path / "s.zip", tmp_path / "again") as again:
        (copy,) = again.store.get(["id-3"], with_vectors=True)
        np.testing.assert_array_equal(copy.vector, point.vector)


def test_what_was_incomplete_is_incomplete_when_it_is_restored(collection, tmp_path):
    collection.begin()
    save_snapshot(collection, tmp_path / "s.zip")
    with restore_snapshot(tmp_path / "s.zip", tmp_path / "again") as again:
        assert again.count() == 25
        assert not again.complete


def test_a_migration_that_changes_over_meanwhile_does_not_get_into_a_snapshot(tmp_path):
    with build_collection(tmp_path / "c", some_records(30), "hash", encoder=OLD)[0] as collection:
        watched = collection.store

        def migrate_then_count(where=None):
            watched.count = watched.inner.count
            with Migration.begin(collection, NEW) as migration:
                migration.run()
            return watched.count(where)

        watched.count = migrate_then_count
        save_snapshot(collection, tmp_path / "s.zip")
        assert collection.encoder is NEW
    with restore_snapshot(tmp_path / "s.zip", tmp_path / "again") as again:
        again.use(OLD)
        require_whole(again, OLD, some_records(30))


def test_nobody_can_make_a_collection_in_a_folder_while_one_is_removed_from_it(tmp_path, monkeypatch):
    build_collection(tmp_path / "c", RECORDS[:3], "bm25")[0].close()
    (tmp_path / "c" / "elsewhere").symlink_to(tmp_path, target_is_directory=True)
    remove, tried = shutil.rmtree, []

    def build_then_remove(path, **options):
        if (tmp_path / "c" / "points").exists() and not tried:
            tried.append(path)
            remove(path, **options)
            with pytest.raises(CollectionBusyError):
                build_collection(tmp_path / "c", RECORDS[:3], "bm25")
            return
        remove(path, **options)

    monkeypatch.setattr("nearfield.stores.embedded.database.shutil.rmtree", build_then_remove)
    drop_collection(tmp_path / "c")
    assert tried
    assert list(tmp_path.iterdir()) == []
