"""Trees against WordNet to look at: on the console, as a page."""

import textwrap
from typing import TYPE_CHECKING

from nearfield.evaluation.tree_agreement import PERMUTATIONS
from nearfield.report.interval_plot import Estimate, interval_plot
from nearfield.report.markup import Content, element
from nearfield.report.numbers import counted, decimal, interval
from nearfield.report.page import Section, disclosure, figure, page
from nearfield.report.table import Column, html_table, text_table

if TYPE_CHECKING:
    from nearfield.evaluation.hierarchy import HierarchyReport, RootResult

_MEASURES = (
    Column("agreement"),
    Column("value", "right"),
    Column("interval", "right", "over resampled words; the tree stays as it is"),
    Column("chance", "right", "the mean with the words at random places of the taxonomy"),
    Column("p", "right", "one-sided, of chance being as good"),
    Column("spelling", "right", "a tree of how the words are written: runs of up to three letters"),
    Column("no tree", "right", "the distances themselves"),
)
_RULES = (
    Column("more general is"),
    Column("accuracy", "right"),
    Column("interval", "right", "over resampled general words, each with all its pairs"),
)
_CLASSES = (Column("class"), Column("words", "right"), Column("purity", "right"))


def hierarchy_text(report: "HierarchyReport") -> str:
    """Write the report for a terminal of 100 columns."""
    parts = []
    for result in report.roots:
        parts += ["\n".join(textwrap.wrap(_heading(result), 100)), text_table(_MEASURES, _measure_rows(result))]
        if result.directions:
            parts.append(text_table(_RULES, _rule_rows(result)))
    return "\n\n".join([*parts, "\n".join(textwrap.wrap(_legend(report), 100, break_on_hyphens=False))])


def hierarchy_html(report: "HierarchyReport") -> str:
    """Write the report as one HTML page that needs nothing else."""
    sections = [Section("overview", "The trees", [_plot(report)])] if len(report.roots) > 1 else []
    for number, result in enumerate(report.roots):
        sections.append(Section(f"root{number}", result.root, _root(result)))
    sections.append(Section("how", "How it was measured", [element("p", _legend(report), class_="note")]))
    names = ", ".join(result.root.partition(".")[0] for result in report.roots)
    return page(f"Trees of words against WordNet: {names}", sections)


def _heading(result: "RootResult") -> str:
    pairs = f"; {counted(result.pairs, 'pair')} of a word and the next more general one" if result.pairs else ""
    return (
        f"{result.root}: {counted(result.words, 'word')} for its {counted(result.concepts, 'kind')}; cophenetic "
        f"correlation {decimal(result.cophenetic_correlation)}{pairs}"
    )


def _measure_rows(result: "RootResult") -> list[list[str]]:
    return [
        [
            measured.measure,
            decimal(measured.agreement.value),
            interval(measured.agreement.low, measured.agreement.high),
            decimal(measured.agreement.chance),
            decimal(measured.agreement.p),
            decimal(measured.spelling),
            decimal(measured.without_tree),
        ]
        for measured in result.measures
    ]


def _rule_rows(result: "RootResult") -> list[list[str]]:
    return [[rule.rule, decimal(rule.accuracy), interval(rule.low, rule.high)] for rule in result.directions]


def _root(result: "RootResult") -> list[Content]:
    contents: list[Content] = [
        element("p", _heading(result)),
        html_table(_MEASURES, _measure_rows(result), caption=f"Agreement below {result.root}"),
    ]
    if result.directions:
        contents.append(html_table(_RULES, _rule_rows(result), caption=f"The more general word below {result.root}"))
    rows = [[found.name, f"{found.words:,}", decimal(found.purity)] for found in result.classes]
    table = html_table(_CLASSES, rows, caption=f"Classes below {result.root}")
    contents.append(
        disclosure(f"Purity by class: {counted(len(rows), 'class', 'classes')} of two words or more", table)
    )
    return contents


def _plot(report: "HierarchyReport") -> Content:
    found = [(result.root, result.measures[0].agreement) for result in report.roots]
    estimates = [
        Estimate(root, purity.value, (purity.low, purity.high))
        for root, purity in found
        if purity.value == purity.value
    ]
    plot = interval_plot(estimates, title="Dendrogram purity", axis="dendrogram purity")
    return figure(plot, "Dendrogram purity of each tree, with its interval; higher is better.")


def _legend(report: "HierarchyReport") -> str:
    which = {"first": "whose first", "only": "whose only", "any": "of which any"}[report.senses]
    return (
        f"{report.linkage.capitalize()} linkage of {report.metric} distances; words {which} noun sense is below the "
        "root, one for each concept, the first of the space. Dendrogram purity: of the smallest branch with two words "
        "of a class, the share of that class. Rank correlation: of the heights that join two words with their "
        "Wu-Palmer distance. Triplet agreement: whether the two of three words that the taxonomy joins first are those "
        f"that the tree joins first; a third by chance. Intervals of {report.level:.0%}; p from {PERMUTATIONS} random "
        "labellings. Spelling: the same of a tree that knows only how words are written; no tree: of the distances "
        f"themselves. WordNet: {report.wordnet}."
    )
