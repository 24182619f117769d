from xml.etree import ElementTree

from hypothesis import given
from hypothesis import strategies as st

from nearfield.report.label_placement import Box, place_labels
from nearfield.report.numbers import duration
from nearfield.report.scatter_plot import Point, pareto_front, scatter_plot

ANY_TEXT = st.text(st.characters(), max_size=80)


def _nodes(points, name):
    plot = scatter_plot(
        points, title="Quality and speed", cost_label="query time", quality_label="nDCG@10", write_cost=duration
    )
    return [node for node in ElementTree.fromstring(plot).iter() if name in node.get("class", "").split()]


def test_the_front_keeps_what_no_other_beats():
    cheap, dear, beaten, best = Point("a", 1, 0.5), Point("b", 9, 0.6), Point("c", 10, 0.55), Point("d", 20, 0.9)
    assert pareto_front([best, beaten, dear, cheap]) == [cheap, dear, best]
    assert pareto_front([cheap, Point("same", 1, 0.5)]) == [cheap]
    assert pareto_front([]) == []


@given(st.lists(st.builds(Point, st.just(""), st.integers(0, 5), st.integers(0, 5)), min_size=1))
def test_every_point_is_matched_by_one_of_the_front(points):
    front = pareto_front(points)
    assert all(any(f.cost <= p.cost and f.quality >= p.quality for f in front) for p in points)


def test_cheaper_is_further_left_and_better_further_up():
    slow, fast = _nodes([Point("slow", 1.0, 0.9), Point("fast", 0.01, 0.5)], "dot")
    assert float(fast.get("cx")) < float(slow.get("cx"))
    assert float(fast.get("cy")) > float(slow.get("cy"))
    assert slow[0].text == "slow: 0.900 at 1.0 s"


def test_a_whisker_spans_the_interval_and_is_left_out_without_one():
    points = [Point("a", 1.0, 0.5, (0.4, 0.6)), Point("b", 2.0, 0.5)]
    (whisker,) = _nodes(points, "whisker")
    assert float(whisker.get("y1")) < float(_nodes(points, "dot")[0].get("cy")) < float(whisker.get("y2"))


def test_a_point_that_costs_nothing_stands_at_the_left_edge():
    free, _ = _nodes([Point("free", 0, 0.5), Point("dear", 10, 0.5)], "dot")
    assert float(free.get("cx")) == 40


@given(
    st.lists(
        st.builds(Point, ANY_TEXT, st.just(0) | st.floats(1e-6, 1e12), st.floats(0, 1), st.none(), st.just("good")),
        max_size=8,
    )
)
def test_any_points_and_names_give_well_formed_svg(points):
    assert len(_nodes(points, "dot")) == len(points)


@given(st.lists(st.tuples(st.floats(40, 400), st.floats(30, 260)), max_size=12))
def test_labels_cover_neither_each_other_nor_a_point(points):
    inside = Box(0, 0, 440, 300)
    placed = place_labels([f"candidate {i}" for i in range(len(points))], points, [], inside)
    boxes = [label.box for label in placed if label is not None]
    assert not any(a.overlaps(b) for i, a in enumerate(boxes) for b in boxes[:i])
    assert not any(box.overlaps(Box(x - 5, y - 5, x + 5, y + 5)) for box in boxes for x, y in points)
    assert all(map(inside.holds, boxes))


def test_a_lone_point_is_labelled_to_its_right():
    (placed,) = place_labels(["bm25"], [(100, 100)], [], Box(0, 0, 440, 300))
    assert (placed.text, placed.anchor) == ("bm25", "start")
    assert placed.x > 100


def test_a_label_crosses_a_whisker_only_where_it_must():
    points, whisker = [(100, 100)], Box(120, 0, 120, 300)
    (placed,) = place_labels(["bm25"], points, [whisker], Box(0, 0, 440, 300))
    assert placed.anchor == "end"
    (crossing,) = place_labels(["bm25"], points, [whisker], Box(95, 90, 440, 110))
    assert crossing.box.overlaps(whisker)


def test_a_label_without_room_is_left_out():
    assert place_labels(["bm25"], [(5, 5)], [], Box(0, 0, 10, 10)) == [None]
