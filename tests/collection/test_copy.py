import numpy as np
import pytest
from hash_encoder import HashEncoder

from nearfield.collection.build import build_collection
from nearfield.collection.collection import Collection
from nearfield.collection.copy import _place, copy_collection
from nearfield.data.records import Record
from nearfield.errors import CollectionError, InvalidInputError, SpaceMismatchError
from nearfield.stores.address import Address
from nearfield.stores.base import Batch, Payload, StoreConfig

RECORDS = [
    Record("tap", "Replace the worn washer inside the tap.", "Dripping taps", {"year": 2021, "tags": ["home", "wet"]}),
    Record("寿司\n", "Rinse the rice.", "", {"b": 1, "a": {"c": None, "d": [1.5, "x"]}}),
    *(Record(f"r{i}", f"word{i % 40} word{i % 7} common text {i}", "", {"n": i}) for i in range(250)),
]


@pytest.fixture(autouse=True)
def _small_pages(monkeypatch):
    monkeypatch.setattr("nearfield.collection.copy.PAGE", 100)


class Stopped(BaseException):
    """What a kill looks like to the code that it interrupts."""


def stop_after(done):
    def progress(what, count, total):
        if what == "copying" and count >= done:
            raise Stopped

    return progress


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    path = tmp_path_factory.mktemp("source") / "c"
    build_collection(path, RECORDS, "bm25+chars+hash", encoder=HashEncoder(), store=StoreConfig(ef=99))[0].close()
    return path


def test_a_copy_holds_the_same_and_ranks_the_same_without_any_encoder_to_make_it(source, tmp_path, encoder):
    summary = copy_collection(source, tmp_path / "copy")
    assert (summary.records, summary.written, summary.unchanged) == (len(RECORDS), len(RECORDS), 0)
    assert summary.source_vectors == summary.target_vectors
    assert summary.deviation == 0
    assert summary.computed == ("bm25", "chars")
    with Collection.open(source, encoder=encoder) as one, Collection.open(tmp_path / "copy", encoder=encoder) as other:
        assert other.complete
        assert other.spec == one.spec
        assert other.manifest.store == one.manifest.store
        assert sorted(other, key=lambda record: record.id) == sorted(RECORDS, key=lambda record: record.id)
        for query in ("washer", "word3 common", "rinse"):
            for mine, theirs in zip(one.rank(query, k=50), other.rank(query, k=50), strict=True):
                assert mine.id == theirs.id
                assert mine.score == pytest.approx(theirs.score, abs=1e-4)


def test_copying_again_writes_nothing_and_finds_the_same(source, tmp_path):
    first, second = (copy_collection(source, tmp_path / "copy") for _ in range(2))
    assert (second.written, second.unchanged) == (0, len(RECORDS))
    assert second.checksum == first.checksum


def test_an_interrupted_copy_goes_on_where_it_stopped(source, tmp_path):
    with pytest.raises(Stopped):
        copy_collection(source, tmp_path / "copy", progress=stop_after(100))
    with Collection.open(tmp_path / "copy") as begun:
        assert not begun.complete
        assert begun.count() == 100
    summary = copy_collection(source, tmp_path / "copy")
    assert (summary.written, summary.unchanged) == (len(RECORDS) - 100, 100)


def test_what_changed_in_the_source_while_a_copy_lay_interrupted_is_copied_again(source, tmp_path, encoder):
    copy_collection(source, tmp_path / "source")
    with pytest.raises(Stopped):
        copy_collection(tmp_path / "source", tmp_path / "copy", progress=stop_after(200))
    with Collection.open(tmp_path / "source", encoder=encoder) as collection:
        first = next(iter(collection))
        collection.upsert([Record(first.id, "entirely new")])
    copy_collection(tmp_path / "source", tmp_path / "copy")
    with Collection.open(tmp_path / "copy") as collection:
        assert collection.get([first.id])[0].text == "entirely new"


def test_vectors_of_any_length_are_equal_to_rounding(tmp_path, encoder):
    rng = np.random.default_rng(0)
    build_collection(tmp_path / "source", RECORDS[:1], "hash", encoder=encoder)[0].close()
    with Collection.open(tmp_path / "source") as collection:
        vectors = (rng.normal(size=(500, 16)) * 10.0 ** rng.uniform(-30, 30, (500, 1))).astype(np.float32)
        payloads = [Payload(f"text {i}", digest=str(i)) for i in range(500)]
        collection.store.upsert(Batch([f"v{i}" for i in range(500)], payloads, vectors))
    summary = copy_collection(tmp_path / "source", tmp_path / "copy")
    assert 0 < summary.deviation < 3e-7
    assert summary.source_vectors != summary.target_vectors
    assert copy_collection(tmp_path / "source", tmp_path / "copy").written == 0


def test_a_collection_of_words_alone_is_copied_too(tmp_path):
    build_collection(tmp_path / "source", RECORDS[:50], "bm25")[0].close()
    summary = copy_collection(tmp_path / "source", tmp_path / "copy")
    assert (summary.records, summary.deviation) == (50, 0)
    with Collection.open(tmp_path / "copy") as copy:
        assert copy.search("washer")[0].id == "tap"


def test_an_empty_collection_is_copied_too(tmp_path, encoder):
    Collection.create(tmp_path / "source", "hash", encoder=encoder).close()
    assert copy_collection(tmp_path / "source", tmp_path / "copy").records == 0
    with Collection.open(tmp_path / "copy") as copy:
        assert not copy.complete  # nor was the source


def test_the_copy_may_be_kept_otherwise(source, tmp_path):
    copy_collection(source, tmp_path / "copy", store=StoreConfig(quantisation="none", m=8))
    with Collection.open(tmp_path / "copy") as copy:
        assert (copy.manifest.store.quantisation, copy.manifest.store.m, copy.manifest.store.dim) == ("none", 8, 16)
    with pytest.raises(SpaceMismatchError, match="leave the options out"):
        copy_collection(source, tmp_path / "copy", store=StoreConfig(quantisation="int8"))


def test_a_copy_onto_itself_is_refused(source):
    with pytest.raises(InvalidInputError, match="cannot be copied to itself"):
        copy_collection(source, source.parent / "x" / ".." / "c")


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("postgresql://me:pw@host/db#a", "postgresql://you@host/db?password=x#a", True),
        ("postgresql://host/db?schema=x#a", "postgresql://host/db?schema=y#a", False),
        ("postgresql://host/db#a", "postgresql://host/db#b", False),
    ],
)
def test_whoever_asks_a_place_is_the_same_and_another_schema_is_another_place(one, other, same):
    assert (_place(Address.parse(one)) == _place(Address.parse(other))) is same


def test_a_copy_onto_itself_through_a_link_is_refused(source, tmp_path):
    (tmp_path / "link").symlink_to(source, target_is_directory=True)
    with pytest.raises(InvalidInputError, match="cannot be copied to itself"):
        copy_collection(source, tmp_path / "link")


def test_another_schema_or_server_is_another_place():
    places = {
        _place(Address.parse(f"postgresql:///db{options}#faq"))
        for options in ("", "?schema=a", "?schema=b", "?host=/run/a", "?host=/run/b")
    }
    assert len(places) == 5
    assert _place(Address.parse("postgresql:///db?sslmode=require#faq")) in places


def test_a_collection_that_is_no_copy_is_left_alone(source, tmp_path, encoder):
    build_collection(tmp_path / "other", RECORDS[:3], "bm25")[0].close()
    with pytest.raises(SpaceMismatchError, match="is a collection of its own, which ranks by bm25"):
        copy_collection(source, tmp_path / "other")
    build_collection(tmp_path / "third", RECORDS[:3], "bm25+chars+hash", encoder=HashEncoder(seed=1))[0].close()
    with pytest.raises(SpaceMismatchError, match="is a collection of its own"):
        copy_collection(source, tmp_path / "third")


def test_what_differs_in_the_end_is_named_and_the_copy_stays_incomplete(source, tmp_path, encoder):
    copy_collection(source, tmp_path / "copy")
    with Collection.open(tmp_path / "copy", encoder=encoder) as copy:
        copy.upsert([Record("mine", "not in the source")])
    with pytest.raises(CollectionError, match=r"not the same as .*only in the target: 'mine'"):
        copy_collection(source, tmp_path / "copy")
    with Collection.open(tmp_path / "copy") as copy:
        assert not copy.complete
        copy.delete(["mine"])
    copy_collection(source, tmp_path / "copy")


def test_there_must_be_a_source(tmp_path):
    with pytest.raises(CollectionError, match="does not exist"):
        copy_collection(tmp_path / "nowhere", tmp_path / "copy")
    assert not (tmp_path / "copy").exists()
