"""A dendrogram: names on the right, joined from there to the left, the farther the less alike they are."""

from collections.abc import Sequence
from dataclasses import dataclass

from nearfield.report.markup import Markup, element
from nearfield.report.numbers import decimal
from nearfield.report.svg import WIDTH, Scale, frame, label, line, text_width, ticks, x_axis

_ROW = 15
_TOP = 8
_WIDEST_NAME = 170.0


@dataclass(frozen=True)
class Join:
    """What joins two branches.

    Attributes:
        left: The one: a leaf's number, or the number of leaves plus that of an earlier join.
        right: The other.
        height: How far apart they are, at least 0.
    """

    left: int
    right: int
    height: float


def dendrogram(
    names: Sequence[str], joins: Sequence[Join], clusters: Sequence[int], *, cut: float, title: str, axis: str
) -> Markup:
    """Draw a tree of at most some hundred leaves.

    Args:
        names: Of the leaves, from top to bottom.
        joins: Each after those it builds on, one fewer than the leaves.
        clusters: The number of each leaf's cluster, ascending; neighbouring clusters are told apart by their stroke.
        cut: Height at which the tree is cut; a dashed line shows it.
        title: What is shown.
        axis: What the heights are.

    Returns:
        An `svg` element.
    """
    room = min(_WIDEST_NAME, max(map(text_width, names)) + 8)
    highest = max(join.height for join in joins) or 1.0
    scale = Scale(0.0, highest * 1.03, WIDTH - room, 8.0)
    bottom = _TOP + _ROW * len(names)
    marks = [
        x_axis(scale, ticks(0.0, highest), _TOP, bottom, lambda value: decimal(value, places=2)),
        label((WIDTH - room) / 2, bottom + 34, axis, anchor="middle", class_="axis"),
    ]
    places = [(scale(0.0), _TOP + _ROW * (row + 0.5)) for row in range(len(names))]
    groups: list[int | None] = list(clusters)
    for join in joins:
        (x1, y1), (x2, y2) = places[join.left], places[join.right]
        group = groups[join.left] if groups[join.left] == groups[join.right] else None
        x = scale(join.height)
        path = f"M{x1:.1f} {y1:.1f}H{x:.1f}V{y2:.1f}H{x2:.1f}"
        kind = "above" if group is None else ("even", "odd")[group % 2]
        marks.append(element("path", d=path, class_=f"branch {kind}"))
        places.append((x, (y1 + y2) / 2))
        groups.append(group)
    marks.append(line(scale(cut), _TOP, scale(cut), bottom, "edge"))
    marks += [
        label(WIDTH - room + 6, _TOP + _ROW * row + 11, name, room=room - 6, class_="name")
        for row, name in enumerate(names)
    ]
    description = f"{len(names)} names in {len(set(clusters))} clusters, cut at {decimal(cut, places=2)}."
    return frame(bottom + 40, *marks, title=title, description=description)
