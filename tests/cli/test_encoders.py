"""`nearfield encoders`, and encoders' names in the shell's completion."""

import json

import pytest
from click.shell_completion import ShellComplete

from nearfield.cli import main
from nearfield.encoders import find
from nearfield.encoders.catalogue import catalogue


def listed(output: str) -> list[str]:
    """The names in a table."""
    return [line.split()[0] for line in output.splitlines()[2:-1]]


def test_all_are_listed_in_a_table_of_100_columns(cli):
    output = cli("encoders").stdout
    assert listed(output) == [entry.name for entry in catalogue()]
    assert max(map(len, output.splitlines())) <= 100
    assert output.endswith(f"{len(catalogue())} encoders; one in full: nearfield encoders NAME\n")


@pytest.mark.parametrize(
    ("options", "some"),
    [
        (("e5",), {"e5-small-v2", "multilingual-e5-large-instruct"}),
        (("E5", "xlm-roberta"), {"multilingual-e5-base", "multilingual-e5-large", "multilingual-e5-large-instruct"}),
        (("--family", "T5"), {"instructor-base", "instructor-large", "instructor-xl"}),
        (("--modality", "image"), {"dinov2-small", "efficientnet-lite0"}),
        (("--modality", "text+image"), {"clip-vit-base-patch32", "siglip-base-patch16-224"}),
        (("--language", "FR", "--runs", "native"), {"LaBSE", "bge-m3", "potion-multilingual-128M"}),
        (("--language", "code"), {"starencoder", "nomic-embed-code", "codestral-embed"}),
        (("--max-dim", "64"), {"potion-base-2M", "nomic-embed-text-v1.5"}),
        (("--licence", "MIT"), {"bge-m3", "clip-vit-base-patch32"}),
        (("--runs", "none"), {"code-search-ada-code-001", "jina-embeddings-v3"}),
    ],
)
def test_options_and_words_narrow_the_list(cli, options, some):
    names = set(listed(cli("encoders", *options).stdout))
    assert some <= names
    assert names < {entry.name for entry in catalogue()}


def test_all_filters_must_hold(cli):
    output = cli("encoders", "e5", "--family", "bert", "--max-dim", "384", "--language", "fr").stdout
    assert listed(output) == ["multilingual-e5-small"]
    assert output.endswith("1 encoder; one in full: nearfield encoders NAME\n")


def test_what_is_installed_is_listed(cli, monkeypatch):
    monkeypatch.setattr(find, "installed", lambda: frozenset({"LaBSE", "gte-base"}))
    assert listed(cli("encoders", "--installed", "--language", "en").stdout) == ["LaBSE", "gte-base"]


def test_one_is_shown_in_full(cli):
    lines = cli("encoders", "baai/bge-base-en-v1.5").stdout.splitlines()
    assert "name             bge-base-en-v1.5" in lines
    assert 'query_prompt     "Represent this sentence for searching relevant passages: "' in lines
    assert "normalise        yes" in lines
    assert not any(line.startswith(("note", "successor")) for line in lines)  # it has none
    assert max(map(len, cli("encoders", "LaBSE").stdout.splitlines())) <= 100


def test_json_holds_every_field(cli):
    one = json.loads(cli("encoders", "e5-small-v2", "--json").stdout)
    assert (one["query_prompt"], one["parameters"], one["languages"]) == ("query: ", 33.4, ["en"])
    many = json.loads(cli("encoders", "--family", "static", "--json").stdout)
    assert {entry["max_tokens"] for entry in many} == {0}
    assert json.loads(cli("encoders", "--family", "no-such", "--json").stdout) == []


def test_nothing_found_is_told_with_the_nearest_names(cli):
    assert cli("encoders", "bge-smal-en").stdout.startswith(
        "no encoder in the catalogue matches; did you mean bge-small"
    )
    assert cli("encoders", "--family", "lstm").stdout == "no encoder in the catalogue matches\n"


def completions(arguments: list[str], incomplete: str) -> list[tuple[str, str]]:
    found = ShellComplete(main, {}, "nearfield", "_NEARFIELD_COMPLETE").get_completions(arguments, incomplete)
    return [(item.value, item.type) for item in found]


@pytest.mark.parametrize(
    "arguments", [["encode"], ["inspect"], ["encoders"], ["compare", "c.jsonl", "-e"], ["index", "-e"]]
)
def test_the_shell_completes_the_names_of_encoders_that_run(arguments):
    assert completions(arguments, "E5-S") == [("e5-small-v2", "plain")]
    assert completions(arguments, "code-search") == [("code-search", "file")]


def test_the_shell_completes_the_last_leg_of_a_retriever_and_paths():
    assert completions(["compare", "-e"], "hybrid:LaB") == [("hybrid:LaBSE", "plain")]
    assert completions(["compare", "-e"], "bm25+LaB") == [("bm25+LaBSE", "plain")]
    assert completions(["encode"], "./mod") == [("./mod", "file")]
