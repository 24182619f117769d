"""`nearfield space tree`, as a user calls it."""

import click
import numpy as np
import pytest
from bundled_howto import strict_json

import nearfield as nf
from nearfield.cli import main


@pytest.fixture(scope="module")
def space(tmp_path_factory):
    path = tmp_path_factory.mktemp("spaces") / "toy.space"
    generator = np.random.default_rng(0)
    vectors = np.repeat(np.eye(5)[:3], 6, axis=0) + generator.normal(0, 0.1, (18, 5))
    nf.Space([f"{kind} {number}" for kind in ("cat", "car", "oak") for number in range(6)], vectors).save(path)
    return path


def test_each_option_is_explained(cli):
    shown = cli("space", "tree", "--help").stdout
    for option in main.commands["space"].commands["tree"].params:
        if isinstance(option, click.Option):
            assert option.help, option.name
            assert all(written in shown for written in option.opts)


def test_tree_draws_the_best_cut_and_writes_what_is_asked_for(cli, space, tmp_path):
    page, newick = tmp_path / "t.html", tmp_path / "t.nwk"
    result = cli("space", "tree", space, "--report", page, "--newick", newick)
    assert "18 keys, average linkage of cosine distances" in result.stdout
    assert "3 clusters at height" in result.stdout
    assert result.stdout.count("(6 keys, ") == 3
    assert result.stderr == f"wrote {page}\nwrote {newick}\n"
    assert page.read_text().startswith("<!DOCTYPE html>")
    assert newick.read_text().count("'cat ") == 6


def test_tree_takes_some_keys_and_another_cut_and_prints_json(cli, space):
    options = ("--cut", 2, "--linkage", "ward", "--metric", "l2", "--json")
    values = strict_json(cli("space", "tree", space, "cat 1", "cat 2", "oak 1", *options).stdout)
    assert (values["keys"], values["linkage"], values["metric"]) == (["cat 1", "cat 2", "oak 1"], "ward", "l2")
    assert len(values["cut"]["clusters"]) == 2
    drawn = cli("space", "tree", space, "--first", 4, "--cut", 1, "--depth", 0).stdout.splitlines()[-1]
    assert sorted(drawn.removeprefix("└─ ").split(", ")) == [f"cat {number}" for number in range(4)]


def test_tree_refuses_what_makes_no_sense(cli, space, tmp_path):
    assert "leave one out" in cli("space", "tree", space, "cat 1", "--first", 2, code=2).stderr
    assert "near it are: 'cat 1'" in cli("space", "tree", space, "cat 11", "cat 2", code=1).stderr
    assert "k must be from 1 to 18" in cli("space", "tree", space, "--cut", 19, "--json", code=1).stderr
    same = tmp_path / "same.html"
    assert "are the same file" in cli("space", "tree", space, "--report", same, "--newick", same, code=2).stderr
