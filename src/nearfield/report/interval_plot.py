"""A dot and a whisker for each of several estimates, one below the other on a common scale."""

from collections.abc import Sequence
from dataclasses import dataclass

from nearfield.report.markup import Markup, element, joined
from nearfield.report.numbers import decimal, interval
from nearfield.report.svg import WIDTH, Emphasis, Scale, dot, frame, label, line, spread, text_width, ticks, x_axis

_ROW = 46
_TOP = 4
_INSET = 14


@dataclass(frozen=True)
class Estimate:
    """A number and how sure of it one is.

    Attributes:
        name: Whose it is.
        value: The estimate.
        interval: Both ends of its interval; None if it has none.
        emphasis: How it stands out.
    """

    name: str
    value: float
    interval: tuple[float, float] | None = None
    emphasis: Emphasis = "good"


def interval_plot(
    estimates: Sequence[Estimate],
    *,
    title: str,
    axis: str,
    band: tuple[float, float] | None = None,
    signed: bool = False,
) -> Markup:
    """Draw a row for each estimate: its name and numbers, and below them the dot and the whisker.

    Args:
        estimates: From top to bottom.
        title: What the plot shows.
        axis: What the numbers are.
        band: Values to shade, from a limit, which is dashed, to what it is measured from.
        signed: Whether to write positive numbers with a plus.

    Returns:
        An `svg` element.
    """
    values = [value for e in estimates for value in (e.value, *(e.interval or ()))]
    low, high = spread([*values, *(band or ())])
    scale = Scale(low, high, _INSET, WIDTH - _INSET)
    bottom = _TOP + _ROW * len(estimates)
    shading = None
    if band:
        shading = element(
            "rect", x=scale(band[0]), y=_TOP, width=scale(band[1]) - scale(band[0]), height=bottom - _TOP, class_="band"
        )
    rows = [_row(estimate, scale, _TOP + _ROW * i, signed) for i, estimate in enumerate(estimates)]
    marks = ticks(low, high)
    places = max((len(f"{tick:g}".partition(".")[2]) for tick in marks), default=1)
    return frame(
        bottom + 42,
        shading,
        x_axis(scale, marks, _TOP, bottom, lambda value: decimal(value, places=places, signed=signed)),
        *(
            line(scale(edge), _TOP, scale(edge), bottom, name)
            for edge, name in zip(band or (), ("edge", "zero"), strict=False)
        ),
        *rows,
        label(WIDTH / 2, bottom + 36, axis, anchor="middle", class_="axis"),
        title=title,
        description="; ".join(f"{e.name} {_numbers(e, signed)}" for e in estimates),
    )


def _numbers(estimate: Estimate, signed: bool) -> str:
    value = decimal(estimate.value, signed=signed)
    return f"{value} {interval(*estimate.interval, signed=signed)}" if estimate.interval else value


def _row(estimate: Estimate, scale: Scale, top: float, signed: bool) -> Markup:
    numbers = _numbers(estimate, signed)
    y = top + 27
    whisker = None
    if estimate.interval:
        start, end = map(scale, estimate.interval)
        whisker = line(start, y, end, y, f"whisker {estimate.emphasis}")
    room = WIDTH - text_width(numbers) - 12
    return joined(
        label(0, top + 14, estimate.name, class_=f"name {estimate.emphasis}", room=room, note=numbers),
        whisker,
        dot(scale(estimate.value), y, estimate.emphasis, tooltip=f"{estimate.name}: {numbers}"),
    )
