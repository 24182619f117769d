"""Lines over a common logarithmic axis: how something grows."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from nearfield.errors import InvalidInputError
from nearfield.report.markup import Markup, element
from nearfield.report.numbers import decimal
from nearfield.report.svg import WIDTH, Emphasis, Scale, dot, frame, label, line, spread, text_width, ticks, x_axis

_LEFT, _RIGHT = 44, WIDTH - 10
_TOP, _BOTTOM = 52, 280
_STYLES = ("first", "second", "third")


@dataclass(frozen=True)
class Series:
    """One line.

    Attributes:
        name: What it shows.
        xs: Ascending, above 0.
        ys: One value for each.
        chosen: The x whose point stands out, if any.
    """

    name: str
    xs: Sequence[float]
    ys: Sequence[float]
    chosen: float | None = None


def line_plot(
    series: Sequence[Series], *, title: str, x_label: str, y_label: str, level: float | None = None
) -> Markup:
    """Draw up to three lines over the same values, which are the ticks of a logarithmic axis.

    Args:
        series: The lines, one to three, over the same xs.
        title: What the plot shows.
        x_label: What the horizontal axis is.
        y_label: What the vertical axis is.
        level: A value to draw a dashed line at, if any.

    Returns:
        An `svg` element.

    Raises:
        InvalidInputError: If there are none or too many lines, or one has not the xs of the first, a value for each.
    """
    if not 1 <= len(series) <= len(_STYLES):
        raise InvalidInputError(f"a line plot has from 1 to {len(_STYLES)} lines, got {len(series)}")
    xs = list(series[0].xs)
    for one in series:
        if list(one.xs) != xs or len(one.ys) != len(xs):
            raise InvalidInputError(f"line {one.name!r} must have one value for each of {xs}")
    x = Scale(xs[0] / 1.1, xs[-1] * 1.1, _LEFT, _RIGHT, is_log=True)
    y = Scale(
        *spread([value for one in series for value in [*one.ys, *([] if level is None else [level])]]), _BOTTOM, _TOP
    )
    levels = ticks(y.low, y.high)
    places = max((len(f"{tick:g}".partition(".")[2]) for tick in levels), default=0)
    shown = _apart(xs, x)
    return frame(
        _BOTTOM + 42,
        x_axis(x, shown, _TOP, _BOTTOM, lambda value: f"{value:g}"),
        *(line(_LEFT, y(tick), _RIGHT, y(tick), "grid") for tick in levels),
        *(label(_LEFT - 6, y(tick) + 4, decimal(tick, places=places), anchor="end", class_="tick") for tick in levels),
        None if level is None else line(_LEFT, y(level), _RIGHT, y(level), "edge"),
        *_lines(series, x, y),
        *_legend(series),
        label(0, 12, f"↑ {y_label}", class_="axis"),
        label((_LEFT + _RIGHT) / 2, _BOTTOM + 36, x_label, anchor="middle", class_="axis"),
        title=title,
        description="; ".join(f"{one.name}: {_in_words(one)}" for one in series),
    )


def _apart(xs: Sequence[float], x: Scale) -> list[float]:
    """Keep ticks whose names do not run into each other, from the last one on."""
    kept: list[float] = []
    for value in reversed(xs):
        room = text_width(f"{value:g}") + 2
        if not kept or x(kept[-1]) - x(value) >= room:
            kept.append(value)
    return kept[::-1]


def _lines(series: Sequence[Series], x: Scale, y: Scale) -> Iterator[Markup]:
    for one, style in zip(series, _STYLES, strict=False):
        places = [f"{x(at):.2f} {y(value):.2f}" for at, value in zip(one.xs, one.ys, strict=True)]
        yield element("path", d=f"M{'L'.join(places)}", class_=f"curve {style}")
    marks = [(one, at, value) for one in series for at, value in zip(one.xs, one.ys, strict=True)]
    # The chosen ones last, so that none is covered.
    for one, at, value in sorted(marks, key=lambda mark: mark[1] == mark[0].chosen):
        emphasis: Emphasis = "chosen" if at == one.chosen else "worse"
        yield dot(x(at), y(value), emphasis, tooltip=f"{one.name}, {at:g}: {decimal(value, places=1)}")


def _legend(series: Sequence[Series]) -> Iterator[Markup]:
    left = float(_LEFT)
    for one, style in zip(series, _STYLES, strict=False):
        yield line(left, 32, left + 24, 32, f"curve {style}")
        yield label(left + 30, 36, one.name, class_="plain")
        left += 30 + text_width(one.name) + 18


def _in_words(one: Series) -> str:
    return ", ".join(f"{decimal(value, places=1)} at {at:g}" for at, value in zip(one.xs, one.ys, strict=True))
