import numpy as np
import pytest

from nearfield.errors import InvalidInputError
from nearfield.evaluation.lexicon import Lexicon
from nearfield.space.space import Space
from nearfield.space.subwords import Subwords

KEYS = ("turkey", "Turkey", "Paris", "new_york", "last")
SPACE = Space(KEYS, np.eye(5))


@pytest.mark.parametrize(
    ("case", "rows"),
    [("lower", [1, 0, -1, 2, 3]), ("exact", [1, -1, -1, 2, -1]), ("ignore", [0, 0, 2, 2, 3])],
)
def test_words_are_found_as_the_case_says(case, rows):
    assert Lexicon(SPACE, case=case).rows(["Turkey", "TURKEY", "paris", "Paris", "New York"]).tolist() == rows


def test_ignoring_case_leaves_later_variants_out_of_the_answers():
    assert Lexicon(SPACE, case="ignore").candidates.tolist() == [0, 2, 3, 4]
    assert Lexicon(SPACE, case="lower").candidates.tolist() == [0, 1, 2, 3, 4]


def test_only_the_first_keys_count():
    lexicon = Lexicon(SPACE, vocabulary=3)
    assert lexicon.rows(["last", "Paris"]).tolist() == [-1, 2]
    assert len(lexicon.candidates) == 3
    assert len(Lexicon(SPACE, vocabulary=99).candidates) == 5
    assert Lexicon(SPACE, case="ignore", vocabulary=3).rows(["NEW YORK", "PARIS"]).tolist() == [-1, 2]


@pytest.mark.parametrize(
    ("case", "word", "composed"), [("lower", "LAST", 0), ("lower", "Unseen", 1), ("exact", "Unseen", 1)]
)
def test_unseen_words_are_made_of_ngrams(case, word, composed):
    table = np.random.default_rng(0).normal(size=(50, 5)).astype(np.float32)
    lexicon = Lexicon(Space(KEYS, np.eye(5), subwords=Subwords(table, 3, 4)), case=case)
    found = lexicon.vectors([word, "Paris"])
    assert found.composed == composed
    assert found.known.tolist() == [True, True]
    np.testing.assert_array_equal(found.vectors[0], lexicon.space.vector(word if case == "exact" else word.lower()))


def test_a_word_without_ngrams_stays_unknown():
    lexicon = Lexicon(Space(KEYS, np.eye(5), subwords=Subwords(np.ones((5, 5), np.float32), 6, 6)))
    assert not lexicon.vectors(["ab"]).known.any()


@pytest.mark.parametrize(
    ("options", "message"),
    [({"case": "upper"}, "case must be one of lower, exact, ignore, got 'upper'"), ({"vocabulary": 0}, "at least 1")],
)
def test_what_makes_no_sense_is_refused(options, message):
    with pytest.raises(InvalidInputError, match=message):
        Lexicon(SPACE, **options)


def test_vectors_beyond_the_keys_that_count_are_not_read():
    space = Space(KEYS, np.eye(5))
    np.testing.assert_array_equal(Lexicon(space, vocabulary=3).candidate_units, np.eye(5)[:3])
    np.testing.assert_array_equal(Lexicon(space, case="ignore").candidate_units, np.eye(5)[[0, 2, 3, 4]])
    assert "unit_vectors" not in vars(space)
    assert Lexicon(space).candidate_units is space.unit_vectors
