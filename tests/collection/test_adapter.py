import numpy as np
import pytest
from hash_encoder import HashEncoder

from nearfield.arrays import normalise
from nearfield.collection.adapter import Adapter, fit_adapter
from nearfield.collection.build import build_collection
from nearfield.collection.migration import Migration
from nearfield.data.records import Record
from nearfield.errors import CapabilityError, DataError, InvalidInputError, SpaceMismatchError

OLD = HashEncoder(16)
RECORDS = [
    Record(f"r{i}", f"word{i % 23} more{i % 31} text{i} {i % 11} of{i % 17}", f"word{i % 23} more{i % 31}")
    for i in range(300)
]


class Turned(HashEncoder):
    """The old encoder's space, turned and with a little noise: what a linear map can undo."""

    def __init__(self):
        super().__init__(16, max_tokens=63)
        rng = np.random.default_rng(1)
        self._turn = np.linalg.qr(rng.normal(size=(16, 16)))[0].astype(np.float32)

    def encode(self, texts, **_):
        return normalise(super().encode(texts) @ self._turn)

    encode_query = encode
    encode_document = encode


@pytest.fixture
def collection(tmp_path):
    with build_collection(tmp_path / "c", RECORDS, "hybrid:hash", encoder=OLD)[0] as collection:
        yield collection


def test_a_turned_space_is_turned_back(collection):
    new = Turned()
    adapter = fit_adapter(collection, new, sample=150, held_out=40)
    assert adapter.overlap.mean > 0.97
    assert (adapter.held_out, adapter.k) == (40, 10)
    texts = ["word3 more4", "anything else"]
    asked = adapter.asker(new)
    assert asked.spec.fingerprint == OLD.spec.fingerprint
    np.testing.assert_allclose(asked.encode_query(texts), OLD.encode(texts), atol=0.02)


def test_a_space_that_has_nothing_to_do_with_it_is_said_to_lose_nearly_all(collection):
    adapter = fit_adapter(collection, HashEncoder(8, seed=5), sample=100, held_out=40)
    assert adapter.overlap.mean < 0.6
    assert adapter.overlap.low < adapter.overlap.mean < adapter.overlap.high
    assert "held out" in str(adapter)


def test_new_queries_search_old_vectors_until_the_migration_is_done(collection):
    new = Turned()
    adapter = fit_adapter(collection, new, sample=150, held_out=40)
    before = [hit.id for hit in collection.search("word3 more4", k=5)]
    collection.ask_by(adapter.asker(new))
    encoded = OLD.encoded
    assert len(set(before) & {hit.id for hit in collection.search("word3 more4", k=5)}) >= 4
    assert OLD.encoded == encoded
    with Migration.begin(collection, new) as migration:
        migration.run()
    assert collection.encoder is new
    assert collection.serving.asker is new
    with pytest.raises(SpaceMismatchError, match="gives no queries for the vectors of"):
        collection.ask_by(adapter.asker(new))


def test_an_adapter_maps_queries_of_its_encoder_only(collection):
    adapter = fit_adapter(collection, Turned(), sample=50, held_out=10)
    with pytest.raises(SpaceMismatchError, match="this adapter maps queries of hash"):
        adapter.asker(OLD)
    asker = adapter.asker(Turned())
    for encode in (asker.encode, asker.encode_document):
        with pytest.raises(CapabilityError, match="encodes queries only"):
            encode(["x"])
    assert asker.inspect(["a b"])[0].tokens == 2
    assert asker.weights_bytes == 16 * 16 * 8


def test_an_adapter_survives_being_saved(collection, tmp_path):
    adapter = fit_adapter(collection, Turned(), sample=50, held_out=10)
    adapter.save(tmp_path / "a.npz")
    again = Adapter.load(tmp_path / "a.npz")
    assert again.to_json() == adapter.to_json()
    np.testing.assert_array_equal(again.map.matrix, adapter.map.matrix)


@pytest.mark.parametrize("content", [None, b"", b"PK\x03\x04 no zip", "npz"])
def test_what_is_no_adapter_is_refused(tmp_path, content):
    if content == "npz":
        np.savez(tmp_path / "a.npz", about=np.array('{"format_version": 9}'))
    elif content is not None:
        (tmp_path / "a.npz").write_bytes(content)
    with pytest.raises(DataError, match=r"a\.npz: is no adapter that can be read here"):
        Adapter.load(tmp_path / "a.npz")


def test_options_and_collections_that_cannot_do_are_refused(collection, tmp_path):
    with pytest.raises(InvalidInputError, match="sample must be at least 10"):
        fit_adapter(collection, Turned(), sample=3)
    with pytest.raises(InvalidInputError, match="has 300 records with a text, needed are 310"):
        fit_adapter(collection, Turned(), held_out=300)
    with build_collection(tmp_path / "w", RECORDS[:3], "bm25")[0] as words, pytest.raises(CapabilityError):
        fit_adapter(words, Turned())
