"""What only Qdrant's local mode has: its folder, which one process holds."""

from contextlib import closing

import numpy as np
import pytest
from qdrant_client import QdrantClient

from nearfield.errors import CapabilityError, CollectionBusyError, CollectionError, InvalidInputError, StorageError
from nearfield.stores.address import Address, connect
from nearfield.stores.base import Batch, Facet, Payload, SparseVector
from nearfield.stores.qdrant.config import QdrantConfig, QdrantLocalConfig

CONFIG = QdrantLocalConfig(dim=2, sparse=("s",))
SECRET = "a secret that must go"


def batch(ids, text="", meta=None):
    vectors = np.tile(np.array([[3, 4]], np.float32), (len(ids), 1))
    words = SparseVector(np.array([7], np.uint32), np.array([1.0], np.float32))
    return Batch(ids, [Payload(text, meta=meta or {})] * len(ids), vectors, {"s": [words] * len(ids)})


def opened(folder):
    return closing(connect(Address.parse(f"qdrant://{folder}")))


def test_a_folder_opened_again_holds_what_was_written(tmp_path):
    with opened(tmp_path) as database:
        store = database.create_store("faq", 1, CONFIG)
        store.upsert(batch(["a", "b"], "body", {"n": 1}))
        store.delete(["b"])
        database.write("faq", "manifest", b"{}")
    with opened(tmp_path) as database:
        assert database.collections() == ["faq"]
        store = database.open_store("faq", 1, CONFIG)
        (point,) = store.scroll({"n": 1}, with_vectors=True)
        assert (point.id, point.payload.text, point.vector.tolist()) == ("a", "body", [3, 4])
        assert [match.id for match in store.query_sparse("s", batch(["a"]).sparse["s"][0], k=3)] == ["a"]


def test_a_folder_that_another_process_holds_is_busy(tmp_path):
    other = closing(QdrantClient(path=str(tmp_path)))
    with other, pytest.raises(CollectionBusyError, match="another process holds"):
        connect(Address.parse(f"qdrant://{tmp_path}"))
    with opened(tmp_path) as database:
        assert database.collections() == []


def test_connections_of_one_process_share_the_folder(tmp_path):
    with opened(tmp_path) as first:
        with opened(tmp_path) as second:
            first.create_store("faq", 1, CONFIG).upsert(batch(["a"]))
            assert second.open_store("faq", 1, CONFIG).count() == 1
        second.close()
        assert first.open_store("faq", 1, CONFIG).count() == 1
    QdrantClient(path=str(tmp_path)).close()


def test_a_damaged_folder_is_an_error(tmp_path):
    (tmp_path / "meta.json").write_text("{")
    with pytest.raises(StorageError, match="cannot be opened"):
        connect(Address.parse(f"qdrant://{tmp_path}"))


def test_what_the_client_refuses_is_an_error_of_the_store(tmp_path):
    with opened(tmp_path) as database:
        store = database.create_store("faq", 1, CONFIG)
        database.drop_store("faq", 1)
        with pytest.raises(StorageError, match=r"counting failed in .*: Collection faq not found"):
            store.count()
    with pytest.raises(StorageError, match="closed"):
        database.collections()


def test_local_mode_takes_its_own_configuration(tmp_path):
    with opened(tmp_path) as database:
        with pytest.raises(InvalidInputError, match="created with a QdrantLocalConfig, got QdrantConfig"):
            database.create_store("faq", 1, QdrantConfig(dim=2))
        with pytest.raises(CapabilityError, match="local mode offers the quantisation none, got 'int8'"):
            database.create_store("faq", 1, QdrantLocalConfig(dim=2, quantisation="int8"))
        database.create_store("faq", 1, CONFIG)
        with pytest.raises(CollectionError, match=r"created with sparse \['s'\], not \[\]"):
            database.open_store("faq", 1, QdrantLocalConfig(dim=2))


def test_strings_that_look_like_a_uuid_are_counted_as_they_are(tmp_path):
    texts = ["0" * 31 + "A", "{00000000-0000-0000-0000-00000000000a}", "plain"]
    with opened(tmp_path) as database:
        store = database.create_store("faq", 1, CONFIG)
        store.upsert(batch(["a"], meta={"t": texts}))
        assert store.facets("t") == [Facet(text, 1) for text in sorted(texts)]
        assert store.count({"t": {"$gte": "plain"}}) == 1


def test_compact_gives_back_the_space_of_what_was_deleted(tmp_path):
    with opened(tmp_path) as database:
        store = database.create_store("faq", 1, CONFIG)
        store.upsert(batch([f"p{number}" for number in range(200)], SECRET * 20))
        store.upsert(batch(["a"], "kept"))
        store.delete([f"p{number}" for number in range(200)])
        before = store.allocated_bytes()
        store.compact()
        assert store.allocated_bytes() < before / 4
        assert not any(SECRET.encode() in path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
        assert store.get(["a"])[0].payload.text == "kept"
