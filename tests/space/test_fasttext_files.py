"""fastText's own binary models."""

import struct
from pathlib import Path

import numpy as np
import pytest

import nearfield as nf
from nearfield.errors import DataError
from nearfield.space.subwords import ngram_rows

FILE = Path(__file__).parent / "files" / "fasttext.bin"  # written by fastText 0.9
WORDS = ["the", "cat", "saw", "dog", "</s>", "a", "naïve", "東京"]


def test_a_model_of_fasttext_gives_its_vectors_of_known_and_unseen_words():
    space = nf.load_space(FILE)
    assert list(space.keys) == WORDS
    np.testing.assert_array_equal(space.counts, [150, 100, 100, 100, 100, 50, 50, 50])
    expected = {
        "the": [-0.0269042, 0.0275242, -0.0217448],
        "</s>": [2.01e-05, 4.52e-05, -3.38e-05],  # which has no n-grams
        "naïve": [-0.0029565, 0.000373, -0.0003694],
        "cats": [0.0022526, 0.0009355, -0.0006478],
        "東京タワー": [0.0002944, 0.001177, -0.0008882],
    }
    for word, vector in expected.items():
        np.testing.assert_allclose(space[word], vector, atol=6e-8)
    assert space.about == {"source": "fasttext.bin", "format": "fasttext"}


def test_a_limit_keeps_the_first_words_and_all_ngrams(monkeypatch):
    monkeypatch.setattr("nearfield.space.formats.fasttext._WORDS_AT_ONCE", 2)
    space = nf.load_space(FILE, limit=3)
    assert list(space.keys) == WORDS[:3]
    np.testing.assert_array_equal(space.vectors, nf.load_space(FILE).vectors[:3])
    np.testing.assert_allclose(space["cats"], [0.0022526, 0.0009355, -0.0006478], atol=6e-8)


def model(
    words=(b"cat", b"dog"),
    *,
    version=12,
    kind=2,
    dim=2,
    buckets=3,
    max_n=3,
    size=None,
    labels=(),
    pruned=-1,
    quantised=False,
    rows=None,
    vectors=None,
):
    entries = [(word, 0) for word in words] + [(label, 1) for label in labels]
    content = struct.pack("<ii", 793712314, version)
    content += struct.pack("<12id", dim, 5, 1, 1, 5, 1, 2, kind, buckets, 2, max_n, 100, 1e-4)
    content += struct.pack("<iiiqq", len(entries) if size is None else size, len(words), len(labels), 9, pruned)
    for number, (word, type_) in enumerate(entries):
        content += word + b"\0" + struct.pack("<qb", 9 - number, type_)
    rows = len(words) + buckets if rows is None else rows
    matrix = np.arange(1, rows * dim + 1, dtype="<f4") if vectors is None else np.asarray(vectors, "<f4")
    return content + struct.pack("<?qq", quantised, rows, dim) + matrix.tobytes() + b"\0" * 9


@pytest.fixture
def load(tmp_path):
    def load(content, **options):
        (tmp_path / "m.bin").write_bytes(content)
        return nf.load_space(tmp_path / "m.bin", **options)

    return load


def test_a_word_is_the_mean_of_its_own_vector_and_its_ngrams(load):
    space = load(model())
    table = np.arange(1, 11, dtype=np.float32).reshape(5, 2)
    for row, word in enumerate(["cat", "dog"]):
        rows = [row, *(2 + ngram_rows(word, min_n=2, max_n=3, buckets=3))]
        np.testing.assert_allclose(space[word], table[rows].mean(axis=0), rtol=1e-6)


@pytest.mark.parametrize("content", [model(max_n=0), model(kind=3, version=11), model(buckets=0)])
def test_a_model_without_character_ngrams_has_the_words_own_vectors(load, content):
    space = load(content)
    assert space.subwords is None
    np.testing.assert_array_equal(space.vectors, [[1, 2], [3, 4]])


def test_labels_are_passed_over(load):
    assert list(load(model(labels=[b"__label__a"])).keys) == ["cat", "dog"]


def test_a_word_that_is_no_utf8_is_refused_or_left_out(load):
    content = model((b"c\xff", b"dog"))
    with pytest.raises(DataError, match=r"m\.bin: byte 92: the word b'c.xff' is not valid UTF-8"):
        load(content)
    space = load(content, skip_bad=True)
    assert list(space.keys) == ["dog"]
    np.testing.assert_array_equal(space.counts, [8])


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (model(version=10), r"is of fastText's version 10, and \(11, 12\) are read; see byte 8"),
        (model(quantised=True), r"is quantised, as \.ftz files are: .* give the \.bin it was made of"),
        (model(pruned=4), "is pruned, so that most of its n-grams are left out"),
        (model(dim=0), "says 0 dimensions and 3 buckets before byte 64"),
        (model(size=9), "says 9 entries, of which 2 are words and 0 labels"),
        (model(()), "says 0 entries, of which 0 are words"),
        (model(rows=4), "has a matrix of 4 rows and 2 dimensions for 2 words, 3 buckets"),
        (model()[:30], "is cut short: it ends at byte 30, within what begins at byte 8"),
        (model()[:93], "is cut short: it ends at byte 93, within what begins at byte 92"),
        (model()[:-30], "is cut short"),
        (model((b"cat", b"cat")), "byte 105: 'cat' stands at byte 92 already"),
        (model(vectors=[0] * 10), "byte 92: the vector of 'cat' is zero"),
        (model(vectors=[np.nan] * 10), "byte 92: the vector of 'cat' holds NaN"),
        (
            model().replace(b"dog\0" + struct.pack("<qb", 8, 0), b"dog\0" + struct.pack("<qb", 8, 1)),
            "its dictionary has 1",
        ),
    ],
)
def test_a_model_that_lies_is_cut_short_or_of_another_kind_is_refused(load, content, message):
    with pytest.raises(DataError, match=message):
        load(content)


@pytest.mark.peers
def test_fasttext_models_that_gensim_writes_are_read_as_gensim_reads_them(tmp_path):
    fasttext = pytest.importorskip("gensim.models.fasttext")
    sentences = [["red", "green", "blue", "naïve"], ["blue", "red", "東京"]] * 30
    made = fasttext.FastText(sentences, vector_size=8, min_count=1, workers=1, epochs=2, bucket=50)
    fasttext.save_facebook_model(made, str(tmp_path / "m.bin"))
    space, read = nf.load_space(tmp_path / "m.bin"), fasttext.load_facebook_vectors(str(tmp_path / "m.bin"))
    assert list(space.keys) == read.index_to_key
    np.testing.assert_allclose(space.vectors, read.vectors, atol=1e-7)
    np.testing.assert_allclose(space["reds"], read["reds"], atol=1e-7)


@pytest.mark.peers
def test_fasttext_itself_gives_the_same_vectors(tmp_path):
    peer = pytest.importorskip("fasttext").load_model(str(FILE))
    space = nf.load_space(FILE)
    for word in [*WORDS, "cats", "東京タワー", "naïf"]:
        np.testing.assert_allclose(space[word], peer.get_word_vector(word), atol=1e-8)
