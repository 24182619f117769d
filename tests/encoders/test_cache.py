import sqlite3
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hash_encoder import HashEncoder

from nearfield.data.images import Image
from nearfield.encoders.cache import CachedEncoder, Kept, VectorCache, vector_key
from nearfield.errors import EncoderError, StorageError

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


def test_what_encoding_took_is_known_even_when_everything_is_kept(cache, encoder):
    first, second = CachedEncoder(encoder, cache), CachedEncoder(encoder, cache)
    first.encode_document(TEXTS)
    second.encode_document(TEXTS)
    assert first.seconds > 0
    assert second.seconds == pytest.approx(first.seconds)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (lambda vectors: vectors * np.float32("nan"), "unusable vectors: .* NaN"),
        (lambda vectors: vectors[:1], "gave 1 vectors for 3 texts"),
        (lambda vectors: vectors[:, :5], "must have 16 dimensions, got 5"),
    ],
)
def test_a_damaged_vector_is_refused_and_never_kept(cache, encoder, monkeypatch, wrong, message):
    right = encoder.encode_document
    monkeypatch.setattr(encoder, "encode_document", lambda texts, *, progress: wrong(right(texts)), raising=False)
    with pytest.raises(EncoderError, match=message):
        CachedEncoder(encoder, cache).encode_document(TEXTS)
    monkeypatch.undo()
    np.testing.assert_array_equal(CachedEncoder(encoder, cache).encode_document(TEXTS), HashEncoder().encode(TEXTS))


def test_progress_counts_texts_kept_and_computed(cache, encoder):
    CachedEncoder(encoder, cache).encode_document(TEXTS[:2])
    told = []
    CachedEncoder(encoder, cache).encode_document(TEXTS, progress=lambda *step: told.append(step))
    assert told[-1] == ("encoding", 4, 4)
    assert [done for _, done, _ in told] == sorted(done for _, done, _ in told)


def test_a_full_cache_lets_the_oldest_go(tmp_path):
    cache = VectorCache(tmp_path / "v.sqlite", max_bytes=200_000)
    for block in range(10):
        keys = [bytes([block, row] + [0] * 14) for row in range(50)]
        cache.put(dict.fromkeys(keys, Kept(np.zeros(384, np.float32), 1.0)))
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


def test_a_text_and_an_image_of_the_same_letters_have_keys_of_their_own():
    image = Image(b"content")
    assert vector_key("space", image) != vector_key("space", image.digest)
    assert vector_key("space", image) == vector_key("space", Image(b"content"))
    assert vector_key("space", image) != vector_key("other", image)
