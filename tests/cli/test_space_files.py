"""`nearfield space info|encode|convert` and `nearfield words encoder`."""

import json

import numpy as np
import pytest

import nearfield as nf


@pytest.fixture
def glove(tmp_path):
    path = tmp_path / "glove.txt"
    path.write_text("the 1 0 0\ncat 0 2 0\ndog 0 2 1\n")
    return path


def test_files_of_vectors_are_converted(cli, glove, tmp_path):
    assert cli("space", "convert", glove, tmp_path / "g.space").stdout == f"{tmp_path}/g.space: 3 keys, 3 dimensions\n"
    cli("space", "convert", tmp_path / "g.space", tmp_path / "g.data", "--to", "npy", "--limit", 2)
    assert list(nf.load_space(tmp_path / "g.data").keys) == ["the", "cat"]
    result = cli("space", "convert", glove, tmp_path / "g.xyz", code=1)
    assert "cannot write file 'g.xyz'" in result.stderr
    assert "are the same file" in cli("space", "convert", glove, glove, code=2).stderr


def test_what_a_conversion_leaves_out_is_told(cli, glove, tmp_path):
    with glove.open("a") as file:
        file.write("cat 1 1 1\n")
    assert (
        "glove.txt:4: 'cat' stands at line 2 already"
        in cli("space", "convert", glove, tmp_path / "g.vec", code=1).stderr
    )
    assert "skipped 1 bad records" in cli("space", "convert", glove, tmp_path / "g.vec", "--skip-bad").stderr
    nf.Space(["a"], [[1, 2]], subwords=nf.Subwords(np.ones((3, 2), np.float32))).save(tmp_path / "s.space")
    assert "left out: the n-grams" in cli("space", "convert", tmp_path / "s.space", tmp_path / "s.vec").stderr
    assert cli("space", "convert", tmp_path / "s.space", tmp_path / "t.space").stderr == ""


def test_info_says_what_a_space_holds(cli, glove, tmp_path):
    shown = cli("space", "info", glove).stdout
    assert "3: 'the', 'cat', 'dog'" in shown
    assert "1 to 2.24, median 2" in shown
    assert "glove.txt" in shown
    space = nf.Space(
        [f"w{n}" for n in range(9)],
        np.ones((9, 4)) / 2,
        counts=range(9),
        subwords=nf.Subwords(np.ones((3, 4), np.float32)),
        about={"epochs": 5},
    )
    space.save(tmp_path / "s.space")
    shown = cli("space", "info", tmp_path / "s.space").stdout
    assert "'w7', …" in shown
    assert "all 1" in shown
    assert "36 in all" in shown
    assert "3 to 6 characters, 3 buckets" in shown
    assert "epochs      5" in shown
    found = json.loads(cli("space", "info", tmp_path / "s.space", "--json").stdout)
    assert found["keys"] == 9
    assert found["subwords"] == {"min_n": 3, "max_n": 6, "buckets": 3}


def test_an_empty_space_has_info_too(cli, tmp_path):
    nf.Space([], np.empty((0, 3))).save(tmp_path / "e.space")
    assert cli("space", "info", tmp_path / "e.space").stdout.startswith("keys        0\n")


def test_texts_are_encoded_into_a_space(cli, tmp_path):
    (tmp_path / "t.txt").write_text("red cat\nblue dog\nred cat\n")
    result = cli("space", "encode", tmp_path / "t.txt", "-e", "nearfield-static", "-o", tmp_path / "t.space")
    assert result.stdout == f"{tmp_path}/t.space: 2 keys, 256 dimensions, by nearfield-static\n"
    assert "texts left out, since they were there before: 1" in result.stderr
    (tmp_path / "t.jsonl").write_text('{"_id": "x", "text": "red cat"}\n')
    for key, expected in ((None, "x"), ("text", "red cat")):
        options = () if key is None else ("--key", key)
        cli("space", "encode", tmp_path / "t.jsonl", "-e", "nearfield-static", "-o", tmp_path / "j.space", *options)
        assert list(nf.load_space(tmp_path / "j.space").keys) == [expected]


def test_word_vectors_become_an_encoder(cli, glove, tmp_path):
    result = cli("words", "encoder", glove, "-o", tmp_path / "e", "--weighting", "mean", "--limit", 2)
    assert result.stdout == f"{tmp_path}/e: 2 words, 3 dimensions; use it as -e {tmp_path}/e\n"
    np.testing.assert_allclose(nf.load_encoder(tmp_path / "e").encode(["The cat"])[0], [5**-0.5, 2 * 5**-0.5, 0])
    nf.Space(["a"], [[1, 2]], subwords=nf.Subwords(np.ones((3, 2), np.float32))).save(tmp_path / "s.space")
    assert "left out: the n-grams" in cli("words", "encoder", tmp_path / "s.space", "-o", tmp_path / "s").stderr


@pytest.mark.parametrize("names", [("space", "info"), ("space", "encode"), ("space", "convert"), ("words", "encoder")])
def test_every_option_is_explained(cli, names):
    shown = cli(*names, "--help").stdout
    assert "nearfield " + " ".join(names) in shown
