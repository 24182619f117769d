import json
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nearfield.errors import InvalidInputError
from nearfield.evaluation.decision import MOST_QUERIES, Decision, decide
from nearfield.report import frozen


def shifted(base, by, *, noise=0.05, seed=1):
    """Scores that differ from `base` by exactly `by` in the mean, with a standard deviation of exactly `noise`."""
    drawn = np.random.default_rng(seed).normal(size=len(base))
    return base + by + noise * (drawn - drawn.mean()) / drawn.std(ddof=1)


BASE = np.random.default_rng(0).uniform(0.2, 0.8, 400)
COSTS = {"cheap": 1.0, "middle": 2.0, "dear": 3.0}


def three(cheap, middle, **options):
    scores = {
        "cheap": shifted(BASE, cheap, **options),
        "middle": shifted(BASE, middle, seed=2, **options),
        "dear": BASE,
    }
    return decide(scores, COSTS, metric="ndcg@10")


def test_the_cheapest_of_those_as_good_as_the_best_is_chosen():
    decision = three(-0.001, -0.002)
    assert (decision.status, decision.chosen, decision.provisional) == ("decided", "cheap", "cheap")
    assert decision.best == "dear"
    assert decision.verdicts == {"cheap": "good", "middle": "good", "dear": "good"}
    assert "As good as the best (dear) within 0.01: cheap, middle and dear. cheap is the cheapest" in decision.why
    assert decision.why.startswith("cheap: ndcg@10 0.")


def test_a_cheap_candidate_that_is_worse_is_passed_over():
    decision = three(-0.05, -0.001)
    assert decision.verdicts["cheap"] == "worse"
    assert decision.chosen == "middle"
    assert decision.blocking == ()
    assert decision.more_queries is None


def test_the_best_is_chosen_if_no_other_is_as_good():
    decision = three(-0.05, -0.06)
    assert decision.chosen == "dear"
    assert "no other is shown to be as good within 0.01" in decision.why
    assert decision.rivals == ()


def test_an_unclear_cheaper_candidate_leaves_it_undecided_with_a_safe_choice():
    decision = three(-0.008, -0.001)
    assert decision.verdicts == {"cheap": "unclear", "middle": "good", "dear": "good"}
    assert (decision.status, decision.chosen, decision.provisional) == ("undecided", None, "middle")
    assert decision.blocking == ("cheap",)
    assert "cheap is cheaper than middle and may be as good" in decision.why
    assert "Until then the safe choice is middle" in decision.why


def test_an_unclear_dearer_candidate_does_not_block_but_is_named():
    scores = {"cheap": BASE, "dear": shifted(BASE, -0.005, noise=0.3)}
    decision = decide(scores, {"cheap": 1, "dear": 2})
    assert decision.verdicts["dear"] == "unclear"
    assert decision.chosen == "cheap"
    assert decision.rivals == ("dear",)
    assert (
        "Not ruled out by these queries: that dear, no cheaper, is better than cheap by more than 0.01" in decision.why
    )


def test_an_unclear_candidate_of_the_same_cost_does_not_block_but_is_named():
    decision = decide({"one": BASE, "other": shifted(BASE, -0.005, noise=0.3)}, {"one": 1, "other": 1})
    assert (decision.verdicts["other"], decision.chosen, decision.rivals) == ("unclear", "one", ("other",))


def test_the_queries_that_would_settle_it_are_worked_out_by_the_normal_distribution():
    decision = three(-0.008, -0.001)
    # Two candidates compared: one-sided 0.0125 gives 2.2414, a power of 80 % 0.8416; the distance is 0.002.
    needed = ((2.2414 + 0.8416) * 0.05 / 0.002) ** 2 - len(BASE)
    assert needed <= decision.more_queries <= needed * 1.1
    assert f"About {decision.more_queries:,} more judged queries would settle it" in decision.why


def test_as_many_queries_as_predicted_usually_settle_it():
    settled = 0
    costs = {"cheap": 1, "dear": 2}
    premise = shifted(np.zeros(100), -0.005, noise=0.06)
    more = decide({"cheap": premise, "dear": np.zeros(100)}, costs).more_queries
    for seed in range(20):
        drawn = np.random.default_rng(seed).normal(-0.005, 0.06, 100 + more)
        settled += decide({"cheap": drawn, "dear": np.zeros(100 + more)}, costs).status == "decided"
    # Four in five are meant to; fewer than 12 of 20 would be an accident of 1 in 100.
    assert settled >= 12


def test_a_difference_that_sits_on_the_margin_cannot_be_settled():
    decision = three(-0.01, -0.001)
    assert decision.more_queries == MOST_QUERIES
    assert "More than 100,000 more judged queries would settle it" in decision.why


def test_the_best_of_equals_is_the_cheaper():
    decision = decide({"dear": BASE, "cheap": BASE}, {"dear": 2, "cheap": 1})
    assert (decision.best, decision.chosen) == ("cheap", "cheap")


def test_constant_scores_are_equal():
    decision = decide({"a": np.zeros(20), "b": np.zeros(20)}, {"a": 2, "b": 1})
    assert decision.chosen == "b"
    assert decision.candidates["a"].difference.low == 0.0
    assert decision.candidates["a"].p == 1.0


def test_a_single_candidate_is_chosen():
    decision = decide({"only": BASE}, {"only": 5})
    assert decision.chosen == "only"
    assert decision.why.endswith("It is the only candidate.")


def test_one_query_decides_nothing():
    decision = decide({"a": [0.9], "b": [0.1]}, {"a": 2, "b": 1})
    assert (decision.status, decision.chosen, decision.provisional, decision.more_queries) == (
        "undecided",
        None,
        "a",
        None,
    )
    assert "One judged query" in decision.why
    assert math.isnan(decision.candidates["b"].difference.low)
    assert decide({"only": [0.9]}, {"only": 1}).status == "undecided"


def test_a_handful_of_equal_queries_decides_nothing():
    scores = {"a": np.full(5, 0.5), "b": np.full(5, 0.5), "c": np.full(5, 0.5)}
    decision = decide(scores, {"a": 2, "b": 1, "c": 3})
    assert decision.verdicts == {"a": "unclear", "b": "good", "c": "unclear"}
    # The best of equals is the cheapest, so nothing cheaper is in doubt.
    assert decision.chosen == "b"
    worse = decide({"a": np.full(5, 0.501), "b": np.full(5, 0.5)}, {"a": 2, "b": 1})
    assert (worse.status, worse.more_queries) == ("undecided", 1)


def test_what_counts_as_good_is_corrected_for_the_number_of_candidates():
    near = shifted(BASE, -0.005, noise=0.047)
    alone = decide({"near": near, "best": BASE}, {"near": 1, "best": 2})
    assert alone.verdicts["near"] == "good"
    others = {f"other {i}": shifted(BASE, -0.01, noise=0.3, seed=i) for i in range(10)}
    crowd = decide({"near": near, "best": BASE, **others}, {"near": 1, "best": 2, **dict.fromkeys(others, 3)})
    assert crowd.verdicts["near"] == "unclear"
    # The plain interval is the same; only the corrected one, which the verdict is read from, is wider.
    assert crowd.differences["near"] == alone.differences["near"]
    assert crowd.candidates["near"].corrected.low <= -0.01 < crowd.differences["near"].low
    assert crowd.candidates["near"].p_margin > 0.025 >= alone.candidates["near"].p_margin


difference = st.integers(-8, 8).map(lambda i: i / 40)


@settings(max_examples=40)
@given(st.lists(st.tuples(difference, difference, difference), min_size=10, max_size=40), st.permutations([1, 2, 3, 4]))
def test_a_verdict_agrees_with_the_interval_it_is_read_from(rows, costs):
    columns = np.array(rows).T
    scores = {"a": np.zeros(len(rows)), **dict(zip("bcd", columns, strict=True))}
    decision = decide(scores, dict(zip("abcd", costs, strict=True)))
    for name, candidate in decision.candidates.items():
        if name != decision.best:
            is_good, is_worse = candidate.corrected.low > -0.01, candidate.corrected.high < -0.01
            assert candidate.verdict == ("good" if is_good else "worse" if is_worse else "unclear")
            assert (candidate.p_margin <= 0.025) == is_good
            assert candidate.corrected.low <= candidate.difference.low
            assert candidate.corrected.high >= candidate.difference.high
    good = [name for name, verdict in decision.verdicts.items() if verdict == "good"]
    assert decision.best in good
    assert decision.candidates[decision.provisional].cost == min(decision.candidates[name].cost for name in good)
    assert (decision.chosen is None) == bool(decision.blocking) == (decision.status == "undecided")


@settings(max_examples=20)
@given(st.integers(0, 10**6))
def test_adding_the_same_to_all_scores_changes_no_verdict(seed):
    generator = np.random.default_rng(seed)
    scores = {name: generator.integers(0, 64, 30) / 64 for name in COSTS}
    # Sums of 64ths are exact, so that not even the last bit differs.
    raised = {name: values + 0.5 for name, values in scores.items()}
    assert decide(scores, COSTS).verdicts == decide(raised, COSTS).verdicts


def test_a_decision_repeats_and_survives_json():
    first, again = three(-0.008, -0.001), three(-0.008, -0.001)
    assert first == again
    assert frozen.from_json(Decision, json.loads(json.dumps(frozen.to_json(first)))) == first


def test_arguments_are_not_changed():
    scores = {"a": np.array([0.1, 0.5, 0.9]), "b": np.array([0.2, 0.5, 0.7])}
    before = {name: values.copy() for name, values in scores.items()}
    decide(scores, {"a": 1, "b": 2})
    for name, values in scores.items():
        np.testing.assert_array_equal(values, before[name])


@pytest.mark.parametrize(
    ("scores", "costs", "options", "message"),
    [
        ({}, {}, {}, "at least one candidate"),
        ({"a": [0.1, 0.2], "b": [0.1]}, {"a": 1, "b": 1}, {}, "of the same queries: 'a' has 2, 'b' 1"),
        ({"a": [0.1, math.nan]}, {"a": 1}, {}, "scores of 'a' must be finite: number 1"),
        ({"a": []}, {"a": 1}, {}, "scores of 'a' must have shape"),
        ({"a": [0.1]}, {}, {}, "costs must hold a finite number for 'a', got None"),
        ({"a": [0.1]}, {"a": math.inf}, {}, "for 'a', got inf"),
        ({"a": [0.1]}, {"a": 1}, {"margin": -0.1}, "margin must be at least 0 and finite, got -0.1"),
        ({"a": [0.1]}, {"a": 1}, {"margin": math.nan}, "margin must be at least 0"),
        ({"a": [0.1]}, {"a": 1}, {"level": 1.0}, "level must be between 0 and 1"),
    ],
)
def test_input_that_makes_no_sense_is_refused(scores, costs, options, message):
    with pytest.raises(InvalidInputError, match=message):
        decide(scores, costs, **options)


def test_costs_that_differ_by_less_than_a_fifth_or_the_least_saving_count_as_equal():
    scores = {"better": [0.505] * 40, "other": [0.5] * 40}
    assert decide(scores, {"better": 1.0, "other": 0.85}).chosen == "better"
    assert decide(scores, {"better": 1.0, "other": 0.75}).chosen == "other"
    assert decide(scores, {"better": 1.0, "other": 0.75}, least_saving=0.3).chosen == "better"
    assert decide(scores, {"better": 0.85, "other": 1.0}).chosen == "better"
