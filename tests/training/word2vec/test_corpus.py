"""From texts to numbered words."""

import gzip
from pathlib import Path

import numpy as np
import pytest

from nearfield.errors import DataError, InvalidInputError, StorageError
from nearfield.training.word2vec import sentences as sentences_module
from nearfield.training.word2vec import shards as shards_module
from nearfield.training.word2vec.phrases import join_phrases
from nearfield.training.word2vec.sentences import read_sentences
from nearfield.training.word2vec.shards import keep_words, number_words


def sentences_of(shards):
    return [[shards.words[i] for i in part] for part in np.split(shards.ids, shards.ends[:-1])]


def kept(shards, folder, *, min_count=1, max_words=None, longest=100):
    return keep_words(shards, folder, min_count=min_count, max_words=max_words, longest=longest, source="corpus")


def test_files_folders_and_lists_give_the_same_sentences(tmp_path):
    (tmp_path / "a.txt").write_text("\ufeffThe cat's mat.\n\nA second line")
    (tmp_path / "deeper").mkdir()
    (tmp_path / "deeper" / "b.txt.gz").write_bytes(gzip.compress("Ünïcode, 12 x_y\n".encode()))
    (tmp_path / ".hidden").write_text("nothing")
    expected = [["the", "cat's", "mat"], [], ["a", "second", "line"], ["ünïcode", "12", "x", "y"]]
    assert list(read_sentences(tmp_path)) == expected
    assert list(read_sentences(iter(["The cat's mat.", ["As", "is"]]))) == [expected[0], ["As", "is"]]
    assert next(iter(read_sentences(tmp_path / "a.txt", "whitespace"))) == ["The", "cat's", "mat."]
    assert list(read_sentences(["a b"], lambda text: [text])) == [["a b"]]


def test_a_line_without_end_comes_in_pieces(tmp_path, monkeypatch):
    monkeypatch.setattr(sentences_module, "_LONGEST_READ", 16)
    (tmp_path / "long.txt").write_text("one two three four five six seven\nzwölf" + "ä" * 20)
    found = list(read_sentences(tmp_path / "long.txt"))
    assert [word for sentence in found for word in sentence][:7] == [
        "one",
        "two",
        "three",
        "four",
        "five",
        "six",
        "seven",
    ]
    assert len(found) > 3
    assert "".join(word for sentence in found for word in sentence).endswith("ä" * 20)


def test_what_is_not_text_is_refused_with_its_place(tmp_path):
    (tmp_path / "bad.txt").write_bytes(b"fine\nnot \xff fine\n")
    with pytest.raises(DataError, match=r"bad.txt:2: not valid UTF-8: byte 0xff at byte 9 of the text"):
        list(read_sentences(tmp_path))
    with pytest.raises(DataError, match="no such file or folder"):
        list(read_sentences(tmp_path / "none"))
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match="has no files"):
        list(read_sentences(tmp_path / "empty"))
    with pytest.raises(InvalidInputError, match="path or an iterable of sentences, got int"):
        list(read_sentences(5))
    with pytest.raises(InvalidInputError, match="sentence number 1 must be a text or a list of words, got int"):
        list(read_sentences(["fine", 5]))
    with pytest.raises(InvalidInputError, match="tokenise must be"):
        list(read_sentences(["a"], "letters"))


def test_words_are_numbered_by_falling_count_and_rare_ones_left_out(tmp_path):
    corpus = [["b", "a", "c", "a"], ["a", "rare"], ["b", "c", "b", "b"]]
    found = kept(number_words(corpus, tmp_path), tmp_path, min_count=2)
    assert found.words == ["b", "a", "c"]
    np.testing.assert_array_equal(found.counts, [4, 3, 2])
    assert sentences_of(found) == [["b", "a", "c", "a"], ["b", "c", "b", "b"]]
    assert kept(number_words(corpus, tmp_path), tmp_path, max_words=2).words == ["b", "a"]


def test_long_sentences_are_cut_and_blocks_hold_whole_ones(tmp_path, monkeypatch):
    monkeypatch.setattr(shards_module, "_WRITTEN_WORDS", 4)
    corpus = [list("abcabcab"), list("ab"), list("ba"), list("abcabc")]
    found = kept(number_words(corpus, tmp_path), tmp_path, longest=3)
    assert [len(sentence) for sentence in sentences_of(found)] == [3, 3, 2, 2, 2, 3, 3]
    assert [word for s in sentences_of(found) for word in s] == [word for s in corpus for word in s]
    blocks = list(found.blocks())
    assert len(blocks) > 2
    np.testing.assert_array_equal(np.concatenate([ids for ids, _ in blocks]), found.ids)
    assert all(ends[-1] == len(ids) for ids, ends in blocks)


def test_beyond_the_bound_the_rarest_words_are_forgotten(tmp_path, monkeypatch):
    monkeypatch.setattr(shards_module, "_WRITTEN_WORDS", 2)
    corpus = [["often", "often"], ["x", "y"], ["x", "x"], ["often", "x"]]
    found = kept(number_words(corpus, tmp_path, max_vocab_size=2), tmp_path)
    assert found.words == ["often", "x"]
    np.testing.assert_array_equal(found.counts, [3, 3])


@pytest.mark.parametrize(
    ("corpus", "message"),
    [
        ([], "holds no words"),
        ([[], []], "holds no words"),
        ([["a", "a", "b"]], "only 1 of its 2 words occur at least 2 times .the most frequent, 'a', occurs 2 times"),
        ([["a"], ["b"], ["a"], ["b"]], "no sentence has two of the 2 words"),
    ],
)
def test_too_little_to_learn_from_is_refused(tmp_path, corpus, message):
    with pytest.raises(DataError, match=message):
        kept(number_words(corpus, tmp_path), tmp_path, min_count=2)


@pytest.mark.parametrize("word", [5, None, "\ud800"])
def test_words_are_strings(tmp_path, word):
    with pytest.raises(InvalidInputError, match=r"words must be strings|not valid Unicode"):
        number_words([["a", word]], tmp_path)


def test_words_that_stand_together_become_phrases(tmp_path, monkeypatch):
    monkeypatch.setattr(shards_module, "_WRITTEN_WORDS", 6)
    corpus = [["new", "york", "city"], ["new", "york", "is", "new"], ["york"], ["is", "city"]] * 5
    joined = join_phrases(number_words(corpus, tmp_path), tmp_path, name="once", min_count=1, threshold=0.15)
    assert sentences_of(joined)[:4] == [["new_york", "city"], ["new_york", "is", "new"], ["york"], ["is_city"]]
    assert joined.counts[joined.words.index("new_york")] == 10
    assert joined.counts[joined.words.index("york")] == 5
    again = join_phrases(joined, tmp_path, name="twice", min_count=1, threshold=0.15)
    assert "new_york_city" in again.words


def test_of_phrases_that_overlap_the_first_is_taken_and_a_word_of_that_name_is_shared(tmp_path):
    corpus = [["a", "a", "a", "a", "a"], ["a_a", "b"]] * 4
    joined = join_phrases(number_words(corpus, tmp_path), tmp_path, name="p", min_count=1, threshold=0.0)
    assert sentences_of(joined)[:2] == [["a_a", "a_a", "a"], ["a_a_b"]]
    assert joined.words.count("a_a") == 1


@pytest.mark.parametrize("empty", [slice(0, None), slice(1, None), slice(0, -1)])
def test_phrases_are_found_beside_empty_sentences(tmp_path, empty):
    corpus = [[], *[["new", "york"], [], ["in", "new", "york"]] * 5, []][empty]
    shards = number_words(corpus, tmp_path)
    assert sentences_of(shards) == [sentence for sentence in corpus if sentence]
    joined = join_phrases(shards, tmp_path, name="p", min_count=1, threshold=0.25)
    assert dict(zip(joined.words, joined.counts.tolist(), strict=True))["new_york"] == 10


def test_a_list_in_place_of_a_word_is_refused(tmp_path):
    with pytest.raises(InvalidInputError, match=r"a sentence must be a list of strings, got \[\['a'\], 'b'\]"):
        number_words([[["a"], "b"]], tmp_path)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
def test_a_full_disk_is_named(tmp_path):
    for name in ("read-ids.i32", "read-ends.i64"):
        (tmp_path / name).symlink_to("/dev/full")
    with pytest.raises(StorageError, match=r"could not hold the corpus .*make room there"):
        number_words([["a", "b"] * 10_000], tmp_path)
