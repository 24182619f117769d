import gzip

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from nearfield.data.beir import Dataset, read_beir, write_beir
from nearfield.data.corpus import read_corpus
from nearfield.data.judgements import Judgements, read_judgements
from nearfield.data.records import Record
from nearfield.errors import DataError, InvalidInputError, StorageError

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), min_size=1).filter(str.strip)
IDS = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=200)
FLOATS = st.floats(allow_nan=False, allow_infinity=False)
META = st.dictionaries(TEXTS.map("m".__add__), st.none() | st.booleans() | st.integers() | FLOATS | TEXTS, max_size=3)
RECORDS = st.dictionaries(IDS, st.tuples(TEXTS, st.just("") | TEXTS, META), min_size=1, max_size=4)
QRELS = st.dictionaries(IDS, st.dictionaries(IDS, st.integers(-2, 9), min_size=1, max_size=3), min_size=1, max_size=3)


def small(corpus=(("d1", "x"),), split="test"):
    return Dataset(read_corpus(list(corpus)), read_judgements({"q1": "a"}, {"q1": {"d1": 1}}), "small", split)


def left_in(folder):
    return sorted(path.name for path in folder.iterdir())


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(RECORDS, QRELS, st.data())
def test_any_dataset_survives_a_round_trip(tmp_path_factory, records, qrels, data):
    corpus = [Record(id_, *fields) for id_, fields in records.items()]
    judgements = Judgements({query: data.draw(TEXTS) for query in qrels}, qrels)
    folder = tmp_path_factory.mktemp("beir") / "set"
    write_beir(Dataset(read_corpus(corpus), judgements, "set", "dev"), folder)
    again = read_beir(folder, "dev")
    assert list(again.corpus) == corpus
    assert again.judgements == judgements
    assert (again.name, again.split) == ("set", "dev")
    assert left_in(folder.parent) == ["set"]


def test_the_files_are_those_of_beir(tmp_path):
    write_beir(small([Record("d1", "né", "T", {"year": 2020})]), tmp_path / "set")
    assert (tmp_path / "set/corpus.jsonl").read_text() == '{"_id": "d1", "title": "T", "text": "né", "year": 2020}\n'
    assert (tmp_path / "set/queries.jsonl").read_text() == '{"_id": "q1", "text": "a"}\n'
    assert (tmp_path / "set/qrels/test.tsv").read_text() == "query-id\tcorpus-id\tscore\nq1\td1\t1\n"


def test_compressed_files_are_found(tmp_path):
    write_beir(small(), tmp_path / "set")
    for path in [*(tmp_path / "set").glob("*.jsonl"), tmp_path / "set/qrels/test.tsv"]:
        path.with_name(f"{path.name}.gz").write_bytes(gzip.compress(path.read_bytes()))
        path.unlink()
    assert read_beir(tmp_path / "set").judgements == small().judgements
    assert [record.id for record in read_beir(tmp_path / "set").corpus] == ["d1"]


def test_a_split_that_is_not_there_is_an_error_that_lists_those_that_are(tmp_path):
    write_beir(small(), tmp_path / "set")
    with pytest.raises(DataError, match=r"qrels: no judgements of split 'train'; splits found: test$"):
        read_beir(tmp_path / "set", "train")


def test_a_folder_that_is_not_there_is_an_error(tmp_path):
    with pytest.raises(DataError, match=f"^{tmp_path / 'set'}: no such folder"):
        read_beir(tmp_path / "set")


def test_an_empty_folder_is_filled_and_one_that_is_not_is_left_alone(tmp_path):
    write_beir(small(), tmp_path)
    assert left_in(tmp_path) == ["corpus.jsonl", "qrels", "queries.jsonl"]
    before = (tmp_path / "corpus.jsonl").read_bytes()
    with pytest.raises(InvalidInputError, match=r"is there already and not an empty folder"):
        write_beir(small([("d2", "y")]), tmp_path)
    with pytest.raises(InvalidInputError, match=r"is there already and not an empty folder"):
        write_beir(small(), tmp_path / "corpus.jsonl")
    assert (tmp_path / "corpus.jsonl").read_bytes() == before


@pytest.mark.parametrize("name", ["_id", "title", "text"])
def test_metadata_that_would_replace_a_field_is_refused_and_nothing_is_left(tmp_path, name):
    with pytest.raises(DataError, match=f"record 'd2' has metadata named '{name}', which BEIR uses itself"):
        write_beir(small([Record("d1", "x"), Record("d2", "x", "", {name: 1})]), tmp_path / "set")
    assert left_in(tmp_path) == []


def test_a_disk_that_refuses_leaves_nothing_behind(tmp_path, monkeypatch):
    def full(descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(StorageError, match=r"cannot write .*set: No space left on device; nothing was left there"):
        write_beir(small(), tmp_path / "set")
    assert left_in(tmp_path) == []


@pytest.mark.parametrize("split", ["", "../test", "a/b"])
def test_a_split_that_is_no_plain_name_is_refused(tmp_path, split):
    with pytest.raises(InvalidInputError, match=r"split must be a plain name like 'test'"):
        write_beir(small(split=split), tmp_path / "set")
