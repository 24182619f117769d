import contextlib
import dataclasses
import sqlite3
import tracemalloc
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hash_encoder import HashEncoder

from nearfield.data.images import Image
from nearfield.encoders.cache import Kept, KeptSpace, VectorCache
from nearfield.encoders.cached import CachedEncoder, vector_key
from nearfield.encoders.overflow import RefusingEncoder
from nearfield.encoders.reduced import ReducedEncoder
from nearfield.errors import EncoderError, InvalidInputError, StorageError

TEXTS = ["a tap", "a tyre", "a tap", ""]
SPEC = HashEncoder(dim=384).spec
DAY = 86_400


def block_of(number: int, rows: int = 50, dim: int = 384) -> dict[bytes, Kept]:
    """Vectors to keep; each key begins with the number."""
    keys = [number.to_bytes(4) + row.to_bytes(12) for row in range(rows)]
    return dict.fromkeys(keys, Kept(np.full(dim, number, np.float32), 1.0))


def size_on_disk(path) -> int:
    return sum(file.stat().st_size for file in path.parent.glob(f"{path.name}*"))


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


def test_engines_of_one_space_keep_their_own_times(cache):
    first, second = HashEncoder(), HashEncoder()
    first.spec = dataclasses.replace(first.spec, name="hash@engine=onnxruntime")
    second.spec = dataclasses.replace(second.spec, name="hash@engine=openvino")
    assert first.spec.fingerprint == second.spec.fingerprint
    for encoder in (first, second, second):
        CachedEncoder(encoder, cache).encode_document(TEXTS)
    assert (first.encoded, second.encoded) == (3, 3)


@pytest.mark.parametrize("damage", ["vector = zeroblob(64) || x'00'", "vector = 5", "seconds = 'abc'", "vector = ?"])
def test_a_damaged_row_is_computed_again(cache, encoder, damage):
    expected = CachedEncoder(encoder, cache).encode_document(TEXTS)
    with cache._database:
        values = [np.full(16, np.nan, "<f4").tobytes()] if "?" in damage else []
        cache._database.execute(f"UPDATE vectors SET {damage}", values)
    np.testing.assert_array_equal(CachedEncoder(encoder, cache).encode_document(TEXTS), expected)
    assert encoder.encoded == 6


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
    for number in range(10):
        cache.put(block_of(number), SPEC)
    assert cache.get(list(block_of(9))[-1:], 384)
    assert not cache.get(list(block_of(0))[:1], 384)
    cache.close()


def test_the_file_and_its_log_stay_within_the_bound(tmp_path):
    path, shared_memory = tmp_path / "v.sqlite", 32_768
    with contextlib.closing(VectorCache(path, max_bytes=2_000_000)) as cache:
        for number in range(60):  # three times as much as there is room for
            cache.put(block_of(number), SPEC)
            assert size_on_disk(path) <= 2_000_000 + shared_memory
        assert sum(space.vectors for space in cache.contents()) > 500
    with contextlib.closing(VectorCache(path, max_bytes=500_000)) as cache:  # whoever wants less gets less
        cache.put(block_of(60), SPEC)
        assert size_on_disk(path) <= 500_000 + shared_memory
        assert len(cache.get(list(block_of(60)), 384)) == 50


def test_a_batch_larger_than_the_bound_is_kept_in_part(tmp_path):
    with contextlib.closing(VectorCache(tmp_path / "v.sqlite", max_bytes=200_000)) as cache:
        cache.put(block_of(0, rows=1000), SPEC)
        assert 50 < len(cache.get(list(block_of(0, rows=1000)), 384)) < 150
        assert cache.disk_bytes() <= 200_000


def test_a_bound_that_has_room_for_nothing_keeps_nothing(tmp_path):
    with contextlib.closing(VectorCache(tmp_path / "v.sqlite", max_bytes=0)) as cache:
        cache.put(block_of(0), SPEC)
        assert cache.contents() == []


def test_any_number_of_keys_is_looked_up(cache):
    for number in range(3):
        cache.put(block_of(number, rows=900, dim=16), SPEC)
    keys = [key for number in range(4) for key in block_of(number, rows=900)]
    found = cache.get(keys, 16)
    assert set(found) == set(keys[:2700])
    assert all(kept.vector[0] == key[3] for key, kept in found.items())


def test_what_is_kept_is_listed_by_space_and_name(cache, encoder, monkeypatch):
    monkeypatch.setattr("time.time", lambda: 5 * DAY)
    CachedEncoder(encoder, cache).encode_document(TEXTS)
    monkeypatch.setattr("time.time", lambda: 7 * DAY)
    CachedEncoder(encoder, cache).encode_document(["another"])
    CachedEncoder(HashEncoder(dim=8), cache).encode_document(["tap"])
    assert cache.contents() == [
        KeptSpace("hash", encoder.spec.fingerprint, 16, 4, 4 * 16 * 4, 5 * DAY, 7 * DAY),
        KeptSpace("hash", HashEncoder(dim=8).spec.fingerprint, 8, 1, 8 * 4, 7 * DAY, 7 * DAY),
    ]


def test_all_is_purged_and_the_disk_gets_its_bytes_back(cache):
    for number in range(20):
        cache.put(block_of(number), SPEC)
    assert cache.disk_bytes() > 1_000_000
    assert cache.purge() == 1000
    assert cache.contents() == []
    assert cache.disk_bytes() < 100_000
    cache.put(block_of(1), SPEC)
    assert len(cache.get(list(block_of(1)), 384)) == 50


def test_an_encoder_is_purged_by_any_of_its_names_or_its_fingerprint(cache):
    full = dataclasses.replace(SPEC, name="someone/hash")
    other = HashEncoder(seed=1).spec
    for wanted in ("hash", "someone/hash", SPEC.fingerprint[:8]):
        cache.put(block_of(0), SPEC)
        cache.put(block_of(1), full)
        cache.put(block_of(2), dataclasses.replace(other, name="other"))
        assert cache.purge(encoder=wanted) == 100
        assert [space.name for space in cache.contents()] == ["other"]
    for wanted in ("nobody", other.fingerprint[:7]):
        with pytest.raises(InvalidInputError, match=f"nothing is kept of an encoder '{wanted}'; there are: other"):
            cache.purge(encoder=wanted)
    assert cache.purge(encoder="other") == 50
    with pytest.raises(InvalidInputError, match="there are: none"):
        cache.purge(encoder="other")


def test_what_is_old_is_purged(cache, monkeypatch):
    for day in (1, 5, 9):
        monkeypatch.setattr("time.time", lambda now=day * DAY: now)
        cache.put(block_of(day), SPEC)
    assert cache.purge(older_than_days=4) == 50
    assert cache.contents()[0].oldest == 5 * DAY
    assert cache.purge(encoder="hash", older_than_days=3.5) == 50
    with pytest.raises(InvalidInputError, match="days must be at least 0, got -1"):
        cache.purge(older_than_days=-1)
    with pytest.raises(InvalidInputError, match="got nan"):
        cache.purge(older_than_days=float("nan"))


def test_a_purge_under_another_writer_is_no_harm(tmp_path, encoder):
    with (
        contextlib.closing(VectorCache(tmp_path / "v.sqlite")) as one,
        contextlib.closing(VectorCache(tmp_path / "v.sqlite")) as two,
    ):
        CachedEncoder(encoder, one).encode_document(TEXTS)
        assert two.purge() == 3
        CachedEncoder(encoder, one).encode_document(TEXTS)
        assert [(space.name, space.vectors) for space in two.contents()] == [("hash", 3)]


def test_files_of_earlier_versions_are_removed(tmp_path):
    for name in ("vectors-1.sqlite", "vectors-1.sqlite-wal", "vectors-1.sqlite.lock"):
        (tmp_path / name).touch()
    with contextlib.closing(VectorCache(tmp_path / "vectors-2.sqlite")) as cache:
        cache.remove_old_files()
        assert not list(tmp_path.glob("vectors-1*"))
        (tmp_path / "vectors-1.sqlite").mkdir()
        with pytest.raises(StorageError, match="old files beside it that could not be removed"):
            cache.remove_old_files()


def test_all_reductions_of_an_encoder_share_its_vectors(cache, encoder):
    full = CachedEncoder(encoder, cache)
    full.encode_document(TEXTS)
    for options in ({"dim": 4}, {"precision": "binary"}, {"dim": 8, "precision": "binary"}):
        reduced = ReducedEncoder(encoder, **options)
        cached = CachedEncoder(reduced, cache)
        np.testing.assert_array_equal(cached.encode_document(TEXTS), reduced.reduce(encoder.encode(TEXTS)))
        assert cached.spec == reduced.spec
        assert cached.seconds == pytest.approx(full.seconds)
    assert [space.vectors for space in cache.contents()] == [3]


@pytest.mark.parametrize("wrap", [lambda encoder: encoder, lambda encoder: ReducedEncoder(encoder, dim=4)])
def test_a_text_that_is_refused_is_so_even_when_its_vector_is_kept(cache, encoder, wrap):
    long = "w " * 65
    CachedEncoder(encoder, cache).encode_document([long])
    refusing = CachedEncoder(wrap(RefusingEncoder(encoder)), cache)
    with pytest.raises(InvalidInputError, match=r"texts\[1\] .* has 65 tokens"):
        refusing.encode_document(["w", long])
    assert refusing.encode_document(["w"]).shape[0] == 1


def test_memory_does_not_grow_with_the_texts_beyond_the_vectors_themselves(cache):
    class Constant(HashEncoder):
        def encode_document(self, texts, *, progress):
            return np.ones((len(texts), self.spec.dim), np.float32)

    texts = [f"text {number}" for number in range(12_000)]
    cached = CachedEncoder(Constant(dim=256), cache)
    for _ in range(2):  # computed, then found
        tracemalloc.start()
        vectors = cached.encode_document(texts)
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert peak < vectors.nbytes + 8 * 1024 * 256 * 4  # a few chunks of 1,024 texts


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
