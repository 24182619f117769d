import threading

import numpy as np
import pytest

from nearfield.collection.watched_store import WatchedStore
from nearfield.errors import CollectionError, InvalidInputError, StoreReplacedError
from nearfield.stores.base import Batch, Payload, StoreConfig
from nearfield.stores.embedded.store import EmbeddedStore


@pytest.fixture
def store(tmp_path):
    store = WatchedStore(EmbeddedStore.create(tmp_path / "s", StoreConfig(dim=2)))
    yield store
    store.close()


def batch(*ids):
    return Batch(ids, [Payload(id_, meta={"id": id_}) for id_ in ids], np.ones((len(ids), 2), np.float32))


def test_every_kind_of_write_is_remembered_once_it_is_watched(store):
    store.upsert(batch("before"))
    assert store.take_written() == []
    store.watch()
    store.upsert(batch("a", "b", "c", "d"))
    assert sorted(store.take_written()) == ["a", "b", "c", "d"]
    store.update(["a"], [Payload("new")])
    store.delete(["b", "nowhere"])
    assert store.delete_where({"id": {"$in": ["c", "d"]}}) == 2
    assert sorted(store.take_written()) == ["a", "b", "c", "d", "nowhere"]
    assert store.take_written() == []
    store.unwatch()
    store.upsert(batch("after"))
    assert store.take_written() == []


def test_a_write_that_failed_is_remembered_as_a_part_may_have_been_written(store):
    store.watch()
    with pytest.raises(InvalidInputError):
        store.upsert(Batch(["a"], [Payload("a")], np.array([[np.nan, 1]], np.float32)))
    assert store.take_written() == ["a"]


def test_only_one_may_watch(store):
    store.watch()
    with pytest.raises(CollectionError, match="runs in this process already"):
        store.watch()


def test_writers_wait_while_paused_and_readers_do_not(store):
    done = threading.Event()

    def write():
        store.upsert(batch("late"))
        done.set()

    with store.paused():
        writer = threading.Thread(target=write)
        writer.start()
        assert not done.wait(0.05)
        assert store.count() == 0
    writer.join()
    assert store.count() == 1


def test_pausing_waits_for_the_write_under_way(store, monkeypatch):
    order, began, go_on = [], threading.Event(), threading.Event()
    upsert = store.inner.upsert

    def slow(given):
        began.set()
        go_on.wait()
        upsert(given)
        order.append("written")

    monkeypatch.setattr(store.inner, "upsert", slow)
    writer = threading.Thread(target=store.upsert, args=(batch("a"),))
    writer.start()
    began.wait()
    threading.Timer(0.05, go_on.set).start()
    with store.paused():
        order.append("paused")
    writer.join()
    assert order == ["written", "paused"]


def test_a_replaced_store_is_read_only(store):
    store.upsert(batch("a"))
    with store.paused():
        store.replace()
    with pytest.raises(StoreReplacedError):
        store.delete(["a"])
    assert store.get(["a"])
