import csv
import gzip
import lzma

import pytest

from nearfield.data.corpus import Skipped, read_corpus
from nearfield.data.records import Record
from nearfield.errors import DataError, InvalidInputError


def write(path, content):
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def ids(corpus):
    return [record.id for record in corpus]


GOOD = b'{"_id": "1", "text": "x"}\n'
BAD_LINES = {
    "broken": (b'{"_id": "2", "text"\n', r"not valid JSON: .* at column 21; each line must be one whole object"),
    "array": (b'[{"_id": "2"},\n', "not valid JSON: .*looks like one JSON array; write one object a line"),
    "list": (b"[1]\n", "not an object but a list; this looks like one JSON array"),
    "string": (b'"x"\n', "not an object but a string"),
    "null": (b"null\n", "not an object but null"),
    "deep": (b"[" * 100_000 + b"\n", "JSON nested too deeply|not valid JSON"),
    "deep_meta": (
        b'{"_id": "2", "text": "x", "m": ' + b"[" * 900 + b"]" * 900 + b"}\n",
        "field 'm' is nested more than 64 levels deep",
    ),
    "digits": (b'{"_id": "2", "text": "x", "n": ' + b"9" * 5000 + b"}\n", "not usable JSON: Exceeds the limit"),
    "no_id": (b'{"text": "x"}\n', "no field '_id'; fields found: 'text'"),
    "no_text": (b'{"_id": "2", "body": "x"}\n', "no field 'text'; fields found: '_id', 'body'"),
    "empty_id": (b'{"_id": "", "text": "x"}\n', "id is empty"),
    "null_id": (b'{"_id": null, "text": "x"}\n', "id is missing"),
    "bool_id": (b'{"_id": true, "text": "x"}\n', "id must be a string or a whole number, got bool True"),
    "float_id": (b'{"_id": 1.5, "text": "x"}\n', "id must be a string or a whole number, got float 1.5"),
    "long_id": (b'{"_id": "' + b"x" * 1025 + b'", "text": "x"}\n', "id has 1,025 bytes of UTF-8, at most 1,024"),
    "long_utf8_id": (('{"_id": "' + "é" * 513 + '", "text": "x"}\n').encode(), "id has 1,026 bytes of UTF-8"),
    "duplicate": (GOOD, "duplicate id '1', first used at line 1"),
    "empty_text": (b'{"_id": "2", "text": " \\n"}\n', "text of '2' is empty, and so is its title"),
    "blank_title": (b'{"_id": "2", "text": "", "title": " "}\n', "text of '2' is empty, and so is its title"),
    "number_text": (b'{"_id": "2", "text": 5}\n', "text must be a string, got int 5"),
    "number_title": (b'{"_id": "2", "text": "x", "title": 5}\n', "title must be a string, got int 5"),
    "not_utf8": (b'{"_id": "2", "text": "caf\xe9"}\n', "not valid UTF-8: byte 0xe9 at byte 26 of the line; save the"),
    "surrogate_id": (b'{"_id": "\\ud800", "text": "x"}\n', r"id is not valid Unicode: lone surrogate '\\ud800'"),
    "surrogate_text": (b'{"_id": "2", "text": "a\\udfff"}\n', "text is not valid Unicode.* at character 2"),
    "surrogate_title": (b'{"_id": "2", "text": "a", "title": "\\udfff"}\n', "title is not valid Unicode"),
    "surrogate_meta": (b'{"_id": "2", "text": "a", "m": [{"k": "\\ud800"}]}\n', "m is not valid Unicode"),
    "surrogate_key": (b'{"_id": "2", "text": "a", "\\ud800": 1}\n', "the name of a field is not valid Unicode"),
    "surrogate_inner_key": (b'{"_id": "2", "text": "a", "m": {"\\ud800": 1}}\n', "m is not valid Unicode"),
    "infinite": (b'{"_id": "2", "text": "a", "m": Infinity}\n', "field 'm' must be a JSON value .*, got float inf"),
    "nested_nan": (b'{"_id": "2", "text": "a", "m": [NaN]}\n', "field 'm' must be a JSON value .*, got float nan"),
}


@pytest.mark.parametrize(("line", "problem"), BAD_LINES.values(), ids=BAD_LINES)
def test_a_bad_line_names_file_and_line_or_is_skipped_and_counted(tmp_path, line, problem):
    path = write(tmp_path / "c.jsonl", GOOD + b"\n" + line + b'{"_id": "last", "text": "x"}\n')
    with pytest.raises(DataError, match=rf"^{path}:3: {problem}") as raised:
        list(read_corpus(path))
    assert (raised.value.source, raised.value.line) == (str(path), 3)
    corpus = read_corpus(path, skip_bad=True)
    assert ids(corpus) == ["1", "last"]
    assert corpus.skipped.count == 1
    assert corpus.skipped.problems[0].startswith(f"{path}:3: ")


BAD_ROWS = {
    "few_cells": (b"2\n", r"the header has 2 cells \(id, text\), this row 1; quote a cell that holds a comma"),
    "many_cells": (b"2,x,y\n", r"the header has 2 cells \(id, text\), this row 3"),
    "not_utf8": (b"2,caf\xe9\n", "not valid UTF-8 in cell 2; save the file as UTF-8"),
    "quotes": (b'2,"x"y\n', '.*a cell that begins with " must end with one'),
    "empty_id": (b",x\n", "id is empty"),
    "empty_text": (b"2,\n", "text of '2' is empty"),
    "duplicate": (b"1,x\n", "duplicate id '1', first used at line 2"),
}


@pytest.mark.parametrize(("line", "problem"), BAD_ROWS.values(), ids=BAD_ROWS)
def test_a_bad_row_names_file_and_line_or_is_skipped_and_counted(tmp_path, line, problem):
    path = write(tmp_path / "c.csv", b'id,text\n1,"two\nlines"\n' + line + b"last,x\n")
    with pytest.raises(DataError, match=rf"^{path}:4: {problem}"):
        list(read_corpus(path))
    corpus = read_corpus(path, skip_bad=True)
    assert ids(corpus) == ["1", "last"]
    assert corpus.skipped.count == 1


def test_a_quote_left_open_is_an_error_on_the_line_it_begins(tmp_path):
    path = write(tmp_path / "c.csv", 'id,text\n1,x\n2,"open\n3,y\n')
    with pytest.raises(DataError, match=rf"^{path}:3: unexpected end of data"):
        list(read_corpus(path))


def test_a_huge_cell_is_read_and_the_limit_of_the_process_stays(tmp_path, monkeypatch):
    path = write(tmp_path / "c.csv", "id,text\n1," + "x" * 200_000 + "\n")
    csv.field_size_limit(131_072)  # the default
    assert len(next(iter(read_corpus(path))).text) == 200_000
    assert csv.field_size_limit() == 131_072
    monkeypatch.setattr("nearfield.data.tables.MAX_CELL", 1000)
    with pytest.raises(DataError, match=rf"^{path}:2: field larger.*a cell may hold 1,000 characters: is a quote left"):
        list(read_corpus(path))


BAD_ITEMS = {
    "number": (5, "expected a Record, a mapping with fields, or an .id, text. pair; got int 5"),
    "string": ("text", "expected a Record.*got str 'text'"),
    "pair": (("2", 5), "text must be a string, got int 5"),
    "object": ({"_id": "2", "text": "x", "m": {1, 2}}, "field 'm' must be a JSON value .*got set"),
    "key": ({"_id": "2", "text": "x", 5: 1}, "names of fields must be strings, got int 5"),
    "inner_key": ({"_id": "2", "text": "x", "m": {5: 1}}, "names inside field 'm' must be strings, got int 5"),
    "record_id": (Record(2, "x"), "id must be a str, got int 2"),
    "record_text": (Record("2", ""), "text of '2' is empty"),
    "record_meta": (Record("2", "x", "", {"m": float("inf")}), "field 'm' must be a JSON value"),
    "float_id": ((2.0**60, "x"), "id must be a string or a whole number, got float"),
}


@pytest.mark.parametrize(("item", "problem"), BAD_ITEMS.values(), ids=BAD_ITEMS)
def test_a_bad_item_names_its_position(item, problem):
    with pytest.raises(DataError, match=f"^corpus:2: {problem}"):
        list(read_corpus([("1", "x"), item]))
    assert ids(read_corpus([("1", "x"), item], skip_bad=True)) == ["1"]


def test_duplicates_in_an_iterator_are_found_too():
    with pytest.raises(DataError, match=r"^corpus:2: duplicate id '1'; ids must be unique"):
        list(read_corpus(iter([("1", "x"), ("1", "y")])))


class ClashingText(str):
    def __hash__(self):
        return 1


def test_two_ids_that_share_a_hash_are_not_duplicates():
    corpus = read_corpus([Record(ClashingText("a"), "x"), Record(ClashingText("b"), "y")])
    assert ids(corpus) == ["a", "b"]


def test_only_the_first_problems_are_shown_and_each_pass_counts_anew():
    corpus = read_corpus([("1", "x"), *[("", "x")] * 9], skip_bad=True)
    assert corpus.skipped == Skipped()
    for _ in range(2):
        assert ids(corpus) == ["1"]
        assert corpus.skipped.count == 9
        assert corpus.skipped.problems == tuple(
            f"corpus:{n}: id is empty; each record needs its own" for n in range(2, 7)
        )


@pytest.mark.parametrize("name", ["c.jsonl", "c.csv"])
def test_a_file_without_records_is_an_error(tmp_path, name):
    path = write(tmp_path / name, "" if name == "c.jsonl" else "id,text\n")
    with pytest.raises(DataError, match=f"^{path}: holds no records"):
        list(read_corpus(path))


def test_a_file_of_bad_records_only_is_an_error_even_if_they_are_skipped(tmp_path):
    path = write(tmp_path / "c.jsonl", "{\n{\n")
    with pytest.raises(DataError, match=f"^{path}: all 2 records are bad; the first: {path}:1: not valid JSON"):
        list(read_corpus(path, skip_bad=True))


@pytest.mark.parametrize("skip_bad", [False, True])
def test_a_table_without_the_columns_is_an_error_that_lists_those_it_has(tmp_path, skip_bad):
    path = write(tmp_path / "c.csv", "key,body\n1,x\n")
    with pytest.raises(
        DataError, match=rf"^{path}:2: no field '_id' or 'id' for the id; fields found: 'key', 'body'; "
    ):
        list(read_corpus(path, skip_bad=skip_bad))
    with pytest.raises(DataError, match=r"no field 'txt' for the text; fields found: .*pass text_field="):
        list(read_corpus(path, id_field="key", text_field="txt", skip_bad=skip_bad))
    with pytest.raises(DataError, match=rf"^{path}:2: no field 'year'; fields found: 'key', 'body'"):
        list(read_corpus(path, id_field="key", text_field="body", meta_fields=["year"], skip_bad=skip_bad))


def test_a_field_asked_for_that_no_line_has_is_an_error_at_the_end(tmp_path):
    path = write(tmp_path / "c.jsonl", GOOD)
    with pytest.raises(DataError, match=f"^{path}: no record has a field 'head'"):
        list(read_corpus(path, title_field="head"))


def test_a_field_asked_for_may_be_missing_from_the_first_line():
    corpus = read_corpus([{"id": 1, "text": "x"}, {"id": 2, "text": "y", "head": "T"}], title_field="head")
    assert [record.title for record in corpus] == ["", "T"]


def test_two_columns_of_one_name_are_an_error(tmp_path):
    path = write(tmp_path / "c.csv", "id,text,text\n1,x,y\n")
    with pytest.raises(DataError, match=f"^{path}:1: two columns are named 'text'; rename one"):
        list(read_corpus(path))


def test_a_header_that_is_not_utf8_is_an_error(tmp_path):
    path = write(tmp_path / "c.csv", b"id,t\xe9xt\n1,x\n")
    with pytest.raises(DataError, match=f"^{path}:1: not valid UTF-8 in cell 2"):
        list(read_corpus(path, skip_bad=True))


@pytest.mark.parametrize(
    ("name", "problem"),
    [
        ("missing.jsonl", "no such file"),
        ("c.doc", r"cannot tell the format from extension '.doc'; use .jsonl, .ndjson, .csv, .tsv"),
        ("c.gz", "cannot tell the format from no extension"),
        ("empty", r"has no corpus.jsonl \(nor corpus.jsonl.gz, .xz or .zst\)"),
        ("full", r"has no corpus.jsonl .*; found: a.txt"),
    ],
)
def test_a_path_that_cannot_be_read_is_refused_at_once(tmp_path, name, problem):
    write(tmp_path / "c.doc", "x")
    write(tmp_path / "c.gz", "x")
    (tmp_path / "empty").mkdir()
    (tmp_path / "full").mkdir()
    write(tmp_path / "full" / "a.txt", "x")
    with pytest.raises(DataError, match=f"^{tmp_path / name}: {problem}"):
        read_corpus(tmp_path / name)


def test_a_relative_path_that_is_missing_tells_where_it_was_looked_for(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(DataError, match=rf"no such file \(looked from {tmp_path}\)"):
        read_corpus("c.jsonl")


@pytest.mark.parametrize("suffix", [".gz", ".xz"])
@pytest.mark.parametrize("cut", [True, False], ids=["cut", "not_compressed"])
def test_a_damaged_compressed_file_is_an_error(tmp_path, suffix, cut):
    content = {".gz": gzip.compress, ".xz": lzma.compress}[suffix](GOOD * 50)
    path = write(tmp_path / f"c.jsonl{suffix}", content[:-20] if cut else GOOD)
    with pytest.raises(DataError, match=f"^{path}: damaged or not {suffix} at all"):
        list(read_corpus(path, skip_bad=True))


def test_a_file_that_vanishes_is_an_error(tmp_path):
    corpus = read_corpus(path := write(tmp_path / "c.jsonl", GOOD))
    path.unlink()
    with pytest.raises(DataError, match=f"^{path}: cannot be read: No such file"):
        list(corpus)


def test_what_cannot_be_a_corpus_is_refused():
    with pytest.raises(InvalidInputError, match=r"corpus must be a path .*got int"):
        read_corpus(5)
    with pytest.raises(InvalidInputError, match=r"meta_fields must be a list of names.*write \['year'\]"):
        read_corpus([], meta_fields="year")
