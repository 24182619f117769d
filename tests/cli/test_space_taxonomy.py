"""`nearfield space taxonomy`, as a user calls it."""

import click
import numpy as np
from bundled_howto import strict_json
from wordnet_extract import write_wordnet

import nearfield as nf
from nearfield.cli import main


def test_each_option_is_explained(cli):
    shown = cli("space", "taxonomy", "--help").stdout
    for option in main.commands["space"].commands["taxonomy"].params:
        if isinstance(option, click.Option):
            assert option.help, option.name
            assert all(written in shown for written in option.opts)


def test_the_command_prints_tables_or_json_and_writes_a_page(cli, tmp_path):
    words = ["animal", "beast", "mammal", "bird", "pet", "canine", "dog", "wolf", "cat", "crane", "eagle", "whale"]
    path = tmp_path / "animals.space"
    nf.Space(words, np.random.default_rng(0).normal(size=(len(words), 8))).save(path)
    ours = ("--wordnet", write_wordnet(tmp_path / "dict"), "--root", "animal")
    result = cli("space", "taxonomy", path, *ours, "--report", tmp_path / "a.html")
    assert "animal.n.01: 10 words for its 10 kinds" in result.stdout
    assert f"wrote {tmp_path / 'a.html'}" in result.stderr
    assert "<table" in (tmp_path / "a.html").read_text()
    options = ("--most", 10, "--linkage", "complete", "--metric", "l2", "--seed", 1, "--json")
    values = strict_json(cli("space", "taxonomy", path, *ours, *options).stdout)
    assert values["roots"][0]["root"] == "animal.n.01"
    assert (values["linkage"], values["metric"], values["seed"]) == ("complete", "l2", 1)
    assert (
        "9 words below animal, and 10 are needed"
        in cli(*("space", "taxonomy", path, *ours, "--senses", "only"), code=1).stderr
    )
