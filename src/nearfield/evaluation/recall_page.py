"""Measured recall as a page to look at."""

from nearfield.evaluation.recall_advice import effort_words
from nearfield.evaluation.recall_report import RecallMeasurement, RecallReport, RecallVariant
from nearfield.evaluation.recall_table import (
    effort_columns,
    effort_rows,
    filter_columns,
    filter_rows,
    filters_told,
    headline,
    shown_effort,
    variant_columns,
    variant_rows,
)
from nearfield.report.interval_plot import Estimate, interval_plot
from nearfield.report.markup import Content, Markup, element, joined
from nearfield.report.numbers import counted, duration
from nearfield.report.page import Section, facts, figure, page, quoted
from nearfield.report.scatter_plot import Point, scatter_plot
from nearfield.report.svg import Emphasis
from nearfield.report.table import html_table


def recall_html(report: RecallReport) -> str:
    """Write the report as one HTML page that needs nothing else."""
    own = report.variants[0]
    sections = [
        Section("efforts", "Recall and speed", [*_efforts(report, own)]),
        Section("filters", "Filter by filter", _filters(report, own)),
        Section("protocol", "How it was measured", _protocol(report)),
    ]
    if len(report.variants) > 1:
        sections.insert(2, Section("copies", "Copies", _copies(report)))
    title = f"Recall of {report.source}"
    lead = [
        element("p", report.advice, class_="why", dir="auto"),
        element("p", headline(report), class_="eyebrow", dir="auto"),
    ]
    if report.notes:
        lead.append(element("div", *(element("p", note, dir="auto") for note in report.notes), class_="warning"))
    return page(title, sections, lead=lead)


def _efforts(report: RecallReport, variant: RecallVariant) -> list[Content]:
    best = "" if variant.best is None else f" The filled one, {effort_words(variant.best)}, is recommended."
    caption = joined(
        element("b", f"Recall@{report.target_k} against the time of a query, everything searched"),
        f"Each point is an effort, named by ef and oversampling; better is up and left.{best} Wanted is a recall of "
        f"{report.target:g}.",
    )
    rows = effort_rows(report, variant)
    table = html_table(effort_columns(report), rows, caption="Efforts", classes=[_class(row[0]) for row in rows])
    return [element("div", figure(_plot(report, variant), caption), class_="figures"), table]


def _class(mark: str) -> Emphasis | None:
    return "chosen" if mark == "→" else None


def _plot(report: RecallReport, variant: RecallVariant) -> Markup:
    return scatter_plot(
        [_point(one, variant, report) for one in variant.unfiltered(report.target_k)],
        title=f"recall@{report.target_k} against query time",
        cost_label="mean time of a query, log scale",
        quality_label=f"recall@{report.target_k}",
        write_cost=duration,
    )


def _point(one: RecallMeasurement, variant: RecallVariant, report: RecallReport) -> Point:
    emphasis: Emphasis = "worse"
    if one.effort == variant.best:
        emphasis = "chosen"
    elif one.recall.low >= report.target:
        emphasis = "good"
    name = f"{one.effort.ef} × {one.effort.oversampling:g}"
    return Point(name, 1 / one.queries_per_second, one.recall.mean, (one.recall.low, one.recall.high), emphasis)


def _filters(report: RecallReport, variant: RecallVariant) -> list[Content]:
    effort = shown_effort(report, variant)
    estimates = [
        Estimate(f"{one.share:.3g} kept, k = {one.k}", one.recall.mean, (one.recall.low, one.recall.high))
        for one in variant.at(effort)
    ]
    title = f"Recall by {effort_words(effort)}"
    caption = joined(element("b", title), "Dot: the mean over the queries; whisker: its interval.")
    table = html_table(filter_columns(report), filter_rows(variant, effort), caption="Filters")
    told = [element("p", quoted(text)) for text in filters_told(variant)]
    plot = interval_plot(estimates, title=title, axis="recall")
    return [element("div", figure(plot, caption), class_="figures"), table, *told]


def _copies(report: RecallReport) -> list[Content]:
    table = html_table(variant_columns(report), variant_rows(report), caption="The store and its copies")
    plots = [
        figure(_plot(report, variant), joined(element("b", variant.name), f"Recall@{report.target_k} against time."))
        for variant in report.variants[1:]
    ]
    return [table, element("div", *plots, class_="figures")]


def _protocol(report: RecallReport) -> list[Content]:
    pairs = [
        ("Queries", f"{report.queries}, one at a time, without payloads"),
        ("Recall", "Share of the exact k nearest among the k found; a point that ties with the last is as good"),
        ("Exact", "The back end's own exact search with the same filter"),
        ("Intervals", f"{report.level:.0%}, by resampling the queries"),
        ("Speed", f"Median of {counted(report.repeats, 'run')} after one that warms up"),
        ("Memory", "Computed: codes of the vectors and edges of the graph; full vectors that rescore not counted"),
        ("Copies", "Vectors only, with a field that filters by chance; removed afterwards"),
    ]
    return [facts([(name, quoted(value)) for name, value in pairs])]
