import csv
import gzip
import json
import lzma
import subprocess
import sys
import tracemalloc
from datetime import date

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from nearfield.data.corpus import Corpus, read_corpus
from nearfield.data.records import Record
from nearfield.errors import DataError, InvalidInputError

TEXTS = st.text(st.characters(exclude_categories=["Cs"]))
IDS = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=200)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXTS,
    lambda children: st.lists(children, max_size=3) | st.dictionaries(TEXTS, children, max_size=3),
    max_leaves=8,
)
META = st.dictionaries(TEXTS.filter(lambda name: name not in {"_id", "text", "title"}), JSON, max_size=3)
RECORDS = st.builds(Record, IDS, TEXTS.filter(str.strip), TEXTS, META)
CORPORA = st.lists(RECORDS, min_size=1, max_size=5, unique_by=lambda record: record.id)


def write(path, content):
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def ids(corpus):
    return [record.id for record in corpus]


def test_a_jsonl_file_is_read_with_its_title_and_all_other_fields_as_metadata(tmp_path):
    path = write(
        tmp_path / "notes.jsonl",
        '{"_id": "a", "title": "Tap", "text": "Close the valve.", "year": 2020, "tags": ["x", null]}\n'
        "\n"
        '{"_id": 7, "text": "Naïve 東京 \U0001f6b0"}\n',
    )
    assert list(read_corpus(path)) == [
        Record("a", "Close the valve.", "Tap", {"year": 2020, "tags": ["x", None]}),
        Record("7", "Naïve 東京 \U0001f6b0"),
    ]


def test_a_csv_file_is_read_with_quoted_cells_and_its_values_stay_strings(tmp_path):
    path = write(tmp_path / "notes.csv", 'id,text,year\r\n1,"two\nlines, ""quoted""",2020\r\n\r\n2,b,\r\n')
    assert list(read_corpus(path)) == [
        Record("1", 'two\nlines, "quoted"', meta={"year": "2020"}),
        Record("2", "b", meta={"year": ""}),
    ]


def test_a_tsv_file_is_split_at_tabs(tmp_path):
    path = write(tmp_path / "notes.TSV", "id\ttext\n1\tone, two\n")
    assert list(read_corpus(path)) == [Record("1", "one, two")]


@pytest.mark.parametrize("compress", [gzip.compress, lzma.compress, bytes], ids=[".gz", ".xz", ""])
@pytest.mark.parametrize(
    ("suffix", "content"), [(".jsonl", b'{"id": "1", "text": "x"}'), (".csv", b"id,text\n1,x\n"), (".ndjson", None)]
)
@pytest.mark.parametrize("bom", [b"", b"\xef\xbb\xbf"], ids=["plain", "bom"])
def test_each_format_is_read_compressed_and_with_a_byte_order_mark(tmp_path, compress, suffix, content, bom):
    ending = {gzip.compress: ".gz", lzma.compress: ".xz", bytes: ""}[compress]
    path = write(tmp_path / f"notes{suffix}{ending}", compress(bom + (content or b'{"id": 1, "text": "x"}\n')))
    assert list(read_corpus(path)) == [Record("1", "x")]


def test_a_beir_folder_is_read_by_its_corpus_file(tmp_path):
    write(tmp_path / "corpus.jsonl", '{"_id": "1", "text": "x"}\n')
    assert ids(read_corpus(tmp_path)) == ["1"]


def test_a_data_frame_gives_plain_values_and_leaves_missing_ones_out():
    frame = pd.DataFrame(
        {
            "id": [1, 2],
            "text": ["a", "b"],
            "title": [None, "T"],
            "score": [1.5, float("nan")],
            "seen": [pd.Timestamp("2024-05-01"), pd.NaT],
            "count": pd.array([3, pd.NA], dtype="Int64"),
            "tags": [np.array([1, 2]), ["x"]],
        }
    )
    records = list(read_corpus(frame))
    assert records == [
        Record("1", "a", "", {"score": 1.5, "seen": "2024-05-01T00:00:00", "count": 3, "tags": [1, 2]}),
        Record("2", "b", "T", {"tags": ["x"]}),
    ]
    assert json.loads(json.dumps(dict(records[0].meta))) == records[0].meta


def test_a_named_index_of_a_data_frame_is_a_column():
    frame = pd.DataFrame({"id": ["a", "b"], "text": ["x", "y"]}).set_index("id")
    assert ids(read_corpus(frame)) == ["a", "b"]


@pytest.mark.parametrize(
    "source",
    [
        [Record("1", "x"), Record("2", "y")],
        [{"_id": "1", "text": "x"}, {"_id": 2, "text": "y"}],
        [("1", "x"), (np.int64(2), "y")],
        {"1": "x", "2": {"_id": "not this", "text": "y"}},
        lambda: iter([("1", "x"), ("2.0".removesuffix(".0"), "y")]),
        [{"id": 1.0, "text": "x"}, {"id": 2.0, "text": "y"}],
    ],
    ids=["records", "mappings", "pairs", "mapping", "callable", "floats"],
)
def test_iterables_are_read_again_on_each_pass(source):
    corpus = read_corpus(source)
    assert list(corpus) == list(corpus) == [Record("1", "x"), Record("2", "y")]


def test_an_iterator_is_read_once_and_a_second_pass_says_what_to_pass_instead():
    corpus = read_corpus(iter([("1", "x")]))
    assert ids(corpus) == ["1"]
    with pytest.raises(InvalidInputError, match=r"corpus is an iterator and was read already; pass a list, or a call"):
        list(corpus)


def test_fields_are_read_by_the_names_given():
    rows = [{"key": "1", "body": "x", "head": "T", "a": 1, "b": 2}]
    corpus = read_corpus(rows, id_field="key", text_field="body", title_field="head", meta_fields=["b"])
    assert list(corpus) == [Record("1", "x", "T", {"b": 2})]


def test_the_title_can_be_the_text():
    assert list(read_corpus([{"id": "1", "title": "x"}], text_field="title")) == [Record("1", "x")]


def test_the_first_row_settles_which_id_field_is_read():
    corpus = read_corpus([{"_id": "a", "id": "b", "text": "x"}, {"id": "c", "text": "y"}])
    with pytest.raises(DataError, match=r"corpus:2: no field '_id'; fields found: 'id', 'text'"):
        list(corpus)


def test_dates_become_iso_8601():
    assert next(iter(read_corpus([{"id": "1", "text": "x", "day": date(2024, 5, 1)}]))).meta == {"day": "2024-05-01"}


def test_a_corpus_is_given_back_and_may_be_told_to_skip():
    corpus = read_corpus([("1", "x"), ("1", "y")])
    assert read_corpus(corpus) is corpus
    assert ids(read_corpus(corpus, skip_bad=True)) == ["1"]
    with pytest.raises(InvalidInputError, match=r"knows its fields already"):
        read_corpus(corpus, text_field="body")


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(CORPORA, st.booleans())
def test_any_records_survive_a_jsonl_round_trip(tmp_path, records, ascii_only):
    lines = [
        json.dumps({"_id": r.id, "title": r.title, "text": r.text, **r.meta}, ensure_ascii=ascii_only) for r in records
    ]
    path = write(tmp_path / "c.jsonl", "".join(line + "\n" for line in lines))
    assert list(read_corpus(path)) == records
    assert list(read_corpus(records)) == records


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.lists(st.tuples(IDS, TEXTS.filter(str.strip)), min_size=1, unique_by=lambda pair: pair[0]))
def test_any_text_survives_a_csv_round_trip(tmp_path, pairs):
    path = tmp_path / "c.csv"
    with path.open("w", encoding="utf-8", newline="") as stream:
        csv.writer(stream, quoting=csv.QUOTE_ALL).writerows([("id", "text"), *pairs])
    assert [(record.id, record.text) for record in read_corpus(path)] == pairs


def test_nul_and_line_separators_inside_strings_are_kept(tmp_path):
    text = "a\0b\u2028c\x85d\x1ce"
    path = write(tmp_path / "c.jsonl", json.dumps({"id": text, "text": text}, ensure_ascii=False) + "\n")
    assert list(read_corpus(path)) == [Record(text, text)]


def test_a_corpus_names_its_source(tmp_path):
    path = write(tmp_path / "c.jsonl", '{"id": "1", "text": "x"}')
    assert read_corpus(path).source == str(path)
    assert repr(read_corpus([])) == "Corpus('corpus')"
    assert isinstance(read_corpus([]), Corpus)


def test_a_long_file_is_read_in_little_memory(tmp_path):
    path = tmp_path / "c.jsonl"
    with path.open("w") as stream:
        stream.writelines(f'{{"_id": "{n}", "text": "{"word " * 40}{n}"}}\n' for n in range(100_000))
    corpus = read_corpus(path)
    tracemalloc.start()
    try:
        count = sum(1 for _ in corpus)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert count == 100_000
    assert peak < 16e6 < path.stat().st_size  # the hashes of the ids take about 8 MB, also while the set grows


def test_the_data_layer_imports_neither_numpy_nor_pandas():
    code = (
        "import sys, nearfield, nearfield.data.corpus, nearfield.data.judgements, nearfield.data.beir, "
        "nearfield.data.bundled; sys.exit(bool({'numpy', 'pandas'} & sys.modules.keys()))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_plain_text_has_a_record_a_line_named_by_its_number(tmp_path):
    (tmp_path / "notes.txt").write_bytes("\ufeffBleed the radiator. \n\n  Fix the tap.\r\n".encode())
    assert [(record.id, record.text) for record in read_corpus(tmp_path / "notes.txt")] == [
        ("1", "Bleed the radiator."),
        ("3", "Fix the tap."),
    ]


def test_a_line_of_plain_text_that_is_no_utf8_is_named(tmp_path):
    (tmp_path / "notes.txt").write_bytes(b"good\nb\xffd\n")
    with pytest.raises(DataError, match=r"notes\.txt:2: not valid UTF-8: byte 0xff at byte 2"):
        list(read_corpus(tmp_path / "notes.txt"))
    assert [record.id for record in read_corpus(tmp_path / "notes.txt", skip_bad=True)] == ["1"]
