import sqlite3
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hash_encoder import HashEncoder

from nearfield.encoders.cache import CachedEncoder, VectorCache
from nearfield.errors import StorageError

TEXTS = ["a tap", "a tyre", "a tap", ""]


@pytest.fixture
def cache(tmp_path):
    cache = VectorCache(tmp_path / "folder" / "vectors.sqlite")
    yield cache
    cache.close()


def test_a_cached_vector_equals_the_computed_one_and_is_computed_once(cache, encoder):
    cached = CachedEncoder(encoder, cache)
    first = cached.encode_document(TEXTS)
    assert encoder.encoded == 3  # the repeated text once
    np.testing.assert_array_equal(first, HashEncoder().encode(TEXTS))
    np.testing.assert_array_equal(cached.encode_document(TEXTS[::-1]), first[::-1])
    assert encoder.encoded == 3


def test_another_encoder_never_meets_the_vectors(cache, encoder):
    CachedEncoder(encoder, cache).encode_document(TEXTS)
    other = HashEncoder(seed=1)
    np.testing.assert_array_equal(CachedEncoder(other, cache).encode_document(TEXTS), HashEncoder(seed=1).encode(TEXTS))
    assert other.encoded == 3


def test_queries_and_plain_texts_are_not_kept(cache, encoder):
    cached = CachedEncoder(encoder, cache)
    for _ in range(2):
        cached.encode_query(TEXTS)
        cached.encode(TEXTS)
    assert encoder.encoded == 16


def test_no_texts_give_no_vectors(cache, encoder):
    assert CachedEncoder(encoder, cache).encode_document([]).shape == (0, 16)


def test_the_cache_remembers_how_fast_the_encoder_was(cache, encoder):
    assert cache.seconds_per_character(encoder.spec.fingerprint) is None
    cache.put({b"k" * 16: np.zeros(2, np.float32)}, fingerprint="f", characters=10, seconds=1.0)
    cache.put({b"l" * 16: np.zeros(2, np.float32)}, fingerprint="f", characters=30, seconds=1.0)
    assert cache.seconds_per_character("f") == pytest.approx(0.05)


def test_a_full_cache_lets_the_oldest_go(tmp_path):
    cache = VectorCache(tmp_path / "v.sqlite", max_bytes=200_000)
    for block in range(10):
        keys = [bytes([block, row] + [0] * 14) for row in range(50)]
        cache.put(dict.fromkeys(keys, np.zeros(384, np.float32)), fingerprint="f", characters=1, seconds=1.0)
    assert cache.get([bytes([9, 49] + [0] * 14)], 384)
    assert not cache.get([bytes([0, 0] + [0] * 14)], 384)
    cache.close()


def test_two_connections_may_write_at_once(tmp_path):
    def fill(seed: int) -> int:
        cache = VectorCache(tmp_path / "v.sqlite")
        encoder = HashEncoder(seed=seed)
        for block in range(5):
            CachedEncoder(encoder, cache).encode_document([f"{seed} {block} {i}" for i in range(20)])
        cache.close()
        return encoder.encoded

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(fill, range(4))) == [100] * 4
    with sqlite3.connect(tmp_path / "v.sqlite") as database:
        assert database.execute("SELECT COUNT(*) FROM vectors").fetchone() == (400,)
    database.close()


def test_a_file_that_is_no_cache_is_refused(tmp_path):
    (tmp_path / "v.sqlite").write_bytes(b"not a database" * 100)
    with pytest.raises(StorageError, match=r"v\.sqlite cannot be used .* delete it"):
        VectorCache(tmp_path / "v.sqlite")


def test_a_disk_that_refuses_is_reported(cache, encoder):
    cache._database.execute("PRAGMA query_only = 1")
    with pytest.raises(StorageError, match="could not be written"):
        CachedEncoder(encoder, cache).encode_document(TEXTS)


def test_a_cache_damaged_while_open_is_reported(cache, encoder):
    cache._database.execute("DROP TABLE vectors")
    with pytest.raises(StorageError, match="could not be read"):
        CachedEncoder(encoder, cache).encode_document(TEXTS)
    cache._database.execute("DROP TABLE speed")
    with pytest.raises(StorageError, match="could not be read"):
        cache.seconds_per_character("f")
