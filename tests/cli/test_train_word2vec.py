"""`nearfield train word2vec`."""

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
