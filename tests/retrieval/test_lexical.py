import math
from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nearfield.errors import InvalidInputError
from nearfield.retrieval.lexical import LexicalSpec, Lexicon


def weights(lexicon: Lexicon, text: str) -> list[float]:
    return sorted(lexicon.document(text).values.tolist())


def test_english_words_are_stemmed_and_stop_words_dropped():
    assert Lexicon(LexicalSpec()).terms("The taps were LEAKING in a kitchen's sink") == [
        "tap",
        "leak",
        "kitchen",
        "s",
        "sink",
    ]


def test_another_language_is_stemmed_by_its_own_rules():
    assert Lexicon(LexicalSpec(language="german")).terms("die Häuser") == ["die", "haus"]


def test_without_a_language_words_stay_as_they_are_but_for_case_and_compatibility_forms():
    assert Lexicon(LexicalSpec(language="none")).terms("Straße ﬁx ＡＢＣ") == ["strasse", "fix", "abc"]


def test_character_ngrams_run_over_word_boundaries():
    assert Lexicon(LexicalSpec(ngram=4, language="none")).terms("a tap!") == [" a t", "a ta", " tap", "tap "]


def test_a_text_shorter_than_an_ngram_has_no_terms():
    assert Lexicon(LexicalSpec(ngram=8, language="none")).terms("ab") == []


def test_bm25_weighs_a_worked_example_as_the_formula_says():
    lexicon = Lexicon(LexicalSpec(k1=1.2, b=0.75, average_length=4.0))
    # "tap" twice and "leak" once: length 3, saturation 1.2 * (0.25 + 0.75 * 3 / 4) = 0.975.
    expected = [1 * 2.2 / (1 + 0.975), 2 * 2.2 / (2 + 0.975)]
    np.testing.assert_allclose(weights(lexicon, "tap tap leak"), expected, rtol=1e-6)


def test_tfidf_documents_have_length_one_and_logarithmic_counts():
    lexicon = Lexicon(LexicalSpec(weighting="tfidf", language="none"))
    norm = math.hypot(1.0, 1 + math.log(2))
    np.testing.assert_allclose(weights(lexicon, "tap tap leak"), [1 / norm, (1 + math.log(2)) / norm], rtol=1e-6)


def test_a_query_counts_repeated_terms():
    vector = Lexicon(LexicalSpec()).query("tap tap leak")
    assert sorted(vector.values.tolist()) == [1.0, 2.0]


def test_the_average_length_is_measured_once_and_kept():
    lexicon = Lexicon(LexicalSpec()).fitted(["tap leak", "tap leak sink pipe"])
    assert lexicon.spec.average_length == 3.0
    assert lexicon.fitted(["one two three four five"]).spec.average_length == 3.0


def test_an_empty_sample_is_refused_where_bm25_needs_one():
    with pytest.raises(InvalidInputError, match="give a sample"):
        Lexicon(LexicalSpec()).fitted([])
    assert Lexicon(LexicalSpec(weighting="tfidf")).fitted([]).spec.average_length is None


def test_a_sample_without_words_keeps_the_formula_defined():
    assert Lexicon(LexicalSpec()).fitted(["!", "?"]).spec.average_length == 1.0


def test_vowel_signs_stay_in_their_word():
    assert Lexicon(LexicalSpec(language="none")).terms("हिन्दी में é") == ["हिन्दी", "में", "é"]


def test_bm25_without_an_average_length_is_refused():
    with pytest.raises(InvalidInputError, match="needs an average length"):
        Lexicon(LexicalSpec()).document("tap")


@pytest.mark.parametrize("text", ["", "  \n", "the of and", "!?…"])
def test_a_text_without_terms_is_an_empty_vector(text):
    lexicon = Lexicon(LexicalSpec(average_length=3.0))
    assert lexicon.document(text).indices.shape == (0,)
    assert lexicon.query(text).values.shape == (0,)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"language": "klingon"}, "language must be one of none, "),
        ({"weighting": "bm42"}, "weighting must be bm25 or tfidf, got 'bm42'"),
        ({"ngram": -1}, "ngram must be 0"),
        ({"k1": -1.0}, "k1 must be at least 0"),
        ({"b": float("nan")}, "b in"),
        ({"k1": float("inf")}, "k1 must be"),
        ({"average_length": 0.0}, "average_length must be above 0"),
    ],
)
def test_values_without_meaning_are_refused(options, message):
    with pytest.raises(InvalidInputError, match=message):
        LexicalSpec(**options)


@given(st.text(max_size=200), st.sampled_from([0, 3, 4]))
def test_any_text_gives_positive_finite_weights_on_distinct_terms(text, ngram):
    lexicon = Lexicon(LexicalSpec(ngram=ngram, average_length=5.0))
    for vector in (lexicon.document(text), lexicon.query(text)):
        assert vector.indices.dtype == np.uint32
        assert len(set(vector.indices.tolist())) == len(vector.indices)
        assert np.isfinite(vector.values).all()
        assert (vector.values > 0).all()


@given(st.lists(st.sampled_from(["tap", "leak", "sink", "pipe"]), min_size=1, max_size=30), st.randoms())
def test_the_order_of_words_does_not_matter(words, random):
    lexicon = Lexicon(LexicalSpec(average_length=5.0))
    shuffled = random.sample(words, len(words))
    assert Counter(weights(lexicon, " ".join(words))) == Counter(weights(lexicon, " ".join(shuffled)))
