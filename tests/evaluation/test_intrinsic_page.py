import html
import re

import pytest
from tiny_words import PAIRS, SETS, tiny_space

from nearfield.data.word_sets import PairSet, load_word_set
from nearfield.evaluation.intrinsic import evaluate_intrinsic
from nearfield.evaluation.intrinsic_comparison import compare_spaces


@pytest.fixture(scope="module")
def report():
    nothing = PairSet("<b>none</b>", "similarity", (("x", "y"),), (1.0,))
    return evaluate_intrinsic(tiny_space(0.1), [*SETS, nothing], name="<script>tiny", resamples=200)


@pytest.fixture(scope="module")
def comparison():
    spaces = {name: tiny_space(noise) for name, noise in {"<i>a": 0.0, "b": 0.5, "c": 2.0}.items()}
    return compare_spaces(spaces, [*SETS, PairSet("none", "similarity", (("x", "y"),), (1.0,))], resamples=200)


def text_of(page):
    return html.unescape(re.sub(r"<[^>]+>", " ", page))


def test_the_page_has_a_section_for_each_kind_and_every_number(report):
    page = report.to_html()
    headings = ["Similarity and relatedness", "Analogies", "Categories", "Entailment", "All numbers"]
    assert re.findall(r"<h2>([^<]+)</h2>", page) == [*headings, "How it was measured"]
    for result in report.results:
        for score in result.scores:
            assert f"{score.estimate.mean:.3f}".replace("-", "−") in text_of(page)
    assert "capitals, section by section" in page
    assert "pairs: 5 of 6 pairs covered." in text_of(page)


def test_names_are_text_on_the_page(report, comparison):
    for page in (report.to_html(), comparison.to_html()):
        assert not re.search(r"<script|<b>none|<i>a", page)
    assert "<script>tiny" in text_of(report.to_html())


def test_the_page_of_a_comparison_shows_verdicts(comparison):
    text = text_of(comparison.to_html())
    for one in comparison.differences:
        if one.items:
            assert f"{one.space}, {one.name}: {one.verdict}" in text
    assert "difference from <i>a" in text


def test_the_sources_of_published_sets_are_named():
    report = evaluate_intrinsic(tiny_space(), [load_word_set("wordsim-353"), PAIRS], resamples=100)
    text = text_of(report.to_html())
    assert "doi:10.1145/503104.503110" in text
    assert "licence: CC BY 4.0" in text


def test_pages_are_written_to_files_and_shown_in_notebooks(report, comparison, tmp_path):
    for number, shown in enumerate((report, comparison)):
        path = tmp_path / f"{number}.html"
        shown.export(path)
        assert path.read_text(encoding="utf-8") == shown.to_html()
        assert shown._repr_html_().startswith('<iframe srcdoc="&lt;!DOCTYPE html&gt;')
