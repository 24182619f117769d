import json
import math

import numpy as np
import pytest
import scipy.stats
from tiny_words import CATEGORIES, ENTAILMENT, PAIRS, QUESTIONS, SETS, tiny_space

from nearfield.data.word_sets import AnalogySet, CategorySet, PairSet
from nearfield.errors import InvalidInputError
from nearfield.evaluation.intrinsic import evaluate_intrinsic
from nearfield.space.space import Space
from nearfield.space.subwords import Subwords


def evaluate(space, *sets, **options):
    return evaluate_intrinsic(space, sets, resamples=200, **options)


def test_correlations_are_those_of_the_covered_pairs():
    space = tiny_space(0.3)
    report = evaluate(space, PAIRS)
    covered = [(pair, score) for pair, score in zip(PAIRS.pairs, PAIRS.scores, strict=True) if "unicorn" not in pair]
    cosines = [space.similarity(a.lower(), b) for (a, b), _ in covered]
    gold = [score for _, score in covered]
    spearman, pearson = report.result("pairs").scores
    assert spearman.estimate.mean == pytest.approx(scipy.stats.spearmanr(gold, cosines)[0])
    assert pearson.estimate.mean == pytest.approx(scipy.stats.pearsonr(gold, cosines)[0])
    assert (spearman.items, report.result("pairs").covered, report.result("pairs").total) == (5, 5, 6)
    assert spearman.estimate.low <= spearman.estimate.mean <= spearman.estimate.high


def test_a_missing_word_as_the_zero_vector_has_similarity_zero():
    space = tiny_space()
    report = evaluate(space, PAIRS, missing="zero")
    cosines = [0.0 if "unicorn" in (a, b) else space.similarity(a.lower(), b) for a, b in PAIRS.pairs]
    assert report.score("pairs").estimate.mean == pytest.approx(scipy.stats.spearmanr(PAIRS.scores, cosines)[0])
    assert (report.score("pairs").items, report.result("pairs").covered) == (6, 5)


def test_analogies_are_counted_in_total_by_kind_and_by_section():
    report = evaluate(tiny_space(), QUESTIONS)
    found = {(s.measure, s.section): (s.estimate.mean, s.items) for s in report.result("capitals").scores}
    # cat : dog = saw : axe in this space, so the question that wants "file" is wrong.
    assert found["accuracy, 3CosAdd", ""] == (20 / 21, 21)
    assert found["accuracy, 3CosAdd", "semantic"] == found["accuracy, 3CosAdd", "capital"] == (1.0, 20)
    assert found["accuracy, 3CosAdd", "syntactic"] == found["accuracy, 3CosAdd", "gram1-other"] == (0.0, 1)
    assert {measure for measure, _ in found} == {"accuracy, 3CosAdd", "accuracy, 3CosMul"}
    assert report.result("capitals").scores[0].measure == "accuracy, 3CosAdd"


def test_questions_with_missing_words_are_left_out_or_wrong():
    assert evaluate(tiny_space(), QUESTIONS, missing="zero").score("capitals").estimate.mean == pytest.approx(20 / 22)
    assert evaluate(tiny_space(), QUESTIONS).result("capitals").covered == 21


def test_the_vocabulary_limits_questions_and_answers():
    report = evaluate(tiny_space(), QUESTIONS, vocabulary=10)
    # The first ten keys are animals, tools, and two countries with their capitals.
    assert report.score("capitals").items == 3
    assert "Only the first 10 keys count." in str(report)


def test_ignoring_case_finds_the_first_variant():
    space = tiny_space()
    at = space.positions(["cat", "france"]) + 1
    doubled = Space(
        np.insert(np.array(space.keys, object), at, ["CAT", "France"]), np.insert(space.vectors, at, 1.0, axis=0)
    )
    ignoring = evaluate(doubled, QUESTIONS, PAIRS, case="ignore")
    assert ignoring.score("capitals").estimate == evaluate(space, QUESTIONS).score("capitals").estimate
    assert ignoring.score("pairs").estimate == evaluate(space, PAIRS).score("pairs").estimate
    assert evaluate(doubled, QUESTIONS).score("capitals").estimate.mean < 20 / 21
    assert evaluate(space, QUESTIONS, case="exact").result("capitals").covered == 1


def test_categories_are_found_by_clusters():
    report = evaluate(tiny_space(), CATEGORIES)
    purity, information = report.result("kinds").scores
    assert (purity.measure, purity.estimate.mean, purity.items) == ("purity", 1.0, 6)
    assert (information.measure, information.estimate.mean) == ("NMI", pytest.approx(1))
    assert math.isnan(information.estimate.low)
    assert evaluate(tiny_space(), CATEGORIES, missing="zero").score("kinds").items == 7


def test_entailment_tells_direction_only_by_length():
    report = evaluate(tiny_space(), ENTAILMENT)
    scores = {score.measure: score for score in report.result("kind-of").scores}
    # Both directions of cat and animal have one cosine: the positives are at 2 of 3.
    assert scores["AP, cosine"].estimate.mean == pytest.approx(2 / 3)
    assert scores["AP, cosine + length"].estimate.mean == 1.0
    assert (scores["second longer"].estimate.mean, scores["second longer"].items) == (1.0, 2)
    assert [score.chance for score in report.result("kind-of").scores] == [0.4, 0.4, 0.5]


def test_graded_entailment_is_a_correlation():
    graded = PairSet("graded", "entailment", ENTAILMENT.pairs, (6.0, 1.0, 0.5, 5.0, 0.2))
    measures = [score.measure for score in evaluate(tiny_space(), graded).result("graded").scores]
    assert measures == ["Spearman, cosine", "Spearman, cosine + length"]


def test_words_made_of_ngrams_are_counted():
    table = np.random.default_rng(0).normal(size=(50, 12)).astype(np.float32)
    report = evaluate(tiny_space(subwords=Subwords(table, 3, 4)), PAIRS, CATEGORIES)
    assert [(result.covered, result.composed) for result in report.results] == [(6, 1), (7, 1)]
    assert "2 times a word that is no key got a vector made of its n-grams." in str(report)


@pytest.mark.parametrize(
    "nothing",
    [
        PairSet("none", "similarity", (("x", "y"),), (1.0,)),
        PairSet("none", "entailment", (("x", "y"),), (1.0,)),
        AnalogySet("none", (("x", "y", "z", "w"),), ("",)),
        CategorySet("none", ("x",), ("y",)),
    ],
)
def test_a_set_of_unknown_words_has_no_score_and_says_so(nothing):
    report = evaluate(tiny_space(), nothing)
    assert (report.result("none").scores, report.result("none").covered) == ((), 0)
    assert "0 of 1 " in str(report)
    assert json.dumps(report.to_json(), allow_nan=False)
    with pytest.raises(InvalidInputError, match="none has no score None of section ''; its measures are none"):
        report.score("none")


def test_a_single_pair_has_no_correlation_and_a_single_question_no_interval():
    pair = PairSet("pair", "similarity", (("cat", "dog"),), (1.0,))
    question = AnalogySet("question", QUESTIONS.questions[:1], ("",))
    report = evaluate(tiny_space(), pair, question)
    assert math.isnan(report.score("pair").estimate.mean)
    assert report.score("question").estimate.mean == 1
    assert math.isnan(report.score("question").estimate.low)


def test_a_space_too_small_for_analogies_has_no_accuracy():
    space = tiny_space().select(["cat", "dog", "saw"])
    assert evaluate(space, AnalogySet("q", (("cat", "dog", "saw", "saw"),), ("",))).result("q").scores == ()


def test_the_same_seed_gives_the_same_report():
    space = tiny_space(0.5)
    assert evaluate(space, *SETS, seed=3).to_json() == evaluate(space, *SETS, seed=3).to_json()
    assert evaluate(space, PAIRS, seed=3) != evaluate(space, PAIRS, seed=4)


def test_the_report_prints_what_it_found():
    text = str(evaluate(tiny_space(), *SETS, name="tiny"))
    assert text.startswith("tiny: 17 keys, 12 dimensions\n")
    for part in ("5 of 6 pairs", "21 of 22 questions", "6 of 7 words", "3CosMul, semantic", "95% interval", "chance"):
        assert part in text
    assert "capital " not in text  # sections are in the JSON and on the page
    assert "chance" not in str(evaluate(tiny_space(), PAIRS))


def test_a_set_that_is_not_there_is_named():
    with pytest.raises(InvalidInputError, match="the report has no set 'men'; it has pairs"):
        evaluate(tiny_space(), PAIRS).result("men")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"missing": "mean"}, "missing must be one of skip, zero, got 'mean'"),
        ({"restarts": 0}, "restarts must be at least 1, got 0"),
        ({"level": 1}, "level must be between 0 and 1"),
        ({"resamples": 10}, "resamples must be at least 100"),
        ({"case": "any"}, "case must be one of"),
    ],
)
def test_options_that_make_no_sense_are_refused(options, message):
    with pytest.raises(InvalidInputError, match=message):
        evaluate_intrinsic(tiny_space(), [PAIRS], **options)


def test_progress_tells_of_analogies():
    told = []
    evaluate(tiny_space(), QUESTIONS, progress=lambda *arguments: told.append(arguments))
    assert {what for what, _, _ in told} == {"capitals by 3CosAdd", "capitals by 3CosMul"}
    assert told[-1][1:] == (21, 21)
