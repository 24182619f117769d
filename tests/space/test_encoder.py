"""Sentences by their words, in memory and as a folder; spaces by an encoder."""

import sys

import numpy as np
import pytest
from hash_encoder import HashEncoder

import nearfield as nf
from nearfield.errors import InvalidInputError
from nearfield.space.ngrams import add_ngrams
from nearfield.space.word_weights import word_weights

KEYS = ["the", "cat", "dog", "car", ",", "new_york"]
VECTORS = np.array([[1, 1, 1], [3, 0, 0], [2, 1, 0], [0, 0, 4], [1, 1, 2], [0, 5, 0]], np.float32)
TEXTS = ["The cat, the dog", "cat", "CAT dog\nunheard", "new_york", "", "unheard of", "a , b", "dog " * 50]


@pytest.fixture
def space():
    return nf.Space(KEYS, VECTORS, counts=[60, 10, 10, 5, 14, 1])


def unit(vector):
    return np.asarray(vector) / np.linalg.norm(vector)


def test_a_sentence_is_the_weighted_mean_of_its_words(space):
    encoder = nf.space_encoder(space, smoothing=0.1)
    the, cat, dog, comma = (0.1 / (0.1 + p) for p in (0.6, 0.1, 0.1, 0.14))
    expected = 2 * the * VECTORS[0] + cat * VECTORS[1] + dog * VECTORS[2] + comma * VECTORS[4]
    np.testing.assert_allclose(encoder.encode(["The cat, the dog!"])[0], unit(expected), rtol=1e-5)
    np.testing.assert_allclose(encoder.encode_query(["new_york"])[0], [0, 1, 0])
    assert encoder.spec.dim == 3
    assert encoder.spec.name == "words"
    assert encoder.weights_bytes == VECTORS.nbytes


@pytest.mark.parametrize("weighting", ["auto", "counts", "ranks", "mean"])
def test_the_folder_encodes_as_the_view_in_memory_does(space, tmp_path, weighting):
    nf.save_encoder(space, tmp_path / "e", weighting=weighting, smoothing=0.1)
    loaded = nf.load_encoder(tmp_path / "e")
    view = nf.space_encoder(space, weighting=weighting, smoothing=0.1)
    np.testing.assert_allclose(loaded.encode(TEXTS), view.encode_document(TEXTS), atol=1e-6)
    assert [found.empty for found in view.inspect(TEXTS)] == [found.empty for found in loaded.inspect(TEXTS)]
    assert [found.tokens for found in view.inspect(TEXTS)] == [found.tokens for found in loaded.inspect(TEXTS)]


@pytest.mark.parametrize("dtype", ["float16", "int8"])
def test_the_folder_may_be_smaller(space, tmp_path, dtype):
    nf.save_encoder(space, tmp_path / "e", dtype=dtype)
    np.testing.assert_allclose(
        nf.load_encoder(tmp_path / "e").encode(TEXTS), nf.space_encoder(space).encode(TEXTS), atol=0.02
    )


def test_unseen_words_are_made_of_their_ngrams():
    table = np.random.default_rng(0).normal(size=(20, 3)).astype(np.float32)
    subwords = nf.Subwords(table, 2, 3)
    space = nf.Space(KEYS, add_ngrams(KEYS, VECTORS, subwords), subwords=subwords)
    encoder = nf.space_encoder(space)
    np.testing.assert_allclose(encoder.encode(["cats"])[0], unit(space["cats"]), rtol=1e-5)
    np.testing.assert_allclose(encoder.encode(["cat cats"])[0], unit(space["cat"] + space["cats"]), rtol=1e-5)
    assert encoder.weights_bytes == VECTORS.nbytes + table.nbytes
    assert encoder.spec.fingerprint != nf.space_encoder(nf.Space(KEYS, space.vectors)).spec.fingerprint


def test_upper_case_is_kept_where_keys_have_it():
    encoder = nf.space_encoder(nf.Space(["US", "us"], np.eye(2)))
    np.testing.assert_allclose(encoder.encode(["US", "us"]), np.eye(2))


def test_what_was_cut_once_is_forgotten_when_there_is_too_much_of_it(space, monkeypatch):
    monkeypatch.setattr("nearfield.space.encoder._KEPT_PIECES", 2)
    encoder = nf.space_encoder(space)
    np.testing.assert_array_equal(encoder.encode(TEXTS), nf.space_encoder(space).encode(TEXTS))
    assert len(encoder._pieces) <= 2


def test_an_unknown_token_that_is_a_key_is_no_trouble(tmp_path):
    space = nf.Space(["[UNK]", "cat"], np.eye(2))
    nf.save_encoder(space, tmp_path / "e")
    np.testing.assert_allclose(nf.load_encoder(tmp_path / "e").encode(["cat nothing"])[0], [0, 1], atol=1e-6)


def test_weights_come_from_counts_else_from_the_order_of_a_file_of_words(space):
    np.testing.assert_allclose(word_weights(space, smoothing=0.1), 0.1 / (0.1 + space.counts / 100), rtol=1e-6)
    ranks = 0.1 / (0.1 + (1 / np.arange(1, 7)) / (1 / np.arange(1, 7)).sum())
    glove = nf.Space(KEYS, VECTORS, about={"format": "glove"})
    np.testing.assert_allclose(word_weights(glove, smoothing=0.1), ranks, rtol=1e-6)
    assert (word_weights(nf.Space(KEYS, VECTORS)) == 1).all()
    assert (word_weights(nf.Space(KEYS, VECTORS, counts=[0] * 6)) == 1).all()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"weighting": "counts"}, "the space has no counts; choose the weighting ranks or mean"),
        ({"weighting": "idf"}, "weighting must be one of auto, counts, ranks, mean, got 'idf'"),
        ({"smoothing": 0}, "smoothing must be above 0, got 0"),
    ],
)
def test_a_weighting_that_does_not_fit_is_refused(tmp_path, options, message):
    for make in (nf.space_encoder, lambda space, **given: nf.save_encoder(space, tmp_path / "e", **given)):
        with pytest.raises(InvalidInputError, match=message):
            make(nf.Space(KEYS, VECTORS), **options)
    assert not (tmp_path / "e").exists()


def test_an_empty_space_and_an_unknown_dtype_are_refused(space, tmp_path):
    empty = nf.Space([], np.empty((0, 3)))
    for make in (nf.space_encoder, lambda space: nf.save_encoder(space, tmp_path / "e")):
        with pytest.raises(InvalidInputError, match="the space is empty"):
            make(empty)
    with pytest.raises(InvalidInputError, match="dtype must be float32, float16 or int8, got 'float64'"):
        nf.save_encoder(space, tmp_path / "e", dtype="float64")


def test_a_space_is_encoded_from_strings():
    encoder = HashEncoder()
    space = nf.encode_space(encoder, ["red cat", "blue dog"])
    np.testing.assert_array_equal(space.vectors, encoder.encode_document(["red cat", "blue dog"]))
    assert list(space.keys) == ["red cat", "blue dog"]
    assert space.about == {"encoder": "hash", "fingerprint": encoder.spec.fingerprint}
    assert list(nf.encode_space(encoder, iter(["x", "x"]), keys=["1", "2"]).keys) == ["1", "2"]
    assert nf.encode_space("nearfield-static", ["a cat"]).dim == 256


@pytest.mark.parametrize(
    ("texts", "keys", "message"),
    [
        ("text", None, r"texts must be strings, at least one, got 'text'; write \[text\]"),
        ([], None, "texts must be strings, at least one"),
        (["a", "a"], None, "keys must be unique: 'a' is number 0 and number 1"),
        (["a", "b"], ["1"], "each text needs one key, got 2 texts and 1 keys"),
    ],
)
def test_strings_that_make_no_space_are_refused_before_they_are_encoded(texts, keys, message):
    encoder = HashEncoder()
    with pytest.raises(InvalidInputError, match=message):
        nf.encode_space(encoder, texts, keys=keys)
    assert encoder.encoded == 0


def test_parquet_without_pyarrow_names_the_extra(space, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(ImportError, match=r"pip install 'nearfield\[space\]'"):
        nf.write_space(space, tmp_path / "v.parquet")
    assert not list(tmp_path.iterdir())
