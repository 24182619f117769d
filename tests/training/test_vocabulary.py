import pytest
from tiny_static import byte_pairs, word_pieces

from nearfield.errors import InvalidInputError
from nearfield.training.vocabulary import count_words, fit_vocabulary

TEXTS = ["The bad cab, a bad cab."] * 6 + ["tap drips"] * 3


def test_words_are_counted_as_the_tokeniser_sees_them():
    words = count_words(word_pieces(), TEXTS)
    assert words == {"bad": 12, "cab": 12, ",": 6, "a": 6, ".": 6, "the": 6, "tap": 3, "drips": 3}


def test_frequent_words_become_one_token_and_rare_pieces_go():
    fitted = fit_vocabulary(word_pieces(), TEXTS, size=100)
    assert fitted.encode("Bad cab, a tap.").tokens == ["bad", "cab", ",", "a", "[UNK]", "."]
    vocabulary = fitted.get_vocab()
    assert sorted(vocabulary.values()) == list(range(len(vocabulary)))
    assert {"[UNK]", "[PAD]", "##a", "bad"} <= set(vocabulary)
    assert "tap" not in vocabulary  # three times is too little to learn from


def test_the_most_frequent_fill_what_room_there_is():
    texts = [*TEXTS, *["bag"] * 20]
    fitted = fit_vocabulary(word_pieces(), texts, size=22)
    assert fitted.get_vocab_size() == 22
    assert "bag" in fitted.get_vocab()
    assert "cab" not in fitted.get_vocab()


def test_too_little_room_is_refused():
    with pytest.raises(InvalidInputError, match="size must be above 21 to hold characters, got 5"):
        fit_vocabulary(word_pieces(), TEXTS, size=5)


def test_another_kind_of_tokeniser_is_refused():
    with pytest.raises(InvalidInputError, match="only a WordPiece vocabulary can be fitted, the teacher's is BPE"):
        fit_vocabulary(byte_pairs(), TEXTS, size=100)
