"""What only the embedded store has: its folder, its durability, its space on the disk."""

import errno
import json
import os
import shutil
import signal
import subprocess
import sys
import textwrap
import threading
from collections import namedtuple
from contextlib import closing

import numpy as np
import pytest

from nearfield import files
from nearfield.errors import CollectionBusyError, CollectionError, InvalidInputError, StorageError
from nearfield.stores.base import Batch, Payload, SparseVector, StoreConfig
from nearfield.stores.embedded.folder import Folder
from nearfield.stores.embedded.shard import HeldShard
from nearfield.stores.embedded.store import EmbeddedStore
from nearfield.stores.vectors import unit_vectors

CONFIG = StoreConfig(dim=4)
SECRET = "a secret that must go"


def batch(ids, text="", meta=None):
    vectors = np.random.default_rng(len(ids)).normal(size=(len(ids), 4)).astype(np.float32)
    return Batch(ids, [Payload(text=text, meta=meta or {})] * len(ids), vectors)


@pytest.fixture
def store(tmp_path):
    with closing(EmbeddedStore.create(tmp_path / "store", CONFIG)) as store:
        yield store


def files_holding(folder, text):
    return [path for path in folder.rglob("*") if path.is_file() and text.encode() in path.read_bytes()]


class RecordingShard:
    """Notes the calls that reach the engine, and fails where it is told to."""

    def __init__(self, shard, calls, failing=""):
        self._shard, self._calls, self._failing = shard, calls, failing

    def __getattr__(self, name):
        def call(*arguments):
            self._calls.append(name)
            if name == self._failing:
                raise Exception("No space left on device")
            return getattr(self._shard, name)(*arguments)

        return call


def test_metadata_that_is_no_object_is_refused(store):
    with pytest.raises(InvalidInputError, match="the meta of 'a' must be an object of JSON values"):
        store.upsert(batch(["a"], meta=[1]))


# --- durability


def test_writes_are_flushed_before_they_are_acknowledged(store, monkeypatch):
    calls = []
    monkeypatch.setattr(store._held, "_shard", RecordingShard(store._held._shard, calls))
    store.upsert(batch(["a", "b"]))
    assert calls == ["update", "flush"]
    calls.clear()
    store.delete(["a"])
    assert calls == ["retrieve", "update", "flush"]
    calls.clear()
    store.count({"x": 1})
    assert calls == ["update", "flush", "count"]  # the first filter on a field indexes it


@pytest.mark.parametrize("failing", ["update", "flush"])
def test_a_write_that_fails_is_an_error_not_an_acknowledgement(store, monkeypatch, failing):
    with monkeypatch.context() as patch:
        patch.setattr(store._held, "_shard", RecordingShard(store._held._shard, [], failing))
        with pytest.raises(StorageError, match="writing points failed: No space left"):
            store.upsert(batch(["a"]))
    store.upsert(batch(["a"]))
    with monkeypatch.context() as patch:
        patch.setattr(store._held, "_shard", RecordingShard(store._held._shard, [], failing))
        with pytest.raises(StorageError, match="deleting points failed: No space left"):
            store.delete(["a"])


def test_directories_that_the_engine_leaves_unsynced_are_synced(store, monkeypatch):
    synced = []
    monkeypatch.setattr("nearfield.stores.embedded.folder.sync_directory", lambda path: synced.append(path.name))
    store.upsert(batch(["a"]))
    assert "vectors" in synced  # the first chunk of the vector storage was renamed into it
    synced.clear()
    store.upsert(batch(["b"]))
    assert "vectors" not in synced


def test_what_was_acknowledged_survives_a_kill(tmp_path):
    code = """
        import os, signal, sys
        from pathlib import Path
        import numpy as np
        from nearfield.stores.base import Batch, Payload, StoreConfig
        from nearfield.stores.embedded.store import EmbeddedStore
        store = EmbeddedStore.create(sys.argv[1], StoreConfig(dim=4, index_above=100))
        for step in range(1000):
            ids = [f"p{(step * 50 + row) % 400}" for row in range(100)]  # half of them replaced
            vectors = np.full((100, 4), step + 1, np.float32) * [1, 2, 3, 4]
            store.upsert(Batch(ids, [Payload(text=str(step), digest=str(step))] * 100, vectors))
            if step == 4:
                store.optimise()
            print(step, flush=True)
    """
    command = [sys.executable, "-c", textwrap.dedent(code), str(tmp_path / "store")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        for line in process.stdout:
            if int(line) == 12:
                process.send_signal(signal.SIGKILL)
                acknowledged = max(int(rest) for rest in [line, *process.stdout] if rest.endswith("\n"))
    written = {f"p{(step * 50 + row) % 400}": step for step in range(acknowledged + 1) for row in range(100)}
    with closing(EmbeddedStore.open(tmp_path / "store", StoreConfig(dim=4, index_above=100))) as store:
        for point in store.get(sorted(written), with_vectors=True):
            step = int(point.payload.text)
            assert step in (written.pop(point.id), acknowledged + 1)
            assert point.payload.digest == str(step)
            np.testing.assert_allclose(point.vector, np.array([1, 2, 3, 4]) * (step + 1), rtol=1e-6)
    assert not written


def test_vectors_of_length_one_are_stored_as_they_are():
    vectors = np.random.default_rng(0).normal(size=(100, 384)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    units, lengths = unit_vectors(vectors, np.linalg.norm(vectors.astype(np.float64), axis=1))
    assert units is vectors
    assert lengths == [None] * 100


# --- the disk


def test_a_full_disk_is_refused_before_the_engine_touches_it(store, monkeypatch):
    store.upsert(batch(["a"]))
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage(1 << 30, 1 << 30, 1000))
    for write in (lambda: store.upsert(batch(["b"])), lambda: store.delete(["a"]), store.compact):
        with pytest.raises(StorageError, match=r"1,000 bytes free, this write may need .* make room"):
            write()
    assert store.count() == 1


def test_compact_removes_the_bytes_of_deleted_and_replaced_points(store):
    store.upsert(batch(["a", "b", "c"], SECRET, {"s": SECRET}))
    store.upsert(batch(["kept"], "kept text"))
    assert store.count({"s": SECRET}) == 3
    assert store.delete(["a", "b"]) == 2
    store.upsert(batch(["c"], "replaced"))
    folder = store._held.folder.path
    assert files_holding(folder, SECRET)
    store.compact()
    assert files_holding(folder, SECRET) == []
    assert files_holding(folder, "kept text")
    assert {point.id: point.payload.text for point in store.scroll()} == {"kept": "kept text", "c": "replaced"}
    assert [path.name for path in folder.glob("shard-*")] == ["shard-2"]
    store.close()
    with closing(EmbeddedStore.open(folder, CONFIG)) as again:
        assert again.count({"s": SECRET}) == 0
        assert again.count() == 2


def test_compact_gives_back_what_deleted_points_took(store):
    store.upsert(batch([f"p{row}" for row in range(5000)], "x" * 500))
    before = store.allocated_bytes()
    store.delete([f"p{row}" for row in range(10, 5000)])
    store.compact()
    assert store.allocated_bytes() < before / 3


def test_a_compaction_that_fails_leaves_the_store_as_it_was(store, monkeypatch):
    store.upsert(batch(["a"]))

    def fail(*arguments):
        raise OSError("broken disk")

    with monkeypatch.context() as patch:
        patch.setattr("nearfield.stores.embedded.store.copy_shard", fail)
        with pytest.raises(StorageError, match=r"compacting failed: broken disk"):
            store.compact()
    assert [path.name for path in store._held.folder.path.glob("shard-*")] == ["shard-1"]
    store.upsert(batch(["b"]))
    assert store.count() == 2


def failing(error, *, times, otherwise=None):
    """A function that raises the first times it is called, and then is another."""
    left = [error] * times

    def call(*arguments):
        if left:
            raise left.pop()
        return otherwise(*arguments)

    return call


def reopened(store, place):
    """What is there after the process ended without another word: a copy of its files as they are, opened."""
    shutil.copytree(store._held.folder.path, place / "copy", ignore=shutil.ignore_patterns("lock*"))
    with closing(EmbeddedStore.open(place / "copy", CONFIG)) as again:
        return sorted(point.id for point in again.scroll()), again._held.folder.shard


EIO = OSError(errno.EIO, "Input/output error")


@pytest.mark.parametrize("error", [EIO, KeyboardInterrupt()])
def test_a_compaction_interrupted_after_the_rename_goes_on_with_the_fresh_shard(store, tmp_path, monkeypatch, error):
    store.upsert(batch(["a"]))
    with monkeypatch.context() as patch:
        patch.setattr(files, "sync_directory", failing(error, times=1, otherwise=files.sync_directory))
        with pytest.raises((StorageError, KeyboardInterrupt)):
            store.compact()
    store.upsert(batch(["b"]))
    assert store.count() == 2
    assert reopened(store, tmp_path) == (["a", "b"], "shard-2")


def test_a_compaction_that_may_not_have_reached_the_disk_closes_the_store(store, tmp_path, monkeypatch):
    store.upsert(batch(["a"]))
    with monkeypatch.context() as patch:
        patch.setattr(files, "sync_directory", failing(EIO, times=9))
        with pytest.raises(StorageError, match="Input/output error"):
            store.compact()
    with pytest.raises(StorageError, match="the store is closed; open it again"):
        store.upsert(batch(["b"]))
    assert reopened(store, tmp_path) == (["a"], "shard-2")
    EmbeddedStore.open(store._held.folder.path, CONFIG).close()  # nothing holds it any more


@pytest.mark.parametrize("unreadable", ["{", '"shard-7"'])
def test_a_store_that_no_longer_knows_its_shard_is_closed(store, tmp_path, monkeypatch, unreadable):
    path = store._held.folder.path / "store.json"
    text = path.read_text()

    def commit(*_):
        path.write_text(text.replace('"shard-1"', unreadable))
        path.with_name("shard-7").mkdir()
        raise KeyboardInterrupt

    store.upsert(batch(["a"]))
    with monkeypatch.context() as patch:
        patch.setattr(Folder, "commit", commit)
        with pytest.raises(KeyboardInterrupt):
            store.compact()
    with pytest.raises(StorageError, match="the store is closed; open it again"):
        store.upsert(batch(["b"]))
    path.write_text(text)
    assert reopened(store, tmp_path) == (["a"], "shard-1")


def test_a_compaction_interrupted_before_the_fresh_shard_is_adopted_adopts_it(store, tmp_path, monkeypatch):
    store.upsert(batch(["a"]))
    with monkeypatch.context() as patch:
        patch.setattr(HeldShard, "adopt", failing(KeyboardInterrupt(), times=1, otherwise=HeldShard.adopt))
        with pytest.raises(KeyboardInterrupt):
            store.compact()
    store.upsert(batch(["b"]))
    assert reopened(store, tmp_path) == (["a", "b"], "shard-2")


def test_a_compaction_interrupted_again_while_it_finds_out_closes_the_store(store, tmp_path, monkeypatch):
    store.upsert(batch(["a"]))
    with monkeypatch.context() as patch:
        patch.setattr(HeldShard, "adopt", failing(KeyboardInterrupt(), times=2))
        with pytest.raises(KeyboardInterrupt):
            store.compact()
    with pytest.raises(StorageError, match="the store is closed; open it again"):
        store.upsert(batch(["b"]))
    assert reopened(store, tmp_path) == (["a"], "shard-2")
    EmbeddedStore.open(store._held.folder.path, CONFIG).close()  # nothing holds it any more


def test_a_compaction_whose_commit_is_refused_keeps_the_shard_and_can_be_tried_again(store, tmp_path, monkeypatch):
    store.upsert(batch(["a"]))
    for _ in range(2):
        with monkeypatch.context() as patch:
            patch.setattr(Folder, "commit", failing(StorageError("full"), times=1))
            with pytest.raises(StorageError, match="full"):
                store.compact()
        store.upsert(batch(["b"]))
        assert store._held.folder.shard == "shard-1"
    store.compact()
    assert [path.name for path in store._held.folder.path.glob("shard-*")] == ["shard-2"]
    assert reopened(store, tmp_path) == (["a", "b"], "shard-2")


def test_a_full_disk_does_not_keep_a_filter_from_being_answered(store, monkeypatch):
    store.upsert(batch(["a", "b"], meta={"s": "é", "n": 1}))
    usage = namedtuple("usage", "total used free")
    with monkeypatch.context() as patch:
        patch.setattr(shutil, "disk_usage", lambda path: usage(1 << 30, 1 << 30, 1000))
        assert store.count({"s": "é"}) == 2
        assert len(store.query([1, 2, 3, 4], k=5, where={"n": {"$gte": 1}})) == 2
        with pytest.raises(StorageError, match="1,000 bytes free"):
            store.count({"s": {"$gt": "a"}})  # there is no order on strings without an index
    assert store._held._fields == set()
    assert store.count({"s": "é"}) == 2
    assert len(store._held._fields) == 1


def test_allocated_bytes_counts_blocks_not_the_size_of_sparse_files(store):
    size = sum(path.stat().st_size for path in store._held.folder.path.rglob("*"))
    assert 0 < store.allocated_bytes() < size / 10


# --- the folder


def test_a_store_is_opened_by_one_at_a_time(store):
    path = store._held.folder.path
    with pytest.raises(CollectionBusyError, match=f"process {os.getpid()}"):
        EmbeddedStore.open(path, CONFIG)
    code = textwrap.dedent(
        """
        import sys
        from nearfield.errors import CollectionBusyError
        from nearfield.stores.base import StoreConfig
        from nearfield.stores.embedded.store import EmbeddedStore
        try:
            EmbeddedStore.open(sys.argv[1], StoreConfig(dim=4))
        except CollectionBusyError as error:
            print(error)
        """
    )
    printed = subprocess.run([sys.executable, "-c", code, str(path)], capture_output=True, text=True, check=True)
    assert f"is held by process {os.getpid()} on " in printed.stdout
    store.close()
    EmbeddedStore.open(path, CONFIG).close()


def test_reopening_keeps_everything_and_tunable_options_may_change(tmp_path):
    vector = SparseVector(np.array([5], np.uint32), np.array([2.0], np.float32))
    points = Batch(["a"], [Payload("t", meta={"x": 1})], np.array([[3, 4.0]], np.float32), {"s": [vector]})
    with closing(EmbeddedStore.create(tmp_path / "s", StoreConfig(dim=2, sparse=("s",)))) as store:
        store.upsert(points)
        before = store.get(["a"], with_vectors=True), store.query_sparse("s", vector, k=1)
    config = StoreConfig(dim=2, sparse=("s",), quantisation="none", index_above=5, m=8)
    with closing(EmbeddedStore.open(tmp_path / "s", config)) as store:
        after = store.get(["a"], with_vectors=True), store.query_sparse("s", vector, k=1)
        assert after[0][0].payload == before[0][0].payload
        assert after[0][0].vector.tolist() == before[0][0].vector.tolist() == [3, 4]
        assert after[1] == before[1]


def test_what_a_crash_left_is_removed_and_never_counts(tmp_path):
    path = tmp_path / "s"
    (path / "shard-1").mkdir(parents=True)  # a creation that did not get to its store.json
    for name in ("store.json.new", ".store.json.0123.new"):
        (path / name).write_text("{")
    with closing(EmbeddedStore.create(path, CONFIG)) as store:
        store.upsert(batch(["a"]))
    assert not list(path.glob("*.new"))
    (path / "shard-2" / "segments").mkdir(parents=True)  # a compaction that did not get to its own
    (path / ".store.json.4567.new").write_text("{")
    with closing(EmbeddedStore.open(path, CONFIG)) as store:
        assert store.count() == 1
    assert not (path / "shard-2").exists()
    assert not list(path.glob("*.new"))


def test_the_directories_made_for_a_store_are_synced_into_their_parents(tmp_path, monkeypatch):
    synced, sync = [], files.sync_directory
    monkeypatch.setattr(files, "sync_directory", lambda path: (synced.append(path), sync(path)))
    EmbeddedStore.create(tmp_path / "a" / "b", CONFIG).close()
    assert {tmp_path, tmp_path / "a"} <= set(synced)


def test_a_failed_opening_lets_go_of_the_folder(tmp_path, monkeypatch):
    EmbeddedStore.create(tmp_path / "s", CONFIG).close()
    for target in ("embedded.shard.HeldShard.adopt", "embedded.folder.sync_directory"):
        with monkeypatch.context() as patch:
            patch.setattr(f"nearfield.stores.{target}", failing(EIO, times=1))
            with pytest.raises(StorageError, match="opening the store") as caught:
                EmbeddedStore.open(tmp_path / "s", CONFIG)
        EmbeddedStore.open(tmp_path / "s", CONFIG).close()
        del caught
    with pytest.raises(CollectionError, match="already holds a store"):
        EmbeddedStore.create(tmp_path / "s", CONFIG)


def test_a_failed_creation_lets_go_of_the_folder(tmp_path, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(Folder, "remove_leftovers", failing(EIO, times=1))
        with pytest.raises(StorageError, match="creating a store"):
            EmbeddedStore.create(tmp_path / "s", CONFIG)
    EmbeddedStore.create(tmp_path / "s", CONFIG).close()


def test_a_failed_closing_lets_go_of_the_folder(tmp_path, monkeypatch):
    store = EmbeddedStore.create(tmp_path / "s", CONFIG)
    calls = []
    store._held._shard = RecordingShard(store._held._shard, calls, "flush")
    with pytest.raises(StorageError, match="closing the store"):
        store.close()
    assert calls == ["flush", "close"]
    store.close()
    EmbeddedStore.open(tmp_path / "s", CONFIG).close()


def test_folders_that_hold_something_else_are_refused(tmp_path):
    path = tmp_path / "s"
    with pytest.raises(CollectionError, match="holds no store"):
        EmbeddedStore.open(path, CONFIG)
    EmbeddedStore.create(path, CONFIG).close()
    with pytest.raises(CollectionError, match="already holds a store"):
        EmbeddedStore.create(path, CONFIG)
    with pytest.raises(CollectionError, match=r"'dim': 4.* asked to open it as .*'dim': 3"):
        EmbeddedStore.open(path, StoreConfig(dim=3))
    description = json.loads((path / "store.json").read_text())
    (path / "store.json").write_text(json.dumps(description | {"format_version": 99}))
    with pytest.raises(CollectionError, match="format 99, this program reads 1; upgrade"):
        EmbeddedStore.open(path, CONFIG)
    (path / "store.json").write_text("{")
    with pytest.raises(CollectionError, match="damaged"):
        EmbeddedStore.open(path, CONFIG)
    (path / "store.json").write_text(json.dumps(description))
    (path / "shard-1" / "edge_config.json").write_text("junk")
    with pytest.raises(CollectionError, match="shard-1 is damaged"):
        EmbeddedStore.open(path, CONFIG)
    shutil.rmtree(path / "shard-1")
    with pytest.raises(CollectionError, match="lacks its folder shard-1"):
        EmbeddedStore.open(path, CONFIG)
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "thesis.txt").write_text("x")
    with pytest.raises(CollectionError, match=r"holds other files \(thesis.txt"):
        EmbeddedStore.create(tmp_path / "other", CONFIG)


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({}, "needs dim, or at least one sparse leg"),
        ({"dim": 0}, "dim must be at least 1, got 0"),
        ({"dim": 2, "metric": "hamming"}, "metric must be one of cosine, dot, l2"),
        ({"dim": 2, "quantisation": "int4"}, "none, int8 or binary"),
        ({"dim": 2, "sparse": ("a", "a")}, "different names"),
        ({"dim": 2, "sparse": ("dense",)}, "not 'dense'"),
        ({"dim": 2, "oversampling": 0.5}, "oversampling must be at least 1"),
    ],
)
def test_configurations_that_make_no_sense_are_refused(tmp_path, config, message):
    with pytest.raises(InvalidInputError, match=message):
        EmbeddedStore.create(tmp_path / "s", StoreConfig(**config))
    assert not (tmp_path / "s").exists()


# --- threads


def collecting(problems, work):
    """A thread whose exception the main thread can see."""

    def run():
        try:
            work()
        except Exception as error:  # whatever it is
            problems.append(error)

    return threading.Thread(target=run)


def test_threads_read_while_others_write_and_compact(store):
    ids = [f"p{row}" for row in range(200)]
    store.upsert(batch(ids, meta={"x": 1}))
    problems, done = [], threading.Event()

    def read():
        while not done.is_set():
            assert len(store.query([1, 2, 3, 4], k=5, where={"x": 1})) == 5
            assert len(list(store.scroll({"x": {"$gte": 1}}, page_size=50))) >= 200
            assert len(store.get(ids)) == 200

    def write():
        for number in range(2):
            store.upsert(batch([f"{threading.get_ident()}-{number}"], meta={"x": 2}))
            store.compact()

    readers = [collecting(problems, read) for _ in range(3)]
    writers = [collecting(problems, write) for _ in range(2)]
    for thread in readers + writers:
        thread.start()
    for thread in writers:
        thread.join()
    done.set()
    for thread in readers:
        thread.join()
    assert problems == []
    assert store.count() == 204


def test_a_reader_whose_shard_was_replaced_underneath_asks_the_new_one(store):
    store.upsert(batch(["a"]))
    current = store._held._shard

    class Replaced:
        def count(self, request):
            store._held._shard = current
            raise Exception("Shard is not initialized")

    store._held._shard = Replaced()
    assert store.count() == 1


def test_points_written_after_they_were_counted_do_not_confuse_a_search_for_all(store, monkeypatch):
    store.upsert(batch(["a", "b", "c"]))
    monkeypatch.setattr(store, "count", lambda: 1)  # as it was before another thread wrote two more
    assert len(store.query([1, 2, 3, 4], k=10_000)) == 3


def test_closing_waits_for_readers_and_they_are_told(store):
    store.upsert(batch([f"p{row}" for row in range(2000)]))
    problems = []

    def read():
        while True:
            store.query([1, 2, 3, 4], k=5)

    readers = [collecting(problems, read) for _ in range(3)]
    for thread in readers:
        thread.start()
    store.close()
    for thread in readers:
        thread.join()
    assert [str(problem) for problem in problems] == ["the store is closed; open it again"] * 3


def test_a_filter_is_answered_without_an_index_while_a_writer_holds_the_turn(store):
    store.upsert(batch(["a", "b"], meta={"n": [1, 2.5], "s": "é", "b": True}))
    answers = []

    def ask():
        for where in ({"n": {"$gt": 2.4}}, {"n": 1}, {"s": {"$in": ["é"]}}, {"s": {"$contains": "é"}}, {"b": True}):
            answers.append((store.count(where), store.count({"$not": where})))

    with store._held.write("testing", 0):
        thread = threading.Thread(target=ask)
        thread.start()
        thread.join(timeout=10)
    assert answers == [(2, 0)] * 5


def test_what_is_written_while_a_filter_to_delete_by_is_built_is_not_deleted_against_it(store, monkeypatch):
    store.upsert(batch(["a"], meta={"name": "a"}))
    writer = threading.Thread(target=store.upsert, args=(batch(["z"], meta={"name": "z"}),))
    build = HeldShard.build

    def build_then_write(held, where):
        condition = build(held, where)
        writer.start()
        writer.join(0.2)  # which writes now, or waits for its turn
        return condition

    monkeypatch.setattr(HeldShard, "build", build_then_write)
    assert store.delete_where({"$not": {"name": {"$gt": "m"}}}) == 1
    writer.join()
    assert [point.id for point in store.scroll()] == ["z"]


def test_importing_the_store_does_not_import_the_engine():
    code = "import sys, nearfield.stores.embedded.store; print('qdrant_edge' in sys.modules, 'filelock' in sys.modules)"
    printed = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert printed.stdout.split() == ["False", "False"]


@pytest.mark.parametrize("shard", ["", ".", "..", "../..", "shard-1/", "shard-1/../shard-1", "other"])
def test_a_description_that_names_a_strange_shard_is_refused_and_nothing_is_removed(store, shard):
    store.upsert(batch(["a"]))
    path = store._held.folder.path
    store.close()
    description = path / "store.json"
    good = description.read_text()
    description.write_text(json.dumps(json.loads(good) | {"shard": shard}))
    with pytest.raises(CollectionError, match="names the shard"):
        EmbeddedStore.open(path, CONFIG)
    description.write_text(good)
    with closing(EmbeddedStore.open(path, CONFIG)) as again:
        assert again.count() == 1
