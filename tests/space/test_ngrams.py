"""Character n-grams of many words at once, against one word after the other."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from nearfield.space.ngrams import add_ngrams, ngram_rows_of
from nearfield.space.subwords import Subwords, ngram_rows


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.text(max_size=12), min_size=1, max_size=8), st.integers(1, 4), st.integers(0, 4), st.integers(1, 999)
)
def test_many_words_have_the_ngrams_of_each(words, min_n, more, buckets):
    sizes = {"min_n": min_n, "max_n": min_n + more, "buckets": buckets}
    rows, counts = ngram_rows_of(words, **sizes)
    assert counts.sum() == len(rows)
    for word, found in zip(words, np.split(rows, np.cumsum(counts)[:-1]), strict=True):
        assert sorted(found) == sorted(ngram_rows(word, **sizes))


def test_words_and_their_ngrams_are_averaged():
    rng = np.random.default_rng(0)
    words = ["cat", "", "a", "naïve", *[f"w{number}" for number in range(2000)]]
    own, table = rng.normal(size=(len(words), 4)).astype(np.float32), rng.normal(size=(50, 4)).astype(np.float32)
    made = add_ngrams(words, own, Subwords(table, 3, 5))
    for row, word in enumerate(words):
        parts = [own[row], *table[ngram_rows(word, min_n=3, max_n=5, buckets=50)]]
        np.testing.assert_allclose(made[row], np.mean(parts, axis=0), rtol=1e-5, atol=1e-6)


def test_ngrams_longer_than_any_word_cost_nothing():
    rows, counts = ngram_rows_of(["cat", ""], min_n=3, max_n=2**31 - 1, buckets=9)
    assert sorted(rows[: counts[0]]) == sorted(ngram_rows("cat", min_n=3, max_n=5, buckets=9))
    rows, counts = ngram_rows_of(["cat"], min_n=2**31 - 1, max_n=2**31 - 1, buckets=9)
    assert (len(rows), list(counts)) == (0, [0])
