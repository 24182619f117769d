"""gensim's pickles: read without gensim, and nothing that they name is run."""

import pickle
import shutil
from pathlib import Path

import numpy as np
import pytest

import nearfield as nf
from nearfield.errors import DataError
from nearfield.space.formats import gensim
from nearfield.space.formats.rows import ReadOptions

FILES = Path(__file__).parent / "files"  # written by gensim 4.4
WORDS = ["dog", "cat", "bird", "naïve"]


@pytest.mark.parametrize("name", ["gensim-word2vec.kv", "gensim-apart.kv"])
def test_keyed_vectors_are_read_with_their_counts(name):
    space = nf.load_space(FILES / name)
    assert list(space.keys) == WORDS
    np.testing.assert_array_equal(space.counts, [40, 40, 20, 20])
    np.testing.assert_allclose(space["cat"], [0.30030909, -0.31009832, -0.23722696], atol=1e-7)
    assert space.about["format"] == "gensim"


def test_keyed_vectors_of_fasttext_make_vectors_of_unseen_words():
    space = nf.load_space(FILES / "gensim-fasttext.kv")
    np.testing.assert_allclose(space["naïve"], [0.01944392, -0.09244283, -0.09157077], atol=1e-7)
    np.testing.assert_allclose(space["birds"], [0.08287884, -0.11815143, -0.02536832], atol=1e-7)
    few = nf.load_space(FILES / "gensim-fasttext.kv", limit=2)
    np.testing.assert_array_equal(few.vectors, space.vectors[:2])
    np.testing.assert_array_equal(few.counts, [40, 40])


def test_a_missing_side_file_is_named(tmp_path):
    shutil.copy(FILES / "gensim-apart.kv", tmp_path)
    with pytest.raises(DataError, match=r"keeps its vectors in gensim-apart\.kv\.vectors\.npy, which cannot be read"):
        nf.load_space(tmp_path / "gensim-apart.kv")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"cos\nsystem\n(S'touch pwned'\ntR.", "names os.system, which no keyed vectors of gensim 4 need"),
        (b"cbuiltins\neval\n(S'1'\ntR.", r"names builtins\.eval"),
        (b"cnumpy\nload\n(S'x'\ntR.", r"names numpy\.load"),
        (b"cgensim.models.keyedvectors\nWord2VecKeyedVectors\n.", "which no keyed vectors of gensim 4 need"),
        (
            b"cgensim.models.word2vec\nWord2Vec\n.",
            r"a whole gensim Word2Vec model; save its vectors alone with model\.wv",
        ),
        (b"]\x94.", "holds no keyed vectors of gensim"),
        (b"cut sho", "cannot be read as gensim's keyed vectors"),
        (b"cnumpy.core.multiarray\n_reconstruct\n(tR(tb.", "holds no keyed vectors"),
    ],
)
def test_a_pickle_of_anything_else_is_refused_and_runs_nothing(tmp_path, monkeypatch, content, message):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "v.kv").write_bytes(b"\x80\x02" + content)
    with pytest.raises(DataError, match=message):
        nf.load_space(tmp_path / "v.kv")
    assert [path.name for path in tmp_path.iterdir()] == ["v.kv"]


def test_a_damaged_pickle_is_a_data_error_wherever_the_damage_is(tmp_path):
    content = (FILES / "gensim-word2vec.kv").read_bytes()
    refused = 0
    for position in range(2, len(content), 5):
        (tmp_path / "v.kv").write_bytes(
            content[:position] + bytes([content[position] ^ 0x55]) + content[position + 1 :]
        )
        try:
            nf.load_space(tmp_path / "v.kv")  # damage in a number or a key goes unseen
        except DataError:
            refused += 1
    assert refused > 40


ATTRIBUTES = {"index_to_key": ["a", "b"], "vectors": np.ones((2, 3), np.float32)}
NGRAMS = {"vectors": None, "vectors_ngrams": np.ones((4, 3), np.float32), "min_n": 3, "max_n": 5}


class _Pickled:
    """Pickles as gensim's keyed vectors do."""

    def __init__(self, attributes):
        self.__dict__.update(attributes)


def pickled(path, attributes):
    plain = pickle.dumps(_Pickled(attributes), protocol=3)
    name = f"c{_Pickled.__module__}\n_Pickled\n".encode()
    assert plain.count(name) == 1
    path.write_bytes(plain.replace(name, b"cgensim.models.keyedvectors\nKeyedVectors\n"))
    return path


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"__numpys": ["../elsewhere"]}, "must name its arrays in other files as attributes"),
        ({"__numpys": 5}, "must name its arrays in other files as attributes, got 5"),
        ({"expandos": {"count": [1, 2]}}, "counts that are no array of whole numbers"),
        ({"expandos": {"count": np.array([1, 2, 3])}}, "has 2 rows, and there are 2 keys"),
        (NGRAMS | {"vectors_vocab": np.ones((2, 2), np.float32)}, "has n-grams of 3 dimensions, and words of 2"),
        (NGRAMS | {"vectors_vocab": np.ones((3, 3), np.float32)}, "has 3 rows, and there are 2 keys"),
    ],
)
def test_attributes_that_do_not_belong_together_are_refused(tmp_path, change, message):
    assert len(gensim.read_gensim(pickled(tmp_path / "v.kv", ATTRIBUTES), ReadOptions())) == 2
    with pytest.raises(DataError, match=message):
        gensim.read_gensim(pickled(tmp_path / "v.kv", ATTRIBUTES | change), ReadOptions())


def renamed(path, old, new):
    """Exchange strings of equal length in a real file."""
    content = (FILES / "gensim-fasttext.kv").read_bytes()
    assert old in content
    path.write_bytes(content.replace(old, new))
    return path


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (b"index_to_key", b"index_2_word", "has no list of strings index_to_key: was it written by gensim 4"),
        (b"vectors_vocab\x94", b"vectors_other\x94", "has no matrix vectors_vocab"),
        (b"min_n", b"min_m", "has n-grams that are not hashed as fastText does"),
        (b"\x8c\x02f4", b"\x8c\x02O8", "an array of something other than numbers"),
    ],
)
def test_keyed_vectors_that_lack_something_are_refused(tmp_path, old, new, message):
    with pytest.raises(DataError, match=message):
        nf.load_space(renamed(tmp_path / "v.kv", old, new))


@pytest.mark.peers
@pytest.mark.parametrize("apart", [[], ["vectors"]])
def test_what_gensim_writes_is_read_as_gensim_reads_it(tmp_path, apart):
    models = pytest.importorskip("gensim.models")
    sentences = [["red", "green", "blue", "naïve"], ["blue", "red", "東京"]] * 30
    for model in (
        models.Word2Vec(sentences, vector_size=8, min_count=1, workers=1, epochs=2),
        models.FastText(sentences, vector_size=8, min_count=1, workers=1, epochs=2, bucket=50),
    ):
        model.wv.save(str(tmp_path / "m.kv"), separately=apart)
        space = nf.load_space(tmp_path / "m.kv")
        assert list(space.keys) == model.wv.index_to_key
        np.testing.assert_allclose(space.vectors, model.wv.vectors, atol=1e-7)
        assert space.counts.tolist() == [model.wv.get_vecattr(key, "count") for key in space.keys]
    np.testing.assert_allclose(space["reds"], model.wv["reds"], atol=1e-7)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # gensim leaves a file open
@pytest.mark.peers
@pytest.mark.parametrize(
    ("name", "binary", "header"), [("w.vec", False, True), ("w.bin", True, True), ("w.txt", False, False)]
)
def test_gensim_reads_what_is_written(words, tmp_path, name, binary, header):
    keyed = pytest.importorskip("gensim.models").KeyedVectors
    nf.write_space(words, tmp_path / name)
    read = keyed.load_word2vec_format(str(tmp_path / name), binary=binary, no_header=not header)
    assert read.index_to_key == list(words.keys)
    np.testing.assert_array_equal(read.vectors, words.vectors)
    read.save_word2vec_format(str(tmp_path / "back"), binary=binary, write_header=header)
    np.testing.assert_array_equal(nf.load_space(tmp_path / "back").vectors, words.vectors)
