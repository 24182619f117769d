"""What goes wrong is told in a line that says what to do: exit code 1, no traceback, nothing half-written."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from bundled_howto import CORPUS, ENCODER, JUDGED, QUERIES

QRELS_HEAD = "query-id\tcorpus-id\tscore\n"


def failing(cli, *arguments):
    """Run a command that must fail: what it says, in one line."""
    result = cli(*arguments, code=1)
    assert result.stdout == ""
    assert result.stderr.startswith("error: ")
    assert "Traceback" not in result.stderr
    return " ".join(result.stderr.split())


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        (
            "c.jsonl",
            '{"_id": "1", "body": "x"}\n',
            "c.jsonl:1: no field 'text' for the text; fields found: '_id', 'body'",
        ),
        ("c.jsonl", '{"text": "x"}\n', "c.jsonl:1: no field '_id' or 'id' for the id; fields found: 'text'"),
        ("c.jsonl", '{"_id": "1", "text": "x"}\n{"_id": \n', "c.jsonl:2: not valid JSON: "),
        ("c.jsonl", '["1", "x"]\n', "c.jsonl:1: not an object but a list; this looks like one JSON array"),
        (
            "c.jsonl",
            '{"_id": "1", "text": "x"}\n{"_id": "1", "text": "y"}\n',
            "c.jsonl:2: duplicate id '1', first used at",
        ),
        ("c.jsonl", '{"_id": "1", "text": " "}\n', "c.jsonl:1: text of '1' is empty, and so is its title"),
        ("c.jsonl", "", "c.jsonl: holds no records"),
        ("c.csv", "id,body\n1,x\n", "no field 'text' for the text; fields found: 'id', 'body'"),
        ("c.parquet", "PAR1", "c.parquet"),
        ("c.jsonl.gz", "no gzip", "damaged or not .gz at all"),
    ],
)
def test_a_bad_corpus_is_named_with_file_and_line(cli, tmp_path, name, content, message):
    (tmp_path / name).write_text(content)
    assert message in failing(cli, "index", tmp_path / name, "--to", tmp_path / "c", "-e", "bm25")
    assert not (tmp_path / "c").exists()
    saved = ("--save", tmp_path / "r.json", "--report", tmp_path / "r.md")
    assert message in failing(cli, "compare", tmp_path / name, *JUDGED, "-e", "bm25", *saved)
    assert message in failing(cli, "encode", ENCODER, tmp_path / name, "-o", tmp_path / "v.npz")
    assert message in failing(cli, "inspect", ENCODER, tmp_path / name)
    assert [path.name for path in tmp_path.iterdir()] == [name]


@pytest.mark.parametrize(
    ("queries", "qrels", "message"),
    [
        (None, "leaking-faucet\tnowhere\t1\n", "qrels.tsv:2: document 'nowhere' is judged but not in the corpus"),
        (None, "lost\tplumbing-repair\t1\n", "lost"),
        (None, "", "qrels.tsv: holds no judgements"),
        (None, "leaking-faucet\tplumbing-repair\thigh\n", "qrels.tsv:2: grade must be a whole number, got 'high'"),
        ('{"_id": "other", "text": "x"}\n', "leaking-faucet\tplumbing-repair\t1\n", "leaking-faucet"),
        ('{"_id": "leaking-faucet", "text": " "}\n', "leaking-faucet\tplumbing-repair\t1\n", "is empty"),
        ("{\n", "leaking-faucet\tplumbing-repair\t1\n", "queries.jsonl:1: not valid JSON"),
    ],
)
def test_bad_judgements_are_named(cli, tmp_path, collections, queries, qrels, message):
    (tmp_path / "qrels.tsv").write_text(QRELS_HEAD + qrels)
    if queries is not None:
        (tmp_path / "queries.jsonl").write_text(queries)
    judged = (
        "--queries",
        QUERIES if queries is None else tmp_path / "queries.jsonl",
        "--qrels",
        tmp_path / "qrels.tsv",
    )
    before = sorted(tmp_path.iterdir())
    command = ("compare", CORPUS, *judged, "-e", "bm25", "--save", tmp_path / "r.json", "--report", tmp_path / "r.html")
    assert message in failing(cli, *command)
    assert message in failing(cli, "evaluate", collections["bm25"], *judged)
    assert sorted(tmp_path.iterdir()) == before


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "cannot be read as a report"),
        ('{"format_version"', "cannot be read as a report"),
        ("[]", "its format_version is None); give a file that `nearfield compare --save` wrote"),
        ('{"hits": []}', "is no report of format 1"),
        ('{"format_version": 99}', "its format_version is 99"),
        ('{"format_version": 1, "queries": 3}', "is a damaged report"),
        ('{"format_version": 1}', "is a damaged report"),
    ],
)
def test_a_file_that_is_no_report_is_refused(cli, tmp_path, content, message):
    (tmp_path / "report.json").write_text(content)
    said = failing(cli, "index", CORPUS, "--to", tmp_path / "c", "--from", tmp_path / "report.json")
    assert message in said
    assert str(tmp_path / "report.json") in said
    assert not (tmp_path / "c").exists()


def test_a_report_of_another_encoder_is_refused(cli, tmp_path, compared):
    values = json.loads(compared.report.read_text())
    values["candidates"][2]["fingerprint"] = "0" * 32
    (tmp_path / "report.json").write_text(json.dumps(values))
    said = failing(cli, "index", CORPUS, "--to", tmp_path / "c", "--from", tmp_path / "report.json")
    assert "use the encoder that was measured, or compare again" in said
    assert not (tmp_path / "c").exists()


def test_a_candidate_that_the_report_lacks_is_refused(cli, tmp_path, compared):
    command = ("index", CORPUS, "--to", tmp_path / "c", "--from", compared.report, "--candidate", "bm52")
    assert "no candidate 'bm52'; it has tfidf, bm25, all-MiniLM-L6-v2" in failing(cli, *command)
    assert not (tmp_path / "c").exists()


@pytest.mark.parametrize(
    ("retriever", "message"),
    [
        ("./nowhere", "no model folder at ./nowhere; give an existing folder or a model's name"),
        ("bm25+", "has an empty leg; a retriever is legs joined by '+'"),
        ("bm25:k9=1", "bm25 has no option 'k9'; it has"),
        ("bm25+bm25", "names bm25 twice"),
        ("bm25:language=klingon", "klingon"),
        ("a/b+c/d", "names two encoders, a/b and c/d"),
        ("", "has an empty leg"),
    ],
)
def test_a_retriever_that_cannot_be_is_refused(cli, tmp_path, retriever, message):
    assert message in failing(cli, "index", CORPUS, "--to", tmp_path / "c", "-e", retriever)
    command = ("compare", CORPUS, *JUDGED, "-e", retriever, "--save", tmp_path / "r.json")
    assert message in failing(cli, *command)
    assert list(tmp_path.iterdir()) == []


def test_the_same_candidate_twice_is_refused(cli):
    assert "candidates must have different names" in failing(
        cli, "compare", CORPUS, *JUDGED, "-e", "bm25", "-e", "bm25"
    )


@pytest.mark.parametrize(("option", "value"), [("--margin", "nan"), ("--margin", "-1"), ("--queries-per-month", "nan")])
def test_a_number_that_makes_no_sense_is_refused(cli, option, value):
    assert "must be at least 0" in failing(cli, "compare", CORPUS, *JUDGED, "-e", "bm25", option, value)


@pytest.mark.parametrize("metric", ["ndcg", "ndcg@0", "ndgc@10", "@10", "", "recall@-1", "recall@1.5"])
def test_a_metric_that_is_none_is_refused_with_the_list(cli, tmp_path, collections, metric):
    message = f"such as ndcg@10; got {metric!r}"
    assert message in failing(cli, "evaluate", collections["bm25"], *JUDGED, "--metric", metric)
    command = ("compare", CORPUS, *JUDGED, "-e", "bm25", "--metric", metric, "--save", tmp_path / "r.json")
    assert message in failing(cli, *command)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("condition", "message"),
    [
        ("year", "--where 'year' is not a condition; write field, one of = == != > >= < <=, and a value"),
        (">=2020", "is not a condition"),
        ("[1]", "is not a condition"),
        ('{"year": ', "is not valid JSON"),
        ('{"year": {"$near": 1}}', "has the operator '$near'; allowed are $eq"),
        ("year=NaN", "needs a finite number, got nan"),
        ('{"a":' * 30_000, "is not valid JSON"),
    ],
)
def test_a_condition_that_is_none_is_refused(cli, collections, condition, message):
    assert message in failing(cli, "search", collections["bm25"], "tap", "--where", condition)


def test_an_empty_query_is_refused(cli, collections):
    assert "give it at least one word" in failing(cli, "search", collections["bm25"], " ")


@pytest.mark.parametrize("rest", [("tap",), JUDGED])
def test_a_folder_that_is_no_collection_is_refused(cli, tmp_path, rest):
    command = "search" if rest == ("tap",) else "evaluate"
    nowhere = tmp_path / "nowhere"
    assert f"{nowhere} does not exist; make one with `nearfield index`" in failing(cli, command, nowhere, *rest)
    assert "is no collection (it has no manifest.json); make one with" in failing(cli, command, tmp_path, *rest)
    assert not nowhere.exists()


def test_a_folder_with_other_files_is_not_indexed_into(cli, tmp_path):
    (tmp_path / "mine.txt").write_text("precious")
    said = failing(cli, "index", CORPUS, "--to", tmp_path, "-e", "bm25")
    assert "holds mine.txt and is no collection; choose a new or empty folder" in said
    assert sorted(path.name for path in tmp_path.iterdir()) in (["mine.txt"], ["lock", "mine.txt"])


def test_a_collection_that_ranks_otherwise_is_not_indexed_into(cli, tmp_path, notes):
    cli("index", notes, "--to", tmp_path / "c", "-e", "bm25")
    said = failing(cli, "index", notes, "--to", tmp_path / "c", "-e", "tfidf")
    assert "ranks by bm25, not by tfidf with these options; index elsewhere" in said


def test_an_unknown_encoder_says_where_was_looked(cli, tmp_path, monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    for command in (
        ("encode", "no one/such", "--text", "a", "-o", tmp_path / "v.npz"),
        ("inspect", "no one/such", CORPUS),
    ):
        said = failing(cli, *command)
        assert "no encoder 'no one/such': not a folder, not installed, not on the model hub" in said
        assert "`nearfield encoders` lists what is known, --installed what needs no network" in said
    assert list(tmp_path.iterdir()) == []


def test_without_the_hubs_client_the_command_to_install_it_is_told(cli, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    said = failing(cli, "index", CORPUS, "--to", tmp_path / "c", "-e", "intfloat/e5-small-v2")
    assert "pip install 'nearfield[hub]'" in said
    assert not (tmp_path / "c").exists()


def test_an_unreachable_hub_is_told_with_a_way_to_do_without(process, tmp_path):
    offline = {"HF_HUB_OFFLINE": "1", "HF_HOME": str(tmp_path / "hub")}
    done = process("index", CORPUS, "--to", tmp_path / "c", "-e", "intfloat/e5-small-v2", **offline)
    assert done.returncode == 1
    assert b"forbidden by HF_HUB_OFFLINE; unset it" in done.stderr
    assert b"Or give the path of a model folder" in done.stderr
    assert not (tmp_path / "c").exists()


def test_a_foreign_model_folder_says_what_is_missing(cli, tmp_path):
    (tmp_path / "model").mkdir()
    command = ("encode", tmp_path / "model", "--text", "a", "-o", tmp_path / "v.npz")
    assert "model holds neither model.safetensors nor onnx/model.onnx" in failing(cli, *command)
    (tmp_path / "model" / "model.safetensors").touch()
    assert "config.json" in failing(cli, *command)
    assert not (tmp_path / "v.npz").exists()


def test_a_demo_folder_that_cannot_be_made_is_told(cli, tmp_path):
    (tmp_path / "file").touch()
    said = failing(cli, "demo", "--to", tmp_path / "file" / "x")
    assert "cannot make the folder" in said
    assert "choose another with --to" in said


def test_a_cache_that_cannot_be_used_says_how_to_do_without(cli, tmp_path, monkeypatch, notes):
    (tmp_path / "file").touch()
    monkeypatch.setenv("NEARFIELD_CACHE", str(tmp_path / "file"))
    said = failing(cli, "index", notes, "--to", tmp_path / "c", "-e", "bm25")
    assert "set NEARFIELD_CACHE to another folder, or do without (--no-cache)" in said
    assert not (tmp_path / "c").exists()
    cli("index", notes, "--to", tmp_path / "c", "-e", "bm25", "--no-cache")


def test_outputs_over_inputs_or_each_other_are_refused_before_any_work(cli, tmp_path):
    mine = tmp_path / "mine.json"
    result = cli("compare", CORPUS, *JUDGED, "-e", "bm25", "--save", QUERIES, code=2)
    assert "--save and --queries are the same file" in result.stderr
    page = tmp_path / "same.html"
    result = cli("compare", CORPUS, *JUDGED, "-e", "bm25", "--save", page, "--report", page, code=2)
    assert "--report and --save are the same file" in result.stderr
    assert not mine.exists()
    assert not page.exists()


def test_a_report_is_written_even_if_nobody_reads_the_output(tmp_path):
    command = ["compare", CORPUS, *JUDGED, "-e", "bm25", "--no-cache", "--save", tmp_path / "r.json"]
    with subprocess.Popen(
        [Path(sys.executable).with_name("nearfield"), *map(str, command)], stdout=subprocess.PIPE
    ) as child:
        child.stdout.close()
    assert (tmp_path / "r.json").exists()


def test_what_controls_a_terminal_is_shown_harmlessly(cli, tmp_path):
    corpus = tmp_path / "corpus.jsonl"
    corpus.write_text(json.dumps({"id": "\x1b[31mred", "title": "\x1b[2J", "text": "hello \x1b]0;pwn\x07"}) + "\n")
    cli("index", corpus, "--to", tmp_path / "c", "-e", "bm25")
    assert "\x1b" not in cli("search", tmp_path / "c", "hello").stdout


def test_a_deeply_nested_condition_is_refused_or_text(cli, collections):
    assert "nothing found" in cli("search", collections["bm25"], "tap", "--where", "a=" + "[" * 100_000).stdout


def test_a_record_nested_too_deeply_is_named_and_may_be_skipped(cli, tmp_path):
    corpus = tmp_path / "corpus.jsonl"
    deep = "[" * 70 + "]" * 70
    corpus.write_text(f'{{"id": "a", "text": "one"}}\n{{"id": "b", "text": "two", "m": {deep}}}\n')
    assert (
        "corpus.jsonl:2: field 'm' is nested more than 64 levels deep"
        in cli("index", corpus, "--to", tmp_path / "c", "-e", "bm25", code=1).stderr
    )
    cli("index", corpus, "--to", tmp_path / "c", "-e", "bm25", "--skip-bad")
    assert "one" in cli("search", tmp_path / "c", "one").stdout
