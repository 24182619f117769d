"""One HTML file that needs nothing else: no network, no fonts, light and dark; no script either, but for maps."""

import base64
import hashlib
import html
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from nearfield.errors import InvalidInputError
from nearfield.files import replace_file
from nearfield.report.markup import Content, Markup, as_markup, element, joined

_HERE = Path(__file__).parent


@dataclass(frozen=True)
class Section:
    """A part of a page.

    Attributes:
        id: For links to it; letters only.
        heading: What stands above it.
        contents: What is in it; text is escaped.
    """

    id: str
    heading: str
    contents: Sequence[Content]


def page(title: str, sections: Sequence[Section], *, lead: Sequence[Content] = ()) -> str:
    """Put a page together.

    The page forbids itself, by its content security policy, to load anything and to run any script, so that even a
    mistake in escaping could not act.

    Args:
        title: What stands first, and in the browser's tab.
        sections: The parts, in order; the page begins with links to them.
        lead: What stands between the title and the links.

    Returns:
        The HTML document.
    """
    links = [element("a", section.heading, href=f"#{section.id}") for section in sections]
    navigation = element("nav", joined(*links), aria_label="On this page") if len(links) > 1 else None
    header = element("header", element("h1", title, dir="auto"), *lead, navigation)
    return document(title, element("main", header, *map(_section, sections)), style="page.css")


def document(title: str, *contents: Content, style: str, script: str | None = None) -> str:
    """Wrap contents in a document whose content security policy allows its own style and script, and nothing else.

    Args:
        title: For the browser's tab.
        *contents: What is in the body, before the script.
        style: Name of the style sheet beside this module, added to the colours of the theme.
        script: Name of the script beside this module, if the page has one.

    Returns:
        The HTML document.
    """
    rules = "".join((_HERE / name).read_text(encoding="utf-8") for name in ("theme.css", style))
    code = (_HERE / script).read_text(encoding="utf-8") if script else None
    allowed = f"style-src '{_digest(rules)}'" + (f"; script-src '{_digest(code)}'" if code else "")
    head = element(
        "head",
        element("meta", charset="utf-8"),
        element(
            "meta",
            http_equiv="Content-Security-Policy",
            content=f"default-src 'none'; {allowed}; base-uri 'none'; form-action 'none'",
        ),
        element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        element("meta", name="referrer", content="no-referrer"),
        element("title", title),
        # The digests above are of exactly these characters.
        element("style", Markup(rules)),
    )
    body = element("body", *contents, element("script", Markup(code)) if code else None)
    return f"<!DOCTYPE html>\n{element('html', head, body, lang='en')}\n"


def write_page(path: str | os.PathLike[str], content: str) -> None:
    """Write a page to a file, all of it or none.

    Args:
        path: The file, which must end in `.html`; an earlier one is replaced.
        content: The HTML document.

    Raises:
        InvalidInputError: If the file ends in something else.
        StorageError: If the disk refuses.
    """
    if Path(path).suffix.lower() not in (".html", ".htm"):
        raise InvalidInputError(f"a page's file must end in .html, got {os.fspath(path)!r}")
    replace_file(Path(path), content.encode())


def framed(content: str) -> str:
    """Put a page into a frame, as a notebook shows it."""
    return f'<iframe srcdoc="{html.escape(content)}" style="width:100%;height:40em;border:0"></iframe>'


def _digest(text: str) -> str:
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"


def _section(section: Section) -> Markup:
    return element("section", element("h2", section.heading), *section.contents, id=section.id)


def figure(plot: Markup, caption: Content, *more: Content) -> Markup:
    """Frame a plot with the words that say how to read it, and what belongs below."""
    return element("figure", element("figcaption", caption), plot, *more)


def facts(pairs: Sequence[tuple[str, Content]], *, class_: str = "facts") -> Markup:
    """List names with their values."""
    rows = (element("div", element("dt", name), element("dd", value)) for name, value in pairs)
    return element("dl", *rows, class_=class_)


def disclosure(summary: Content, *contents: Content) -> Markup:
    """Hide contents until they are asked for, by mouse or keyboard."""
    return element("details", element("summary", summary), *contents)


def quoted(text: str) -> Markup:
    """Show text of the user's own, which may run from right to left, without disturbing what is around it."""
    return element("bdi", as_markup(text), dir="auto")
