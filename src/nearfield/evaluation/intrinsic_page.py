"""Intrinsic evaluations and comparisons as pages to look at."""

import math
from collections.abc import Sequence

from nearfield.data.word_sets import word_sets
from nearfield.evaluation.intrinsic_comparison import SpaceComparison, SpaceDifference
from nearfield.evaluation.intrinsic_report import WHOLE, IntrinsicReport, IntrinsicResult, IntrinsicScore
from nearfield.report.interval_plot import Estimate, interval_plot
from nearfield.report.markup import Content, Markup, element, joined
from nearfield.report.numbers import decimal, interval
from nearfield.report.page import Section, facts, figure, page, quoted
from nearfield.report.svg import Emphasis
from nearfield.report.table import Column, html_table

_KINDS = {
    "similarity": ("Similarity and relatedness", "Correlation of cosines with people's judgements."),
    "analogy": ("Analogies", "Share of questions answered right: a is to b as c is to what?"),
    "category": ("Categories", "How well clusters of the vectors agree with categories."),
    "entailment": ("Entailment", "How well pairs are ranked by whether the first is a kind of the second."),
}
_EMPHASIS: dict[str, Emphasis] = {"better": "chosen", "worse": "worse", "tied": "unclear"}


def intrinsic_html(report: IntrinsicReport) -> str:
    """Write an evaluation as one HTML page that needs nothing else."""
    sections = [
        Section(kind, heading, _of_kind(report, kind, caption))
        for kind, (heading, caption) in _KINDS.items()
        if any(result.kind == kind for result in report.results)
    ]
    sections += [
        Section("table", "All numbers", [_table(report)]),
        Section("protocol", "How it was measured", _protocol(report.notes(), [r.name for r in report.results])),
    ]
    return page(
        f"{report.space}, measured by words",
        sections,
        lead=[element("p", report.headline, class_="eyebrow", dir="auto")],
    )


def _of_kind(report: IntrinsicReport, kind: str, caption: str) -> list[Content]:
    results = [result for result in report.results if result.kind == kind]
    plots = []
    whole = [_estimate(result, score) for result in results for score in _plotted(result) if score.section in WHOLE]
    if whole:
        plots.append(figure(interval_plot(whole, title=caption, axis="score"), joined(element("b", caption), _SPREAD)))
    for result in results:
        sections = [
            Estimate(score.section, *_values(score))
            for score in result.scores
            if score.section not in WHOLE and score.measure == result.scores[0].measure
        ]
        if sections:
            title = f"{result.name}, section by section: {result.scores[0].measure}"
            plots.append(figure(interval_plot(sections, title=title, axis="accuracy"), element("b", title)))
    uncovered = [result for result in results if result.covered < result.total]
    notes = [element("p", f"{result.name}: {result.coverage} covered.", dir="auto") for result in uncovered]
    return [element("div", *plots, class_="figures") if plots else None, *notes]


_SPREAD = "Dot: the score; whisker: its interval. Whiskers of different sets are not to be compared."


def _plotted(result: IntrinsicResult) -> list[IntrinsicScore]:
    """Leave out what says nearly the same as another measure, or has no interval."""
    return [score for score in result.scores if score.measure not in ("Pearson", "NMI")]


def _estimate(result: IntrinsicResult, score: IntrinsicScore) -> Estimate:
    parts = [result.name, score.measure.removeprefix("accuracy, "), score.section]
    return Estimate(", ".join(part for part in parts if part), *_values(score))


def _values(score: IntrinsicScore) -> tuple[float, tuple[float, float] | None]:
    ends = (score.estimate.low, score.estimate.high)
    return score.estimate.mean, None if math.isnan(ends[0]) else ends


def _table(report: IntrinsicReport) -> Markup:
    columns = [
        Column("set"),
        Column("section"),
        Column("measure"),
        Column("score", "right"),
        Column(f"{report.protocol.level:.0%} interval", "right"),
        Column("chance", "right", "What guessing would score"),
        Column("scored", "right", "Items scored"),
        Column("covered", "right", "Items of which all words have a vector"),
    ]
    rows = [
        [
            quoted(result.name),
            quoted(score.section),
            score.measure,
            decimal(score.estimate.mean),
            interval(score.estimate.low, score.estimate.high),
            "" if score.chance is None else decimal(score.chance),
            f"{score.items:,}",
            result.coverage,
        ]
        for result in report.results
        for score in result.scores
    ]
    return html_table(columns, rows, caption="All scores")


def _protocol(notes: Sequence[str], names: Sequence[str]) -> list[Content]:
    known = {entry.name: entry for entry in word_sets()}
    sources = [
        (name, quoted(f"{known[name].paper}; {known[name].url}; licence: {known[name].licence}"))
        for name in dict.fromkeys(names)
        if name in known
    ]
    return [*(element("p", note) for note in notes), facts(sources) if sources else None]


def space_comparison_html(comparison: SpaceComparison) -> str:
    """Write a comparison as one HTML page that needs nothing else."""
    differences = comparison.differences
    plot = interval_plot(
        [_difference(comparison, one) for one in differences if one.items],
        title="Differences from the first space",
        axis=f"difference from {comparison.spaces[0]}",
        band=(0.0, 0.0),
        signed=True,
    )
    caption = joined(
        element("b", f"Difference from {comparison.spaces[0]}, on the same items"),
        f"Whisker right of the line: better than {comparison.spaces[0]}; left of it: worse; across it: tied. The "
        f"{comparison.protocol.level:.0%} interval is corrected for the number of comparisons.",
    )
    cells = [[quoted(cell) for cell in row] for row in comparison.rows()]
    table = html_table(comparison.columns(), cells, caption="Differences")
    sections = [
        Section("differences", "The differences", [element("div", figure(plot, caption), class_="figures"), table]),
        Section("protocol", "How it was measured", _protocol(comparison.notes(), [one.name for one in differences])),
    ]
    lead = [element("p", comparison.headline, class_="eyebrow", dir="auto")]
    return page(" and ".join(comparison.spaces), sections, lead=lead)


def _difference(comparison: SpaceComparison, one: SpaceDifference) -> Estimate:
    name = f"{one.name}: {one.verdict}"
    if len(comparison.spaces) > 2:
        name = f"{one.space}, {name}"
    low, high = one.corrected.low, one.corrected.high
    return Estimate(name, one.difference.mean, None if math.isnan(low) else (low, high), _EMPHASIS[one.verdict])
