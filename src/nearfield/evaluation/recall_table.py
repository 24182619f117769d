"""Measured recall as tables: the same columns for the console and the page."""

import textwrap
from collections.abc import Sequence

from nearfield.evaluation.recall_report import RecallFilter, RecallMeasurement, RecallReport, RecallVariant
from nearfield.report.characters import one_line
from nearfield.report.numbers import decimal, duration, interval, size
from nearfield.report.table import Column, text_table
from nearfield.stores.base import Effort

_WIDTH = 100


def headline(report: RecallReport) -> str:
    """Say of what was measured, and with what."""
    own = report.variants[0]
    quantisation = "no" if own.quantisation == "none" else own.quantisation
    return f"{report.source}: {own.records:,} records, {quantisation} quantisation; {report.queries}"


def shown_effort(report: RecallReport, variant: RecallVariant) -> Effort:
    """Choose the effort whose results are shown filter by filter: the best, or else the one in use."""
    return variant.best or report.current


def filter_columns(report: RecallReport) -> list[Column]:
    """Name the columns of the table of filters and numbers of results."""
    return [
        Column("filter keeps", "right", "Share of the records that the filter lets through"),
        Column("k", "right", "Results asked for"),
        *_measured_columns(report),
        Column("exact queries/s", "right", "The same by comparing with every record"),
    ]


def filter_rows(variant: RecallVariant, effort: Effort) -> list[list[str]]:
    """Fill them for one effort."""
    filters = {one.share: one for one in variant.filters}
    rows = []
    for one in variant.at(effort):
        exact = f"{filters[one.share].exact_queries_per_second:,.0f}"
        rows.append([kept_share(filters[one.share], variant), f"{one.k}", *_measured(one), exact])
    return rows


def kept_share(narrowed: RecallFilter, variant: RecallVariant) -> str:
    """Say which share of the records a filter really keeps."""
    return f"{narrowed.kept / variant.records:.3g}" if narrowed.kept < variant.records else "all"


def filters_told(variant: RecallVariant) -> list[str]:
    """Say of each filter what it is and what it keeps."""
    return [
        f"{kept_share(one, variant)} ({one.kept:,} records) kept by {one.where}" for one in variant.filters if one.where
    ]


def effort_columns(report: RecallReport) -> list[Column]:
    """Name the columns of the table of efforts."""
    return [
        Column("", note="The recommendation"),
        Column("ef", "right", "Candidates looked at"),
        Column("oversampling", "right", "How many times k candidates are rescored in full precision"),
        *_measured_columns(report),
        Column("lowest, filtered", "right", "Lower end of the interval with the filter that is worst for it"),
    ]


def effort_rows(report: RecallReport, variant: RecallVariant) -> list[list[str]]:
    """Fill them for the number of results that counts, without a filter."""
    lowest: dict[Effort, float] = {}
    for one in variant.measurements:
        if one.k == report.target_k:
            lowest[one.effort] = min(one.recall.low, lowest.get(one.effort, 1.0))
    return [
        [
            _mark(one.effort, variant, report),
            f"{one.effort.ef}",
            f"{one.effort.oversampling:g}",
            *_measured(one),
            decimal(lowest[one.effort]),
        ]
        for one in variant.unfiltered(report.target_k)
    ]


def variant_columns(report: RecallReport) -> list[Column]:
    """Name the columns of the table of the store and its copies."""
    return [
        Column("store"),
        Column("records", "right"),
        Column("memory", "right", "Vectors as they are searched, and the graph, computed"),
        Column("disk", "right", "Of the whole; copies hold no texts"),
        Column("effort"),
        *_measured_columns(report),
    ]


def variant_rows(report: RecallReport) -> list[list[str]]:
    """Fill them with the best effort of each, or with the one in use where none reaches the target."""
    rows = []
    for variant in report.variants:
        effort = shown_effort(report, variant)
        one = next(one for one in variant.unfiltered(report.target_k) if one.effort == effort)
        words = f"{effort.ef} × {effort.oversampling:g}" + ("" if variant.best else " (misses the target)")
        disk = "" if variant.disk_bytes is None else size(variant.disk_bytes)
        rows.append([variant.name, f"{variant.records:,}", size(variant.memory_bytes), disk, words, *_measured(one)])
    return rows


def _measured_columns(report: RecallReport) -> Sequence[Column]:
    return (
        Column("recall", "right", "Share of the exact nearest that were found"),
        Column(f"{report.level:.0%} interval", "right"),
        Column("queries/s", "right", f"One at a time, median of {report.repeats} runs"),
        Column("p95", "right", "95 % of queries take no longer"),
    )


def _measured(one: RecallMeasurement) -> Sequence[str]:
    recall = one.recall
    return (
        decimal(recall.mean, places=4),
        interval(recall.low, recall.high),
        f"{one.queries_per_second:,.0f}",
        duration(one.seconds_p95),
    )


def _mark(effort: Effort, variant: RecallVariant, report: RecallReport) -> str:
    return "→" if effort == variant.best else "now" if effort == report.current else ""


def recall_text(report: RecallReport) -> str:
    """Write the report for a terminal: efforts, filters, copies, and what to do."""
    own = report.variants[0]
    effort = shown_effort(report, own)
    parts = [
        one_line(headline(report)),
        f"recall@{report.target_k} of everything, effort by effort (→ recommended):",
        text_table(effort_columns(report), effort_rows(report, own)),
        f"by ef {effort.ef}, oversampling {effort.oversampling:g}, filter by filter:",
        text_table(filter_columns(report), filter_rows(own, effort)),
        "\n".join(one_line(told) for told in filters_told(own)),
    ]
    if len(report.variants) > 1:
        parts += ["copies, each by its best effort:", text_table(variant_columns(report), variant_rows(report))]
    said = [report.advice, *report.notes]
    lines = [line for text in said for line in textwrap.wrap(one_line(text), _WIDTH, break_on_hyphens=False)]
    return "\n\n".join(filter(None, [*parts, "\n".join(lines)]))
