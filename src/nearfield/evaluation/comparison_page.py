"""A comparison to look at: on the console, as Markdown, as a page."""

import shlex
import textwrap
from collections.abc import Sequence
from pathlib import Path

from nearfield.evaluation.comparison import ComparisonReport
from nearfield.evaluation.comparison_queries import query_figures
from nearfield.evaluation.comparison_standings import Standing, is_decided, reference, standings, verdict
from nearfield.evaluation.comparison_table import (
    LEGEND,
    columns,
    cost_definition,
    headline,
    other_metrics,
    rows,
    warnings,
)
from nearfield.report.characters import one_line
from nearfield.report.interval_plot import Estimate, interval_plot
from nearfield.report.markup import Content, Markup, element, joined
from nearfield.report.numbers import counted, decimal, dollars, duration, interval, size
from nearfield.report.page import Section, facts, figure, page, quoted
from nearfield.report.scatter_plot import Point, scatter_plot
from nearfield.report.table import html_table, markdown_table, markdown_text, text_table


def comparison_text(report: ComparisonReport) -> str:
    """Write the report for a terminal of 100 columns: headline, table, decision, and what to know about both."""
    cells = [[" ".join(filter(None, cell)) for cell in row] for row in rows(report)]
    said = [f"{verdict(report)}. {report.decision.why}", f"$/month: {cost_definition(report)}.", *warnings(report)]
    lines = [line for text in said for line in textwrap.wrap(one_line(text), 100, break_on_hyphens=False)]
    return "\n".join([one_line(headline(report)), "", text_table(columns(report), cells), "", LEGEND, "", *lines])


def comparison_markdown(report: ComparisonReport) -> str:
    """Write the report as Markdown, for a pull request or a wiki."""
    cells = [[" ".join(filter(None, cell)) for cell in row] for row in rows(report)]
    notes = [f"- {markdown_text(note)}" for note in (f"$/month: {cost_definition(report)}.", *warnings(report))]
    return "\n\n".join(
        [
            f"## {markdown_text(verdict(report))}",
            markdown_text(report.decision.why),
            markdown_text(headline(report)),
            markdown_table(columns(report), cells),
            markdown_text(LEGEND),
            "\n".join(notes) + "\n",
        ]
    )


def comparison_html(report: ComparisonReport) -> str:
    """Write the report as one HTML page that needs nothing else."""
    sections = [
        Section("candidates", "The candidates", _table(report)),
        Section("quality", "How good they are", _quality(report)),
        Section("cost", "What they cost", _cost(report)),
        Section("build", "How to build it", _build(report)),
        Section("protocol", "How it was measured", _protocol(report)),
    ]
    if len(report.candidates) > 1:
        sections.insert(3, Section("queries", "Query by query", _queries(report)))
    lead = [
        element("p", report.decision.why, class_="why", dir="auto"),
        element("p", headline(report), class_="eyebrow", dir="auto"),
        _facts(report),
    ]
    if said := warnings(report):
        lead.append(element("div", *(element("p", warning, dir="auto") for warning in said), class_="warning"))
    return page(verdict(report), sections, lead=lead)


def _facts(report: ComparisonReport) -> Markup:
    """Give the numbers of the candidate to take, for now or for good."""
    candidate = reference(report)
    standing = next(standing for standing in standings(report) if standing.candidate is candidate)
    cost = candidate.cost
    pairs = [
        (report.protocol.metric, decimal(standing.quality.value), interval(*standing.quality.ends)),
        ("a query", duration(cost.query_seconds), f"95% within {duration(cost.query_seconds_p95)}"),
        ("to index", duration(cost.index_seconds), f"of which encoding {duration(cost.encode_seconds)}"),
        ("memory", size(cost.memory_bytes), f"{size(cost.disk_bytes)} on disk"),
        ("a month", dollars(candidate.monthly_cost), "by the prices below"),
    ]
    return facts([(name, joined(value, element("small", note))) for name, value, note in pairs], class_="headline")


def _table(report: ComparisonReport) -> list[Content]:
    cells = [
        [joined(quoted(value), element("small", note) if note else None) for value, note in row] for row in rows(report)
    ]
    classes = [standing.emphasis for standing in standings(report)]
    return [
        html_table(columns(report), cells, caption="The candidates, best first", classes=classes),
        element("p", LEGEND, class_="note"),
    ]


def _quality(report: ComparisonReport) -> list[Content]:
    protocol = report.protocol
    order = standings(report)
    level = f"{protocol.level:.0%} interval"
    means = [Estimate(s.candidate.name, s.quality.value, s.quality.interval, s.emphasis) for s in order]
    differences = [
        Estimate(s.candidate.name, s.difference.value, s.difference.interval, s.emphasis)
        if s.difference
        else Estimate(s.candidate.name, 0.0, None, s.emphasis)
        for s in order
    ]
    plots = [
        figure(
            interval_plot(
                differences,
                title="Difference from the best",
                axis=f"difference in {protocol.metric}",
                band=(-protocol.margin, 0.0),
                signed=True,
            ),
            joined(
                element("b", "Difference from the best, on the same queries"),
                f"The {level}, corrected for the number of candidates, decides. The dashed line is the margin, "
                f"{protocol.margin:g} below the best. Whisker right of it: as good as the best; left of it: worse; "
                "across it: too few queries to tell.",
            ),
        ),
        figure(
            interval_plot(means, title=f"Mean {protocol.metric}", axis=protocol.metric),
            joined(
                element("b", f"Mean {protocol.metric}"),
                f"Over {counted(len(report.queries), 'query', 'queries')}, with its {level}. Whiskers that overlap "
                "here do not mean a tie: some queries are hard for every candidate.",
            ),
        ),
    ]
    return [element("div", *plots, class_="figures")]


def _cost(report: ComparisonReport) -> list[Content]:
    order = standings(report)
    metric = report.protocol.metric
    speed = scatter_plot(
        [_point(standing, standing.candidate.cost.query_seconds) for standing in order],
        title=f"{metric} against query time",
        cost_label="median time of a query, log scale",
        quality_label=metric,
        write_cost=duration,
    )
    memory = scatter_plot(
        [_point(standing, standing.candidate.cost.memory_bytes) for standing in order],
        title=f"{metric} against memory",
        cost_label="memory, log scale",
        quality_label=metric,
        write_cost=size,
    )
    step = "The grey step is the best quality to be had at each cost."
    return [
        element(
            "div",
            figure(speed, joined(element("b", "Quality and speed"), f"Better is up and left. {step}")),
            figure(memory, joined(element("b", "Quality and memory"), f"Weights and index together. {step}")),
            class_="figures",
        )
    ]


def _point(standing: Standing, cost: float) -> Point:
    quality = standing.quality
    return Point(standing.candidate.name, cost, quality.value, quality.interval, standing.emphasis)


def _queries(report: ComparisonReport) -> list[Content]:
    one = reference(report)
    return [
        element(
            "p", quoted(one.name), " against each of the others: bars above the line are queries it answers better."
        ),
        query_figures(report, one),
    ]


def _build(report: ComparisonReport) -> list[Content]:
    corpus = report.protocol.corpus
    target = f"{Path(corpus).stem or 'my'}.collection"
    choice = [] if is_decided(report) else ["--candidate", reference(report).name]
    command = ["nearfield", "index", corpus, "--to", target, "--from", "report.json", *choice]
    return [
        element("p", "With the report that ", element("code", "nearfield compare --save report.json"), " wrote:"),
        element("pre", one_line(shlex.join(command)), tabindex="0"),
    ]


def _protocol(report: ComparisonReport) -> list[Content]:
    protocol = report.protocol
    versions = ", ".join(f"{name} {version}" for name, version in protocol.versions.items())
    pairs: Sequence[tuple[str, str]] = [
        ("Corpus", f"{protocol.corpus}, {counted(protocol.records, 'record')}"),
        ("Digest of its contents", protocol.corpus_digest),
        ("Left out as bad", counted(protocol.skipped, "record or judgement", "records or judgements")),
        ("Queries", f"{len(report.queries):,} judged"),
        ("Metric that decides", protocol.metric),
        ("Other metrics", ", ".join(other_metrics(report)) or "none"),
        (
            "Rule",
            f"As good as the best: shown to be at most {protocol.margin:g} worse. The cheapest of those is chosen.",
        ),
        (
            "Intervals",
            f"{protocol.level:.0%}, by resampling the queries, seed {protocol.seed}; those of differences are paired, "
            "and corrected for the number of candidates (Holm)",
        ),
        ("Cost", f"{cost_definition(report)}."),
        ("Query time", "Median, one query at a time, from text to ranking"),
        ("Memory", "The encoder's weights and the index's files, as if all were kept in memory"),
        ("Versions", versions),
        ("Machine", protocol.machine),
        ("Built in", protocol.database or "temporary folders"),
    ]
    return [facts([(name, quoted(value)) for name, value in pairs])]
