"""Query by query: where one candidate beats another, and where it loses."""

from collections.abc import Iterator, Sequence

from nearfield.evaluation.comparison import CandidateResult, ComparisonReport, Query
from nearfield.report.difference_plot import Difference, difference_plot
from nearfield.report.markup import Content, Markup, element, joined
from nearfield.report.numbers import counted, decimal
from nearfield.report.page import disclosure, figure, quoted

SHOWN = 5
_SHOWN_RELEVANT = 3
_LONGEST_SNIPPET = 200


def query_figures(report: ComparisonReport, reference: CandidateResult) -> Markup:
    """Compare a candidate with each other one: a plot, and the queries most won and most lost as text."""
    others = [candidate for candidate in report.candidates if candidate.name != reference.name]
    limit = max((abs(d) for other in others for d in _differences(reference, other)), default=0.0)
    figures = (_figure(report, reference, other, limit) for other in others)
    return element("div", *figures, class_="figures")


def _differences(one: CandidateResult, other: CandidateResult) -> list[float]:
    return [a - b for a, b in zip(one.scores, other.scores, strict=True)]


def _figure(report: ComparisonReport, one: CandidateResult, other: CandidateResult, limit: float) -> Markup:
    differences = _differences(one, other)
    named = [Difference(query.text, value) for query, value in zip(report.queries, differences, strict=True)]
    plot = difference_plot(named, title=f"{one.name} against {other.name}", case=("query", "queries"), limit=limit)
    # By the query's number where differences are equal, so that the same report always gives the same page.
    order = sorted(range(len(differences)), key=lambda i: (-differences[i], i))
    won = [i for i in order if differences[i] > 0][:SHOWN]
    lost = [i for i in reversed(order) if differences[i] < 0][:SHOWN]
    caption = joined(element("b", "against ", quoted(other.name)), f"{report.protocol.metric}, a bar for each query")
    return figure(
        plot,
        caption,
        _cases(report, one, other, won, "most won"),
        _cases(report, one, other, lost, "most lost"),
    )


def _cases(
    report: ComparisonReport, one: CandidateResult, other: CandidateResult, chosen: Sequence[int], what: str
) -> Markup | None:
    if not chosen:
        return None
    summary = f"The {counted(len(chosen), 'query', 'queries')} {what}"
    return disclosure(summary, *(_case(report, one, other, number) for number in chosen))


def _case(report: ComparisonReport, one: CandidateResult, other: CandidateResult, number: int) -> Markup:
    query = report.queries[number]
    return element(
        "div",
        element("p", quoted(query.text), " ", _id(query.id), class_="query"),
        element(
            "div",
            _answer(report, one, query, number),
            _answer(report, other, query, number),
            _judged(report, query),
            class_="answers",
        ),
        class_="case",
    )


def _answer(report: ComparisonReport, candidate: CandidateResult, query: Query, number: int) -> Markup:
    ranking = candidate.rankings[number]
    ranks = [rank for rank, id_ in enumerate(ranking, start=1) if id_ in set(query.relevant)]
    score = f"{report.protocol.metric} {decimal(candidate.scores[number])}"
    found = f"first relevant at rank {ranks[0]}" if ranks else f"none relevant among the first {len(ranking)}"
    who = element("p", element("b", quoted(candidate.name)), element("br"), f"{score}, {found}", class_="who")
    if not ranking:
        return element("div", who, element("p", "Found nothing."), class_="answer")
    mark = ("✓ first hit, relevant", "hit") if ranks[:1] == [1] else ("✗ first hit, not judged relevant", "miss")
    return element("div", who, element("p", mark[0], class_=mark[1]), _record(report, ranking[0]), class_="answer")


def _judged(report: ComparisonReport, query: Query) -> Markup:
    count = len(query.relevant)
    more = count - _SHOWN_RELEVANT
    return element(
        "div",
        element("p", f"judged relevant: {counted(count, 'record')}", class_="who"),
        *(_record(report, id_) for id_ in query.relevant[:_SHOWN_RELEVANT]),
        element("p", f"and {more:,} more", class_="who") if more > 0 else None,
        class_="answer",
    )


def _record(report: ComparisonReport, id_: str) -> Markup:
    return element("p", *_snippet(report.snippets.get(id_, "")), _id(id_))


def _snippet(text: str) -> Iterator[Content]:
    if len(text) > _LONGEST_SNIPPET:
        text = f"{text[:_LONGEST_SNIPPET].rsplit(maxsplit=1)[0]}…"
    if text:
        yield from (quoted(text), " ")


def _id(id_: str) -> Markup:
    return element("bdi", id_, class_="id")
