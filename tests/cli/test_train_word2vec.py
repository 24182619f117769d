"""`nearfield train word2vec`."""

import pytest
from toy_corpus import ANIMALS, NUMBERS, toy_sentences

import nearfield as nf
from nearfield.errors import InvalidInputError
from nearfield.folder_lock import FolderLock


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


@pytest.fixture
def corpus(tmp_path):
    (tmp_path / "texts").mkdir()
    (tmp_path / "texts" / "a.txt").write_text("\n".join(" ".join(s) for s in toy_sentences()))
    return tmp_path / "texts"


def names(folder):
    return sorted(path.name for path in folder.iterdir())


@pytest.mark.parametrize("output", ["file", "file/w.space", "missing/w.space", "texts"])
def test_a_place_that_cannot_be_written_is_refused_before_training(cli, corpus, tmp_path, output):
    (tmp_path / "file").write_text("mine")
    result = cli("train", "word2vec", corpus, "-o", tmp_path / output, code=2)
    assert "Invalid value for '-o'" in result.stderr
    assert (tmp_path / "file").read_text() == "mine"
    assert names(tmp_path) == ["file", "texts"]


def test_nothing_is_written_where_it_would_be_read(cli, corpus):
    result = cli("train", "word2vec", corpus, "-o", corpus / "w.space", code=2)
    assert "so it would be read as text" in result.stderr
    with pytest.raises(InvalidInputError, match="work lies in the corpus"):
        nf.train_word2vec(corpus, work=corpus / "work")
    assert names(corpus) == ["a.txt"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--min-count", "100000"], "lower min_count"),
        (["--alpha", "1000000", "--vector-size", "5"], "learning diverges"),
        (["--vector-size", "1000000"], "vector_size must be at most 100000"),
        (["--negative", "1000000"], "negative must be at most 10000"),
    ],
)
def test_a_failure_that_nothing_goes_on_from_leaves_nothing(cli, corpus, tmp_path, options, message):
    result = cli("train", "word2vec", corpus, "-o", tmp_path / "w.space", *options, code=1)
    assert message in result.stderr
    assert names(tmp_path) == ["texts"]


def test_another_process_keeps_its_folder(cli, corpus, tmp_path):
    (tmp_path / "w.space.work").mkdir()
    lock = FolderLock(tmp_path / "w.space.work")
    cli("train", "word2vec", corpus, "-o", tmp_path / "w.space", code=75)
    assert (tmp_path / "w.space.work").is_dir()
    lock.release()


def test_too_little_memory_is_an_error_and_no_traceback(cli, corpus, tmp_path, monkeypatch):
    def refuse(*_, **__):
        raise MemoryError("Unable to allocate 26.1 GiB")

    monkeypatch.setattr("nearfield.train_word2vec", refuse, raising=False)
    result = cli("train", "word2vec", corpus, "-o", tmp_path / "w.space", code=1)
    assert result.stderr == "error: not enough memory (Unable to allocate 26.1 GiB); ask for less at once\n"


def test_a_small_learning_rate_is_one_at_the_end_too(cli, corpus, tmp_path):
    cli("train", "word2vec", corpus, "-o", tmp_path / "w.space", "--alpha", "0.00001", "--vector-size", "5")
