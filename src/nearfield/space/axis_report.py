"""An axis to look at: on the console, and as a page."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from nearfield.report.characters import display_width, elided, one_line
from nearfield.report.interval_plot import Estimate, interval_plot
from nearfield.report.markup import Content, element, joined
from nearfield.report.numbers import decimal
from nearfield.report.page import Section, figure, page, quoted
from nearfield.report.table import Column, html_table

if TYPE_CHECKING:
    from nearfield.space.axes import Axis

_LONGEST = 28
_STRIP = 61
_EXTREMES = 12


def axis_text(axis: "Axis", keys: Sequence[str]) -> str:
    """Draw keys on an axis for a terminal of 100 columns.

    Args:
        axis: The axis.
        keys: What to show, if anything; each gets a line, the most negative first.

    Returns:
        What the axis is, and the drawing.
    """
    if not keys:
        return one_line_each(str(axis))
    positions = axis.project(keys)
    order = positions.argsort(kind="stable")
    low, high = min(-1.0, float(positions.min())), max(1.0, float(positions.max()))

    def column(position: float) -> int:
        return round((position - low) / (high - low) * (_STRIP - 1))

    names = [elided(one_line(keys[row]), _LONGEST) for row in order]
    margin = max(map(display_width, names))
    marks = {column(-1): "┊", column(0): "┊", column(1): "┊"}
    lines = [" " * (margin + 9) + _heads(one_line(axis.poles[0]), one_line(axis.poles[1]), column(-1), column(1))]
    for name, row in zip(names, order, strict=True):
        strip = {**marks, column(float(positions[row])): "●"}
        drawn = "".join(strip.get(i, "·") for i in range(_STRIP))
        number = decimal(float(positions[row]), places=2, signed=True)
        lines.append(f"{name}{' ' * (margin - display_width(name))}  {number:>5}  {drawn}")
    return "\n".join([one_line_each(str(axis)), "", *lines])


def one_line_each(text: str) -> str:
    """Replace in each line what must not be shown."""
    return "\n".join(map(one_line, text.splitlines()))


def _heads(low: str, high: str, low_at: int, high_at: int) -> str:
    """Write both poles above their marks, within the strip as far as they fit."""
    room = (high_at - low_at) // 2
    low, high = elided(low, room), elided(high, room)
    start = max(0, low_at - display_width(low) // 2)
    end = min(max(_STRIP, high_at + 1) - display_width(high), high_at - display_width(high) // 2)
    return " " * start + low + " " * (end - start - display_width(low)) + high


def axis_html(axis: "Axis", keys: Sequence[str]) -> str:
    """Make a page: the keys on the axis, how far the pairs agree, what stands at both ends."""
    sections = [
        Section("pairs", "Is it a direction?", _consistency(axis)),
        Section("ends", "What stands at its ends", _ends(axis)),
    ]
    if keys:
        sections.insert(0, Section("keys", "Where they stand", _keys(axis, keys)))
    low, high = map(quoted, axis.poles)
    lead = [element("p", joined("From ", low, " (−1) to ", high, " (+1)."), class_="why")]
    return page(f"Axis: {axis.name}", sections, lead=lead)


def _keys(axis: "Axis", keys: Sequence[str]) -> list[Content]:
    found = sorted(zip(axis.project(keys).tolist(), keys, strict=True))
    plot = interval_plot(
        [Estimate(one_line(key), position) for position, key in found],
        title="Positions",
        axis=f"← {one_line(axis.poles[0])} · {one_line(axis.poles[1])} →",
        signed=True,
    )
    words = "−1 and +1 are the means of the words that the axis was made of; compare positions with each other."
    return [figure(plot, words)]


def _consistency(axis: "Axis") -> list[Content]:
    positions = [axis.project([pair[side] for pair in axis.pairs]).tolist() for side in (0, 1)]
    rows = [
        [quoted(low), decimal(a, places=2, signed=True), quoted(high), decimal(b, places=2, signed=True)]
        for (low, high), a, b in zip(axis.pairs, *positions, strict=True)
    ]
    columns = [Column("from"), Column("position", "right"), Column("to"), Column("position", "right")]
    said: list[Content] = [element("p", quoted(line)) for line in str(axis).splitlines()[1:]]
    kept = axis.consistency
    if kept is not None:
        spread = 1.96 * kept.null_deviation
        estimates = [
            Estimate("the pairs", kept.mean_cosine, emphasis="chosen"),
            Estimate("paired at random", kept.null_mean, (kept.null_mean - spread, kept.null_mean + spread)),
        ]
        plot = interval_plot(estimates, title="How far differences agree", axis="mean cosine among differences")
        said.append(
            figure(plot, f"The whisker holds about 95% of {kept.shuffles:,} random pairings of the same words.")
        )
    return [*said, html_table(columns, rows, caption="The pairs")]


def _ends(axis: "Axis") -> list[Content]:
    low, high = axis.extremes(min(_EXTREMES, len(axis.space)))
    rows = [
        [
            quoted(a.key),
            decimal(a.position, places=2, signed=True),
            quoted(b.key),
            decimal(b.position, places=2, signed=True),
        ]
        for a, b in zip(low, high, strict=True)
    ]
    columns = [
        Column(f"most {axis.poles[0]}"),
        Column("position", "right"),
        Column(f"most {axis.poles[1]}"),
        Column("position", "right"),
    ]
    return [html_table(columns, rows, caption="The keys furthest to each end")]
