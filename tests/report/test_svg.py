import math
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nearfield.report.svg import WIDTH, Scale, dot, frame, label, log_ticks, spread, ticks

NUMBERS = st.floats(-1e6, 1e6)


def test_a_scale_places_values_and_holds_outliers_at_its_ends():
    scale = Scale(0, 10, 100, 200)
    assert [scale(value) for value in (0, 5, 10, -3, 99)] == [100, 150, 200, 100, 200]
    assert Scale(1, 100, 0, 10, is_log=True)(10) == pytest.approx(5)
    assert Scale(1, 100, 0, 10, is_log=True)(0) == 0


@given(st.lists(NUMBERS | st.just(math.nan)))
def test_a_spread_holds_all_finite_values_and_is_never_empty(values):
    low, high = spread(values)
    assert low < high
    assert all(low <= value <= high for value in values if math.isfinite(value))


@given(NUMBERS, st.floats(1e-3, 1e6))
def test_there_are_a_few_ticks_inside_the_range(low, width):
    chosen = ticks(low, low + width)
    assert 1 <= len(chosen) <= 6
    assert all(low - width * 1e-6 <= tick <= low + width * (1 + 1e-6) for tick in chosen)
    assert chosen == sorted(set(chosen))


def test_ticks_are_round_and_reach_the_ends():
    assert ticks(-0.1, 0.3) == [-0.1, 0.0, 0.1, 0.2, 0.3]


@given(st.floats(1e-6, 1e9), st.floats(3, 1e6))
def test_there_is_a_logarithmic_tick_in_any_threefold_range(low, ratio):
    assert log_ticks(low, low * ratio)


def test_a_frame_can_be_read_aloud_and_parsed():
    root = ElementTree.fromstring(frame(100, dot(1, 2, "good", tooltip="a < b"), title="T", description="D"))
    names = [child.tag.rpartition("}")[2] for child in root]
    assert names == ["title", "desc", "circle"]
    assert root.get("role") == "img"
    assert root.get("aria-label") == "T. D"
    assert root.get("viewBox") == f"0 0 {WIDTH} 100"
    assert root[2][0].text == "a < b"


def test_a_long_label_loses_its_middle_only():
    text = ElementTree.fromstring(label(0, 0, "a" * 50 + "b" * 50, room=69)).text
    assert text == "aaaaa…bbbb"
