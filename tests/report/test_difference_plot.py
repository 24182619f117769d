from xml.etree import ElementTree

from hypothesis import given
from hypothesis import strategies as st

from nearfield.report.difference_plot import Difference, difference_plot

ANY_TEXT = st.text(st.characters(), max_size=80)


def _plot(values, names=None, **options):
    differences = [Difference(name, v) for name, v in zip(names or map(str, range(len(values))), values, strict=True)]
    plot = difference_plot(differences, title="a against b", case=("query", "queries"), **options)
    return ElementTree.fromstring(plot)


def _nodes(root, tag):
    return [node for node in root.iter() if node.tag.endswith("}" + tag)]


def test_won_tied_and_lost_are_counted():
    root = _plot([0.5, 0.0, -0.2, 0.0, 0.1])
    assert root.get("aria-label") == "a against b. won 2, tied 2, lost 1 of 5 queries"
    assert {"won 2", "tied 2", "lost 1", "5 queries"} <= {node.text for node in _nodes(root, "text")}


def test_bars_go_from_most_won_to_most_lost_and_stand_on_zero():
    bars = _nodes(_plot([-0.2, 0.1, 0.5]), "rect")
    assert [bar.get("class") for bar in bars] == ["won", "won", "lost"]
    assert [bar[0].text for bar in bars] == ["2: +0.500", "1: +0.100", "0: −0.200"]
    bottom = [float(bar.get("y")) + float(bar.get("height")) for bar in bars]
    assert abs(bottom[0] - bottom[1]) < 0.02
    assert abs(bottom[0] - float(bars[2].get("y"))) < 0.02
    assert float(bars[0].get("height")) > float(bars[1].get("height"))


def test_the_same_limit_makes_plots_comparable():
    (own,), (shared,) = (_nodes(_plot([0.25], limit=limit), "rect") for limit in (None, 1.0))
    assert abs(float(own.get("height")) - 4 * float(shared.get("height"))) < 0.05


def test_thousands_of_queries_are_drawn_as_two_shapes():
    root = _plot([i / 1000 - 1 for i in range(2001)])
    assert [path.get("class") for path in _nodes(root, "path")] == ["won", "lost"]
    assert _nodes(root, "rect") == []
    assert "won 1,000" in {node.text for node in _nodes(root, "text")}


def test_no_queries_and_only_ties_draw_no_bar():
    assert _nodes(_plot([]), "rect") == _nodes(_plot([0.0, 0.0]), "rect") == []


@given(st.lists(st.tuples(ANY_TEXT, st.floats(-1, 1)), max_size=6))
def test_any_name_gives_well_formed_svg(pairs):
    root = _plot([value for _, value in pairs], [name for name, _ in pairs])
    assert len(_nodes(root, "rect")) == sum(value != 0 for _, value in pairs)
