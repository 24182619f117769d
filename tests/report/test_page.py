import base64
import hashlib
import re
from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nearfield.errors import InvalidInputError
from nearfield.report.page import Section, disclosure, facts, figure, framed, page, quoted, write_page

ANY_TEXT = st.text(st.characters(), max_size=80)


class _Outline(HTMLParser):
    """The elements of a page, checked to be closed in order."""

    def __init__(self, html):
        super().__init__()
        self.elements, self.open, self.texts = [], [], []
        self.feed(html)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        if tag != "meta":
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.texts.append(data)

    def all(self, tag):
        return [attrs for name, attrs in self.elements if name == tag]


def _page(text):
    return page(text, [Section("one", text, [text, quoted(text)]), Section("two", "Two", [disclosure(text, text)])])


def test_a_page_links_to_its_sections():
    outline = _Outline(page("T", [Section("one", "One", ["1"]), Section("two", "Two", [])], lead=["lead"]))
    assert [link["href"] for link in outline.all("a")] == ["#one", "#two"]
    assert [section["id"] for section in outline.all("section")] == ["one", "two"]
    assert outline.all("html") == [{"lang": "en"}]
    assert "lead" in outline.texts


def test_a_page_of_one_section_has_no_links():
    assert _Outline(page("T", [Section("one", "One", [])])).all("a") == []


def test_the_policy_allows_this_style_sheet_and_nothing_else():
    html = page("T", [])
    style = re.search(r"<style>(.*)</style>", html, re.DOTALL).group(1)
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    (policy,) = [meta["content"] for meta in _Outline(html).all("meta") if "http-equiv" in meta]
    assert policy == f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"


def test_a_page_needs_no_network_and_no_script():
    html = _page("x")
    assert not re.search(r"https?:|//|url\(|@import|<script|<link|<img|<iframe|\son\w+=|\sstyle=", html)


@given(ANY_TEXT)
def test_no_text_becomes_markup(text):
    harmless, hostile = _Outline(_page("x")), _Outline(_page(f"</title></style><script>{text}\"' onload=x>"))
    assert hostile.elements == harmless.elements


def test_names_and_values_are_listed_in_pairs():
    outline = _Outline(facts([("records", "5,183"), ("queries", quoted("<3>"))]))
    assert [tag for tag, _ in outline.elements] == ["dl", "div", "dt", "dd", "div", "dt", "dd", "bdi"]
    assert outline.texts == ["records", "5,183", "queries", "<3>"]


def test_a_figure_is_captioned():
    assert figure(quoted("plot"), "how to read") == (
        '<figure><figcaption>how to read</figcaption><bdi dir="auto">plot</bdi></figure>'
    )


def test_a_page_is_written_to_a_html_file_only(tmp_path):
    write_page(tmp_path / "a.HTML", "<p>é</p>")
    assert (tmp_path / "a.HTML").read_text(encoding="utf-8") == "<p>é</p>"
    with pytest.raises(InvalidInputError, match=r"must end in \.html, got .*a\.txt"):
        write_page(tmp_path / "a.txt", "")
    assert [path.name for path in tmp_path.iterdir()] == ["a.HTML"]


def test_a_framed_page_cannot_leave_its_frame():
    assert framed('<p title="x">') == (
        '<iframe srcdoc="&lt;p title=&quot;x&quot;&gt;" style="width:100%;height:40em;border:0"></iframe>'
    )
