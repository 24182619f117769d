"""Where to write the names of points so that they cover neither each other nor the points."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from nearfield.report.characters import elided, one_line
from nearfield.report.svg import text_width

_LONGEST = 28
_RADIUS = 7.0
_ASCENT, _DESCENT = 11.0, 4.0


@dataclass(frozen=True)
class Box:
    """A rectangle: `left` to `right`, `top` to `bottom`, downwards as in SVG."""

    left: float
    top: float
    right: float
    bottom: float

    def overlaps(self, other: "Box") -> bool:
        """Whether the two share any area."""
        return (
            self.left < other.right and other.left < self.right and self.top < other.bottom and other.top < self.bottom
        )

    def holds(self, other: "Box") -> bool:
        """Whether the other lies inside."""
        return (
            self.left <= other.left
            and other.right <= self.right
            and self.top <= other.top
            and other.bottom <= self.bottom
        )


@dataclass(frozen=True)
class Placed:
    """A label that has found its place.

    Attributes:
        text: What to write.
        x: Of its anchor.
        y: Of its base line.
        anchor: `start`, `middle` or `end`.
        box: The room it takes.
    """

    text: str
    x: float
    y: float
    anchor: str
    box: Box


def place_labels(
    names: Sequence[str], points: Sequence[tuple[float, float]], obstacles: Sequence[Box], inside: Box
) -> list[Placed | None]:
    """Place labels one by one, each at the first place near its point that is free.

    Where there is none, a label crosses as few obstacles as can be, though never a point or another label.

    Args:
        names: Of the points, the most important first.
        points: Their positions.
        obstacles: What else had better not be covered.
        inside: Where labels may be.

    Returns:
        A label for each point; None where all places are taken.
    """
    taken = [Box(x - _RADIUS, y - _RADIUS, x + _RADIUS, y + _RADIUS) for x, y in points]
    placed: list[Placed | None] = []
    for name, (x, y) in zip(names, points, strict=True):
        text = elided(one_line(name), _LONGEST)
        free = [p for p in _places(text, x, y) if inside.holds(p.box) and not any(map(p.box.overlaps, taken))]
        placed.append(found := min(free, key=lambda p: sum(map(p.box.overlaps, obstacles)), default=None))
        if found is not None:
            taken.append(found.box)
    return placed


def _places(text: str, x: float, y: float) -> Iterator[Placed]:
    """Go from places beside the point to places further and further above and below it."""
    width = text_width(text)
    beside = _RADIUS + 3
    for down in (4.0, -8.0, 16.0, -20.0, 28.0):
        yield _placed(text, x + beside, y + down, "start", width)
        yield _placed(text, x - beside, y + down, "end", width)
    for distance in range(14, 80, 6):
        for down in (-distance, distance + 8):
            for shift, anchor in ((0.0, "middle"), (-_RADIUS, "start"), (_RADIUS, "end")):
                yield _placed(text, x + shift, y + down, anchor, width)


def _placed(text: str, x: float, y: float, anchor: str, width: float) -> Placed:
    left = x - {"start": 0.0, "middle": width / 2, "end": width}[anchor]
    return Placed(text, x, y, anchor, Box(left, y - _ASCENT, left + width, y + _DESCENT))
