from xml.etree import ElementTree

from hypothesis import given
from hypothesis import strategies as st

from nearfield.report.characters import printable
from nearfield.report.markup import element, joined

ANY_TEXT = st.text(st.characters(), max_size=60)


@given(ANY_TEXT)
def test_text_and_attributes_are_read_back_as_they_were(text):
    read = ElementTree.fromstring(element("p", text, title=text))
    assert (read.text or "") == printable(text).replace("\r\n", "\n").replace("\r", "\n")
    assert len(read) == 0
    assert read.get("title", "").split() == printable(text).split()


def test_markup_is_nested_and_not_escaped_twice():
    assert element("p", joined("a<", element("b", "&")), None) == "<p>a&lt;<b>&amp;</b></p>"


def test_numbers_are_short_and_absent_attributes_left_out():
    assert (
        element("line", x1=1.0, y1=2 / 3, class_=None, stroke_width=0)
        == '<line x1="1" y1="0.67" stroke-width="0"></line>'
    )
