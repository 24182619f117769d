"""`nearfield train word2vec`."""

import pytest
from toy_corpus import ANIMALS, NUMBERS, toy_sentences

import nearfield as nf


def test_the_command_trains_saves_and_tells(cli, tmp_path):
    (tmp_path / "a.txt").write_text("\n".join(" ".join(s) for s in toy_sentences()))
    result = cli("train", "word2vec", tmp_path / "a.txt", "-o", tmp_path / "w.space", "--sg", "--vector-size", "10")
    assert "10 words, 10 dimensions; loss by epoch: 0." in result.stdout
    assert set(nf.load_space(tmp_path / "w.space").keys) == {*ANIMALS, *NUMBERS}
    assert not (tmp_path / "w.space.work").exists()
    hierarchical = ("--hs", "--work", tmp_path / "kept", "--epochs", "1")
    cli("train", "word2vec", tmp_path / "a.txt", "-o", tmp_path / "h.space", *hierarchical)
    assert nf.load_space(tmp_path / "h.space").about["options"]["hs"] == 1
    assert (tmp_path / "kept").is_dir()


@pytest.mark.parametrize("output", ["notes.txt", "nowhere/w.space"])
def test_an_output_that_cannot_be_written_is_refused_before_training(cli, tmp_path, output):
    (tmp_path / "notes.txt").write_text("a b a b\n" * 20)
    result = cli("train", "word2vec", tmp_path / "notes.txt", "-o", tmp_path / output, code=1)
    assert "is no space" in result.stderr or "no folder" in result.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["notes.txt"]
