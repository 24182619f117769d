import math
import sys
from dataclasses import dataclass

from bundled_howto import CORPUS, JUDGED, strict_json

from nearfield.cli import console
from nearfield.cli.console import print_json, progress_bars, report_skipped


def test_what_is_no_number_is_null_in_json(capsys):
    @dataclass(frozen=True)
    class Result:
        mean: float
        hits: tuple[str, ...]

    print_json([Result(math.nan, ("寿司",)), {"high": math.inf}])
    assert strict_json(capsys.readouterr().out) == [{"mean": None, "hits": ["寿司"]}, {"high": None}]


def test_any_text_can_be_printed_where_the_encoding_is_not_unicode(process, cli, notes, tmp_path):
    encoding = "cp1252"  # what Windows gives a pipe
    cli("index", notes, "--to", tmp_path / "c", "-e", "bm25")
    found = process("search", tmp_path / "c", "rice", PYTHONIOENCODING=encoding)
    assert (found.returncode, found.stderr) == (0, b"")
    assert b"Sushi" in found.stdout
    found = process("search", tmp_path / "c", "rice", "--json", PYTHONIOENCODING=encoding)
    assert [hit["id"] for hit in strict_json(found.stdout.decode(encoding))] == ["寿司"]
    vectors = process("encode", "all-MiniLM-L6-v2", notes, PYTHONIOENCODING=encoding)
    assert strict_json(vectors.stdout.decode(encoding).splitlines()[2])["id"] == "寿司"
    table = process("compare", CORPUS, *JUDGED, "-e", "bm25", "-e", "tfidf", PYTHONIOENCODING=encoding)
    assert (table.returncode, table.stderr) == (0, b"")


def test_progress_without_a_terminal_is_a_line_now_and_then(capsys, monkeypatch):
    now = iter([0.0, 0.0, 4.0, 11.0, 12.0, 13.0, 22.0, 23.0, 40.0])  # the start, then each step
    monkeypatch.setattr(console.time, "monotonic", lambda: next(now))
    with progress_bars() as progress:
        for step in (("read", 1, None), ("read", 2, None), ("read", 3300, None), ("read", 3400, None)):
            progress(*step)
        progress("write", 1, 2)
        progress("read", 4400, 6600)
        progress("write", 0, 2)
        progress("write", 2, 2)
    out, err = capsys.readouterr()
    assert out == ""
    assert err.splitlines() == [
        "read: 3,300 (300/s)",
        "read: 4,400 of 6,600, 11 s left (200/s)",
        "write: 2 of 2, 0 s left (0/s)",
    ]


def test_progress_on_a_terminal_is_a_bar_on_standard_error(capsys, monkeypatch):
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    with progress_bars() as progress:
        progress("reading", 1000, None)
        progress("indexing", 20, 44)
        progress("indexing", 44, 44)
    out, err = capsys.readouterr()
    assert out == ""
    assert "indexing" in err
    assert "44/44" in err


def test_skipped_records_are_counted_on_standard_error_only(capsys):
    report_skipped(0, ())
    assert capsys.readouterr() == ("", "")
    report_skipped(1200, ("c.jsonl:1: bad",))
    assert capsys.readouterr() == ("", "skipped 1,200 bad records; the first:\n  c.jsonl:1: bad\n")
