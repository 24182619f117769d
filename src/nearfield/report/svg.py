"""What every plot is made of: a frame that can be read aloud, scales, ticks, text.

Plots say what a mark is by its class only; the page's style sheet gives the colours, for light, dark and paper.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

from nearfield.report.characters import display_width, elided, one_line
from nearfield.report.markup import Content, Markup, element

WIDTH = 440
"""User units across every plot; shown at about one CSS pixel each."""

Emphasis: TypeAlias = Literal["chosen", "good", "unclear", "worse"]
"""How a mark stands out: by colour, and by shape for those who do not see it."""


@dataclass(frozen=True)
class Scale:
    """Maps values to positions.

    Attributes:
        low: Value at `start`.
        high: Value at `end`, above `low`.
        start: Position of `low`.
        end: Position of `high`.
        is_log: Whether equal ratios, rather than equal differences, are equally far apart; both values are then
            above zero.
    """

    low: float
    high: float
    start: float
    end: float
    is_log: bool = False

    def __call__(self, value: float) -> float:
        """Place a value; one outside the scale is placed at its end."""
        value = min(max(value, self.low), self.high)
        if self.is_log:
            share = math.log(value / self.low) / math.log(self.high / self.low)
        else:
            share = (value - self.low) / (self.high - self.low)
        return self.start + share * (self.end - self.start)


def spread(values: Sequence[float], *, padding: float = 0.06) -> tuple[float, float]:
    """Find a range that holds all finite values with room around them.

    Args:
        values: Any numbers.
        padding: Room on each side, as a share of the range.

    Returns:
        Both ends, the first always below the second.

    Examples:
        >>> spread([0.0, 1.0], padding=0.1), spread([2.0]), spread([])
        ((-0.1, 1.1), (1.5, 2.5), (-0.5, 0.5))
    """
    finite = [value for value in values if math.isfinite(value)]
    low, high = min(finite, default=0.0), max(finite, default=0.0)
    room = (high - low) * padding or 0.5
    return low - room, high + room


def ticks(low: float, high: float, *, most: int = 6) -> list[float]:
    """Choose round values between two ends.

    Args:
        low: The one end.
        high: The other, above.
        most: How many there may be, at least 2.

    Returns:
        One to `most` values, ascending.

    Examples:
        >>> ticks(0.58, 0.79)
        [0.6, 0.65, 0.7, 0.75]
    """
    step = 10 ** math.floor(math.log10((high - low) / most))
    step = next(step * factor for factor in (1, 2, 5, 10, 20) if (high - low) / (step * factor) < most - 0.5)
    # 0.3 / 0.1 is a little below 3; a tick at the very end is still one.
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    # 3 * 0.1 is not 0.3 until it is rounded.
    places = 1 - math.floor(math.log10(step))
    return [round(i * step, places) for i in range(first, last + 1)]


def log_ticks(low: float, high: float) -> list[float]:
    """Choose values 1, 2 or 5 times a power of ten; powers only, if there are enough of them.

    Args:
        low: The one end, above 0.
        high: The other, above.

    Returns:
        Values ascending; at least one if `high` is three times `low`.

    Examples:
        >>> log_ticks(0.8, 12), log_ticks(0.8, 1500)
        ([1.0, 2.0, 5.0, 10.0], [1.0, 10.0, 100.0, 1000.0])
    """
    exponents = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    factors = (1, 2, 5) if math.log10(high / low) < 2 else (1,)
    values = [factor * 10.0**exponent for exponent in exponents for factor in factors]
    return [value for value in values if low <= value <= high]


def frame(height: float, *contents: Content, title: str, description: str) -> Markup:
    """Put a plot together.

    Args:
        height: User units.
        *contents: The marks.
        title: What it shows.
        description: What there is to see, in words, for those who cannot see it.

    Returns:
        An `svg` element.
    """
    return element(
        "svg",
        element("title", title),
        element("desc", description),
        *contents,
        xmlns="http://www.w3.org/2000/svg",
        viewBox=f"0 0 {WIDTH} {height:.0f}",
        role="img",
        aria_label=f"{title}. {description}",
    )


def label(
    x: float,
    y: float,
    text: str,
    *,
    anchor: str = "start",
    class_: str = "plain",
    room: float = WIDTH,
    note: str | None = None,
) -> Markup:
    """Write a line of text.

    Args:
        x: Where its anchor is.
        y: Its base line.
        text: What to write.
        anchor: `start`, `middle` or `end`.
        class_: How it looks.
        room: User units it may take; its middle is cut out if it needs more.
        note: What follows it, less prominent and never cut.

    Returns:
        A `text` element.
    """
    shown = elided(one_line(text), max(3, int(room / text_width("x"))))
    after = element("tspan", note, dx=8, class_="number") if note else None
    return element("text", shown, after, x=x, y=y, text_anchor=anchor, class_=class_)


def text_width(text: str) -> float:
    """Estimate the user units that a line takes, rather too many than too few."""
    return display_width(text) * 6.9


def line(x1: float, y1: float, x2: float, y2: float, class_: str) -> Markup:
    """Draw a straight line."""
    return element("line", x1=x1, y1=y1, x2=x2, y2=y2, class_=class_)


def dot(x: float, y: float, emphasis: Emphasis, *, tooltip: str) -> Markup:
    """Draw a point: a ring if it is unclear, larger if it is chosen."""
    radius = {"chosen": 6.0, "good": 4.5, "unclear": 4.5, "worse": 3.5}[emphasis]
    return element("circle", element("title", tooltip), cx=x, cy=y, r=radius, class_=f"dot {emphasis}")


def x_axis(scale: Scale, values: Sequence[float], top: float, bottom: float, write: Callable[[float], str]) -> Markup:
    """Draw thin vertical lines at the ticks, with their values below."""
    lines = [line(scale(value), top, scale(value), bottom, "grid") for value in values]
    names = [label(scale(value), bottom + 16, write(value), anchor="middle", class_="tick") for value in values]
    return element("g", *lines, *names)
