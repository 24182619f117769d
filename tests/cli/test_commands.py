"""The whole way from a corpus to answers, as the command line goes it."""

import json
import re
import subprocess
import sys
from pathlib import Path

import click
import numpy as np
import pytest
from bundled_howto import ANSWERS, CANDIDATES, CORPUS, ENCODER, JUDGED, QUERIES, QUESTION, strict_json
from hash_encoder import HashEncoder

import nearfield
from nearfield.cli import main
from nearfield.cli.demo import demo as demo_command
from nearfield.evaluation.comparison import ComparisonReport

COMMANDS = (
    *("demo", "compare", "index", "search", "evaluate", "encode", "inspect", "doctor", "encoders", "train", "cache"),
    *(
        "convert",
        "completion",
        "recall",
        "space",
        "words",
        "collections",
        "drop",
        "verify",
        "snapshot",
        "restore",
        "export",
    ),
    "compact",
    "copy",
    "migrate",
)


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_and_option_is_explained(cli, name):
    command = main.commands[name]
    shown = cli(name, "--help").stdout
    assert command.get_short_help_str()
    for parameter in command.params:
        if isinstance(parameter, click.Option):
            assert parameter.help, parameter.name
            assert all(option in shown for option in parameter.opts)


def test_the_help_lists_every_command_and_the_exit_codes(cli):
    shown = cli("-h").stdout
    assert set(main.commands) == set(COMMANDS)
    assert all(name in shown for name in COMMANDS)
    assert "75 busy" in shown


def test_the_version_is_told(process):
    assert nearfield.__version__ in process("--version").stdout.decode()


def test_compare_tells_its_decision_and_what_it_wrote(compared):
    output = compared.result.stdout
    assert all(name in output for name in CANDIDATES)
    assert f"wrote {compared.report}" in compared.result.stderr
    assert f"wrote {compared.page}" in compared.result.stderr
    assert compared.page.read_text().startswith("<!DOCTYPE html>")
    report = ComparisonReport.load(compared.report)
    assert [candidate.name for candidate in report.candidates] == list(CANDIDATES)
    assert report.protocol.records == 44


def test_compare_as_json_prints_the_report_and_nothing_else(cli, tmp_path):
    result = cli("compare", CORPUS, *JUDGED, "-e", "bm25", "--json", "--no-cache", "--save", tmp_path / "r.json")
    assert strict_json(result.stdout) == strict_json((tmp_path / "r.json").read_text())
    assert result.stderr == f"wrote {tmp_path / 'r.json'}\n"


def test_compare_counts_on_standard_error_what_it_leaves_out(cli, tmp_path, notes):
    with notes.open("a") as file:
        file.write('{"_id": "broken"\n')
    (tmp_path / "q.jsonl").write_text('{"_id": "q", "text": "worn washer"}\n')
    (tmp_path / "qrels.tsv").write_text("query-id\tcorpus-id\tscore\nq\ttap\t1\nq\tnowhere\t1\nlost\ttap\t1\n")
    judged = ("--queries", tmp_path / "q.jsonl", "--qrels", tmp_path / "qrels.tsv")
    result = cli("compare", notes, *judged, "-e", "bm25", "--json", "--skip-bad")
    assert strict_json(result.stdout)["protocol"]["skipped"] == 3
    assert "skipped 1 bad records" in result.stderr
    assert f"{notes}:4: not valid JSON" in result.stderr
    assert "skipped 2 judgements of unknown queries or documents" in result.stderr


def test_index_builds_the_candidate_that_was_decided_on(cli, compared, tmp_path):
    decision = ComparisonReport.load(compared.report).decision
    assert decision.chosen == ENCODER
    output = cli("index", CORPUS, "--to", tmp_path / "my c", "--from", compared.report).stdout
    assert "44 records, " in output
    assert f"ranked by {decision.chosen}" in output
    assert "44 written, 0 unchanged" in output
    assert f"search it: nearfield search '{tmp_path / 'my c'}'" in output


def test_index_from_an_undecided_report_asks_for_a_candidate_and_builds_it(cli, compared, tmp_path):
    values = json.loads(compared.report.read_text())
    values["decision"]["chosen"] = None
    (tmp_path / "undecided.json").write_text(json.dumps(values))
    command = ("index", CORPUS, "--to", tmp_path / "c", "--from", tmp_path / "undecided.json")
    result = cli(*command, code=1)
    assert "the report is undecided" in result.stderr
    assert "Name the candidate to build" in result.stderr
    assert not (tmp_path / "c").exists()
    assert "ranked by bm25" in cli(*command, "--candidate", "bm25").stdout


def test_index_again_leaves_what_has_not_changed_alone(cli, notes, tmp_path):
    command = ("index", notes, "--to", tmp_path / "c", "-e", "bm25", "--json")
    first = strict_json(cli(*command).stdout)
    assert (first["records"], first["written"], first["unchanged"]) == (3, 3, 0)
    assert first["disk_bytes"] > 0
    notes.write_text(notes.read_text().replace("inner tube", "hole"))
    second = strict_json(cli(*command).stdout)
    assert (second["records"], second["written"], second["unchanged"]) == (3, 1, 2)


def test_index_reads_the_fields_it_is_told_and_counts_what_it_leaves_out(cli, tmp_path):
    (tmp_path / "rows.csv").write_text("key,body,head\na,worn washer,Taps\nb,,\nc,inner tube,Tyres\n")
    fields = ("--id-field", "key", "--text-field", "body", "--title-field", "head")
    result = cli("index", tmp_path / "rows.csv", "--to", tmp_path / "c", "-e", "bm25", *fields, "--skip-bad", "--json")
    assert (strict_json(result.stdout)["records"], strict_json(result.stdout)["skipped"]) == (2, 1)
    assert "skipped 1 bad records; the first:\n  " in result.stderr
    hits = strict_json(cli("search", tmp_path / "c", "worn washer", "--json").stdout)
    assert [(hit["id"], hit["title"], hit["text"]) for hit in hits] == [("a", "Taps", "worn washer")]


def test_index_tells_how_many_records_are_cut_short(cli, tmp_path):
    (tmp_path / "long.jsonl").write_text(json.dumps({"_id": "1", "text": "water " * 400}) + "\n")
    output = cli("index", tmp_path / "long.jsonl", "--to", tmp_path / "c", "-e", ENCODER).stdout
    assert "1 of those written are longer than the encoder reads" in output


@pytest.mark.parametrize(("retriever", "found"), [(ENCODER, True), ("tfidf", False)])
def test_a_faucet_is_found_under_tap_by_meaning_but_not_by_words(process, collections, retriever, found):
    done = process("search", collections[retriever], QUESTION, "--json", "-k", "2")
    assert (done.returncode, done.stderr) == (0, b"")
    assert ({hit["id"] for hit in strict_json(done.stdout)} == ANSWERS) is found


def test_search_shows_rank_score_id_title_and_the_beginning_of_the_text(cli, collections):
    lines = cli("search", collections["bm25"], "water tap", "-k", 1).stdout.splitlines()
    rank, score, id_, title = lines[0].split(maxsplit=3)
    assert (rank, id_, title) == ("1", "water-tap-maintenance", "Water tap maintenance")
    assert float(score) > 0
    assert lines[1].strip().startswith("When your water tap drips")
    assert lines[1].endswith("…")


def test_search_heeds_every_condition(cli, collections):
    command = ("search", collections["bm25"], "how to water a tap", "--json", "-k", 44)
    everything = strict_json(cli(*command).stdout)
    some = strict_json(cli(*command, "--where", "year>=2022", "--where", '{"topic": {"$ne": "plumbing"}}').stdout)
    fits = [h["id"] for h in everything if h["meta"]["year"] >= 2022 and h["meta"]["topic"] != "plumbing"]
    assert [hit["id"] for hit in some] == fits
    assert 0 < len(fits) < len(everything)


def test_search_says_when_nothing_is_found(cli, collections):
    assert cli("search", collections["bm25"], "xylophone").stdout == "nothing found\n"
    conditions = ("--where", "year>2100")
    assert (
        cli("search", collections["bm25"], "tap", *conditions).stdout
        == "nothing found that meets the conditions; fields here: minutes (int), topic (str), year (int)\n"
    )
    assert strict_json(cli("search", collections["bm25"], "tap", *conditions, "--json").stdout) == []


def test_search_notes_that_indexing_was_interrupted(cli, tmp_path):
    with nearfield.Collection.create(tmp_path / "c", "tfidf") as collection:
        collection.upsert([nearfield.Record("tap", "worn washer")])
    result = cli("search", tmp_path / "c", "washer", "--json")
    assert [hit["id"] for hit in strict_json(result.stdout)] == ["tap"]
    assert "indexing was interrupted; run the same `nearfield index` again" in result.stderr


def test_evaluate_agrees_with_compare(cli, compared, collections):
    measured = ComparisonReport.load(compared.report).candidate("bm25").metrics["ndcg@10"].mean
    result = cli("evaluate", collections["bm25"], *JUDGED, "--metric", "nDCG@10", "--metric", "map@5", "--json")
    found = strict_json(result.stdout)
    assert list(found["metrics"]) == ["ndcg@10", "map@5"]
    assert found["metrics"]["ndcg@10"]["mean"] == pytest.approx(measured)
    assert (found["records"], found["queries"], result.stderr) == (44, 20, "")
    assert f"{measured:.3f}" in cli("evaluate", collections["bm25"], *JUDGED).stdout


def test_an_evaluation_by_one_query_is_json_all_the_same(cli, tmp_path, collections):
    (tmp_path / "qrels.tsv").write_text("query-id\tcorpus-id\tscore\npuncture\tflat-bicycle-tyre\t1\n")
    judged = ("--queries", QUERIES, "--qrels", tmp_path / "qrels.tsv")
    assert strict_json(cli("evaluate", collections["bm25"], *judged, "--json").stdout)["queries"] == 1
    report = cli("compare", CORPUS, *judged, "-e", "bm25", "-e", "tfidf", "--json").stdout
    assert len(strict_json(report)["queries"]) == 1


def test_encode_writes_the_same_vectors_in_every_form(cli, notes, tmp_path):
    for name in ("v.npz", "v.jsonl"):
        result = cli("encode", ENCODER, notes, "-o", tmp_path / name)
        assert result.stdout == ""
        assert "3 vectors of 384 dimensions" in result.stderr
    printed = cli("encode", ENCODER, notes).stdout
    assert (tmp_path / "v.jsonl").read_text(encoding="utf-8") == printed
    lines = [strict_json(line) for line in printed.splitlines()]
    with np.load(tmp_path / "v.npz") as arrays:
        ids, vectors = arrays["ids"], arrays["vectors"]
    assert [line["id"] for line in lines] == list(ids) == ["tap", "tyre", "寿司"]
    assert vectors.dtype == np.float32
    np.testing.assert_array_equal(np.array([line["vector"] for line in lines], np.float32), vectors)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["notes.jsonl", "v.jsonl", "v.npz"]


def test_encode_takes_texts_and_numbers_them(cli):
    output = cli("encode", ENCODER, "--text", "a tap", "--text", "a tyre", "--role", "query").stdout
    lines = [strict_json(line) for line in output.splitlines()]
    assert [line["id"] for line in lines] == ["0", "1"]
    assert np.linalg.norm(lines[0]["vector"]) == pytest.approx(1, abs=1e-5)


@pytest.mark.parametrize(("role", "text"), [("query", "query: a tap"), ("document", "a tap")])
def test_encode_uses_the_prompt_of_the_role(cli, monkeypatch, role, text):
    class Prompted(HashEncoder):
        def encode_query(self, texts, *, progress):
            return self.encode([f"query: {text}" for text in texts], progress=progress)

    monkeypatch.setattr(nearfield, "load_encoder", lambda _: Prompted())
    printed = strict_json(cli("encode", "any", "--text", "a tap", "--role", role).stdout)
    np.testing.assert_allclose(printed["vector"], HashEncoder().encode([text])[0], rtol=1e-6)


def test_inspect_counts_tokens_and_names_what_would_be_cut_or_is_empty(cli, tmp_path):
    rows = [{"_id": "a", "text": "a tap"}, {"_id": "b", "text": "water " * 300}]
    (tmp_path / "c.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    found = strict_json(cli("inspect", ENCODER, tmp_path / "c.jsonl", "--json").stdout)
    assert found["tokens"] == {"total": 306, "median": 153, "p95": 287, "max": 302}
    assert (found["truncated"], found["empty"], found["encoder"]["dim"]) == (["b"], [], 384)
    output = cli("inspect", ENCODER, tmp_path / "c.jsonl").stdout
    assert "2 texts, 306 tokens" in output
    assert "1 (50.0%) are longer than 256 tokens and would be cut: b" in output


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_prints_a_script_that_completes_nearfield(cli, shell):
    assert "_NEARFIELD_COMPLETE" in cli("completion", shell).stdout


def test_the_bash_completion_knows_commands_and_options(process):
    words = {"COMP_WORDS": "nearfield se", "COMP_CWORD": "1", "_NEARFIELD_COMPLETE": "bash_complete"}
    assert b"search" in process(**words).stdout
    words = {"COMP_WORDS": "nearfield search --wh", "COMP_CWORD": "2", "_NEARFIELD_COMPLETE": "bash_complete"}
    assert b"--where" in process(**words).stdout


def test_the_demo_goes_the_whole_way(cli, tmp_path, monkeypatch):
    howto = nearfield.load_dataset("howto")
    monkeypatch.setattr(nearfield, "load_dataset", lambda *_: howto)
    monkeypatch.setitem(demo_command.callback.__globals__, "CANDIDATES", ("tfidf", ENCODER))
    output = cli("demo", "--to", tmp_path / "new" / "demo").stdout
    assert re.findall(r"^(\d)\. ", output, re.MULTILINE) == ["1", "2", "3", "4"]
    assert "collection: 44 records" in output
    last = {line.split(":")[0].strip(): line for line in output.splitlines() if ": " in line}
    assert "Water tap maintenance; Plumbing repair" in last[ENCODER]
    assert "Water tap" not in last["tfidf"]
    assert (tmp_path / "new" / "demo" / "report.html").exists()


@pytest.mark.skipif(sys.platform == "win32", reason="needs a shell with pipes and head")
def test_output_that_nobody_reads_on_is_no_error(collections):
    program = Path(sys.executable).with_name("nearfield")
    command = f"'{program}' search '{collections['bm25']}' water --json -k 44 | head -c 1"
    done = subprocess.run(["sh", "-c", command], capture_output=True, check=False)
    assert (done.stdout, done.stderr) == (b"[", b"")


def test_quantisation_is_an_option_of_whatever_database_the_collection_is_in(cli, tmp_path):
    pytest.importorskip("qdrant_client")
    address = f"qdrant://{tmp_path / 'q'}#faq"
    assert "44 records" in cli("index", CORPUS, "--to", address, "-e", "bm25", "--quantisation", "none").stdout
    refused = cli("index", CORPUS, "--to", f"{address}2", "-e", "bm25", "--quantisation", "binary", code=1)
    assert "offers the quantisation none, got 'binary'" in refused.stderr


def test_another_quantisation_than_the_collection_has_is_refused(cli, tmp_path):
    cli("index", CORPUS, "--to", tmp_path / "c", "-e", "bm25")
    result = cli("index", CORPUS, "--to", tmp_path / "c", "-e", "bm25", "--quantisation", "none", code=1)
    assert "index elsewhere, or leave the options out" in result.stderr


def test_records_that_left_the_corpus_are_counted(cli, tmp_path):
    corpus = tmp_path / "corpus.jsonl"
    corpus.write_text('{"id": "a", "text": "one"}\n{"id": "b", "text": "two"}\n')
    cli("index", corpus, "--to", tmp_path / "c", "-e", "bm25")
    corpus.write_text('{"id": "b", "text": "two"}\n')
    assert (
        "1 were there before and are not in this corpus"
        in cli("index", corpus, "--to", tmp_path / "c", "-e", "bm25").stdout
    )
