"""Which of several spaces of words is better, on the words that all of them have."""

import math
import os
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import numpy as np

from nearfield.data.word_sets import load_word_sets
from nearfield.errors import InvalidInputError
from nearfield.evaluation.intrinsic import Sets, measure_sets
from nearfield.evaluation.intrinsic_measures import METHODS, MeasuredSet
from nearfield.evaluation.intrinsic_report import IntrinsicProtocol
from nearfield.evaluation.lexicon import Case
from nearfield.evaluation.significance import holm, holm_levels
from nearfield.progress import Progress, silent
from nearfield.report.frozen import to_json
from nearfield.report.numbers import counted, decimal, interval
from nearfield.report.page import framed, write_page
from nearfield.report.table import Column, text_table
from nearfield.space.keys import Keys
from nearfield.space.space import Space
from nearfield.statistics import Bootstrap, Interval

Verdict: TypeAlias = Literal["better", "worse", "tied"]


@dataclass(frozen=True)
class SpaceDifference:
    """How a space differs from the first one on a test set.

    Attributes:
        name: Of the set.
        measure: By which they are compared.
        space: The other space.
        items: How many pairs, questions or words both were scored on.
        total: How many the set has.
        first: What the first space scores.
        other: What the other space scores.
        difference: The other less the first, by paired resampling; NaN throughout if nothing could be scored.
        corrected: The same difference with the wider interval that the verdict is read from, corrected for the
            number of sets and spaces (Holm).
        p: Two-sided, that they are equal, Holm-corrected likewise.
        verdict: `better` or `worse` than the first if the corrected interval lies above or below 0, and p is at most 1
            less the level, else `tied`.
    """

    name: str
    measure: str
    space: str
    items: int
    total: int
    first: float
    other: float
    difference: Interval
    corrected: Interval
    p: float
    verdict: Verdict


@dataclass(frozen=True)
class SpaceComparison:
    """How spaces compare on the words that all of them have.

    Attributes:
        spaces: Their names; the others are compared with the first.
        shared: How many keys all of them have.
        differences: For each set and each space but the first.
        protocol: How it was measured.
    """

    spaces: tuple[str, ...]
    shared: int
    differences: tuple[SpaceDifference, ...]
    protocol: IntrinsicProtocol

    @property
    def headline(self) -> str:
        """What was compared, in words."""
        return f"{' and '.join(self.spaces[1:])} against {self.spaces[0]}, on the {counted(self.shared, 'key')} of all"

    def notes(self) -> list[str]:
        """Say what to know of the numbers."""
        return [
            *self.protocol.sentences(),
            "Differences resample the same items of both; their intervals and p are Holm-corrected over "
            f"{counted(len(self.differences), 'comparison')}. An interval that holds 0 is a tie.",
        ]

    def to_json(self) -> dict[str, Any]:
        """Write the comparison down as JSON values."""
        return dict(to_json(self))

    def to_html(self) -> str:
        """Render one self-contained HTML page."""
        from nearfield.evaluation.intrinsic_page import space_comparison_html

        return space_comparison_html(self)

    def export(self, path: str | os.PathLike[str]) -> None:
        """Write the page to a file, which must end in `.html`; all of it or none."""
        write_page(path, self.to_html())

    def columns(self) -> list[Column]:
        """Name the columns of the table."""
        several = [Column("space")] if len(self.spaces) > 2 else []
        second = "other" if several else self.spaces[1]
        return [
            Column("set"),
            *several,
            Column("measure"),
            Column("items", "right"),
            Column(self.spaces[0], "right"),
            Column(second, "right"),
            Column("difference", "right"),
            Column(f"{self.protocol.level:.0%} interval", "right", "Corrected for the number of comparisons"),
            Column("p", "right"),
            Column("verdict"),
        ]

    def rows(self) -> list[list[str]]:
        """Fill the columns."""
        return [
            [
                one.name,
                *([one.space] if len(self.spaces) > 2 else []),
                one.measure,
                f"{one.items:,} of {one.total:,}",
                decimal(one.first),
                decimal(one.other),
                decimal(one.difference.mean, signed=True),
                interval(one.corrected.low, one.corrected.high, signed=True),
                decimal(one.p),
                one.verdict,
            ]
            for one in self.differences
        ]

    def __str__(self) -> str:
        """Render a table for the terminal."""
        notes = [textwrap.fill(note, 100) for note in self.notes()]
        return "\n".join([self.headline, "", text_table(self.columns(), self.rows(), width=120), "", *notes])

    def _repr_html_(self) -> str:
        return framed(self.to_html())


def compare_spaces(
    spaces: Mapping[str, Space],
    sets: Sets = None,
    *,
    case: Case = "lower",
    level: float = 0.95,
    resamples: int = 10_000,
    restarts: int = 10,
    seed: int = 0,
    progress: Progress = silent,
) -> SpaceComparison:
    """Compare spaces of words by standard tests, on the same items.

    Each space is cut down to the keys that all of them have, in the order of the first. So all are asked the same pairs
    and questions, choose answers from the same keys, and none gains by knowing only easy words. Items with other words
    are left out; n-grams are not used. A set is compared by its deciding measure: Spearman's correlation, accuracy by
    3CosAdd, purity, or average precision of the cosine.

    Args:
        spaces: At least two, by name; the others are compared with the first.
        sets: As for `evaluate_intrinsic`.
        case: As for `evaluate_intrinsic`.
        level: Confidence level of the intervals; 1 less it is the level of the tests.
        resamples: Of the bootstrap, at least 100.
        restarts: Starts of k-means.
        seed: Of the bootstrap and of k-means.
        progress: Told of analogies.

    Returns:
        The comparison.

    Raises:
        DataError: If a file of a set cannot be used.
        InvalidInputError: If there are fewer than two spaces, they share no key, or an option makes no sense.
    """
    if len(spaces) < 2:
        raise InvalidInputError(f"spaces must hold at least two spaces by name, got {len(spaces)}")
    loaded = load_word_sets(sets)
    protocol = IntrinsicProtocol(case, "skip", None, level, resamples, restarts, seed)
    shared = _on_shared_keys(spaces)
    measured = []
    for name, space in shared.items():

        def tell(what: str, done: int, total: int | None, name: str = name) -> None:
            progress(f"{name}: {what}", done, total)

        measured.append(measure_sets(space, loaded, protocol, methods=METHODS[:1], progress=tell))
    pairs = [
        (name, measured[0][row], found[row])
        for row in range(len(loaded))
        for name, found in zip(list(spaces)[1:], measured[1:], strict=True)
    ]
    keys = len(next(iter(shared.values())))
    return SpaceComparison(tuple(spaces), keys, tuple(_differences(pairs, protocol)), protocol)


def _on_shared_keys(spaces: Mapping[str, Space]) -> dict[str, Space]:
    """Cut spaces down to the keys that all have, in the order of the first; without n-grams."""
    first = next(iter(spaces.values())).keys
    rows = {name: space.keys.positions(first) for name, space in spaces.items()}
    shared = np.all([found >= 0 for found in rows.values()], axis=0)
    if not shared.any():
        raise InvalidInputError(f"the spaces {', '.join(spaces)} share no key, so there is nothing to compare them on")
    keys = Keys.of([first[row] for row in np.flatnonzero(shared).tolist()])
    return {name: Space(keys, space.vectors[rows[name][shared]]) for name, space in spaces.items()}


def _differences(
    pairs: Sequence[tuple[str, MeasuredSet, MeasuredSet]], protocol: IntrinsicProtocol
) -> Iterator[SpaceDifference]:
    resampled = [_resampled(first, other, protocol) for _, first, other in pairs]
    p_values = [min(1.0, 2 * min(one.p_at_most(0.0), one.p_at_least(0.0))) for one in resampled]
    adjusted, levels = holm(p_values), holm_levels(p_values, 1 - protocol.level)
    for (name, first, other), found, p, level in zip(pairs, resampled, adjusted, levels, strict=True):
        corrected = found.interval(1 - float(level))
        measures = (first.measurements[0], other.measurements[0]) if first.measurements else ()
        yield SpaceDifference(
            name=first.name,
            measure=measures[0].measure if measures else "",
            space=name,
            items=found.count,
            total=first.total,
            first=measures[0].value if measures else math.nan,
            other=measures[1].value if measures else math.nan,
            difference=found.interval(protocol.level),
            corrected=corrected,
            p=float(p),
            verdict=_verdict(corrected, proved=bool(p <= 1 - protocol.level)),
        )


def _resampled(first: MeasuredSet, other: MeasuredSet, protocol: IntrinsicProtocol) -> Bootstrap:
    if not first.measurements:
        return Bootstrap(math.nan, 0, np.full(1, math.nan))
    one, two = first.measurements[0], other.measurements[0]
    return two.difference(one, resamples=protocol.resamples, seed=protocol.seed)


def _verdict(difference: Interval, *, proved: bool) -> Verdict:
    """Read it from the corrected interval; of a handful of equal items, only p says that they prove nothing."""
    if proved and difference.low > 0:
        return "better"
    return "worse" if proved and difference.high < 0 else "tied"
