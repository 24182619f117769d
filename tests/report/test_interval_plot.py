from xml.etree import ElementTree

from hypothesis import given
from hypothesis import strategies as st

from nearfield.report.interval_plot import Estimate, interval_plot

ANY_TEXT = st.text(st.characters(), max_size=80)


def _plot(estimates, **options):
    root = ElementTree.fromstring(interval_plot(estimates, title="Quality", axis="nDCG@10", **options))
    return [node for node in root.iter() if "class" in node.attrib], root


def _classed(nodes, name):
    return [node for node in nodes if node.get("class").split()[0] == name]


def test_each_estimate_has_a_dot_on_its_whisker_and_its_numbers():
    nodes, root = _plot([Estimate("a", 0.7, (0.6, 0.8), "chosen"), Estimate("b", 0.5, (0.4, 0.6), "worse")])
    dots, whiskers = _classed(nodes, "dot"), _classed(nodes, "whisker")
    assert [dot.get("class") for dot in dots] == ["dot chosen", "dot worse"]
    for dot, whisker in zip(dots, whiskers, strict=True):
        assert float(whisker.get("x1")) < float(dot.get("cx")) < float(whisker.get("x2"))
        assert dot.get("cy") == whisker.get("y1") == whisker.get("y2")
    assert [node.text.strip() for node in _classed(nodes, "number")] == ["0.700 [0.600, 0.800]", "0.500 [0.400, 0.600]"]
    assert root.get("aria-label") == "Quality. a 0.700 [0.600, 0.800]; b 0.500 [0.400, 0.600]"


def test_an_estimate_without_an_interval_has_no_whisker():
    nodes, _ = _plot([Estimate("only", 1.0)])
    assert len(_classed(nodes, "dot")) == 1
    assert _classed(nodes, "whisker") == []


def test_the_band_lies_where_its_values_are():
    nodes, _ = _plot([Estimate("a", 0.0), Estimate("b", -0.2, (-0.3, -0.1))], band=(-0.05, 0.0), signed=True)
    (band,), (best, _) = _classed(nodes, "band"), _classed(nodes, "dot")
    right = float(band.get("x")) + float(band.get("width"))
    assert abs(right - float(best.get("cx"))) < 0.02
    (limit,), (origin,) = _classed(nodes, "edge"), _classed(nodes, "zero")
    assert float(limit.get("x1")) < float(origin.get("x1")) == float(best.get("cx"))


@given(st.lists(st.builds(Estimate, ANY_TEXT, st.floats(-1, 1)), max_size=4))
def test_any_name_gives_well_formed_svg(estimates):
    nodes, _ = _plot(estimates)
    assert len(_classed(nodes, "dot")) == len(estimates)
