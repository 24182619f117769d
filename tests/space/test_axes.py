import json
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import nearfield as nf
from nearfield.arrays import normalise
from nearfield.errors import InvalidInputError, UnknownKeyError
from nearfield.space.axes import Position
from nearfield.space.axis_report import axis_text
from nearfield.space.consistency import _chance_above, measure_consistency


@pytest.fixture
def words():
    """Eight pairs that differ along the first dimension, and words between them."""
    generator = np.random.default_rng(0)
    common = generator.normal(size=(8, 20)) * 2
    low, high = common.copy(), common.copy()
    low[:, 0], high[:, 0] = -1, 1
    others = generator.normal(size=(3, 20))
    others[:, 0] = [-3, 0, 3]
    keys = [*(f"low{i}" for i in range(8)), *(f"high{i}" for i in range(8)), "left", "middle", "right"]
    return nf.Space(keys, np.vstack([low, high, others]))


def pairs(count=8):
    return [(f"low{i}", f"high{i}") for i in range(count)]


def test_an_axis_is_the_mean_of_unit_differences_and_its_poles_are_at_one(words):
    axis = nf.fit_axis(words, pairs(), name="height")
    low, high = (words.select([pair[side] for pair in pairs()]).unit_vectors for side in (0, 1))
    mean = normalise(high - low).mean(axis=0)
    np.testing.assert_allclose(axis.direction, mean / np.linalg.norm(mean), atol=1e-6)
    assert axis.project([pair[0] for pair in pairs()]).mean() == pytest.approx(-1, abs=1e-5)
    assert axis.project([pair[1] for pair in pairs()]).mean() == pytest.approx(1, abs=1e-5)
    left, middle, right = axis.project(["left", "middle", "right"])
    assert left < -1 < middle < 1 < right
    assert axis.project([]).shape == (0,)
    assert (axis.name, axis.poles) == ("height", ("low0", "high0"))


def test_a_worked_example():
    space = nf.Space(["a", "b", "c"], [[1, 0], [0, 2], [3, 3]])
    axis = nf.fit_axis(space, [("a", "b")])
    np.testing.assert_allclose(axis.direction, [-(0.5**0.5), 0.5**0.5], atol=1e-6)
    np.testing.assert_allclose(axis.project(["a", "c", "b"]), [-1, 0, 1], atol=1e-6)
    assert axis.extremes(1) == ([Position("a", pytest.approx(-1))], [Position("b", pytest.approx(1))])
    assert axis.consistency is None
    assert "One pair cannot say" in str(axis)
    assert axis.name == "a–b"


def test_the_principal_component_points_to_the_positive_pole(words):
    for order in (pairs(), [(high, low) for low, high in pairs()]):
        axis = nf.fit_axis(words, order, method="principal")
        assert axis.project([order[0][1]])[0] > axis.project([order[0][0]])[0]
    differences = normalise(
        words.select([high for _, high in pairs()]).unit_vectors
        - words.select([low for low, _ in pairs()]).unit_vectors
    )
    first = np.linalg.svd(differences)[2][0]
    assert abs(first @ axis.direction) == pytest.approx(1, abs=1e-5)


def test_pairs_of_a_relation_agree_beyond_chance(words):
    found = nf.fit_axis(words, pairs()).consistency
    assert found.mean_cosine > 0.9 > found.null_mean
    assert found.p == pytest.approx(1 / 1001)
    assert found.effect > 3
    assert found.pairing_score > 0.9
    assert "The pairs agree on a direction" in str(found)


def test_random_pairs_agree_no_more_than_chance():
    generator = np.random.default_rng(1)
    low, high = (normalise(generator.normal(size=(12, 10)).astype(np.float32)) for _ in range(2))
    found = measure_consistency(low, high, shuffles=500, seed=0)
    assert found.p > 0.05
    assert abs(found.effect) < 2
    assert found.pairing_score == pytest.approx(0.5, abs=0.1)
    assert "no more than chance explains" in str(found)


def test_the_mean_cosine_is_that_of_all_pairs_of_differences():
    generator = np.random.default_rng(2)
    low, high = (normalise(generator.normal(size=(5, 4)).astype(np.float32)) for _ in range(2))
    units = (high - low) / np.linalg.norm(high - low, axis=1, keepdims=True)
    expected = np.mean([units[i] @ units[j] for i in range(5) for j in range(5) if i != j])
    assert measure_consistency(low, high, shuffles=100, seed=0).mean_cosine == pytest.approx(expected, abs=1e-6)


@settings(max_examples=10, deadline=None)
@given(st.integers(2, 6), st.integers(0, 1000))
def test_p_is_a_probability_that_no_set_of_few_pairs_can_bring_to_nothing(count, seed):
    generator = np.random.default_rng(seed)
    low, high = (normalise(generator.normal(size=(count, 8)).astype(np.float32)) for _ in range(2))
    found = measure_consistency(low, high, shuffles=200, seed=seed)
    assert 1 / 201 <= found.p <= 1
    if count == 2:
        assert found.p > 0.3
    assert 0 <= found.pairing_score <= 1
    assert -1.01 <= found.mean_cosine <= 1.01


def test_pairings_that_cannot_differ_have_no_effect():
    low, high = np.tile(np.float32([1, 0]), (3, 1)), np.tile(np.float32([0, 1]), (3, 1))
    found = measure_consistency(low, high, shuffles=100, seed=0)
    assert (found.effect, found.p) == (0, 1)
    assert found.mean_cosine == pytest.approx(1, abs=1e-6)
    assert math.isfinite(found.pairing_score)


def test_the_area_under_the_curve_counts_ties_half():
    assert _chance_above(np.array([1.0, 3.0]), np.array([1.0, 2.0])) == pytest.approx((0.5 + 0 + 1 + 1) / 4)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ([], "at least one pair of words, got none"),
        ([("low0",)], r"a pair must be two words, \(negative, positive\), got \('low0',\)"),
        (["ab"], "a pair must be two words"),
        ([("low0", 3)], "a pair must be two words"),
        ([("low0", "low0")], "two different words, got 'low0' twice"),
        ([("low0", "high0"), ("high0", "low0")], "cancel each other out"),
        ("colour", "there is no example axis 'colour'; there are gender"),
        ("gender", "the space has 0 of the 10 pairs of 'gender'"),
    ],
)
def test_wrong_pairs_are_refused(words, wrong, message):
    with pytest.raises(InvalidInputError, match=message):
        nf.fit_axis(words, wrong)


def test_wrong_options_and_words_are_refused(words):
    with pytest.raises(InvalidInputError, match="method must be one of mean, principal, got 'pca'"):
        nf.fit_axis(words, pairs(), method="pca")
    with pytest.raises(InvalidInputError, match="shuffles must be at least 100, got 10"):
        nf.fit_axis(words, pairs(), shuffles=10)
    with pytest.raises(UnknownKeyError, match="near it are: 'high0'"):
        nf.fit_axis(words, [("low0", "hihg0")])
    with pytest.raises(UnknownKeyError):
        nf.fit_axis(words, pairs()).project(["nowhere"])
    with pytest.raises(InvalidInputError, match="k must be at least 1, got 0"):
        nf.fit_axis(words, pairs()).extremes(0)
    twins = nf.Space([*"ab"], [[1, 1], [2, 2]])
    with pytest.raises(InvalidInputError, match="'a' and 'b' have one direction"):
        nf.fit_axis(twins, [("a", "b")])


def test_an_example_uses_the_pairs_that_the_space_has():
    space = nf.Space(["man", "woman", "king", "queen", "boy"], [[1, 0, 0], [1, 1, 0], [1, 0, 2], [1, 1, 2], [2, 0, 1]])
    axis = nf.fit_axis(space, "gender")
    assert (axis.name, axis.poles) == ("gender", ("male", "female"))
    assert axis.pairs == (("man", "woman"), ("king", "queen"))
    assert ("boy", "girl") in axis.left_out
    assert "left out, as the space lacks a word: boy–girl" in str(axis)


def test_example_axes_are_pairs_of_different_words_that_stand_once():
    axes = nf.example_axes()
    assert {"gender", "royalty", "size", "sentiment"} <= set(axes)
    for found in axes.values():
        assert len(found) == len(set(found)) >= 5
        assert all(low != high for low, high in found)


def test_words_are_drawn_on_the_axis_in_order(words):
    axis = nf.fit_axis(words, pairs(), name="height")
    lines = axis_text(axis, ["right", "left", "low0", "high0"]).splitlines()
    assert [line.split()[0] for line in lines[-4:]] == ["left", "low0", "high0", "right"]
    assert lines[-4].count("●") == 1
    assert lines[-4].index("●") < lines[-1].index("●")
    assert "low0" in lines[-5]
    assert all(len(line) <= 100 for line in lines[3:])
    assert axis_text(axis, []) == str(axis)


def test_wide_and_hostile_words_stay_in_their_lines():
    space = nf.Space(["男", "女", "a\nb\x1b[31m"], [[1, 0], [0, 1], [1, 1]])
    text = axis_text(nf.fit_axis(space, [("男", "女")]), ["男", "a\nb\x1b[31m"])
    assert "\x1b" not in text
    assert len(text.splitlines()) == 6


def test_an_axis_as_json_and_as_a_page(words, tmp_path):
    axis = nf.fit_axis(words, pairs(), name="<b>height")
    values = json.loads(json.dumps(axis.to_json()))
    assert values["pairs"][0] == ["low0", "high0"]
    assert values["consistency"]["pairs"] == 8
    axis.export(tmp_path / "a.html", ["left", "right"])
    html = (tmp_path / "a.html").read_text()
    assert "&lt;b&gt;height" in html
    assert "<b>height" not in html
    assert "left" in html
    nf.fit_axis(words, pairs(1)).export(tmp_path / "b.html", [])
    assert "One pair cannot say" in (tmp_path / "b.html").read_text()
