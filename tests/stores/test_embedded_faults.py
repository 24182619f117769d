"""Damaged files and full disks under the embedded store: clear errors, and nothing lost that need not be."""

import random
import shutil
import subprocess
import sys
import textwrap
from collections import namedtuple
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from nearfield.errors import CollectionError, StorageError
from nearfield.stores.base import Batch, Payload, StoreConfig
from nearfield.stores.embedded.store import EmbeddedStore
from nearfield.stores.payloads import read_payload

CONFIG = StoreConfig(dim=16, index_above=100)


@pytest.fixture(scope="module")
def sound(tmp_path_factory):
    """The folder of a closed store with an index, and a point written after it."""
    path = tmp_path_factory.mktemp("faults") / "sound"
    with closing(EmbeddedStore.create(path, CONFIG)) as store:
        vectors = np.random.default_rng(0).normal(size=(400, 16)).astype(np.float32)
        store.upsert(Batch([f"p{row}" for row in range(400)], [Payload("text", meta={"n": 1})] * 400, vectors))
        assert store.count({"n": 1}) == 400
        store.optimise()
        store.upsert(Batch(["later"], [Payload("later")], np.ones((1, 16), np.float32)))
    return path


@pytest.fixture
def copied(sound, tmp_path):
    shutil.copytree(sound, tmp_path / "s", ignore=shutil.ignore_patterns("lock*"))
    return tmp_path / "s"


def flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2 : len(content) // 2 + 4] = b"\xff\x00\xff\x00"
    path.write_bytes(content)


def truncate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def empty(path: Path) -> None:
    path.write_bytes(b"")


def use(path: Path) -> None:
    """Open, read in every way, write, and close."""
    with closing(EmbeddedStore.open(path, CONFIG)) as store:
        assert len(list(store.scroll(with_vectors=True))) == store.count()
        store.query(np.ones(16), k=20)
        store.count({"n": {"$gte": 1}})
        store.upsert(Batch(["new"], [Payload("new")], np.ones((1, 16), np.float32)))
        store.optimise()


@pytest.mark.parametrize(
    ("pattern", "damage"),
    [
        ("edge_config.json", flip),
        ("edge_config.json", empty),
        ("segments/*/segment.json", truncate),
        ("segments/*/version.info", empty),
        ("segments/*/id_tracker.mappings", truncate),
        ("segments/*/payload_storage/config.json", Path.unlink),
        ("segments/*/payload_storage/tracker.dat", empty),
        ("segments/*/vector_storage-dense/vectors/status.dat", truncate),  # where the engine breaks down
        ("segments/*/payload_index/*/is_null/status.dat", empty),
        ("segments/*/vector_storage-dense/quantized.meta.json", truncate),
        ("segments/*/vector_storage-dense/quantized.data", Path.unlink),
    ],
)
def test_a_damaged_store_is_refused_and_opens_again_when_restored(sound, copied, pattern, damage):
    for path in (copied / "shard-1").glob(pattern):
        damage(path)
    with pytest.raises(CollectionError, match=r"shard-1 is damaged \(.+\); restore the folder from a copy"):
        EmbeddedStore.open(copied, CONFIG)
    shutil.rmtree(copied / "shard-1")
    shutil.copytree(sound / "shard-1", copied / "shard-1")
    use(copied)


@pytest.mark.parametrize(
    "pattern", ["segments/*/payload_storage/page_0.dat", "segments/*/vector_storage-dense/quantized.data"]
)
def test_damage_that_shows_only_when_it_is_read_is_told(copied, pattern):
    for path in (copied / "shard-1").glob(pattern):
        empty(path)
    with pytest.raises(StorageError, match="reading failed: "):
        use(copied)
    EmbeddedStore.open(copied, CONFIG).close()  # nothing holds it any more


@pytest.mark.slow
def test_random_damage_never_ends_in_anything_but_an_error_of_ours(sound, tmp_path):
    # But for the graph's own header: what the engine reads there as a size may end the process for want of memory.
    files = [path.relative_to(sound) for path in sorted((sound / "shard-1").rglob("*")) if path.is_file()]
    files = [file for file in files if file.name != "graph.bin" and (sound / file).stat().st_size]
    code = """
        import sys
        sys.path.insert(0, sys.argv[2])
        from pathlib import Path
        from test_embedded_faults import use
        from nearfield.errors import NearfieldError
        try:
            use(Path(sys.argv[1]))
        except (NearfieldError, AssertionError):
            pass
    """
    rng = random.Random(0)
    for number in range(40):
        copy = tmp_path / f"{number}"
        shutil.copytree(sound, copy, ignore=shutil.ignore_patterns("lock*"))
        damage = rng.choice([flip, truncate, empty, Path.unlink])
        file = rng.choice(files)
        damage(copy / file)
        command = [sys.executable, "-c", textwrap.dedent(code), str(copy), str(Path(__file__).parent)]
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
        assert done.returncode == 0, (file, damage.__name__, done.stderr[-500:])
        shutil.rmtree(copy)


def test_an_engine_that_breaks_down_over_a_write_is_told(copied, monkeypatch):
    class PanicException(BaseException):  # as the engine's binding calls it, which cannot be imported
        pass

    class Broken:
        def update(self, operation):
            raise PanicException("index out of bounds")

    with closing(EmbeddedStore.open(copied, CONFIG)) as store:
        whole = store._held._shard
        monkeypatch.setattr(store._held, "_shard", Broken())
        with pytest.raises(CollectionError, match=r"broke down \(index out of bounds\)"):
            store.upsert(Batch(["a"], [Payload("x")], np.ones((1, 16), np.float32)))
        monkeypatch.setattr(store._held, "_shard", whole)
        assert store.count() == 401


def test_an_interruption_is_not_taken_for_the_engines(copied, monkeypatch):
    class Interrupted:
        def count(self, request):
            raise KeyboardInterrupt

    with closing(EmbeddedStore.open(copied, CONFIG)) as store:
        whole = store._held._shard
        monkeypatch.setattr(store._held, "_shard", Interrupted())
        with pytest.raises(KeyboardInterrupt):
            store.count()
        monkeypatch.setattr(store._held, "_shard", whole)


@pytest.mark.parametrize("body", ["", "[", "[1]", "[[],{}]", '[["a","b","c"],{}] ', "null", '[["a"],{}]'])
def test_a_record_that_is_not_what_was_written_is_damage(body):
    with pytest.raises(CollectionError, match="a stored record is damaged"):
        read_payload(body)


def test_a_full_disk_is_refused_by_every_write_and_costs_nothing(tmp_path, monkeypatch):
    usage = namedtuple("usage", "total used free")
    config = StoreConfig(dim=16, index_above=10)
    with closing(EmbeddedStore.create(tmp_path / "s", config)) as store:
        vectors = np.random.default_rng(0).normal(size=(50, 16)).astype(np.float32)
        store.upsert(Batch([f"p{row}" for row in range(50)], [Payload("t", meta={"n": 1})] * 50, vectors))
        assert store.count({"n": 1}) == 50
        with monkeypatch.context() as patch:
            patch.setattr(shutil, "disk_usage", lambda path: usage(1 << 30, 1 << 30, 1000))
            for write in (
                lambda: store.update(["p1"], [Payload("new")]),
                lambda: store.delete_where({"n": 1}),
                store.optimise,
                store.compact,
            ):
                with pytest.raises(StorageError, match=r"1,000 bytes free, this write may need .* make room"):
                    write()
        assert (store.count({"n": 1}), store.get(["p1"])[0].payload.text) == (50, "t")
        store.optimise()
        assert store.delete_where({"n": 1}) == 50
