"""Exit codes 2, 75 and 130, with real processes where the operating system takes part."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from bundled_howto import CORPUS, JUDGED, strict_json

import nearfield
from nearfield.cli import console

RECORDS = 50_000


def test_no_command_shows_the_help_as_wrong_usage(cli):
    assert "Which retriever should I use?" in cli(code=2).output


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["serach", "c", "tap"], "No such command 'serach'"),
        (["search", "{}", "tap", "--limit", "3"], "No such option '--limit'"),
        (["search", "{}", "tap", "-k", "0"], "Invalid value for '-k': 0 is not in the range x>=1"),
        (["search", "{}", "tap", "-k", "ten"], "'ten' is not a valid integer"),
        (["search", "{}"], "give either a QUERY or --image"),
        (["index", "{}", "--to", "c"], "give either --from REPORT or -e RETRIEVER"),
        (["index", "{}", "--to", "c", "-e", "bm25", "--from", "{}"], "give either --from REPORT or -e RETRIEVER"),
        (["index", "{}", "--to", "c", "-e", "bm25", "--candidate", "bm25"], "--candidate goes with --from"),
        (["index", "nowhere.jsonl", "--to", "c", "-e", "bm25"], "'nowhere.jsonl' does not exist"),
        (["index", "{}", "--to", "{}", "-e", "bm25"], "is a file"),
        (["index", "{}", "-e", "bm25"], "Missing option '--to'"),
        (["compare", "{}", "--queries", "{}", "--qrels", "{}"], "Missing option '-e'"),
        (["compare", "{}", "--queries", "nowhere", "--qrels", "{}", "-e", "bm25"], "'nowhere' does not exist"),
        (["compare", "{}", "--queries", "{}", "--qrels", "{}", "-e", "bm25", "--seed", "-1"], "-1 is not in the range"),
        (["encode", "bm25"], "give either a CORPUS or one or more --text"),
        (["encode", "bm25", "{}", "--text", "a"], "give either a CORPUS or one or more --text"),
        (["encode", "bm25", "{}", "--role", "title"], "'title' is not one of 'document', 'query'"),
        (["completion", "tcsh"], "'tcsh' is not one of 'bash', 'zsh', 'fish'"),
    ],
)
def test_wrong_usage_is_2_and_says_what_is_wrong(cli, arguments, message):
    result = cli(*(str(CORPUS) if argument == "{}" and "search" not in arguments else argument.replace("{}", ".")
                   for argument in arguments), code=2)  # fmt: skip
    assert message in result.stderr
    assert "Usage: nearfield" in result.stderr
    assert result.stdout == ""


@pytest.mark.parametrize(
    ("option", "path", "message"),
    [
        ("--save", "{}/nowhere/r.json", "there is no folder '{}/nowhere'; make it first"),
        ("--save", "{}/file/r.json", "there is no folder '{}/file'; make it first"),
        ("--save", "{}", "'{}' is a directory"),
        ("--report", "{}/nowhere/r.html", "there is no folder '{}/nowhere'; make it first"),
        ("--report", "{}/r.pdf", "the file must end in .html or .htm or .md, got '{}/r.pdf'"),
        ("--report", "{}/report", "the file must end in .html or .htm or .md, got '{}/report'"),
        ("-o", "{}/v.csv", "the file must end in .npz or .jsonl, got '{}/v.csv'"),
        ("-o", "{}/nowhere/v.npz", "there is no folder '{}/nowhere'; make it first"),
    ],
)
def test_an_output_that_cannot_be_written_is_refused_before_any_work(cli, tmp_path, monkeypatch, option, path, message):
    monkeypatch.setattr(nearfield, "compare", lambda *_, **__: pytest.fail("it began to work"))
    monkeypatch.setattr(nearfield, "load_encoder", lambda *_, **__: pytest.fail("it began to work"))
    (tmp_path / "file").touch()
    command = ("encode", "any", "--text", "a") if option == "-o" else ("compare", CORPUS, *JUDGED, "-e", "bm25")
    result = cli(*command, option, path.replace("{}", str(tmp_path)), code=2)
    assert message.replace("{}", str(tmp_path)) in " ".join(result.stderr.split())
    assert [entry.name for entry in tmp_path.iterdir()] == ["file"]


def test_an_output_in_a_folder_that_cannot_be_written_to_is_refused(cli, tmp_path, monkeypatch):
    monkeypatch.setattr(console.os, "access", lambda path, _: path != tmp_path)  # permissions do not bind root
    result = cli("encode", "any", "--text", "a", "-o", tmp_path / "v.npz", code=2)
    assert f"the folder '{tmp_path}' cannot be written to; choose another" in " ".join(result.stderr.split())


@pytest.mark.parametrize("command", ["search", "evaluate", "index"])
def test_a_collection_in_use_is_75_and_the_holder_is_named(process, collections, command):
    arguments = {
        "search": ("search", collections["bm25"], "tap"),
        "evaluate": ("evaluate", collections["bm25"], *JUDGED),
        "index": ("index", CORPUS, "--to", collections["bm25"], "-e", "bm25"),
    }
    with nearfield.Collection.open(collections["bm25"]):
        done = process(*arguments[command])
    assert done.returncode == 75
    assert done.stdout == b""
    message = done.stderr.decode()
    assert f"error: {collections['bm25']} is held by process {os.getpid()} on " in message
    assert "close it there or try again later" in message
    assert process(*arguments["search"]).returncode == 0


def interrupt_when_it_writes(command, folder):
    """Send SIGINT, as Ctrl-C does, soon after the collection's folder is there."""
    child = subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),  # a shell's `&` ignores it
    )
    while child.poll() is None and not (folder / "manifest.json").exists():
        time.sleep(0.02)
    time.sleep(0.5)
    child.send_signal(signal.SIGINT)
    output, errors = child.communicate(timeout=60)
    return child.returncode, output.decode(), errors.decode()


@pytest.mark.skipif(os.name == "nt", reason="Windows has no SIGINT to send to one process")
def test_ctrl_c_is_130_and_the_same_command_goes_on(process, tmp_path):
    corpus, folder = tmp_path / "corpus.jsonl", tmp_path / "c"
    with corpus.open("w") as file:
        file.writelines(f'{{"_id": "{i}", "text": "note {i} on topic {i % 97}"}}\n' for i in range(RECORDS))
    command = ("index", corpus, "--to", folder, "-e", "bm25", "--json")
    program = [str(Path(sys.executable).with_name("nearfield")), *map(str, command)]
    code, output, errors = interrupt_when_it_writes(program, folder)
    assert (code, output) == (130, "")
    assert "interrupted; indexing and training go on where they stopped when the same command runs again" in errors
    assert "Traceback" not in errors
    with nearfield.Collection.open(folder) as collection:
        assert not collection.complete
        safe = collection.count()
    assert 0 < safe < RECORDS
    finished = strict_json(process(*command).stdout)
    assert (finished["records"], finished["unchanged"]) == (RECORDS, safe)
    assert finished["written"] == RECORDS - safe
    with nearfield.Collection.open(folder) as collection:
        assert collection.complete
        assert collection.get(["0", str(RECORDS - 1)])[1].text == f"note {RECORDS - 1} on topic {(RECORDS - 1) % 97}"


def test_an_interruption_anywhere_is_130(cli, monkeypatch):
    def interrupted(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(nearfield, "load_encoder", interrupted)
    result = cli("encode", "any", "--text", "a", code=130)
    assert result.stderr.startswith("interrupted")


def test_the_package_runs_as_a_module():
    done = subprocess.run([sys.executable, "-m", "nearfield", "--version"], capture_output=True, text=True, check=True)
    assert done.stdout.startswith("nearfield, version")
