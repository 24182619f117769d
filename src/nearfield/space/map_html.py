"""The page of a projection: whom to name first, what the colours mean, how to read it."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from nearfield.arrays import Scores
from nearfield.errors import InvalidInputError
from nearfield.report.map_page import PALETTE, STEPS, MapColours, MapGroup, map_page, quantise
from nearfield.report.markup import Content, element, joined
from nearfield.report.numbers import counted
from nearfield.report.page import facts, quoted
from nearfield.space.clusters import Clusters
from nearfield.space.keys import Keys, Positions

if TYPE_CHECKING:
    from nearfield.space.projection import Projection

_MOST_GROUPS = 200  # beyond which the legend helps nobody; the smallest groups then become one
_NAMES = {"pca": "PCA", "umap": "UMAP", "pacmap": "PaCMAP"}
_READING = {
    "pca": "The two directions along which the vectors differ most, seen straight on. Distances are true along them; "
    "what differs in other directions only lies on top of each other.",
    "umap": "Neighbours are kept near each other. How large a group is, how dense, and how far it is from another "
    "means little; so does up, down, left and right.",
    "pacmap": "Neighbours are kept near each other, and groups roughly in their arrangement. How large a group is, "
    "how dense, and how far exactly from another means little; so does up, down, left and right.",
}


def map_html(
    projection: "Projection",
    *,
    colours: "Clusters | Mapping[str, str | float] | None",
    legend: str | None,
    title: str,
) -> str:
    """Make the page that `Projection.save_html` writes."""
    places = _places(projection.points)
    order = _by_prominence(len(places), projection.counts)
    shown = None
    if colours is not None:
        found = _colours(projection.keys, places, colours)
        shown = replace(found, values=found.values[order], legend=legend or found.legend)
    all_keys = list(projection.keys)
    return map_page(
        title,
        [all_keys[row] for row in order.tolist()],
        places[order],
        facts=_facts(projection),
        notes=_notes(projection, shown),
        colours=shown,
    )


def _places(points: npt.NDArray[np.float32]) -> Scores:
    """Move points into the unit square, both axes to one scale, the second downwards."""
    wide = points.astype(np.float64) * [1, -1]
    low, high = wide.min(axis=0), wide.max(axis=0)
    return (wide - (low + high) / 2) / (float((high - low).max()) or 1.0) + 0.5  # type: ignore[no-any-return]


def _by_prominence(n: int, counts: Positions | None) -> Positions:
    """Order keys by how often they were seen; else as in the space, where the most frequent words stand first."""
    return np.arange(n) if counts is None else np.argsort(-counts, kind="stable")


def _colours(keys: Keys, places: Scores, colours: Clusters | Mapping[str, str | float]) -> MapColours:
    if isinstance(colours, Clusters):
        if colours.keys != keys:
            raise InvalidInputError("the clusters are of other keys than the map; cluster the space that is projected")
        return _group_colours(places, colours.labels, colours.names, legend="clusters", none="outliers")
    values = [colours.get(key) for key in keys]
    if all(value is None for value in values):
        raise InvalidInputError(f"the colours have none of the map's keys, such as {keys[0]!r}")
    if all(value is None or _is_number(value) for value in values):
        return _gradient([math.nan if value is None else float(value) for value in values])
    texts = [None if value is None else str(value) for value in values]
    names = sorted({text for text in texts if text is not None})
    number_of: dict[str | None, int] = {name: number for number, name in enumerate(names)} | {None: -1}
    labels = np.array([number_of[text] for text in texts], np.int64)
    return _group_colours(places, labels, names, legend="groups", none="no value")


def _is_number(value: object) -> bool:
    return isinstance(value, int | float | np.integer | np.floating) and not isinstance(value, bool)


def _gradient(numbers: Sequence[float]) -> MapColours:
    values = np.array(numbers)
    if np.isinf(values).any():
        raise InvalidInputError("a number that colours must be finite, got infinity")
    known = ~np.isnan(values)
    if not known.any():
        raise InvalidInputError("the colours have no number to colour by, only NaN")
    low, high = float(values[known].min()), float(values[known].max())
    steps = np.full(len(values), STEPS, np.uint16)
    steps[known] = quantise((values[known] - low) / ((high - low) or 1.0))
    return MapColours("value", steps, low=low, high=high)


def _group_colours(places: Scores, labels: Positions, names: Sequence[str], *, legend: str, none: str) -> MapColours:
    """Make the groups of a legend, the largest first; -1 is no group."""
    sizes = np.bincount(labels[labels >= 0], minlength=len(names))
    largest = np.argsort(-sizes, kind="stable")
    shown = largest[:_MOST_GROUPS]
    number_of = np.full(len(names) + 1, STEPS)  # the last is also number -1
    number_of[shown] = np.arange(len(shown))
    if len(largest) > len(shown):
        none = f"{none}, or one of {len(largest) - len(shown):,} smaller groups"
    centres = np.array([np.median(places[labels == number], axis=0) for number in shown]).reshape(-1, 2)
    groups = tuple(
        MapGroup(names[number], int(sizes[number]), colour, float(x), float(y))
        for number, colour, (x, y) in zip(shown.tolist(), spread_colours(centres), centres, strict=True)
    )
    return MapColours(legend, number_of[labels].astype(np.uint16), groups, none=none)


def spread_colours(centres: Scores) -> list[int]:
    """Choose a colour for each group, so that groups of one colour lie far from each other.

    Args:
        centres: `(n, 2)` where each group is, the most important first.

    Returns:
        Numbers from 0 to `PALETTE` - 1; the first groups have a colour each.
    """
    chosen: list[int] = []
    for number, centre in enumerate(centres):
        room = np.full(PALETTE, np.inf)
        away = np.hypot(*(centres[:number] - centre).T)
        np.minimum.at(room, chosen, away)
        chosen.append(int(room.argmax()))
    return chosen


def _facts(projection: "Projection") -> str:
    kept = projection.faithfulness
    return (
        f"{counted(len(projection.keys), 'key')} · {projection.dim} dimensions on 2 by {_NAMES[projection.method]} · "
        f"{kept.preservation:.0%} of the {kept.k} nearest neighbours are near here too"
    )


def _notes(projection: "Projection", colours: MapColours | None) -> list[Content]:
    kept = projection.faithfulness
    pairs: list[tuple[str, Content]] = [
        (
            "Neighbours kept",
            f"{kept.preservation:.0%} of a key's {kept.k} nearest (by chance {100 * kept.by_chance:.2g}%)",
        ),
        ("Trustworthiness", f"{kept.trustworthiness:.3f}: 1 if whoever is near here is near in the space"),
        ("Continuity", f"{kept.continuity:.3f}: 1 if whoever is near in the space is near here"),
    ]
    if projection.variance is not None:
        pairs.append(("Variance shown", f"{projection.variance:.0%}"))
    notes: list[Content] = [
        element("p", _READING[projection.method]),
        element("p", "Ask the space itself before believing what is seen here:"),
        facts(pairs),
    ]
    if colours is not None and colours.groups:
        groups = ", ".join(f"{group.name} ({group.size:,})" for group in colours.groups[:30])
        notes.append(element("p", joined(f"The largest {colours.legend}: ", quoted(groups), ".")))
    measured = f"Measured on {counted(kept.sampled, 'key')} against all others, seed {projection.seed}."
    notes.append(element("p", f"{measured} To move about: drag, wheel, pinch, or arrows, + and −, 0, Enter and /."))
    return notes
