from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nearfield.errors import InvalidInputError
from nearfield.report.line_plot import Series, line_plot

ANY_TEXT = st.text(st.characters(), max_size=80)


def _plot(series, **options):
    root = ElementTree.fromstring(line_plot(series, title="Kept", x_label="dimensions", y_label="%", **options))
    return [node for node in root.iter() if "class" in node.attrib], root


def _classed(nodes, name):
    return [node for node in nodes if node.get("class").split()[0] == name]


def test_each_line_goes_through_its_points():
    nodes, root = _plot([Series("a", [8, 16, 32], [10, 50, 90], chosen=16), Series("b", [8, 16, 32], [5, 20, 90])])
    first, second = [node for node in _classed(nodes, "curve") if node.tag.endswith("path")]
    dots = _classed(nodes, "dot")
    assert dots[-1].get("class") == "dot chosen"  # drawn last, so that no other covers it
    dots.insert(1, dots.pop())
    places = [(float(dot.get("cx")), float(dot.get("cy"))) for dot in dots]
    for path, at in ((first, places[:3]), (second, places[3:])):
        steps = [tuple(map(float, step.split())) for step in path.get("d")[1:].split("L")]
        assert all(
            abs(a - b) < 0.02 for step, place in zip(steps, at, strict=True) for a, b in zip(step, place, strict=True)
        )
    assert places[1][0] - places[0][0] == pytest.approx(places[2][0] - places[1][0], abs=0.02)
    assert places[0][1] > places[1][1] > places[2][1] == places[5][1]
    assert {dot.get("class") for dot in dots[:1] + dots[2:]} == {"dot worse"}
    assert root.get("aria-label") == "Kept. a: 10.0 at 8, 50.0 at 16, 90.0 at 32; b: 5.0 at 8, 20.0 at 16, 90.0 at 32"


def test_the_level_is_drawn_where_its_value_is():
    nodes, _ = _plot([Series("a", [1, 2], [0, 90])], level=90)
    (edge,) = _classed(nodes, "edge")
    assert float(edge.get("y1")) == float(_classed(nodes, "dot")[1].get("cy"))


def test_ticks_that_would_run_into_each_other_are_left_out_but_not_the_last():
    nodes, _ = _plot([Series("a", [8, 1000, 1023, 1024], [1, 2, 3, 4])])
    names = [node.text for node in _classed(nodes, "tick")]
    assert "8" in names
    assert "1024" in names
    assert "1023" not in names


def test_one_point_is_a_plot_too():
    nodes, _ = _plot([Series("a", [384], [1.0])])
    assert len(_classed(nodes, "dot")) == 1


@pytest.mark.parametrize(
    ("series", "words"),
    [
        ([], "from 1 to 3 lines, got 0"),
        ([Series("a", [1], [1])] * 4, "from 1 to 3 lines, got 4"),
        ([Series("a", [1, 2], [1, 2]), Series("b", [1], [1])], "line 'b' must have one value"),
        ([Series("a", [1, 2], [1])], "line 'a' must have one value"),
    ],
)
def test_lines_that_do_not_belong_together_are_refused(series, words):
    with pytest.raises(InvalidInputError, match=words):
        line_plot(series, title="", x_label="", y_label="")


@given(ANY_TEXT, st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=5))
def test_any_name_gives_well_formed_svg(name, values):
    nodes, _ = _plot([Series(name, range(1, len(values) + 1), values)])
    assert len(_classed(nodes, "dot")) == len(values)
