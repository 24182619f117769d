"""Text and binary files of word2vec and GloVe: what is read, and what is refused."""

import gzip
import lzma

import numpy as np
import pytest

import nearfield as nf
from nearfield.errors import DataError, InvalidInputError

GLOVE = "the 0.5 -1 2e-3\ncat 1 2 3\nnaïve 4 5 6\n"
VECTORS = np.array([[0.5, -1, 2e-3], [1, 2, 3], [4, 5, 6]], np.float32)
KEYS = ["the", "cat", "naïve"]


@pytest.fixture
def write(tmp_path):
    def write(content, name="vectors.txt"):
        path = tmp_path / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    return write


def binary(keys=KEYS, vectors=VECTORS, *, end=b"\n", header=None):
    rows = b"".join(
        key.encode() + b" " + vector.astype("<f4").tobytes() + end for key, vector in zip(keys, vectors, strict=True)
    )
    return (header or f"{len(vectors)} {vectors.shape[1]}\n".encode()) + rows


@pytest.mark.parametrize(
    ("content", "format"),
    [
        (GLOVE, "glove"),
        ("3 3\n" + GLOVE, "word2vec"),
        ("3 3\n" + GLOVE.replace("\n", " \n"), "word2vec"),  # word2vec and fastText end lines with a space
        ("\ufeff3 3\r\n" + GLOVE.replace("\n", "\r\n") + "\r\n", "word2vec"),
        (GLOVE.replace(" ", "\t"), "glove"),
        (binary(), "word2vec-binary"),
        (binary(end=b""), "word2vec-binary"),
    ],
)
def test_a_file_is_read_by_its_content(write, content, format):
    space = nf.load_space(write(content))
    assert list(space.keys) == KEYS
    np.testing.assert_array_equal(space.vectors, VECTORS)
    np.testing.assert_allclose(space.norms, np.linalg.norm(VECTORS, axis=1), rtol=1e-6)
    assert space.about == {"source": "vectors.txt", "format": format}


@pytest.mark.parametrize(("suffix", "compress"), [(".gz", gzip.compress), (".xz", lzma.compress)])
@pytest.mark.parametrize("content", [GLOVE.encode(), b"3 3\n" + GLOVE.encode(), binary()])
def test_compressed_files_are_read_too(write, content, suffix, compress):
    assert list(nf.load_space(write(compress(content), f"v{suffix}")).keys) == KEYS


@pytest.mark.parametrize("content", [GLOVE, "3 3\n" + GLOVE, binary()])
def test_a_limit_keeps_the_first_rows(write, content):
    told = []
    space = nf.load_space(write(content), limit=2, progress=lambda *step: told.append(step))
    assert list(space.keys) == KEYS[:2]
    assert told[-1] == ("reading", 2, 2)
    with pytest.raises(InvalidInputError, match="limit must be at least 1, got 0"):
        nf.load_space(write(content), limit=0)


def test_a_word_may_hold_spaces_where_the_numbers_show_its_end(write):
    space = nf.load_space(write("cat 1 2\n. . . 3 4\nname@domain com 5 6\n"))
    assert list(space.keys) == ["cat", ". . .", "name@domain com"]
    np.testing.assert_array_equal(space[". . ."], [3, 4])


def test_rows_that_come_in_many_blocks_keep_their_order(write, monkeypatch):
    monkeypatch.setattr("nearfield.space.formats.text._BLOCK_BYTES", 20)
    monkeypatch.setattr("nearfield.space.formats.word2vec_binary._BLOCK_BYTES", 30)
    vectors = np.random.default_rng(0).normal(size=(50, 4)).astype(np.float32)
    keys = [f"w{i}" for i in range(50)]
    text = "".join(f"{key} {' '.join(map(repr, row))}\n" for key, row in zip(keys, vectors.tolist(), strict=True))
    for content in (text, f"50 4\n{text}", binary(keys, vectors)):
        space = nf.load_space(write(content))
        assert list(space.keys) == keys
        np.testing.assert_array_equal(space.vectors, vectors)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "vectors.txt: is empty"),
        ("hello world\n", "is no file of vectors; formats are .*glove"),
        ("cat 1 2\ndog 3\n", "vectors.txt:2: a key and 2 numbers are to stand here, got 2 fields: 'dog 3'"),
        ("cat 1 2\ndog 3 4 5\n", "vectors.txt:2: a key and 2 numbers are to stand here, got 4 fields"),
        ("cat 1 2\ndog 3 x\n", "vectors.txt:2: 'x' is no number"),
        ("cat 1 2\ndog nan 4\n", "vectors.txt:2: the vector of 'dog' holds NaN or infinity; skip_bad"),
        ("cat 1 2\ndog 1e99 4\n", "vectors.txt:2: the vector of 'dog' holds NaN or infinity"),
        ("cat 1 2\n\ndog 0 0\n", "vectors.txt:3: the vector of 'dog' is zero, so it has no direction"),
        ("cat 1 2\ndog 3 4\ncat 5 6\n", "vectors.txt:3: 'cat' stands at line 1 already; keys must be unique"),
        (b"cat 1 2\nd\xff 3 4\n", "vectors.txt:2: not valid UTF-8: byte 0xff at byte 2 of the line"),
        ("3 2\ncat 1 2\ndog 3 4\n", "the header says 3 rows, which take at least 15 bytes"[:22]),
        ("3 2\ncat 1.00 2.00\ndog 3.00 4.00\n", "the header says 3 rows, and the file has 2; it is cut short"),
        ("1 2\ncat 1 2\ndog 3 4\n", "vectors.txt:3: the header says 1 rows, and here is one more"),
        ("2 3\ncat 1 2\ndog 3 4\n", "vectors.txt:2: a key and 3 numbers are to stand here, got 3 fields"),
        ("0 3\ncat 1 2\n", "vectors.txt:1: the header says 0 rows of 3 dimensions"),
        ("999999999999 300\ncat 1 2\n", "vectors.txt:1: the header says 999,999,999,999 rows, which take at least"),
    ],
)
def test_a_bad_file_of_text_is_refused_with_its_place(write, content, message):
    with pytest.raises(DataError, match=message):
        nf.load_space(write(content))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (binary()[:-5], "vectors.bin: byte 53: the header says 3 rows, and the file ends in row 3; it is cut short"),
        (binary(header=b"9 3\n"), "vectors.bin:1: the header says 9 rows, which take at least 117 bytes"),
        (binary(header=b"2 3\n"), "the header says 2 rows, and something follows them"),
        (binary(header=b"3 2\n"), "the header says 3 rows, and something follows them"),
        (binary(vectors=VECTORS * [[1], [np.nan], [1]]), "byte 20: the vector of 'cat' holds NaN or infinity"),
        (binary(vectors=VECTORS * [[1], [0], [1]]), "byte 20: the vector of 'cat' is zero"),
        (binary(keys=["a", "b", "a"]), "byte 33: 'a' stands at byte 4 already"),
        (binary().replace(b"cat", b"c\xfft"), "byte 20: the key b.*is not valid UTF-8: byte 0xff at its byte 2"),
    ],
)
def test_a_bad_binary_file_is_refused_with_its_place(write, content, message):
    with pytest.raises(DataError, match=message):
        nf.load_space(write(content, "vectors.bin"))


@pytest.mark.parametrize(
    ("content", "kept", "skipped"),
    [
        ("cat 1 2\ndog 0 0\ncat 3 4\nbird 5 inf\nfox 5\ncow 7 8\n", ["cat", "cow"], 4),
        (b"cat 1 2\nd\xff 3 4\ncow 7 8\n", ["cat", "cow"], 1),
        (binary(keys=["a", "b", "a"]), ["a", "b"], 1),
        (binary().replace(b"cat", b"c\xfft"), ["the", "naïve"], 1),
    ],
)
def test_bad_rows_are_left_out_and_counted_when_asked(write, content, kept, skipped):
    space = nf.load_space(write(content), skip_bad=True)
    assert list(space.keys) == kept
    assert space.about["skipped"]["count"] == skipped
    assert "vectors.txt:" in space.about["skipped"]["problems"][0]


def test_a_file_of_nothing_but_bad_rows_is_refused(write):
    with pytest.raises(DataError, match=r"all 2 rows are bad; the first: .*:1: the vector of 'cat' is zero"):
        nf.load_space(write("cat 0 0\ndog 0 0\n"), skip_bad=True)


def test_a_limit_does_not_hide_that_more_rows_come_than_the_header_says(write):
    with pytest.raises(DataError, match=":4: the header says 2 rows, and here is one more"):
        nf.load_space(write("2 1\na 1\nb 2\nc 3\n"), limit=1)


def test_what_is_no_file_is_refused(tmp_path):
    with pytest.raises(DataError, match="no such file"):
        nf.load_space(tmp_path / "nothing.txt")
    with pytest.raises(DataError, match=r"is a folder without space\.json, so no space"):
        nf.load_space(tmp_path)
    (tmp_path / "cat.txt").write_text("cat 1 2\n")
    with pytest.raises(InvalidInputError, match=r"format must be one of .*, got 'csv'"):
        nf.load_space(tmp_path / "cat.txt", format="csv")


def test_a_format_that_is_forced_decides_where_the_content_could_be_two(write):
    path = write("5 3\n7 4\n")
    assert list(nf.load_space(path, format="glove").keys) == ["5", "7"]


@pytest.mark.parametrize(
    ("content", "format", "message"),
    [
        ("hello\n", "glove", ":1: a line is a key and its numbers, got no number"),
        (GLOVE, "word2vec", ":1: the first line must hold the numbers of rows and of dimensions"),
        (GLOVE, "gensim", "cannot be read as gensim's keyed vectors"),
        (GLOVE, "npy", r"cannot be read as \.npy"),
        (GLOVE, "parquet", "cannot be read as parquet"),
        (GLOVE, "fasttext", "is of fastText's version"),
        (GLOVE, "safetensors", "the header is damaged"),
        (b"\x03" + b"\0" * 7 + b"[1]", "safetensors", "the header must be an object of tensors"),
        (
            b"2 1\n" + b"x" * 200_000,
            "word2vec-binary",
            "byte 4: no key ends here; is the header's number of dimensions",
        ),
    ],
)
def test_a_file_of_another_format_than_is_forced_is_refused(write, content, format, message):
    with pytest.raises(DataError, match=message):
        nf.load_space(write(content), format=format)


@pytest.mark.parametrize("dim", ["999999999999", "9" * 90])
@pytest.mark.parametrize("rest", [b"cat 1 2\n", b"cat \xff\xfe\xfd\xfc"])
def test_a_compressed_file_whose_header_promises_absurd_rows_takes_no_memory(write, dim, rest):
    with pytest.raises(DataError, match=r"gz:1: the header says .* dimensions, and at most 10,000,000 are read"):
        nf.load_space(write(gzip.compress(f"1 {dim}\n".encode() + rest), "vectors.gz"))
