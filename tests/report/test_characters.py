from hypothesis import given
from hypothesis import strategies as st

from nearfield.report.characters import display_width, elided, one_line, printable, wrapped

ANY_TEXT = st.text(st.characters(), max_size=60)


@given(ANY_TEXT)
def test_printable_text_can_be_written_as_utf8_and_holds_no_control(text):
    shown = printable(text)
    shown.encode()
    assert len(shown) == len(text)
    assert not {"\x00", "\x1b", "\x7f", "\x9b", "\u202e", "\u2066"} & set(shown)


def test_what_drives_a_terminal_reorders_text_or_is_half_a_character_is_replaced():
    assert printable("a\x1b\u202e\u2066\ud800\ufffeb") == "a�����b"


def test_letters_of_any_script_and_joiners_are_kept():
    assert printable("naïve שלום نیم‌فاصله 日本 👩‍🔬\t\n") == "naïve שלום نیم‌فاصله 日本 👩‍🔬\t\n"


def test_line_separators_become_spaces():
    assert one_line(" a\r\nb\u2028c\x85d ") == "a b c�d"


def test_width_counts_wide_characters_twice_and_marks_not():
    assert display_width("日本") == 4
    assert display_width("e\u0301") == 1


@given(ANY_TEXT.map(one_line), st.integers(3, 20))
def test_an_elided_line_fits_and_a_short_one_is_kept(text, width):
    short = elided(text, width)
    assert display_width(short) <= width
    assert short == text or (display_width(text) > width and "…" in short)


@given(ANY_TEXT.map(one_line), st.integers(2, 20))
def test_wrapping_loses_nothing_but_spaces(text, width):
    pieces = wrapped(text, width)
    assert "".join(pieces).replace(" ", "") == text.replace(" ", "")
    assert all(display_width(piece) <= width for piece in pieces)
