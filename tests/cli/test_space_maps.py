"""`nearfield space map`, `clusters` and `axis`."""

import csv
import json

import numpy as np
import pytest
from bundled_howto import strict_json

import nearfield as nf
from nearfield.cli.space_map import space_map


@pytest.fixture
def space(tmp_path):
    generator = np.random.default_rng(0)
    centres = np.eye(2, 8).repeat(15, axis=0) * 3
    keys = [f"{'cat' if i < 15 else 'car'}{i}" for i in range(30)]
    nf.Space(keys, centres + generator.normal(size=(30, 8)) * 0.3).save(tmp_path / "s.space")
    return tmp_path / "s.space"


def test_clusters_are_printed_and_colour_a_map(cli, space, tmp_path):
    result = cli("space", "clusters", space, "-k", 2, "-o", tmp_path / "c.tsv")
    assert result.stdout.startswith("30 keys in 2 clusters by kmeans, silhouette 0.")
    assert result.stderr == f"wrote {tmp_path / 'c.tsv'}\n"
    rows = list(csv.DictReader((tmp_path / "c.tsv").read_text().splitlines(), delimiter="\t"))
    assert len({row["cluster"] for row in rows if row["key"].startswith("cat")}) == 1
    result = cli("space", "map", space, "-o", tmp_path / "m.html", "--method", "pca", "--colour", tmp_path / "c.tsv")
    assert result.stdout.startswith("30 keys, 8 dimensions on 2 by pca")
    assert "<summary>cluster</summary>" in (tmp_path / "m.html").read_text()


def test_clusters_as_json(cli, space):
    found = strict_json(cli("space", "clusters", space, "--json").stdout)
    assert len(found["labels"]) == len(found["keys"]) == 30
    assert found["tried"]


def test_a_map_is_coloured_by_clusters_or_nothing(cli, space, tmp_path):
    for colour, shown in (("clusters", True), ("none", False)):
        result = cli("space", "map", space, "-o", tmp_path / "m.html", "--method", "pca", "--colour", colour, "--json")
        assert strict_json(result.stdout)["faithfulness"]["sampled"] == 30
        html = (tmp_path / "m.html").read_text()
        assert ("<summary>clusters</summary>" in html) is shown
        assert '<h1 dir="auto">s</h1>' in html


def test_a_map_of_a_part(cli, space, tmp_path, monkeypatch):
    options = ("-o", tmp_path / "m.html", "--method", "pca", "--colour", "none", "--json")
    first = cli("space", "map", space, *options, "--first", 5)
    assert strict_json(first.stdout)["keys"] == 5
    keys = json.loads((tmp_path / "m.html").read_text().split('id="data">')[1].split("</script>")[0])["keys"]
    assert keys == ["cat0", "cat1", "cat2", "cat3", "cat4"]
    assert strict_json(cli("space", "map", space, *options, "--sample", 6).stdout)["keys"] == 6
    assert strict_json(cli("space", "map", space, *options, "--sample", 60).stdout)["keys"] == 30
    monkeypatch.setitem(space_map.callback.__globals__, "_MOST", 10)
    result = cli("space", "map", space, *options)
    assert strict_json(result.stdout)["keys"] == 10
    assert "drawing 10 of 30 keys at random; see --sample and --first" in result.stderr
    assert "exclude each other" in cli("space", "map", space, *options, "--sample", 6, "--first", 6, code=2).stderr


def test_what_goes_wrong_is_told_and_leaves_no_page(cli, space, tmp_path):
    page = tmp_path / "m.html"
    (tmp_path / "c.tsv").write_text("key\tv\nnowhere\tx\n")
    for arguments, message in (
        (("map", space, "-o", page, "--method", "pca", "--neighbours", 99), "n_neighbors must be from 2 to 29"),
        (("map", space, "-o", page, "--method", "pca", "--colour", tmp_path / "c.tsv"), "none of the map's keys"),
        (("map", space, "-o", page, "--method", "pca", "--colour", "no.tsv"), "no.tsv: cannot be read"),
        (("clusters", space, "-k", 31), "k must be from 1 to 30, as there are 30 keys, got 31"),
        (("axis", space, "--pair", "cat0:dog"), "'dog' is not among the 30 keys"),
    ):
        result = cli("space", *arguments, code=1)
        assert message in result.stderr
        assert result.stdout == ""
    assert not page.exists()


def test_an_axis_is_drawn_as_json_and_as_a_page(cli, space, tmp_path):
    pairs = ("--pair", "cat0:car15", "--pair", "cat1:car16", "--pair", "cat2:car17")
    result = cli("space", "axis", space, *pairs, "--name", "kind", "--report", tmp_path / "a.html", "car20", "cat5")
    lines = result.stdout.splitlines()
    assert lines[0] == "kind: from cat0 (−1) to car15 (+1), by 3 pairs"
    assert [line.split()[0] for line in lines[-2:]] == ["cat5", "car20"]
    assert "Axis: kind" in (tmp_path / "a.html").read_text()
    found = strict_json(cli("space", "axis", space, *pairs, "cat5", "--json").stdout)
    assert found["positions"]["cat5"] < 0
    assert strict_json(cli("space", "axis", space, *pairs, "--json").stdout)["positions"] == {}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ((), "give the pairs, as in --pair man:woman"),
        (("--pair", "a:b", "--example", "size"), "give the pairs, as in --pair man:woman"),
        (("--pair", "ab"), "--pair must be two words with a colon between, as man:woman, got 'ab'"),
        (("--pair", "a:"), "got 'a:'"),
    ],
)
def test_pairs_or_an_example_must_be_given(cli, space, options, message):
    assert message in " ".join(cli("space", "axis", space, *options, code=2).stderr.split())
