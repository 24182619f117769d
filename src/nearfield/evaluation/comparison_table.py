"""A comparison as a table: the same columns for the console, Markdown and the page."""

from collections.abc import Iterator

from nearfield.evaluation.comparison import ComparisonReport
from nearfield.evaluation.comparison_standings import MARKERS, Standing, standings
from nearfield.report.numbers import counted, decimal, dollars, duration, interval, size
from nearfield.report.table import Column

LEGEND = "→ chosen · = as good as the best · ? too few queries to tell · no mark: worse"


def headline(report: ComparisonReport) -> str:
    """Say on what, and by what, was measured."""
    protocol = report.protocol
    return (
        f"{protocol.metric} on {protocol.corpus}: {counted(protocol.records, 'record')}, "
        f"{counted(len(report.queries), 'judged query', 'judged queries')}, margin {protocol.margin:g}"
    )


def columns(report: ComparisonReport) -> list[Column]:
    """Name the columns; those of quality first, then those of cost."""
    level = f"{report.protocol.level:.0%} interval"
    return [
        Column("", note="The decision"),
        Column("candidate"),
        Column(report.protocol.metric, "right", f"Mean over the judged queries, and its {level}"),
        Column(
            "vs best",
            "right",
            f"Mean difference from the best on the same queries, and its {level}, corrected for several",
        ),
        *(Column(metric, "right", "Mean over the judged queries") for metric in other_metrics(report)),
        Column("query", "right", "Median time of a query, from text to ranking"),
        Column("index", "right", "Time to encode and index the whole corpus"),
        Column("memory", "right", "The encoder's weights and the index's files, as if all were kept in memory"),
        Column("disk", "right", "Of the finished collection"),
        Column("$/month", "right", cost_definition(report)),
    ]


def other_metrics(report: ComparisonReport) -> list[str]:
    """List the metrics that do not decide."""
    return [metric for metric in report.candidates[0].metrics if metric != report.protocol.metric]


def rows(report: ComparisonReport) -> list[list[tuple[str, str]]]:
    """Fill the columns, best candidate first: for each cell what it says and, if need be, its interval."""
    return [[*_quality(report, standing), *_cost(standing)] for standing in standings(report)]


def _quality(report: ComparisonReport, standing: Standing) -> Iterator[tuple[str, str]]:
    candidate = standing.candidate
    yield MARKERS[standing.emphasis], ""
    yield candidate.name, ""
    yield decimal(standing.quality.value), interval(*standing.quality.ends)
    if standing.difference is None:
        yield "best", ""
    else:
        yield decimal(standing.difference.value, signed=True), interval(*standing.difference.ends, signed=True)
    for metric in other_metrics(report):
        yield decimal(candidate.metrics[metric].mean), ""


def _cost(standing: Standing) -> Iterator[tuple[str, str]]:
    cost = standing.candidate.cost
    yield duration(cost.query_seconds), ""
    yield duration(cost.index_seconds), ""
    yield size(cost.memory_bytes), ""
    yield size(cost.disk_bytes), ""
    yield dollars(standing.candidate.monthly_cost), ""


def cost_definition(report: ComparisonReport) -> str:
    """Say in a line what the monthly cost is."""
    model = report.protocol.cost_model
    indexings = counted(model.reindexes_per_month, "full indexing")
    return (
        f"{counted(model.queries_per_month, 'query', 'queries')} and {indexings} a month at "
        f"{dollars(model.machine_hour)} an hour of the machine that measured, plus a month of memory at "
        f"{dollars(model.memory_gb)} and disk at {dollars(model.disk_gb)} a GB"
    )


def warnings(report: ComparisonReport) -> list[str]:
    """Say what was not measured as the user may think it was."""
    truncated: dict[int, list[str]] = {}
    for candidate in report.candidates:
        if candidate.truncated:
            truncated.setdefault(candidate.truncated, []).append(candidate.name)
    said = [
        f"{count:,} of {counted(report.protocol.records, 'record')} are longer than the encoder reads, which does not "
        f"see their ends: {', '.join(names)}."
        for count, names in truncated.items()
    ]
    if report.protocol.skipped:
        skipped = counted(report.protocol.skipped, "record or judgement was", "records or judgements were")
        said.append(f"{skipped} bad and left out.")
    return said
