"""Disks without room, on real ones: a file system in memory, as small as the case needs.

The engine writes through memory maps, where a full disk can kill the process; so what might is run as a process of its
own.
"""

import contextlib
import json
import random
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hash_encoder import HashEncoder

from nearfield.collection.collection import Collection
from nearfield.data.records import Record
from nearfield.encoders.cache import VectorCache
from nearfield.encoders.cached import CachedEncoder
from nearfield.errors import CollectionBusyError, StorageError
from nearfield.files import replace_file
from nearfield.folder_lock import FolderLock
from nearfield.stores.embedded.store import EmbeddedStore

RECORDS = 6000


class Disk:
    """A file system in memory."""

    def __init__(self, path: Path) -> None:
        self.path = path
        path.mkdir()

    def mount(self, size: str) -> None:
        subprocess.run(
            ["mount", "-t", "tmpfs", "-o", f"size={size}", "nearfield-test", str(self.path)],
            check=True,
            capture_output=True,
        )

    def remount(self, option: str) -> None:
        subprocess.run(["mount", "-o", f"remount,{option}", str(self.path)], check=True, capture_output=True)

    def fill(self) -> None:
        """Take all the room that is left."""
        with contextlib.suppress(OSError), (self.path / "filler").open("wb", buffering=0) as file:
            while True:
                file.write(bytes(4096))


@pytest.fixture
def disk(tmp_path) -> Iterator[Callable[[str], Disk]]:
    disk = Disk(tmp_path / "disk")

    def mount(size: str) -> Disk:
        try:
            disk.mount(size)
        except (OSError, subprocess.CalledProcessError) as error:
            pytest.skip(f"needs to mount a small file system, which is not permitted here: {error}")
        return disk

    yield mount
    if disk.path.is_mount():
        # Lazily, since a test that fails may have left files open.
        subprocess.run(["umount", "--lazy", str(disk.path)], check=True, capture_output=True)


def nearfield(*arguments: object) -> subprocess.CompletedProcess[str]:
    """Run a command as a process of its own."""
    command = [str(Path(sys.executable).with_name("nearfield")), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)


def failed(done: subprocess.CompletedProcess[str]) -> str:
    """Check that a command failed on purpose: what it said."""
    assert (done.returncode, done.stdout) == (1, ""), done.stderr
    assert done.stderr.startswith("error: ")
    assert "Traceback" not in done.stderr
    return done.stderr


@pytest.fixture
def corpus(tmp_path) -> Path:
    path = tmp_path / "corpus.jsonl"
    noise = random.Random(0)  # the engine compresses what can be
    with path.open("w") as file:
        for i in range(RECORDS):
            file.write(json.dumps({"_id": f"{i}", "text": f"note {i} {noise.randbytes(3000).hex()}"}) + "\n")
    return path


def test_what_was_acknowledged_before_the_disk_was_full_is_kept_and_indexing_goes_on(disk, corpus):
    small = disk("140m")
    folder = small.path / "c"
    code = (
        "import sys, nearfield as nf\n"
        "try: nf.build_collection(sys.argv[1], nf.read_corpus(sys.argv[2]), 'bm25',\n"
        "                         progress=lambda what, done, _: print(done, flush=True))\n"
        "except nf.errors.StorageError as error: print(error, file=sys.stderr)\n"
    )
    child = subprocess.run([sys.executable, "-c", code, folder, corpus], capture_output=True, text=True, check=True)
    assert "make room" in child.stderr
    safe = int(child.stdout.split()[-1])
    assert 0 < safe < RECORDS
    command = ("index", corpus, "--to", folder, "-e", "bm25", "--no-cache")
    assert "make room" in failed(nearfield(*command))

    small.remount("size=600m")
    with Collection.open(folder) as collection:
        assert not collection.complete
        assert {record.id for record in collection} >= {f"{i}" for i in range(safe)}
    done = nearfield(*command, "--json")
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert (told["records"], told["written"] + told["unchanged"]) == (RECORDS, RECORDS)
    assert told["unchanged"] >= safe
    with Collection.open(folder) as collection:
        assert collection.complete
        assert collection.search(f"{RECORDS - 1}", k=1)[0].id == f"{RECORDS - 1}"


def test_a_full_disk_can_still_be_searched(disk, tmp_path):
    (tmp_path / "c.jsonl").write_text('{"_id": "a", "text": "worn washer"}\n')
    small = disk("64m")
    nearfield("index", tmp_path / "c.jsonl", "--to", small.path / "c", "-e", "bm25", "--no-cache")
    small.fill()
    found = nearfield("search", small.path / "c", "washer", "--json")
    assert (found.returncode, json.loads(found.stdout)[0]["id"]) == (0, "a")


@pytest.mark.parametrize("size", ["100k", "8m", "24m"])
def test_a_disk_without_room_for_an_empty_collection_is_refused(disk, tmp_path, size):
    small = disk(size)
    corpus = tmp_path / "c.jsonl"
    corpus.write_text('{"_id": "a", "text": "worn washer"}\n')
    command = ("index", corpus, "--to", small.path / "c", "-e", "bm25", "--no-cache")
    assert "make room" in failed(nearfield(*command))
    if size == "24m":
        small.remount("size=400m")
        assert nearfield(*command).returncode == 0


def test_a_full_disk_under_the_vector_cache_is_told_and_costs_nothing_kept(disk):
    small = disk("2m")
    encoder = HashEncoder(2048)  # 8 kB a vector
    texts = [f"text {i}" for i in range(1000)]
    cache = VectorCache(small.path / "vectors.sqlite")
    cached = CachedEncoder(encoder, cache)
    kept = cached.encode_document(texts[:50])
    with pytest.raises(
        StorageError, match=r"vectors\.sqlite could not be written \(.+\); delete it, .* \(--no-cache\)"
    ):
        cached.encode_document(texts)
    cache.close()

    small.remount("size=40m")
    cache = VectorCache(small.path / "vectors.sqlite")
    encoder.encoded = 0
    cached = CachedEncoder(encoder, cache)
    assert (cached.encode_document(texts)[:50] == kept).all()
    assert encoder.encoded == 950
    cache.close()


def test_a_vector_cache_that_has_no_room_to_be_made_is_told(disk):
    small = disk("1m")
    small.fill()
    with pytest.raises(StorageError, match=r"set NEARFIELD_CACHE to another folder, or do without \(--no-cache\)"):
        VectorCache(small.path / "cache" / "vectors.sqlite")


def test_a_report_that_does_not_fit_leaves_the_old_one_and_is_still_printed(disk, tmp_path):
    small = disk("1m")
    (small.path / "report.json").write_text("old")
    small.fill()
    (tmp_path / "c.jsonl").write_text('{"_id": "a", "text": "worn washer"}\n')
    (tmp_path / "q.jsonl").write_text('{"_id": "q", "text": "washer"}\n')
    (tmp_path / "qrels.tsv").write_text("query-id\tcorpus-id\tscore\nq\ta\t1\n")
    judged = ("--queries", tmp_path / "q.jsonl", "--qrels", tmp_path / "qrels.tsv")
    done = nearfield(
        "compare", tmp_path / "c.jsonl", *judged, "-e", "bm25", "--json", "--save", small.path / "report.json"
    )
    assert done.returncode == 1
    assert f"{small.path / 'report.json'} could not be written (No space left on device); make room" in done.stderr
    assert "Traceback" not in done.stderr
    assert json.loads(done.stdout)["protocol"]["records"] == 1
    assert (small.path / "report.json").read_text() == "old"
    assert sorted(path.name for path in small.path.iterdir()) == ["filler", "report.json"]


def test_a_read_only_disk_is_told(disk, tmp_path):
    (tmp_path / "c.jsonl").write_text('{"_id": "a", "text": "worn washer"}\n')
    still = disk("100m")
    assert (
        nearfield("index", tmp_path / "c.jsonl", "--to", still.path / "c", "-e", "bm25", "--no-cache").returncode == 0
    )
    still.remount("ro")
    said = failed(nearfield("search", still.path / "c", "washer"))
    assert "cannot be locked (Read-only file system); it must be writable, to search too" in said
    said = failed(nearfield("index", tmp_path / "c.jsonl", "--to", still.path / "other", "-e", "bm25", "--no-cache"))
    assert "cannot be made into a collection" in said
    assert "Read-only file system" in said
    assert not (still.path / "other").exists()
    with pytest.raises(StorageError, match=r"could not be written \(Read-only file system\)"):
        replace_file(still.path / "report.json", b"{}")


@pytest.mark.parametrize("name", ["file/report.json", "nowhere/report.json", "folder"])
def test_a_file_that_cannot_be_replaced_is_told_and_nothing_is_left(tmp_path, name):
    (tmp_path / "file").touch()
    (tmp_path / "folder").mkdir()
    with pytest.raises(StorageError, match=r"could not be written \(.+\); make room there, or choose another folder"):
        replace_file(tmp_path / name, b"new")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "folder"]


def test_an_interrupted_replacement_leaves_the_old_content_only(tmp_path, monkeypatch):
    replace_file(tmp_path / "f", b"old")
    monkeypatch.setattr("os.fsync", lambda _: (_ for _ in ()).throw(KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):
        replace_file(tmp_path / "f", b"new")
    assert [(path.name, path.read_bytes()) for path in tmp_path.iterdir()] == [("f", b"old")]


def test_a_creation_that_the_disk_ended_can_be_tried_again_at_once(tmp_path, monkeypatch):
    closed, close = [], EmbeddedStore.close
    monkeypatch.setattr(EmbeddedStore, "close", lambda store: (closed.append(store), close(store)))
    monkeypatch.setattr("nearfield.collection.home.Home.save", lambda *_: (_ for _ in ()).throw(StorageError("full")))
    with pytest.raises(StorageError, match="full"):
        Collection.create(tmp_path / "c", "tfidf")
    monkeypatch.undo()
    assert len(closed) == 1
    with Collection.create(tmp_path / "c", "tfidf") as collection:
        collection.upsert([Record("a", "worn washer")])
        assert collection.count() == 1


def test_a_lock_is_taken_even_where_there_is_no_room_to_say_by_whom(disk):
    small = disk("1m")
    small.fill()
    lock = FolderLock(small.path)
    with pytest.raises(CollectionBusyError, match="is held by another process; close it there or try again later"):
        FolderLock(small.path)
    lock.release()
    FolderLock(small.path).release()


def test_a_lock_may_be_released_by_another_thread(tmp_path):
    lock = FolderLock(tmp_path)
    thread = threading.Thread(target=lock.release)
    thread.start()
    thread.join()
    FolderLock(tmp_path).release()
