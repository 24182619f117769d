import json
import math

import numpy as np
import pytest
from tiny_words import CATEGORIES, PAIRS, QUESTIONS, SETS, tiny_space

from nearfield.data.word_sets import PairSet
from nearfield.errors import InvalidInputError
from nearfield.evaluation.intrinsic import evaluate_intrinsic
from nearfield.evaluation.intrinsic_comparison import compare_spaces
from nearfield.evaluation.significance import holm
from nearfield.space.space import Space

WORDS = [f"w{i}" for i in range(200)]


def judged_space(noise, *, keys=WORDS):
    """Pairs of words whose cosines follow the judgements, less so the more noise there is."""
    rng = np.random.default_rng(5)
    angles = np.linspace(0, 1.5, 100) + noise * rng.normal(size=100)
    vectors = np.empty((200, 2))
    vectors[::2], vectors[1::2] = [1, 0], np.stack([np.cos(angles), np.sin(angles)], axis=1)
    return Space(WORDS, vectors).select(keys)


JUDGED = PairSet(
    "judged", "similarity", tuple(zip(WORDS[::2], WORDS[1::2], strict=True)), tuple(float(-i) for i in range(100))
)


def test_a_space_is_tied_with_itself():
    comparison = compare_spaces({"a": tiny_space(), "b": tiny_space()}, SETS, resamples=200)
    assert {one.verdict for one in comparison.differences} == {"tied"}
    assert {one.difference.mean for one in comparison.differences} == {0.0}
    assert {one.p for one in comparison.differences} == {1.0}


def test_the_better_space_is_better_whichever_comes_first():
    good, bad = judged_space(0.01), judged_space(2)
    (one,) = compare_spaces({"good": good, "bad": bad}, [JUDGED], resamples=500).differences
    (other,) = compare_spaces({"bad": bad, "good": good}, [JUDGED], resamples=500).differences
    assert (one.verdict, other.verdict) == ("worse", "better")
    assert one.p == other.p < 0.05
    assert one.difference.mean == -other.difference.mean == one.other - one.first
    assert one.corrected.high < 0 < other.corrected.low


def test_scores_are_those_of_an_evaluation_on_the_shared_keys():
    space = tiny_space(0.2)
    small = space.select([key for key in space.keys if key != "cow"])
    comparison = compare_spaces({"all": space, "small": small}, SETS, resamples=200)
    report = evaluate_intrinsic(small, SETS, resamples=200)
    for one, result in zip(comparison.differences, report.results, strict=True):
        score = result.scores[0]
        assert (one.measure, one.items, one.total) == (score.measure, score.items, result.total)
        assert one.first == pytest.approx(score.estimate.mean) == one.other
    assert comparison.shared == 16


def test_what_makes_an_item_hard_for_both_does_not_widen_the_difference():
    hard = judged_space(1)
    other = hard.with_vectors(hard.vectors + 0.01 * np.random.default_rng(1).normal(size=hard.vectors.shape))
    (one,) = compare_spaces({"hard": hard, "other": other}, [JUDGED], resamples=500).differences
    alone = evaluate_intrinsic(hard, [JUDGED], resamples=500).score("judged").estimate
    assert one.difference.high - one.difference.low < (alone.high - alone.low) / 5


def test_three_spaces_are_corrected_together():
    spaces = {"a": judged_space(0.2), "b": judged_space(0.5), "c": judged_space(2)}
    comparison = compare_spaces(spaces, [JUDGED], resamples=1000)
    alone = [
        compare_spaces({"a": spaces["a"], name: spaces[name]}, [JUDGED], resamples=1000).differences[0].p
        for name in ("b", "c")
    ]
    assert [one.p for one in comparison.differences] == pytest.approx(holm(alone).tolist())
    assert [one.space for one in comparison.differences] == ["b", "c"]
    assert "space" in str(comparison).splitlines()[2]


def test_a_handful_of_equal_items_proves_nothing():
    right = tiny_space()
    wrong = right.with_vectors(np.random.default_rng(0).normal(size=right.vectors.shape))
    three = type(QUESTIONS)("three", QUESTIONS.questions[:3], ("",) * 3)
    (one,) = compare_spaces({"wrong": wrong, "right": right}, [three], resamples=200).differences
    assert (one.difference.low, one.verdict) == (1.0, "tied")
    assert one.p == pytest.approx(0.25)


def test_sets_of_words_that_are_not_shared_are_tied_without_a_score():
    nothing = PairSet("none", "similarity", (("x", "y"),), (1.0,))
    comparison = compare_spaces({"a": tiny_space(), "b": tiny_space()}, [nothing, PAIRS], resamples=200)
    one = comparison.differences[0]
    assert (one.items, one.verdict, one.p) == (0, "tied", 1.0)
    assert math.isnan(one.difference.mean)
    assert json.dumps(comparison.to_json(), allow_nan=False)


def test_it_prints_both_scores_and_the_verdict():
    text = str(compare_spaces({"a": judged_space(0.01), "b": judged_space(2)}, [JUDGED, CATEGORIES], resamples=300))
    assert text.startswith("b against a, on the 200 keys of all\n")
    for part in ("100 of 100", "worse", "0 of 7", "Holm-corrected over 2\ncomparisons"):
        assert part in text


@pytest.mark.parametrize(
    ("spaces", "message"),
    [
        ({"a": tiny_space()}, "at least two spaces by name, got 1"),
        ({"a": tiny_space(), "b": judged_space(1)}, "the spaces a, b share no key"),
    ],
)
def test_what_cannot_be_compared_is_refused(spaces, message):
    with pytest.raises(InvalidInputError, match=message):
        compare_spaces(spaces, [PAIRS])


def test_progress_names_the_space():
    told = []
    spaces = {"a": tiny_space(), "b": tiny_space()}
    compare_spaces(spaces, [QUESTIONS], resamples=100, progress=lambda *arguments: told.append(arguments[0]))
    assert set(told) == {"a: capitals by 3CosAdd", "b: capitals by 3CosAdd"}
