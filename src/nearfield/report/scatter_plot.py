"""Quality against cost: the better points are up and to the left."""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from nearfield.report.label_placement import Box, place_labels
from nearfield.report.markup import Markup, element
from nearfield.report.numbers import decimal
from nearfield.report.svg import WIDTH, Emphasis, Scale, dot, frame, label, line, log_ticks, spread, ticks, x_axis

_LEFT, _RIGHT = 40, WIDTH - 6
_TOP, _BOTTOM = 26, 266
_BY_EMPHASIS = ("chosen", "good", "unclear", "worse")


@dataclass(frozen=True)
class Point:
    """A system's quality and cost.

    Attributes:
        name: Of the system.
        cost: At least 0, less is better.
        quality: More is better.
        interval: Both ends of the quality's interval; None if it has none.
        emphasis: How it stands out.
    """

    name: str
    cost: float
    quality: float
    interval: tuple[float, float] | None = None
    emphasis: Emphasis = "good"


def pareto_front(points: Sequence[Point]) -> list[Point]:
    """Keep the points that no other beats in cost and quality at once, cheapest first.

    Of points that are equal in both, the first is kept.
    """
    front: list[Point] = []
    for point in sorted(points, key=lambda point: (point.cost, -point.quality)):
        if not front or point.quality > front[-1].quality:
            front.append(point)
    return front


def scatter_plot(
    points: Sequence[Point], *, title: str, cost_label: str, quality_label: str, write_cost: Callable[[float], str]
) -> Markup:
    """Draw quality against cost on a logarithmic axis, with the best quality to be had at each cost.

    A point that costs nothing stands at the left edge. A label for which there is no room is left out; the point's
    tooltip still says what it is.

    Args:
        points: The systems.
        title: What the plot shows.
        cost_label: What the horizontal axis is.
        quality_label: What the vertical axis is.
        write_cost: How a cost is written.

    Returns:
        An `svg` element.
    """
    points = sorted(points, key=lambda point: _BY_EMPHASIS.index(point.emphasis))
    x, y = _scales(points)
    whiskers = _whiskers(points, x, y)
    levels = ticks(y.low, y.high)
    places = max((len(f"{level:g}".partition(".")[2]) for level in levels), default=1)
    return frame(
        _BOTTOM + 42,
        x_axis(x, log_ticks(x.low, x.high), _TOP, _BOTTOM, lambda cost: write_cost(cost).replace(".0 ", " ")),
        *(line(_LEFT, y(level), _RIGHT, y(level), "grid") for level in levels),
        *(label(_LEFT - 6, y(v) + 4, decimal(v, places=places), anchor="end", class_="tick") for v in levels),
        _staircase(pareto_front(points), x, y),
        *(line(at.left, at.top, at.right, at.bottom, f"whisker {p.emphasis}") for p, at in whiskers),
        *(dot(x(p.cost), y(p.quality), p.emphasis, tooltip=_words(p, write_cost)) for p in points),
        *_labels(points, [at for _, at in whiskers], x, y),
        label(0, 12, f"↑ {quality_label}", class_="axis"),
        label((_LEFT + _RIGHT) / 2, _BOTTOM + 36, f"← {cost_label}", anchor="middle", class_="axis"),
        title=title,
        description="; ".join(_words(point, write_cost) for point in points),
    )


def _scales(points: Sequence[Point]) -> tuple[Scale, Scale]:
    qualities = [value for p in points for value in (p.quality, *(p.interval or ()))]
    costs = [point.cost for point in points if point.cost > 0 and math.isfinite(point.cost)]
    low, high = min(costs, default=1.0), max(costs, default=1.0)
    # Room on both sides, so that no point stands on an edge; more on the right, where labels go.
    room = max(high / low, 20.0)
    return (
        Scale(low / room**0.12, high * room**0.3, _LEFT, _RIGHT, is_log=True),
        Scale(*spread(qualities, padding=0.12), _BOTTOM, _TOP),
    )


def _whiskers(points: Sequence[Point], x: Scale, y: Scale) -> list[tuple[Point, Box]]:
    return [
        (point, Box(x(point.cost), y(point.interval[1]), x(point.cost), y(point.interval[0])))
        for point in points
        if point.interval
    ]


def _words(point: Point, write_cost: Callable[[float], str]) -> str:
    return f"{point.name}: {decimal(point.quality)} at {write_cost(point.cost)}"


def _staircase(front: Sequence[Point], x: Scale, y: Scale) -> Markup | None:
    if not front:
        return None
    steps = "".join(f"H{x(point.cost):.2f}V{y(point.quality):.2f}" for point in front[1:])
    start = f"M{x(front[0].cost):.2f} {y(front[0].quality):.2f}"
    return element("path", d=f"{start}{steps}H{_RIGHT}", class_="front")


def _labels(points: Sequence[Point], whiskers: Sequence[Box], x: Scale, y: Scale) -> Iterator[Markup]:
    places = [(x(point.cost), y(point.quality)) for point in points]
    inside = Box(_LEFT, _TOP, _RIGHT, _BOTTOM)
    for point, placed in zip(points, place_labels([p.name for p in points], places, whiskers, inside), strict=True):
        if placed is not None:
            yield label(placed.x, placed.y, placed.text, anchor=placed.anchor, class_=f"name halo {point.emphasis}")
