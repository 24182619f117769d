"""HTML and SVG that cannot be injected into: whatever is not markup already is escaped."""

from html import escape
from typing import TypeAlias

from nearfield.report.characters import printable

_VOID = frozenset({"meta", "br", "input"})


class Markup(str):
    """Markup made by this module; a plain `str` is text, and is escaped where it is put into markup."""

    __slots__ = ()


Content: TypeAlias = str | None
"""A child of an element: markup, text to be escaped, or nothing."""


def as_markup(content: Content) -> Markup:
    """Turn text into markup that shows it; markup stays as it is."""
    if content is None:
        return Markup("")
    return content if isinstance(content, Markup) else Markup(escape(printable(content)))


def joined(*contents: Content) -> Markup:
    """Put pieces of content after each other."""
    return Markup("".join(map(as_markup, contents)))


def element(name: str, /, *children: Content, **attributes: str | float | None) -> Markup:
    """Make an element.

    Args:
        name: Of the element.
        *children: Text, which is escaped, and markup, which is not.
        **attributes: `_` in a name stands for `-`, at its end for nothing (`class_`); None leaves it out.

    Returns:
        The element, valid both as HTML and as XML.

    Examples:
        >>> element("p", "1 < 2", element("b", "!"), class_="note")
        '<p class="note">1 &lt; 2<b>!</b></p>'
    """
    written = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{as_markup(_attribute(value))}"'
        for key, value in attributes.items()
        if value is not None
    )
    if name in _VOID:
        return Markup(f"<{name}{written}>")
    return Markup(f"<{name}{written}>{joined(*children)}</{name}>")


def _attribute(value: str | float) -> str:
    # Two decimals place a stroke to a hundredth of a pixel and keep a plot of thousands of bars small.
    return value if isinstance(value, str) else f"{value:.2f}".rstrip("0").rstrip(".")
