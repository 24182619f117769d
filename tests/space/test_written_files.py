"""Every format that is written comes back as it was; what cannot be written leaves nothing behind."""

import numpy as np
import pytest

import nearfield as nf
from nearfield.errors import InvalidInputError, StorageError

FILES = (
    "w.space",
    "w.vec",
    "w.txt",
    "w.bin",
    "w.npy",
    "w.safetensors",
    "w.parquet",
    "w.vec.gz",
    "w.txt.xz",
    "w.bin.gz",
)


@pytest.mark.parametrize("name", FILES)
def test_what_is_written_comes_back_exactly(words, tmp_path, name, monkeypatch):
    monkeypatch.setattr("nearfield.space.formats.writing._BLOCK_VALUES", 30)  # several blocks
    told = []
    nf.write_space(words, tmp_path / name, progress=lambda *step: told.append(step))
    again = nf.load_space(tmp_path / name)
    assert again.keys == words.keys
    np.testing.assert_array_equal(again.vectors, words.vectors)
    np.testing.assert_array_equal(again.norms, words.norms)
    assert not told or told[-1] == ("writing", 40, 40)
    if name in ("w.space", "w.parquet"):
        np.testing.assert_array_equal(again.counts, words.counts)
    assert not any(path.name.startswith(".") for path in tmp_path.iterdir())


@pytest.mark.parametrize("format", ["space", "word2vec", "word2vec-binary", "glove", "npy", "safetensors", "parquet"])
def test_a_format_may_be_named(words, tmp_path, format):
    nf.write_space(words, tmp_path / "words.data", format=format)
    assert nf.load_space(tmp_path / "words.data").keys == words.keys


@pytest.mark.parametrize("name", ["w.vec", "w.bin", "w.txt"])
@pytest.mark.parametrize("key", ["New York", "", "a\tb", "line\nbreak"])
def test_a_key_that_rows_of_text_cannot_hold_is_refused(tmp_path, name, key):
    with pytest.raises(InvalidInputError, match="is empty or holds white space, which ends a key in"):
        nf.write_space(nf.Space(["a", key], np.eye(2)), tmp_path / name)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", ["w.npy", "w.safetensors"])
def test_a_key_with_a_line_break_is_refused_where_keys_are_lines(tmp_path, name):
    with pytest.raises(InvalidInputError, match=r"'line\\nbreak' holds a line break"):
        nf.write_space(nf.Space(["a", "line\nbreak"], np.eye(2)), tmp_path / name)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", ["w.npy", "w.safetensors", "w.parquet"])
def test_keys_with_spaces_are_kept_where_they_can_be(tmp_path, name):
    nf.write_space(nf.Space(["New York", ""], np.eye(2)), tmp_path / name)
    assert list(nf.load_space(tmp_path / name).keys) == ["New York", ""]


@pytest.mark.parametrize(
    ("name", "format", "message"),
    [
        ("w.xyz", None, r"cannot write file 'w\.xyz'; name the file \.space, \.npy"),
        ("w", None, "cannot write file 'w'"),
        ("w.kv", "gensim", "cannot write format 'gensim'"),
        ("w.bin", "fasttext", "cannot write format 'fasttext'"),
        ("w.bin", "csv", r"format must be one of .*, got 'csv'"),
        ("w.npy.gz", None, r"npy files are not compressed as a whole; leave out \.gz"),
    ],
)
def test_a_file_that_cannot_be_written_is_refused(words, tmp_path, name, format, message):
    with pytest.raises(InvalidInputError, match=message):
        nf.write_space(words, tmp_path / name, format=format)


@pytest.mark.parametrize("name", ["w.vec", "w.npy", "w.safetensors", "w.parquet", "w.bin.gz"])
def test_an_error_in_the_midst_of_writing_leaves_what_was_there(words, tmp_path, name):
    nf.write_space(words.first(3), tmp_path / name)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}

    def stop(what, done, total):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        nf.write_space(words, tmp_path / name, progress=stop)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_a_folder_that_is_not_there_is_a_storage_error(words, tmp_path):
    with pytest.raises(StorageError, match="could not be written"):
        nf.write_space(words, tmp_path / "nowhere" / "w.vec")
