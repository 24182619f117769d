import dataclasses
import re
from html.parser import HTMLParser

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nearfield.evaluation.comparison import CandidateResult, ComparisonReport, Protocol, Query
from nearfield.evaluation.comparison_page import comparison_html, comparison_markdown, comparison_text
from nearfield.evaluation.cost import Cost, CostModel
from nearfield.evaluation.decision import decide
from nearfield.retrieval.spec import RetrieverSpec
from nearfield.statistics import bootstrap_interval

ANY_TEXT = st.text(st.characters(), max_size=60)
RNG = np.random.default_rng(0)
DEAR = np.clip(RNG.normal(0.7, 0.2, 60), 0, 1)
# 0.002 and 0.4 worse than the best: so far inside and outside the margin that no verdict hangs on the draw.
SCORES = {"dear": DEAR, "cheap": DEAR - 0.002, "bad": np.clip(DEAR - 0.4, 0, 1)}


def _report(scores, *, corpus="data/notes.jsonl", queries=None, snippet="a note", truncated=0, skipped=0, best=()):
    """Make a report whose candidates cost less the later they come, and whose first hits are `best` or unjudged."""
    count = len(next(iter(scores.values())))
    asked = tuple(Query(*pair, ("r1", "r2")) for pair in queries or [(f"q{i}", f"query {i}") for i in range(count)])
    costs = {
        name: Cost(
            60.0,
            2.0,
            0.004,
            0.009,
            31_000_000,
            7_800_000,
        )
        for name in scores
    }
    monthly = {name: float(len(scores) - i) for i, name in enumerate(scores)}
    candidates = tuple(
        CandidateResult(
            name=name,
            retriever=dataclasses.replace(RetrieverSpec.parse("bm25"), name=name),
            fingerprint=None,
            metrics={"ndcg@10": bootstrap_interval(values), "recall@100": bootstrap_interval(values)},
            scores=tuple(map(float, values)),
            rankings=(("r1" if name in best else "x", "r2"),) * count,
            cost=costs[name],
            monthly_cost=monthly[name],
            truncated=truncated,
        )
        for name, values in scores.items()
    )
    protocol = Protocol(corpus, 5183, "d1", skipped, "ndcg@10", 0.01, 0.95, 7, CostModel(), {"numpy": "2.3"}, "x86_64")
    decision = decide(scores, monthly, metric="ndcg@10")
    return ComparisonReport(protocol, asked, candidates, decision, {"r1": snippet, "x": f"other {snippet}"})


class _Page(HTMLParser):
    """The elements of a page, checked to be closed in order, and its text."""

    def __init__(self, html):
        super().__init__()
        self.elements, self.open, self.texts = [], [], []
        self.feed(html)
        self.close()
        assert self.open == []
        self.text = " ".join("".join(self.texts).split())

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        if tag not in ("meta", "br"):
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open and self.open[-1] != "style":
            self.texts.append(data)

    def classes(self, tag):
        return [attrs.get("class") for name, attrs in self.elements if name == tag]


def test_the_console_shows_headline_marked_table_decision_and_cost():
    report = _report(SCORES, skipped=3)
    lines = comparison_text(report).splitlines()
    assert lines[0] == "ndcg@10 on data/notes.jsonl: 5,183 records, 60 judged queries, margin 0.01"
    heading = ["candidate", "ndcg@10", "vs", "best", "recall@100", "query", "index", "memory"]
    assert lines[2].split() == heading
    assert [line[:8] for line in lines[4:7]] == ["=  dear ", "→  cheap", "   bad  "]
    assert "4.0 ms" in lines[5]
    text = " ".join(lines)
    assert f"Use cheap. {report.decision.why}" in text
    assert "$/month: 1,000,000 queries and 1 full indexing a month at $0.10 an hour" in text
    assert "3 records or judgements were bad and left out." in text
    assert max(map(len, lines)) <= 100


def test_the_difference_shown_has_the_interval_that_decides():
    report = _report(SCORES)
    corrected = report.decision.candidates["bad"].corrected
    shown = f"[−{-corrected.low:.3f}, −{-corrected.high:.3f}]"
    assert shown in comparison_text(report)
    assert shown in _Page(comparison_html(report)).text


def test_truncated_records_are_told_once_for_all_candidates_alike():
    text = " ".join(comparison_text(_report(SCORES, truncated=12)).split())
    assert text.count("12 of 5,183 records are longer than the encoder reads") == 1
    assert "their ends: dear, cheap, bad." in text


def test_markdown_has_the_verdict_and_a_row_for_each_candidate():
    lines = comparison_markdown(_report({"a|b": DEAR, "c": DEAR - 0.4})).splitlines()
    assert lines[0] == r"## Use a\|b"
    heading, _, first, second = (line for line in lines if line.startswith("|"))
    assert heading.startswith("|  | candidate | ndcg@10 | vs best | recall@100 |")
    assert first.startswith(r"| → | a\|b | 0.")
    assert second.startswith("|  | c | 0.")
    assert {len(re.findall(r"(?<!\\)\|", row)) for row in (heading, first, second)} == {11}


def test_the_page_answers_first_and_marks_the_candidates():
    report = _report(SCORES)
    page = _Page(comparison_html(report))
    assert page.text.startswith("Use cheapUse cheap")
    assert report.decision.why in page.text
    assert page.classes("tr") == [None, "good", "chosen", "worse"]
    assert (
        page.classes("circle")
        == ["dot good", "dot chosen", "dot worse"] * 2 + ["dot chosen", "dot good", "dot worse"] * 2
    )
    assert "nearfield index data/notes.jsonl --to notes.collection --from report.json" in page.text


def test_the_page_shows_the_queries_most_won_and_lost_with_hits_and_judgements():
    one, other = np.full(40, 0.5), np.full(40, 0.5)
    one[4], one[3], other[9], other[12] = 0.9, 1.0, 1.0, 0.6
    page = _Page(comparison_html(_report({"other": other, "one": one}, best=("one",)))).text
    won = page[page.index("The 2 queries most won") : page.index("The 2 queries most lost")]
    assert won.startswith("The 2 queries most wonquery 3 q3")
    assert "ndcg@10 1.000, first relevant at rank 1✓ first hit, relevanta note r1" in won
    assert "ndcg@10 0.500, first relevant at rank 2✗ first hit, not judged relevantother a note x" in won
    assert "judged relevant: 2 records" in won
    assert "The 2 queries most lostquery 9 q9" in page


def test_long_records_are_shortened_and_only_three_judged_ones_shown():
    report = _report({"one": np.linspace(0, 1, 9), "other": np.zeros(9)}, snippet="word " * 48)
    queries = tuple(dataclasses.replace(query, relevant=("r1", "r2", "r3", "r4", "r5")) for query in report.queries)
    page = _Page(comparison_html(dataclasses.replace(report, queries=queries))).text
    assert "word word… r1r2r3and 2 more" in page
    assert max(map(len, re.findall("(?:word )+", page))) <= 200


def test_an_undecided_report_says_so_and_how_to_build_the_safe_choice():
    report = _report({"dear": np.array([1.0, 0.5, 0.2, 0.9]), "cheap": np.array([0.0, 0.7, 0.3, 0.8])})
    assert report.decision.chosen is None
    page = _Page(comparison_html(report))
    assert "Undecided: dear until more queries are judged" in page.text
    assert "--from report.json --candidate dear" in page.text
    assert page.classes("tr") == [None, "good", "unclear"]
    assert "?  cheap" in comparison_text(report)


@pytest.mark.parametrize(
    "scores",
    [
        pytest.param({"only": [0.5, 0.7]}, id="one candidate"),
        pytest.param({"a": [0.5], "b": [0.5]}, id="one query"),
        pytest.param({"a": [0.5] * 9, "b": [0.5] * 9}, id="equal scores"),
        pytest.param({"a": [0.0] * 9, "b": [0.0] * 9}, id="only zeros"),
        pytest.param({"שלום עולם": [0.5] * 9, "نیم‌فاصله": [0.4] * 9}, id="right to left"),
        pytest.param({"very-long-name/" * 20: [0.5] * 9, "b": [0.4] * 9}, id="very long names"),
        pytest.param({f"candidate {i}": [0.5 + i / 99] * 9 for i in range(30)}, id="many candidates"),
        pytest.param({"a": np.linspace(0, 1, 2000), "b": np.linspace(1, 0, 2000)}, id="2,000 queries"),
    ],
)
def test_unusual_reports_are_rendered_whole(scores):
    scores = {name: np.array(values, dtype=float) for name, values in scores.items()}
    report = _report(scores)
    page = _Page(comparison_html(report))
    assert len(page.classes("tr")) == len(scores) + 1
    assert all(name in page.text for name in scores)
    assert ("queries" in [attrs.get("id") for _, attrs in page.elements]) == (len(scores) > 1)
    assert "nan" not in [attrs.get("x1") for _, attrs in page.elements]
    shown = "".join(comparison_text(report).split()) + comparison_markdown(report)
    assert "nan" not in shown
    assert "None" not in shown


def test_a_candidate_without_costs_or_hits_is_rendered():
    report = _report({"a": np.full(9, 0.5), "b": np.linspace(0, 0.4, 9)})
    free = Cost(0.0, 0.0, 0.0, 0.0, 0, 0)
    candidates = tuple(
        dataclasses.replace(candidate, cost=free, monthly_cost=0.0, rankings=((),) * 9)
        for candidate in report.candidates
    )
    page = _Page(comparison_html(dataclasses.replace(report, candidates=candidates)))
    assert "none relevant among the first 0Found nothing." in page.text
    assert "$0.00" in page.text


def test_the_page_of_2000_queries_stays_small():
    scores = {"a": np.linspace(0, 1, 2000), "b": np.linspace(1, 0, 2000)}
    assert len(comparison_html(_report(scores))) < 200_000


def test_the_page_has_no_address_script_handler_or_inline_style():
    html = comparison_html(_report(SCORES)).replace('xmlns="http://www.w3.org/2000/svg"', "")
    assert not re.search(r"https?:|url\(|@import|<script|<link|<img|<iframe|\son\w+=|\sstyle=|javascript:", html)


@settings(max_examples=30)
@given(ANY_TEXT, ANY_TEXT)
def test_hostile_names_queries_ids_and_records_never_become_markup(name, text):
    def page(name, text):
        queries = [(f"{text}{i}", text) for i in range(9)]
        scores = {name: np.linspace(0.5, 1, 9), "other": np.linspace(0.4, 0.5, 9)}
        return _Page(comparison_html(_report(scores, corpus=text, queries=queries, snippet=text)))

    hostile = page(f"</title><script>{name}", f"</p></svg><img src=x onerror=alert(1)>\"'{text}")
    harmless = page("<name", "text")
    assert [tag for tag, _ in hostile.elements] == [tag for tag, _ in harmless.elements]
    assert [set(attrs) for _, attrs in hostile.elements] == [set(attrs) for _, attrs in harmless.elements]


@settings(max_examples=30)
@given(ANY_TEXT)
def test_hostile_names_cannot_drive_a_terminal(name):
    text = comparison_text(_report({f"\x1b[2J{name}": np.full(9, 0.5)}, corpus=name))
    assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e]", text)
    assert text.count("\n") >= 8
