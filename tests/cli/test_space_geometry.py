"""`nearfield space dimension`, `transform` and `align`, as a user calls them."""

import click
import numpy as np
import pytest
from bundled_howto import strict_json

import nearfield as nf
from nearfield.cli import main


@pytest.fixture(scope="module")
def spaces(tmp_path_factory):
    folder = tmp_path_factory.mktemp("spaces")
    generator = np.random.default_rng(0)
    vectors = generator.normal(size=(120, 3)) @ generator.normal(size=(3, 8)) + generator.normal(0, 0.01, (120, 8))
    keys = [f"key {number}" for number in range(120)]
    nf.Space(keys, vectors).save(folder / "one.space")
    turned = vectors @ np.linalg.qr(generator.normal(size=(8, 8)))[0]
    turned[0] = -turned[0]
    nf.Space(keys, turned).save(folder / "two.space")
    nf.Space([f"other {number}" for number in range(120)], turned).save(folder / "other.space")
    return folder


@pytest.mark.parametrize("name", ["dimension", "transform", "align"])
def test_each_option_is_explained(cli, name):
    shown = cli("space", name, "--help").stdout
    for option in main.commands["space"].commands[name].params:
        if isinstance(option, click.Option):
            assert option.help, option.name
            assert all(written in shown for written in option.opts)


def test_dimension_prints_the_table_and_the_choice_and_writes_a_page(cli, spaces, tmp_path):
    result = cli(
        "space", "dimension", spaces / "one.space", "--dims", "2,3,5", "-k", 5, "--report", tmp_path / "d.html"
    )
    assert "Keep 3 of 8 dimensions, by PCA." in result.stdout
    assert result.stderr == f"wrote {tmp_path / 'd.html'}\n"
    assert (tmp_path / "d.html").read_text().startswith("<!DOCTYPE html>")


def test_dimension_as_json_prints_the_report_and_nothing_else(cli, spaces):
    result = cli("space", "dimension", spaces / "one.space", "--keep", 0.5, "--points", 100, "--seed", 1, "--json")
    values = strict_json(result.stdout)
    assert (values["keep"], values["searched"], values["seed"]) == (0.5, 100, 1)
    assert [row["dim"] for row in values["rows"]] == [8]


@pytest.mark.parametrize(
    ("options", "code", "words"),
    [(["--dims", "2;3"], 2, "whole numbers with commas"), (["--dims", "9"], 1, "from 1 to the space's 8, got 9")],
)
def test_dimensions_that_cannot_be_tried_are_refused(cli, spaces, options, code, words):
    assert words in cli("space", "dimension", spaces / "one.space", *options, code=code).stderr


@pytest.mark.parametrize(
    ("options", "dim", "step"),
    [
        (["--all-but-the-top"], 8, "all but the top 1"),
        (["--all-but-the-top", "--components", 2], 8, "all but the top 2"),
        (["--centre"], 8, "centred"),
        (["--whiten"], 8, "whitened (pca)"),
        (["--pca", 3], 3, "PCA to 3"),
        (["--truncate", 3], 3, "truncated to 3"),
        (["--int8"], 8, "int8"),
        (["--binary"], 8, "binary"),
    ],
)
def test_transform_changes_a_space_in_the_way_asked_for(cli, spaces, tmp_path, options, dim, step):
    result = cli("space", "transform", spaces / "one.space", "-o", tmp_path / "new.space", *options)
    assert result.stdout == f"{tmp_path / 'new.space'}: Space(120 keys, {dim} dimensions), {step}\n"
    again = nf.load_space(tmp_path / "new.space")
    assert again.dim == dim
    assert again.about["postprocessing"] == [step]


@pytest.mark.parametrize("options", [[], ["--centre", "--whiten"], ["--centre", "--components", 2]])
def test_transform_wants_one_change(cli, spaces, tmp_path, options):
    result = cli("space", "transform", spaces / "one.space", "-o", tmp_path / "new.space", *options, code=2)
    assert "give one of --all-but-the-top" in result.stderr or "--components goes with" in result.stderr
    assert not (tmp_path / "new.space").exists()


def test_align_shows_what_changed_and_writes_the_turned_space(cli, spaces, tmp_path):
    result = cli("space", "align", spaces / "one.space", spaces / "two.space", "-o", tmp_path / "a.space", "--show", 2)
    changed = result.stdout.partition("most changed")[2].splitlines()[2]
    assert changed.startswith("key 0 ")
    assert result.stderr == f"wrote {tmp_path / 'a.space'}\n"
    one, two = nf.load_space(tmp_path / "a.space"), nf.load_space(spaces / "two.space")
    assert np.einsum("nd,nd->n", one.unit_vectors, two.unit_vectors)[1:].min() > 0.99


def test_align_by_a_dictionary_as_json(cli, spaces, tmp_path):
    pairs = tmp_path / "pairs.tsv"
    pairs.write_text("".join(f"key {number}\tother {number}\n" for number in range(60)))
    command = ("space", "align", spaces / "one.space", spaces / "other.space")
    values = strict_json(cli(*command, "--pairs", pairs, "-k", 5, "--show", 2, "--seed", 1, "--json").stdout)
    assert values["most_changed"][0]["target"] == "other 0"
    assert (values["pairs"], values["k"], len(values["least_changed"])) == (60, 5, 2)
    assert "share no key" in cli(*command, code=1).stderr
