"""Strings as PostgreSQL can hold them: any but those with NUL, which are written in a way that keeps their order.

The four lowest characters become three each, so that a NUL is no longer one; all others stay. The first of the three
occurs nowhere else, and the other two only after it. So encoded strings stand in the order of the strings (by code
point, which is that of their UTF-8 bytes, which is `COLLATE "C"`), and one contains another just where the strings do.
"""

import re

_CODES = {"\x00": "\x01\x02\x02", "\x01": "\x01\x02\x03", "\x02": "\x01\x03\x02", "\x03": "\x01\x03\x03"}
_CHARACTERS = {code: character for character, code in _CODES.items()}
_TO_ENCODE = re.compile("[\x00-\x03]")
_TO_DECODE = re.compile("\x01[\x02\x03]{2}")


def encode_text(text: str) -> str:
    r"""Write a string without NUL.

    Args:
        text: Any unicode.

    Returns:
        It, or, if it holds one of the four lowest characters, its code.

    Examples:
        >>> encode_text("plain"), decode_text(encode_text("a\x00b")) == "a\x00b"
        ('plain', True)
    """
    # Four looks for one character each take a tenth of the time of one for any of the four.
    if "\x00" in text or "\x01" in text or "\x02" in text or "\x03" in text:
        return _TO_ENCODE.sub(lambda found: _CODES[found[0]], text)
    return text


def decode_text(code: str) -> str:
    """Read what `encode_text` wrote."""
    return code if "\x01" not in code else _TO_DECODE.sub(lambda found: _CHARACTERS[found[0]], code)
