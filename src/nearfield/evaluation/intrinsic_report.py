"""What an intrinsic evaluation found: a frozen result that prints as a table."""

import os
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from nearfield.errors import InvalidInputError
from nearfield.evaluation.intrinsic_measures import Missing
from nearfield.evaluation.lexicon import Case
from nearfield.report.frozen import to_json
from nearfield.report.numbers import counted, decimal, interval
from nearfield.report.page import framed, write_page
from nearfield.report.table import Column, text_table
from nearfield.statistics import Interval

WHOLE = ("", "semantic", "syntactic")
"""Sections that the table shows; the others are in `to_json` and on the page."""
_ITEMS = {"similarity": "pair", "entailment": "pair", "analogy": "question", "category": "word"}


@dataclass(frozen=True)
class IntrinsicProtocol:
    """How it was measured.

    Attributes:
        case: How words are found: `lower`, `exact` or `ignore`; see `evaluate_intrinsic`.
        missing: What becomes of items with a word that has no vector: `skip` or `zero`.
        vocabulary: How many keys counted; None for all.
        level: Confidence level of the intervals.
        resamples: Of the bootstrap.
        restarts: Starts of k-means.
        seed: Of the bootstrap and of k-means.
    """

    case: Case = "lower"
    missing: Missing = "skip"
    vocabulary: int | None = None
    level: float = 0.95
    resamples: int = 10_000
    restarts: int = 10
    seed: int = 0

    def sentences(self) -> Iterator[str]:
        """Say it in words."""
        yield {
            "lower": "A word is looked up as written, then in lower case.",
            "exact": "A word is looked up as written.",
            "ignore": "Case is ignored: of keys that differ by case, only the first counts.",
        }[self.case]
        if self.vocabulary is not None:
            yield f"Only the first {self.vocabulary:,} keys count."
        yield {
            "skip": "Items with a word that has no vector are left out.",
            "zero": "A word that has no vector gets the zero vector: its pairs have similarity 0, its questions are "
            "wrong.",
        }[self.missing]
        yield (
            f"Intervals of {self.level:.0%}: expanded percentiles of {self.resamples:,} bootstrap resamples of the "
            f"items, seed {self.seed}."
        )


@dataclass(frozen=True)
class IntrinsicScore:
    """One measure of a set or of a section of it.

    Attributes:
        measure: Such as `Spearman`, `accuracy, 3CosAdd`, `purity`.
        section: Of the set; empty for the whole of it.
        estimate: The measure and its interval, whose ends are NaN where there is none.
        items: How many items were scored.
        chance: What guessing would score; None where that is not known.
    """

    measure: str
    section: str
    estimate: Interval
    items: int
    chance: float | None = None


@dataclass(frozen=True)
class IntrinsicResult:
    """How a space does on one test set.

    Attributes:
        name: Of the set.
        kind: `similarity`, `analogy`, `category` or `entailment`.
        total: Number of pairs, questions or words in it.
        covered: How many of them the space has all words of.
        composed: How many words were made of n-grams.
        scores: The measures, the deciding one first; none if no item could be scored.
    """

    name: str
    kind: str
    total: int
    covered: int
    composed: int
    scores: tuple[IntrinsicScore, ...]

    @property
    def coverage(self) -> str:
        """How many items are covered, in words."""
        return f"{self.covered:,} of {counted(self.total, _ITEMS[self.kind])}"


@dataclass(frozen=True)
class IntrinsicReport:
    """How good a space of words is by standard tests.

    `print(report)` shows it, `to_json` keeps it, `export` writes a page.

    Attributes:
        space: What was measured.
        keys: Number of keys.
        dim: Number of dimensions.
        results: What was found on each set.
        protocol: How it was measured.
    """

    space: str
    keys: int
    dim: int
    results: tuple[IntrinsicResult, ...]
    protocol: IntrinsicProtocol

    def result(self, name: str) -> IntrinsicResult:
        """Find what was found on a set.

        Args:
            name: Of the set.

        Returns:
            The result.

        Raises:
            InvalidInputError: If the report has no such set.
        """
        for result in self.results:
            if result.name == name:
                return result
        known = ", ".join(result.name for result in self.results)
        raise InvalidInputError(f"the report has no set {name!r}; it has {known}")

    def score(self, name: str, measure: str | None = None, section: str = "") -> IntrinsicScore:
        """Find one score.

        Args:
            name: Of the set.
            measure: Such as `Spearman`; the deciding one by default.
            section: Of the set; the whole of it by default.

        Returns:
            The score.

        Raises:
            InvalidInputError: If the report has no such set or score.
        """
        scores = self.result(name).scores
        for score in scores:
            if measure in (None, score.measure) and section == score.section:
                return score
        known = ", ".join(dict.fromkeys(score.measure for score in scores)) or "none"
        raise InvalidInputError(f"{name} has no score {measure!r} of section {section!r}; its measures are {known}")

    @property
    def headline(self) -> str:
        """What was measured, in words."""
        return f"{self.space}: {counted(self.keys, 'key')}, {counted(self.dim, 'dimension')}"

    def to_json(self) -> dict[str, Any]:
        """Write the report down as JSON values."""
        return dict(to_json(self))

    def to_html(self) -> str:
        """Render one self-contained HTML page."""
        from nearfield.evaluation.intrinsic_page import intrinsic_html

        return intrinsic_html(self)

    def export(self, path: str | os.PathLike[str]) -> None:
        """Write the page to a file, which must end in `.html`; all of it or none."""
        write_page(path, self.to_html())

    def __str__(self) -> str:
        """Render a table for the terminal."""
        columns = [
            Column("set"),
            Column("measure"),
            Column("score", "right"),
            Column(f"{self.protocol.level:.0%} interval", "right"),
            Column("chance", "right"),
            Column("covered", "right"),
        ]
        rows = [row for result in self.results for row in _rows(result)]
        if not any(row[4] for row in rows):
            columns, rows = columns[:4] + columns[5:], [row[:4] + row[5:] for row in rows]
        notes = [textwrap.fill(note, 100) for note in self.notes()]
        return "\n".join([self.headline, "", text_table(columns, rows), "", *notes])

    def notes(self) -> list[str]:
        """Say what to know of the numbers."""
        notes = list(self.protocol.sentences())
        if any(result.kind == "category" and result.scores for result in self.results):
            notes.append(
                f"Categories: k-means of unit vectors, as many clusters as categories, best of "
                f"{counted(self.protocol.restarts, 'start')}; the interval of purity keeps the clusters."
            )
        if composed := sum(result.composed for result in self.results):
            notes.append(f"{composed:,} times a word that is no key got a vector made of its n-grams.")
        return notes

    def _repr_html_(self) -> str:
        return framed(self.to_html())


def _rows(result: IntrinsicResult) -> Iterator[list[str]]:
    shown = [score for score in result.scores if score.section in WHOLE]
    for number, score in enumerate(shown):
        yield [
            "" if number else result.name,
            f"{score.measure}, {score.section}" if score.section else score.measure,
            decimal(score.estimate.mean),
            interval(score.estimate.low, score.estimate.high),
            "" if score.chance is None else decimal(score.chance),
            "" if number else result.coverage,
        ]
    if not shown:
        yield [result.name, "", decimal(None), "", "", result.coverage]
