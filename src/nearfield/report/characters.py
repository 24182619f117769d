"""What a string looks like when it is shown: which characters may be, and how wide they are."""

import re
import unicodedata

# Controls could drive a terminal, bidirectional overrides reorder the text around them, and neither they nor
# surrogates and noncharacters may stand in XML or be written as UTF-8.
_UNPRINTABLE = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff\ufdd0-\ufdef\ufffe\uffff]"
)


def printable(text: str) -> str:
    r"""Replace what must not be shown.

    Args:
        text: Any string.

    Returns:
        A string of the same length, with U+FFFD for each control character, line breaks and tabs excepted.

    Examples:
        >>> printable("a\x1b[31mb")
        'a�[31mb'
    """
    return _UNPRINTABLE.sub("\ufffd", text)


def one_line(text: str) -> str:
    """Join lines and runs of white space by single spaces, and replace what must not be shown."""
    return " ".join(printable(text).split())


def display_width(text: str) -> int:
    """Count the terminal cells of a line: East Asian wide characters take two, combining marks none."""
    if text.isascii():
        return len(text)
    return sum(_cells(character) for character in text)


def _cells(character: str) -> int:
    if unicodedata.combining(character) or unicodedata.category(character) in ("Mn", "Me", "Cf"):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1


def elided(text: str, width: int) -> str:
    """Shorten a line by cutting out its middle, so that both ends stay to tell it by.

    Args:
        text: One line.
        width: How many cells it may take, at least 1.

    Returns:
        The line itself if it fits.

    Examples:
        >>> elided("abcdefghij", 5)
        'ab…ij'
    """
    if display_width(text) <= width:
        return text
    head, tail = text, text
    while display_width(head) > (width - 1) // 2 + (width - 1) % 2:
        head = head[:-1]
    while display_width(tail) > (width - 1) // 2:
        tail = tail[1:]
    return f"{head}…{tail}"


def wrapped(text: str, width: int) -> list[str]:
    """Break a line into pieces, after a separator where one is near enough.

    Args:
        text: One line.
        width: How many cells a piece may take, at least 2.

    Returns:
        The pieces, at least one; only spaces at the breaks are lost.

    Examples:
        >>> wrapped("bm25+chars+all-MiniLM-L6-v2", 12)
        ['bm25+chars+', 'all-MiniLM-', 'L6-v2']
    """
    pieces = []
    while display_width(text) > width:
        cut = len(text)
        while cut > 1 and display_width(text[:cut]) > width:
            cut -= 1
        separator = max(text.rfind(mark, 0, cut) for mark in " +/:,-_") + 1
        cut = separator if separator > cut // 2 else cut
        pieces.append(text[:cut].rstrip())
        text = text[cut:].lstrip()
    return [*pieces, text] if text or not pieces else pieces
