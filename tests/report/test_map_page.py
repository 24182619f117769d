import base64
import hashlib
import json
import re
import shutil
import subprocess
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nearfield.report import map_page as map_page_module
from nearfield.report.map_page import MapColours, MapGroup, map_page, quantise

HOSTILE = [
    "</script><script>alert(1)</script>",
    "<!--<script ",
    "\"quotes\" & 'more'",
    "\u202eleft",
    "שלום",
    "a\nb",
    " ",
    "\u2028",
    "</script x",
]


class _Page(HTMLParser):
    """The elements of a page, and the text of each script."""

    def __init__(self, html):
        super().__init__()
        self.elements, self.scripts, self._open = [], [], None
        self.feed(html)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        self._open = tag
        if tag == "script":
            self.scripts.append((dict(attrs), ""))

    def handle_endtag(self, tag):
        self._open = None

    def handle_data(self, data):
        if self._open == "script":
            self.scripts[-1] = (self.scripts[-1][0], self.scripts[-1][1] + data)


def made(keys, colours=None, title="T"):
    return map_page(title, keys, np.full((len(keys), 2), 0.5), facts="facts", notes=["note"], colours=colours)


def data_of(html):
    return json.loads(_Page(html).scripts[0][1])


def test_places_keys_and_groups_come_back_from_the_page():
    places = np.array([[0, 0.25], [1, 0.5], [0.5, 1]])
    groups = (MapGroup("one", 2, 3, 0.5, 0.25), MapGroup("two", 1, 0, 0.1, 0.2))
    colours = MapColours("topic", np.array([0, 1, 65535], np.uint16), groups, none="nothing")
    data = data_of(map_page("T", ["a", "b", "寿司"], places, facts="", notes=[], colours=colours))
    words = np.frombuffer(base64.b64decode(data["places"]), "<u2").reshape(-1, 2)
    np.testing.assert_allclose(words / 65535, places, atol=1e-5)
    assert np.frombuffer(base64.b64decode(data["values"]), "<u2").tolist() == [0, 1, 65535]
    assert data["keys"] == ["a", "b", "寿司"]
    assert (data["kind"], data["none"]) == ("groups", "nothing")
    assert data["groups"][0] == {"name": "one", "size": 2, "colour": 3, "x": 0.5, "y": 0.25, "label": True}


def test_numbers_become_a_gradient_with_its_ends():
    values = np.append(quantise(np.array([0.0, 0.5, 1.0])), 65535).astype(np.uint16)
    html = made(["a", "b", "c", "d"], MapColours("year", values, low=1990, high=2020.5))
    data = data_of(html)
    assert (data["kind"], data["low"], data["high"]) == ("numbers", 1990, 2020.5)
    assert values.tolist() == [0, 32767, 65534, 65535]
    assert ">1,990<" in html
    assert "grey: no value" in html


def test_a_page_without_colours_has_no_legend():
    html = made(["a"])
    assert data_of(html)["kind"] == "plain"
    assert "legend" not in [attrs.get("class") for _, attrs in _Page(html).elements]


def test_the_policy_allows_this_style_and_this_script_and_nothing_else():
    html = made(HOSTILE)
    style = re.search(r"<style>(.*?)</style>", html, re.DOTALL).group(1)
    (code,) = [text for attrs, text in _Page(html).scripts if attrs.get("type") != "application/json"]
    digests = [base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() for text in (style, code)]
    (policy,) = [attrs["content"] for tag, attrs in _Page(html).elements if "http-equiv" in attrs]
    assert policy == (
        f"default-src 'none'; style-src 'sha256-{digests[0]}'; script-src 'sha256-{digests[1]}'; "
        "base-uri 'none'; form-action 'none'"
    )
    assert code == Path(map_page_module.__file__).with_name("map_page.js").read_text(encoding="utf-8")


def test_the_page_asks_for_nothing_from_anywhere():
    html = made(["a"])
    assert not re.search(
        r"https?:|url\(|@import|<link|<img|<iframe|\son\w+=|\sstyle=|fetch\(|XMLHttp|import\(|eval\(", html
    )
    assert "innerHTML" not in html


def test_hostile_keys_stay_data():
    html = made(HOSTILE, title="</title><script>alert(2)</script>")
    assert len(_Page(html).scripts) == 2
    keys = data_of(html)["keys"]
    assert "<" not in _Page(html).scripts[0][1]
    assert [key.rstrip() for key in keys[:3]] == [key.rstrip() for key in HOSTILE[:3]]
    assert keys[3:7] == ["\ufffdleft", "שלום", "a b", "(blank)"]


@settings(max_examples=50, deadline=None)
@given(st.lists(st.text(st.characters(), max_size=40), min_size=1, max_size=5))
def test_no_key_becomes_markup(texts):
    harmless = _Page(
        made(["x"] * len(texts), MapColours("g", np.zeros(len(texts), np.uint16), (MapGroup("x", 1, 0, 0, 0),)))
    )
    hostile = _Page(made(texts, MapColours("g", np.zeros(len(texts), np.uint16), (MapGroup(texts[0], 1, 0, 0, 0),))))
    assert hostile.elements == harmless.elements
    assert len(json.loads(hostile.scripts[0][1])["keys"]) == len(texts)


def test_the_map_can_be_used_by_keyboard_and_read_aloud():
    elements = _Page(made(["a"])).elements
    assert all(attrs.get("aria-label") or tag == "button" for tag, attrs in elements if tag in ("input", "button"))
    (canvas,) = [attrs for tag, attrs in elements if attrs.get("id") == "points"]
    assert canvas["tabindex"] == "0"
    assert "Arrow keys" in canvas["aria-label"]
    assert any(attrs.get("role") == "status" for _, attrs in elements)
    assert any(tag == "noscript" for tag, _ in elements)


@pytest.mark.skipif(shutil.which("node") is None, reason="needs a JavaScript engine to read the script")
def test_the_script_is_valid():
    path = Path(map_page_module.__file__).with_name("map_page.js")
    assert subprocess.run(["node", "--check", str(path)], check=False).returncode == 0
