"""A dimension report to look at: on the console, as a page."""

import textwrap
from collections.abc import Sequence

from nearfield.report.characters import one_line
from nearfield.report.line_plot import Series, line_plot
from nearfield.report.markup import Content, Markup, element, joined
from nearfield.report.numbers import counted, decimal, duration, size
from nearfield.report.page import Section, facts, figure, page, quoted
from nearfield.report.table import Column, html_table, text_table
from nearfield.space.dimension_report import WAYS, AtDimension, DimensionReport
from nearfield.space.dimension_words import (
    NAMES,
    choice,
    command,
    geometry_rows,
    headline,
    overlap_cell,
    percent,
    verdicts,
    warnings,
)


def dimension_text(report: DimensionReport) -> str:
    """Write the report for a terminal of 100 columns."""
    cells = [[" ".join(filter(None, cell)) for cell in row] for row in _rows(report)]
    said = [f"{headline(report)}.", *verdicts(report), *warnings(report)]
    said.append(f"Rule: {_rule(report)}")
    lines = [line for text in said for line in textwrap.wrap(one_line(text), 100, break_on_hyphens=False)]
    geometry = text_table(_GEOMETRY, [[one_line(cell) for cell in row] for row in geometry_rows(report)])
    if done := command(report):
        lines.append(f"do it: {done}")
    return "\n".join([_subject(report), "", geometry, "", text_table(_columns(report), cells), "", *lines])


def dimension_html(report: DimensionReport) -> str:
    """Write the report as one HTML page that needs nothing else."""
    chosen = choice(report)
    marked = {report.smallest(way).dim for way in ([chosen] if chosen else WAYS)}
    classes = ["chosen" if row.dim in marked else None for row in report.rows]
    cells = [[_cell(*cell) for cell in row] for row in _rows(report)]
    sections = [
        Section("curves", "What fewer dimensions keep and cost", [_figures(report)]),
        Section("dimensions", "Each number of dimensions", [_table(report, cells, classes)]),
        Section("geometry", "How the vectors lie", _geometry(report)),
        Section("protocol", "How it was measured", [_protocol(report)]),
    ]
    lead: list[Content] = [element("p", sentence, class_="why") for sentence in verdicts(report)]
    if done := command(report):
        lead.append(element("pre", done, tabindex="0"))
    lead.append(element("p", _subject(report), class_="eyebrow"))
    if said := warnings(report):
        lead.append(element("div", *(element("p", warning) for warning in said), class_="warning"))
    return page(headline(report), sections, lead=lead)


_GEOMETRY = [Column("measure"), Column("value", "right"), Column("what it says")]


def _subject(report: DimensionReport) -> str:
    same = f"; {report.duplicates:,} left out, with the direction of another" if report.duplicates else ""
    return f"{counted(report.vectors, 'vector')} of {report.full.dim} dimensions, compared by cosine{same}"


def _rule(report: DimensionReport) -> str:
    return (
        f"The fewest dimensions whose 95 % interval of the share of neighbours kept begins at "
        f"{percent(report.keep, places=0)} or above."
    )


def _columns(report: DimensionReport) -> list[Column]:
    note = f"Share of the {report.k} nearest neighbours that stay among them, and its 95 % interval"
    columns = [
        Column("dimensions", "right"),
        Column("kept, truncated", "right", note),
        Column("kept by PCA", "right", note),
        Column("memory", "right", "Of all vectors in float32"),
        Column("a vector", "right", "Bytes in float32"),
        Column("search", "right", "Shortest time for one query, reading every vector"),
        Column("variance", "right", "Share of the variance kept by truncation and by PCA"),
    ]
    if report.full.pca.quality is not None:
        columns[3:3] = [Column("quality", "right", "By the measure given, after truncation and after PCA")]
    return columns


def _rows(report: DimensionReport) -> list[list[tuple[str, str]]]:
    """Fill the columns: for each cell what it says and, if need be, its interval."""
    return [_row(report, row) for row in report.rows]


def _row(report: DimensionReport, row: AtDimension) -> list[tuple[str, str]]:
    cells = [
        (str(row.dim), ""),
        overlap_cell(row, "truncation"),
        overlap_cell(row, "pca"),
        (size(row.space_bytes), ""),
        (size(row.vector_bytes), ""),
        (duration(row.query_seconds), ""),
        (f"{decimal(100 * row.truncation.variance, places=1)} · {percent(row.pca.variance)}", ""),
    ]
    if report.full.pca.quality is not None:
        cells[3:3] = [(" · ".join(decimal(row.kept(way).quality) for way in WAYS), "")]
    return cells


def _cell(value: str, ends: str) -> Content:
    return joined(value, element("small", ends)) if ends else value


def _table(report: DimensionReport, cells: Sequence[Sequence[Content]], classes: Sequence[str | None]) -> Markup:
    return html_table(
        _columns(report), cells, caption="What each number of dimensions keeps and costs", classes=classes
    )


def _figures(report: DimensionReport) -> Markup:
    dims = [row.dim for row in report.rows]
    chosen = choice(report)
    stands_out = {way: report.smallest(way).dim for way in WAYS if chosen == way}
    overlaps = [
        Series(
            NAMES[way],
            dims,
            [100 * row.kept(way).overlap.mean for row in report.rows],
            chosen=stands_out.get(way),
        )
        for way in WAYS
    ]
    costs = [
        Series("memory", dims, [100 * row.vector_bytes / report.full.vector_bytes for row in report.rows]),
        Series("search time", dims, [100 * row.query_seconds / report.full.query_seconds for row in report.rows]),
    ]
    variances = [Series(NAMES[way], dims, [100 * row.kept(way).variance for row in report.rows]) for way in WAYS]
    figures = [
        _figure(
            overlaps,
            "Neighbours kept",
            f"% of the {report.k} nearest neighbours kept",
            "Up is better; the dashed line is the share to keep, the large dot the choice.",
            level=100 * report.keep,
        ),
        _figure(costs, "Cost", "% of the cost of all dimensions", "Down is better."),
        _figure(variances, "Variance kept", "% of the variance", "How soon the first directions hold most of it."),
    ]
    if report.full.pca.quality is not None:
        figures.insert(1, _quality(report, dims))
    return element("div", *figures, class_="figures")


def _quality(report: DimensionReport, dims: Sequence[int]) -> Markup:
    judged = [(way, [row.kept(way).quality for row in report.rows]) for way in WAYS]
    series = [Series(NAMES[way], dims, [v for v in values if v is not None]) for way, values in judged]
    return _figure(series, "Quality", "quality, by the measure given", "Up is better.")


def _figure(series: Sequence[Series], name: str, y_label: str, reading: str, *, level: float | None = None) -> Markup:
    plot = line_plot(series, title=name, x_label="dimensions", y_label=y_label, level=level)
    return figure(plot, joined(element("b", name), reading))


def _geometry(report: DimensionReport) -> list[Content]:
    rows = [(name, value, quoted(meaning)) for name, value, meaning in geometry_rows(report)]
    return [html_table(_GEOMETRY, rows, caption="Measures of how the vectors lie")]


def _protocol(report: DimensionReport) -> Markup:
    bends = {NAMES[way]: report.knee(way) for way in WAYS}
    knees = ", ".join(f"{name} {bend.dim if bend else 'none'}" for name, bend in bends.items())
    return facts(
        [
            ("Vectors", f"{report.vectors:,}, {report.duplicates:,} with the direction of another"),
            ("Neighbours", f"{report.k} nearest by cosine, of {report.queries:,} among {report.searched:,} vectors"),
            ("Geometry", f"Measured on {report.geometry.points:,} vectors at length 1"),
            ("Truncation", "The first dimensions; made for that in Matryoshka models, else as good as any"),
            (
                "PCA",
                "The directions of most length, without taking a mean off; what nearfield space transform --pca does",
            ),
            ("Rule", _rule(report)),
            ("Knee", f"Farthest above the line from the first dimension to the last: {knees}"),
            (
                "Search time",
                "Shortest of many single queries that read every vector; in proportion, if vectors were sampled",
            ),
            ("Intervals", f"95 %, by resampling the queries, seed {report.seed}"),
        ]
    )
