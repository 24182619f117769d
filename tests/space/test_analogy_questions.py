"""Bulk analogies against a plain oracle, and against gensim."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nearfield.arrays import normalise
from nearfield.errors import InvalidInputError
from nearfield.space import analogy_questions
from nearfield.space.analogy_questions import answer_analogies

METHODS = ("3CosAdd", "3CosMul", "PairDirection")


def oracle_scores(vectors, question, method):
    x = vectors.astype(np.float64)
    a, b, c = x[question]
    if method == "3CosAdd":
        scores = x @ (b - a + c)
    elif method == "3CosMul":
        scores = (1 + x @ b) / 2 * (1 + x @ c) / 2 / ((1 + x @ a) / 2 + 1e-6)
    else:
        away = x - c
        lengths = np.linalg.norm(away, axis=1)
        scores = np.divide(away @ (b - a), lengths, out=np.zeros(len(x)), where=lengths > 0)
    scores[question] = -np.inf
    return scores


@pytest.mark.parametrize("method", METHODS)
def test_woman_is_to_queen_as_man_is_to_king(method):
    vectors = normalise(
        np.array([[1, 1, 0, 0.1], [1, -1, 0, 0.1], [0, 1, 0.1, 1], [0, -1, 0.1, 1], [0, 0.1, 1, 0]], np.float32)
    )
    king, queen, man, woman, _ = range(5)
    found = answer_analogies(vectors, np.array([[man, king, woman], [king, queen, man]]), method=method)
    assert found.tolist() == [queen, woman]


@pytest.mark.parametrize("method", METHODS)
@given(data=st.data())
@settings(max_examples=40, deadline=None)
def test_bulk_answers_are_the_best_of_a_plain_search(method, data):
    n, d, m = (data.draw(st.integers(*bounds)) for bounds in ((4, 30), (3, 8), (0, 9)))
    rng = np.random.default_rng(data.draw(st.integers(0, 1000)))
    vectors = normalise(rng.standard_normal((n, d)).astype(np.float32) + 0.01)
    vectors[n // 2 :: 3] = vectors[0]  # rows that are equal
    questions = rng.integers(0, n, (m, 3))
    with pytest.MonkeyPatch.context() as patch:  # several blocks, although there is little
        patch.setattr(analogy_questions, "_FEWEST_ROWS", 7)
        patch.setattr(analogy_questions, "_MOST_ROWS", 7)
        patch.setattr(analogy_questions, "_QUESTIONS_AT_ONCE", 4)
        patch.setattr(analogy_questions, "_CHUNK", 2)
        found = answer_analogies(vectors, questions, method=method)
    assert found.shape == (m,)
    for question, row in zip(questions, found, strict=True):
        scores = oracle_scores(vectors, question, method)
        assert row not in question
        assert scores[row] >= scores.max() - 2e-5 * max(1, scores.max())


def test_of_equal_rows_the_earlier_answers(monkeypatch):
    monkeypatch.setattr(analogy_questions, "_MOST_ROWS", 256)  # equal rows in several blocks
    vectors = normalise(np.random.default_rng(0).standard_normal((3, 4)).astype(np.float32))
    vectors = np.concatenate([vectors, np.repeat(normalise(vectors.sum(axis=0)[None]), 600, axis=0)])
    for method in METHODS:
        assert answer_analogies(vectors, np.array([[0, 1, 2]]), method=method).tolist() == [3]


def test_pair_direction_tells_rows_apart_that_are_next_to_what_is_asked_with():
    rng = np.random.default_rng(0)
    a, b, c = normalise(rng.standard_normal((3, 8)).astype(np.float32))
    around = normalise(c + 1e-4 * rng.standard_normal((400, 8)).astype(np.float32))
    vectors = np.concatenate([[a, b, c], around])
    (found,) = answer_analogies(vectors, np.array([[0, 1, 2]]), method="PairDirection")
    assert found == oracle_scores(vectors, np.array([0, 1, 2]), "PairDirection").argmax()


def test_progress_ends_with_all_questions():
    seen = []
    vectors = normalise(np.random.default_rng(0).standard_normal((9, 4)).astype(np.float32))
    answer_analogies(vectors, np.array([[0, 1, 2]] * 5), progress=lambda *step: seen.append(step))
    assert seen[-1] == ("analogies", 5, 5)


@pytest.mark.parametrize(
    ("rows", "questions", "method", "message"),
    [
        (3, [[0, 1, 2]], "3CosAdd", "at least 4 vectors, three to ask with and one to find; got 3"),
        (4, [[0, 1]], "3CosAdd", r"shape \(m, 3\), got \(1, 2\)"),
        (4, [[0, 1, 4]], "3CosAdd", "rows from 0 to 3, got 0 to 4"),
        (4, [[-1, 1, 2]], "3CosAdd", "rows from 0 to 3, got -1 to 2"),
        (4, [[0, 1, 2]], "cosine", "one of 3CosAdd, 3CosMul, PairDirection, got 'cosine'"),
    ],
)
def test_questions_that_cannot_be_asked_are_refused(rows, questions, method, message):
    with pytest.raises(InvalidInputError, match=message):
        answer_analogies(np.eye(rows, dtype=np.float32), np.array(questions), method=method)
