"""How two systems differ, case by case: a bar for each, the most won first and the most lost last."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from nearfield.report.markup import Markup, element
from nearfield.report.numbers import counted, decimal
from nearfield.report.svg import WIDTH, Scale, frame, label, line

_LEFT, _RIGHT = 40, WIDTH - 4
_TOP, _BOTTOM = 26, 166
_NARROWEST = 1.0


@dataclass(frozen=True)
class Difference:
    """By how much one system differs from the other in one case.

    Attributes:
        name: Of the case.
        value: Above zero where the one won.
    """

    name: str
    value: float


def difference_plot(
    differences: Sequence[Difference], *, title: str, case: tuple[str, str], limit: float | None = None
) -> Markup:
    """Draw a bar for each case, sorted; cases that are tied leave a gap.

    Bars too narrow to point at are drawn as one shape, without a tooltip each.

    Args:
        differences: In any order.
        title: What the plot shows.
        case: What a case is called, one and several.
        limit: Largest difference of the scale, the same for plots to be compared; else the largest there is.

    Returns:
        An `svg` element.
    """
    ordered = sorted(differences, key=lambda difference: (-difference.value, difference.name))
    won = sum(difference.value > 0 for difference in ordered)
    lost = sum(difference.value < 0 for difference in ordered)
    limit = limit or max((abs(difference.value) for difference in ordered), default=0) or 1.0
    scale = Scale(-limit, limit, _BOTTOM, _TOP)
    step = (_RIGHT - _LEFT) / max(1, len(ordered))
    draw = _bars if step >= _NARROWEST else _shapes
    tied = len(ordered) - won - lost
    words = f"won {won:,}, tied {tied:,}, lost {lost:,} of {counted(len(ordered), *case)}"
    return frame(
        _BOTTOM + 22,
        *(
            label(_LEFT - 6, scale(v) + 4, decimal(v, places=2, signed=True), anchor="end", class_="tick")
            for v in (limit, 0, -limit)
        ),
        *(line(_LEFT, scale(value), _RIGHT, scale(value), "grid") for value in (limit, -limit)),
        *draw(ordered, scale, step),
        line(_LEFT, scale(0), _RIGHT, scale(0), "zero"),
        label(_LEFT, 14, f"won {won:,}", class_="won"),
        label((_LEFT + _RIGHT) / 2, 14, f"tied {tied:,}", anchor="middle", class_="plain"),
        label(_RIGHT, 14, f"lost {lost:,}", anchor="end", class_="lost"),
        label((_LEFT + _RIGHT) / 2, _BOTTOM + 18, counted(len(ordered), *case), anchor="middle", class_="axis"),
        title=title,
        description=words,
    )


def _bars(ordered: Sequence[Difference], scale: Scale, step: float) -> Iterator[Markup]:
    for position, difference in enumerate(ordered):
        if difference.value:
            ends = sorted((scale(difference.value), scale(0)))
            yield element(
                "rect",
                element("title", f"{difference.name}: {decimal(difference.value, signed=True)}"),
                x=_LEFT + position * step,
                y=ends[0],
                width=step * 0.8 if step > 3 else step,
                height=ends[1] - ends[0],
                class_=_side(difference),
            )


def _shapes(ordered: Sequence[Difference], scale: Scale, step: float) -> Iterator[Markup]:
    for side in ("won", "lost"):
        drawn = [(i, d) for i, d in enumerate(ordered) if d.value and _side(d) == side]
        if drawn:
            outline = " ".join(
                f"H{_LEFT + i * step:.2f}V{scale(d.value):.2f}H{_LEFT + (i + 1) * step:.2f}" for i, d in drawn
            )
            yield element(
                "path", d=f"M{_LEFT + drawn[0][0] * step:.2f} {scale(0):.2f}{outline}V{scale(0):.2f}Z", class_=side
            )


def _side(difference: Difference) -> str:
    return "won" if difference.value > 0 else "lost"
