"""`nearfield words similar`, `similarity`, `analogy` and `odd`."""

import json

import click
import numpy as np
import pytest

import nearfield as nf
from nearfield.cli import main

COMMANDS = ("similar", "similarity", "analogy", "odd")


@pytest.fixture(scope="module")
def royals(tmp_path_factory):
    path = tmp_path_factory.mktemp("words") / "royals.space"
    keys = ["king", "queen", "man", "woman", "apple"]
    vectors = [[2, 2, 0.1], [2, -2, 0.1], [0.2, 2, 0.5], [0.2, -2, 0.5], [0, 0.1, 3]]
    table = np.random.default_rng(0).standard_normal((20, 3))
    nf.Space(keys, vectors, subwords=nf.Subwords(table.astype(np.float32))).save(path)
    return path


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_and_option_is_explained(cli, name):
    command = main.commands["words"].commands[name]
    assert command.get_short_help_str()
    assert f"nearfield words {name}" in cli("words", name, "--help").stdout
    assert all(option.help for option in command.params if isinstance(option, click.Option))


def test_similar_shows_neighbours_of_each_word(cli, royals):
    assert cli("words", "similar", royals, "king", "-k", 2).stdout.splitlines() == [
        "#  word   cosine",
        "─  ─────  ──────",
        "1  man     0.759",
        "2  apple   0.059",
    ]
    shown = cli("words", "similar", royals, "king", "kings", "-k", 1, "--metric", "l2").stdout
    assert "\n\nkings (unseen, made of its parts)\n" in shown
    (king,) = json.loads(cli("words", "similar", royals, "king", "--json").stdout)
    assert king["word"] == "king"
    assert king["neighbours"][0] == {"key": "man", "score": pytest.approx(0.759, abs=1e-3)}


def test_analogy_completes_a_pair(cli, royals):
    shown = cli("words", "analogy", royals, "man", "king", "woman", "-k", 1, "--method", "3CosMul").stdout
    assert shown.splitlines()[0] == "man is to king as woman is to"
    assert "1  queen" in shown
    found = json.loads(cli("words", "analogy", royals, "man", "king", "woman", "--json").stdout)
    assert found["answers"][0]["key"] == "queen"
    assert (found["a"], found["method"]) == ("man", "3CosAdd")


def test_odd_names_one_of_the_words(cli, royals):
    assert cli("words", "odd", royals, "king", "man", "apple").stdout == "apple\n"
    assert json.loads(cli("words", "odd", royals, "king", "man", "apple", "--json").stdout)["odd"] == "apple"
    assert "at least 3 keys, got 2" in cli("words", "odd", royals, "king", "man", code=1).stderr


def test_similarity_of_two_words(cli, royals):
    assert cli("words", "similarity", royals, "king", "queen").stdout == "0.001\n"
    found = json.loads(cli("words", "similarity", royals, "king", "queen", "--metric", "dot", "--json").stdout)
    assert found == {"a": "king", "b": "queen", "metric": "dot", "similarity": pytest.approx(0.01)}


def test_a_space_of_one_word_has_no_neighbours_to_show(cli, tmp_path):
    nf.Space(["a"], [[1, 2]]).save(tmp_path / "one.space")
    assert cli("words", "similar", tmp_path / "one.space", "a").stdout == "the space has no other words\n"


@pytest.mark.parametrize("arguments", [("similar", "kimg"), ("analogy", "man", "kimg", "woman"), ("odd", "kimg")])
def test_an_unknown_word_names_what_may_have_been_meant(cli, tmp_path, arguments):
    nf.Space(["king", "man", "woman"], np.eye(3)).save(tmp_path / "small.space")
    name, *asked = arguments
    message = cli("words", name, tmp_path / "small.space", *asked, code=1).stderr
    assert message == "error: 'kimg' is not among the 3 keys; near it are: 'king'\n"
