"""Names and ids in the letters that Milvus takes, reversibly."""

import re
from urllib.parse import quote, unquote

from nearfield.errors import CollectionError

_ESCAPED = re.compile(r"[^A-Za-z0-9]", re.ASCII)
_ESCAPE = re.compile(r"_([0-9a-f]+)_")
_STORE = re.compile(r"nearfield_((?:[A-Za-z0-9]|_[0-9a-f]+_)+)_([1-9][0-9]*)", re.ASCII)


def escape(name: str) -> str:
    """Write a name in letters, digits and `_`: any other character as its code point between two `_`."""
    return _ESCAPED.sub(lambda found: f"_{ord(found[0]):x}_", name)


def unescape(name: str) -> str:
    """Undo `escape`."""
    return _ESCAPE.sub(lambda found: chr(int(found[1], 16)), name)


def store_name(name: str, generation: int) -> str:
    """Name the Milvus collection that holds a store: `nearfield_faq_1`."""
    return f"nearfield_{escape(name)}_{generation}"


def read_store_name(physical: str) -> tuple[str, int] | None:
    """Read the collection and the generation of a store; None for what is no store of ours."""
    found = _STORE.fullmatch(physical)
    return None if found is None else (unescape(found[1]), int(found[2]))


def encode_id(id: str) -> str:
    """Write an id as a primary key of printable ASCII without quotes and backslashes, so that it can stand in a filter.

    Args:
        id: Any unicode without lone surrogates, 1 to 1,024 bytes of UTF-8.

    Returns:
        At most 3,072 characters; letters, digits and `_.-~/:@` are as they were.

    Examples:
        >>> encode_id("faq/12"), encode_id('say "é"')
        ('faq/12', 'say%20%22%C3%A9%22')
    """
    return quote(id, safe="/:@")


def decode_id(key: str) -> str:
    """Undo `encode_id`."""
    return unquote(key, errors="strict") if "%" in key else key


def cut_text(text: str, size: int) -> list[str]:
    """Cut a text into pieces of at most `size` bytes of UTF-8, none within a character; an empty text is one piece."""
    if len(text) * 4 <= size or (text.isascii() and len(text) <= size):
        return [text]
    data = text.encode()
    pieces, start = [], 0
    while start < len(data):
        end = min(start + size, len(data))
        while end < len(data) and data[end] & 0xC0 == 0x80:  # not before the first byte of a character
            end -= 1
        pieces.append(data[start:end].decode())
        start = end
    return pieces or [""]


def check_format(version: str, *, known: str, where: str) -> None:
    """Refuse what another nearfield wrote in a way that is not known here."""
    if version != known:
        raise CollectionError(
            f"the registry of {where} has format version {version!r}, this nearfield reads {known}; "
            "use the nearfield that wrote it"
        )
