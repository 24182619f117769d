from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nearfield.errors import InvalidInputError
from nearfield.report.characters import display_width
from nearfield.report.table import Column, html_table, markdown_table, text_table

COLUMNS = [Column(""), Column("name"), Column("nDCG@10", "right"), Column("query", "right")]
ROWS = [["→", "bm25+MiniLM", "0.738", "4.2 ms"], ["", "tfidf", "0.59", "11 ms"]]
ANY_TEXT = st.text(st.characters(), max_size=60)


def test_text_columns_are_aligned_and_numbers_stand_on_the_right():
    assert text_table(COLUMNS, ROWS).splitlines() == [
        "   name         nDCG@10   query",
        "   ───────────  ───────  ──────",
        "→  bm25+MiniLM    0.738  4.2 ms",
        "   tfidf           0.59   11 ms",
    ]


def test_a_table_too_wide_is_broken_and_repeats_its_first_columns():
    lines = text_table(COLUMNS, ROWS, width=26).splitlines()
    assert [line.split() for line in lines if line.startswith("→")] == [
        ["→", "bm25+MiniLM", "0.738"],
        ["→", "bm25+MiniLM", "4.2", "ms"],
    ]
    assert max(map(len, lines)) <= 26


def test_a_long_name_is_wrapped_and_not_cut():
    name = "bm25+chars+sentence-transformers/paraphrase-multilingual-MiniLM-L12-v2"
    lines = text_table(COLUMNS, [["", name, "0.7", "1 s"]]).splitlines()[2:]
    assert [line.split()[0] for line in lines] == [name[:44], name[44:]]
    assert lines[0].endswith("1 s")


def test_wide_characters_keep_the_columns_aligned():
    lines = text_table([Column("名前"), Column("n", "right")], [["日本語", "1"], ["a", "2"]]).splitlines()
    assert {display_width(line) for line in lines} == {9}


@given(ANY_TEXT)
def test_a_cell_can_neither_break_a_line_nor_drive_the_terminal(text):
    lines = text_table([Column("name"), Column("n", "right")], [[text, "1"]], width=500).split("\n")
    assert lines[2].endswith("1")
    assert all(character.isprintable() or ord(character) > 127 for line in lines for character in line)


def test_a_table_without_rows_still_has_its_headings():
    assert text_table([Column("name")], []) == "name\n────"
    assert markdown_table([Column("name")], []) == "| name |\n|---|"


@given(ANY_TEXT)
def test_a_markdown_row_is_one_line_whose_only_bare_pipes_are_its_own(text):
    row = markdown_table([Column("name"), Column("n", "right")], [[text, "1"]]).split("\n")[2:]
    assert len(row) == 1
    bare = row[0].replace("\\\\", "").replace("\\|", "")
    assert bare.count("|") == 3


def test_markdown_shows_html_and_emphasis_literally():
    table = markdown_table([Column("name")], [["<b>*x*</b> [a](b) `c` &amp;"]])
    assert table.splitlines()[2] == r"| \<b\>\*x\*\</b\> \[a](b) \`c\` \&amp; |"


@pytest.mark.parametrize("make", [text_table, markdown_table, lambda c, r: html_table(c, r, caption="")])
def test_a_row_of_the_wrong_length_is_refused(make):
    with pytest.raises(InvalidInputError, match="must have 4 cells"):
        make(COLUMNS, [["a"]])


class _Cells(HTMLParser):
    def __init__(self, markup):
        super().__init__()
        self.tags, self.texts = [], []
        self.feed(markup)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data):
        self.texts.append(data)


def test_an_html_row_is_headed_by_its_first_titled_cell():
    table = html_table(COLUMNS, ROWS, caption="Candidates", classes=["chosen", None])
    cells = _Cells(table)
    assert '<th scope="row" class="left">tfidf</th>' in table
    assert [attrs["class"] for tag, attrs in cells.tags if tag == "tr" and attrs] == ["chosen"]
    assert [tag for tag, attrs in cells.tags if attrs.get("scope") == "row"] == ["th", "th"]
    assert cells.texts[:3] == ["Candidates", "name", "nDCG@10"]


@given(ANY_TEXT)
def test_text_in_an_html_cell_never_becomes_an_element(text):
    cells = _Cells(html_table([Column("name")], [[f"<script>{text}"]], caption=text))
    assert [tag for tag, _ in cells.tags] == ["div", "table", "caption", "thead", "tr", "th", "tbody", "tr", "th"]
