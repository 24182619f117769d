import math
import statistics

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nearfield.errors import InvalidInputError
from nearfield.retrieval.fusion import FUSION_METHODS, fuse

scores = st.floats(-100, 100).map(lambda x: round(x, 3))
legs = st.lists(st.dictionaries(st.sampled_from("abcdefgh"), scores, min_size=1), min_size=1, max_size=4)


def plain_zscore(rankings):
    """The definition, one candidate at a time."""
    ids = {id_ for leg in rankings for id_ in leg}
    fused = dict.fromkeys(ids, 0.0)
    for leg in rankings:
        filled = {id_: leg.get(id_, min(leg.values())) for id_ in ids}
        mean, spread = statistics.fmean(filled.values()), statistics.pstdev(filled.values())
        for id_ in ids if spread > 1e-7 else ():
            fused[id_] += (filled[id_] - mean) / spread / len(rankings)
    return fused


def test_zscore_fusion_of_a_worked_example():
    fused = dict(fuse([{"a": 4.0, "b": 2.0}, {"b": 0.9, "c": 0.1}]))
    # The legs' scores of a, b, c are 4, 2, 2 and 0.1, 0.9, 0.1: each has one value two thirds above the mean.
    high, low = 2 / math.sqrt(2), -1 / math.sqrt(2)
    assert fused == pytest.approx({"a": (high + low) / 2, "b": (low + high) / 2, "c": low})


def test_reciprocal_ranks_of_a_worked_example():
    fused = dict(fuse([{"a": 4.0, "b": 2.0}, {"b": 0.9}], method="rrf"))
    assert fused["b"] == pytest.approx((1 / 62 + 1 / 61) / 2)
    assert fused["a"] == pytest.approx((1 / 61) / 2)


def test_weights_decide_how_much_a_leg_counts():
    rankings = [{"a": 1.0, "b": 0.0}, {"b": 1.0, "a": 0.0}]
    assert next(iter(fuse(rankings, weights=[0.9, 0.1])))[0] == "a"
    assert next(iter(fuse(rankings, weights=[0.1, 0.9])))[0] == "b"


def test_ties_are_ordered_by_id():
    assert [id_ for id_, _ in fuse([{"b": 1.0, "a": 1.0}, {"c": 1.0, "d": 1.0}])] == ["a", "b", "c", "d"]


def test_a_leg_that_found_nothing_or_scores_all_alike_has_no_say():
    alone = fuse([{"a": 2.0, "b": 1.0}])
    assert [id_ for id_, _ in fuse([{"a": 2.0, "b": 1.0}, {}])] == [id_ for id_, _ in alone]
    assert [id_ for id_, _ in fuse([{"a": 2.0, "b": 1.0}, {"a": 0.3, "b": 0.3 + 1e-12}])] == ["a", "b"]


def test_a_known_floor_makes_room_below_what_a_leg_returned():
    words, meaning = {"a": 9.0, "b": 8.0}, {"c": 0.9, "b": 0.5, "a": 0.1}
    assert fuse([words, meaning])[0][0] == "c"  # no worse by words than "b"
    # Next to 0 for "c", 8 is nearly as much as 9.
    assert fuse([words, meaning], floors=[0.0, None])[0][0] == "b"


def test_no_candidates_at_all_is_an_empty_ranking():
    assert fuse([{}, {}]) == []


def test_no_legs_and_unknown_methods_are_refused():
    with pytest.raises(InvalidInputError, match="at least one ranking"):
        fuse([])
    with pytest.raises(InvalidInputError, match="method must be one of zscore, minmax, rrf, got 'zscroe'"):
        fuse([{"a": 1.0}], method="zscroe")


def test_a_wrong_number_of_weights_is_refused():
    with pytest.raises(InvalidInputError, match="weights must be one for each of the 2 legs, got 1"):
        fuse([{"a": 1.0}, {"a": 1.0}], weights=[1.0])
    with pytest.raises(InvalidInputError, match="floors must be one for each of the 2 legs, got 3"):
        fuse([{"a": 1.0}, {"a": 1.0}], floors=[0.0] * 3)


@given(legs)
def test_zscore_fusion_equals_its_definition(rankings):
    expected = plain_zscore(rankings)
    fused = dict(fuse(rankings))
    assert fused.keys() == expected.keys()
    for id_, score in fused.items():
        assert math.isclose(score, expected[id_], rel_tol=1e-5, abs_tol=1e-5)


@given(legs, st.sampled_from(FUSION_METHODS))
def test_the_order_of_candidates_in_a_leg_does_not_matter(rankings, method):
    reversed_ = [dict(reversed(leg.items())) for leg in rankings]
    for (id_, score), (other_id, other) in zip(
        fuse(rankings, method=method), fuse(reversed_, method=method), strict=True
    ):
        assert math.isclose(score, other, abs_tol=1e-9)
        assert id_ == other_id or math.isclose(score, other, abs_tol=1e-9)


@given(legs, st.sampled_from(["zscore", "minmax"]), st.floats(0.1, 10), st.floats(-5, 5))
def test_score_fusion_ignores_a_legs_unit_and_origin(rankings, method, scale, shift):
    moved = [{id_: score * scale + shift for id_, score in rankings[0].items()}, *rankings[1:]]
    if any(0 < max(leg.values()) - min(leg.values()) < 1e-2 for leg in rankings):
        return  # differences as small as rounding are treated as none
    before, after = dict(fuse(rankings, method=method)), dict(fuse(moved, method=method))
    for id_, score in before.items():
        assert math.isclose(score, after[id_], abs_tol=1e-4)
