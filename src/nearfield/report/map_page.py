"""A page with a map of points to move about in: zoom, search, legend; one file that needs no network."""

import base64
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from nearfield.report.characters import one_line
from nearfield.report.markup import Content, Markup, element, joined
from nearfield.report.page import document

STEPS = 65535
"""Places, and numbers that colour, are written as whole numbers below this; for a colour, itself stands for none."""

PALETTE = 8
"""Different colours; they stay apart for each of the common kinds of colour blindness, in light and dark."""


@dataclass(frozen=True)
class MapGroup:
    """Points of one colour.

    Attributes:
        name: In the legend.
        size: How many they are.
        colour: Which of the `PALETTE` colours, from 0.
        x: Where the name stands on the map, in [0, 1].
        y: In [0, 1], downwards.
        label: Whether it stands there.
    """

    name: str
    size: int
    colour: int
    x: float
    y: float
    label: bool = True


@dataclass(frozen=True, eq=False)
class MapColours:
    """What the colours of points mean.

    Attributes:
        legend: What they show, in a word or two.
        values: `(n,)` uint16: the number of each point's group, or its place between `low` and `high` in 65,534ths;
            65,535 for none.
        groups: The groups, if these are the colours.
        low: The number at one end of the gradient, if this is the colours.
        high: The number at the other end.
        none: What points without a value are called.
    """

    legend: str
    values: npt.NDArray[np.uint16]
    groups: tuple[MapGroup, ...] = ()
    low: float = 0.0
    high: float = 0.0
    none: str = "no value"

    @property
    def kind(self) -> Literal["groups", "numbers"]:
        """Which of the two they are."""
        return "groups" if self.groups else "numbers"


def map_page(
    title: str,
    keys: Sequence[str],
    places: npt.NDArray[np.floating],
    *,
    facts: str,
    notes: Sequence[Content],
    colours: MapColours | None = None,
) -> str:
    """Make the page.

    Its content security policy allows the page's own script and style only, by their hashes; keys are data, which is
    never read as markup.

    Args:
        title: What stands first.
        keys: Names of the points; those first are named first where there is no room for all.
        places: `(n, 2)` numbers in [0, 1], to the right and downwards.
        facts: A line below the title.
        notes: What to know about the map, shown when asked for, and by browsers without scripts.
        colours: What colours the points; one colour if nothing.

    Returns:
        The HTML document.
    """
    return document(
        title,
        _header(title, facts),
        _stage(colours, notes),
        element("noscript", element("div", *notes, class_="plain")),
        element("script", _data(keys, places, colours), type="application/json", id="data"),
        style="map_page.css",
        script="map_page.js",
    )


def quantise(shares: npt.NDArray[np.floating]) -> npt.NDArray[np.uint16]:
    """Write numbers in [0, 1] as whole numbers from 0 to 65,534."""
    return np.asarray(np.round(np.clip(shares, 0, 1) * (STEPS - 1)), np.uint16)


def _data(keys: Sequence[str], places: npt.NDArray[np.floating], colours: MapColours | None) -> Markup:
    values = {
        "keys": [one_line(key) or "(blank)" for key in keys],
        "places": _base64(np.round(np.clip(places, 0, 1) * STEPS).astype("<u2")),
        "values": _base64(colours.values.astype("<u2")) if colours else "",
        "kind": colours.kind if colours else "plain",
        "groups": [asdict(group) | {"name": one_line(group.name)} for group in colours.groups] if colours else [],
        "low": colours.low if colours else 0,
        "high": colours.high if colours else 0,
        "none": colours.none if colours else "",
    }
    text = json.dumps(values, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    # Within a string of JSON these mean the same, and to HTML they are no tag, comment or end of a script.
    return Markup(text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026"))


def _base64(words: npt.NDArray[np.uint16]) -> str:
    return base64.b64encode(words.tobytes()).decode()


def _header(title: str, facts: str) -> Markup:
    box = element(
        "input",
        id="search",
        type="search",
        placeholder="Search keys  /",
        autocomplete="off",
        spellcheck="false",
        role="combobox",
        aria_expanded="false",
        aria_controls="found",
        aria_autocomplete="list",
        aria_label="Search keys",
    )
    return element(
        "header",
        element("div", element("h1", title, dir="auto"), element("p", facts, class_="facts")),
        element(
            "div", box, element("ul", id="found", role="listbox", hidden="", aria_label="Keys found"), class_="search"
        ),
    )


def _stage(colours: MapColours | None, notes: Sequence[Content]) -> Markup:
    canvas = element(
        "canvas",
        id="points",
        tabindex="0",
        role="application",
        aria_label="The map. Arrow keys move it, plus and minus zoom, 0 shows all, Enter chooses the point nearest to "
        "the middle, a slash goes to the search.",
    )
    return element(
        "main",
        canvas,
        element("canvas", id="names", aria_hidden="true"),
        element("div", id="tip", class_="tip", hidden=""),
        _card(),
        _legend(colours) if colours else None,
        element("details", element("summary", "About this map"), *notes, class_="panel about"),
        _zoom(),
        element("p", id="status", role="status", class_="unseen"),
        id="map",
        class_="stage",
        hidden="",
    )


def _card() -> Markup:
    return element(
        "section",
        element("button", "×", id="close", type="button", class_="close", aria_label="Close"),
        element("p", id="chosen", class_="key", dir="auto"),
        element("p", id="of", class_="of", dir="auto"),
        element("h2", "Nearest on the map"),
        element("ol", id="near"),
        id="card",
        class_="panel card",
        hidden="",
        aria_label="The chosen key",
    )


def _legend(colours: MapColours) -> Markup:
    if colours.kind == "groups":
        buttons = joined(
            element("button", "all", id="all", type="button"), element("button", "none", id="no", type="button")
        )
        inside = joined(element("div", buttons, class_="all"), element("ul", id="entries"))
    else:
        ends = joined(element("span", f"{colours.low:,g}"), element("span", f"{colours.high:,g}"))
        grey = element("p", f"grey: {colours.none}", class_="facts") if (colours.values == STEPS).any() else None
        inside = element("div", element("div"), element("p", ends), grey, class_="ramp")
    return element("details", element("summary", colours.legend), inside, class_="panel legend", open="")


def _zoom() -> Markup:
    return element(
        "div",
        element("button", "+", id="in", type="button", aria_label="Zoom in"),
        element("button", "−", id="out", type="button", aria_label="Zoom out"),
        element("button", "⌂", id="whole", type="button", aria_label="Show all", title="Show all"),
        class_="panel zoom",
    )
