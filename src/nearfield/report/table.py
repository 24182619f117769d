"""Tables of strings: plain text for a terminal, Markdown, HTML."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, TypeVar

from nearfield.errors import InvalidInputError
from nearfield.report.characters import display_width, one_line, wrapped
from nearfield.report.markup import Content, Markup, element, joined

_Row = TypeVar("_Row", bound=Sequence[str | None])

_GAP = "  "
_WIDEST_CELL = 44


@dataclass(frozen=True)
class Column:
    """A column of a table.

    Attributes:
        title: Its heading.
        align: `right` for numbers.
        note: What the heading means, shown where the medium can.
    """

    title: str
    align: Literal["left", "right"] = "left"
    note: str | None = None


def text_table(columns: Sequence[Column], rows: Sequence[Sequence[str]], *, width: int = 100, repeat: int = 2) -> str:
    """Lay a table out for a terminal.

    Long cells are wrapped, none is cut. A table that is too wide is broken into several below each other, each of
    which begins with the same columns.

    Args:
        columns: What stands above each column.
        rows: The cells, one for each column.
        width: Cells of a terminal line to fit into, if the widest columns leave a choice.
        repeat: How many of the first columns each part repeats.

    Returns:
        Lines without trailing space, and without control characters.

    Raises:
        InvalidInputError: If a row has not one cell for each column.

    Examples:
        >>> print(text_table([Column("name"), Column("score", "right")], [["bm25", "0.69"], ["tfidf", "0.6"]]))
        name   score
        ─────  ─────
        bm25    0.69
        tfidf    0.6
    """
    cells = [[column.title for column in columns], *_checked(columns, rows)]
    grid = [[wrapped(one_line(cell), _WIDEST_CELL) for cell in row] for row in cells]
    widths = [max(display_width(line) for row in grid for line in row[i]) for i in range(len(columns))]
    parts = _parts(widths, width, repeat)
    return "\n\n".join("\n".join(_text_lines(columns, grid, widths, part)) for part in parts)


def _checked(columns: Sequence[Column], rows: Sequence[_Row]) -> Sequence[_Row]:
    for row in rows:
        if len(row) != len(columns):
            raise InvalidInputError(f"a row must have {len(columns)} cells, one for each column, got {len(row)}: {row}")
    return rows


def _parts(widths: Sequence[int], width: int, repeat: int) -> list[list[int]]:
    """Deal the columns out to parts that fit, at least one new column to each."""
    parts = [list(range(len(widths)))[:repeat]]
    for column in range(repeat, len(widths)):
        shown = [*parts[-1], column]
        fits = sum(widths[i] for i in shown) + len(_GAP) * (len(shown) - 1) <= width
        if fits or len(parts[-1]) == repeat:
            parts[-1] = shown
        else:
            parts.append([*range(repeat), column])
    return parts


def _text_lines(
    columns: Sequence[Column], grid: Sequence[Sequence[list[str]]], widths: Sequence[int], part: Sequence[int]
) -> Iterator[str]:
    for number, row in enumerate(grid):
        for line in range(max((len(row[i]) for i in part), default=0)):
            pieces = [row[i][line] if line < len(row[i]) else "" for i in part]
            padded = [_padded(piece, widths[i], columns[i].align) for i, piece in zip(part, pieces, strict=True)]
            yield _GAP.join(padded).rstrip()
        if number == 0:
            yield _GAP.join("─" * widths[i] if columns[i].title else " " * widths[i] for i in part)


def _padded(text: str, width: int, align: str) -> str:
    space = " " * (width - display_width(text))
    return space + text if align == "right" else text + space


def markdown_table(columns: Sequence[Column], rows: Sequence[Sequence[str]]) -> str:
    r"""Write a table as GitHub Markdown, with every cell shown literally.

    Args:
        columns: What stands above each column.
        rows: The cells, one for each column.

    Returns:
        The table, without a line break at its end.

    Raises:
        InvalidInputError: If a row has not one cell for each column.

    Examples:
        >>> print(markdown_table([Column("name"), Column("score", "right")], [["a|b", "0.69"]]))
        | name | score |
        |---|---:|
        | a\|b | 0.69 |
    """
    rule = ["---:" if column.align == "right" else "---" for column in columns]
    lines = [[markdown_text(cell) for cell in row] for row in _checked(columns, rows)]
    titles = [markdown_text(column.title) for column in columns]
    return "\n".join([_markdown_row(titles), f"|{'|'.join(rule)}|", *map(_markdown_row, lines)])


def markdown_text(text: str) -> str:
    """Escape text so that Markdown shows it on one line, as it is."""
    return re.sub(r"([\\`*_\[<>&|~])", r"\\\1", one_line(text))


def _markdown_row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def html_table(
    columns: Sequence[Column], rows: Sequence[Sequence[Content]], *, caption: str, classes: Sequence[str | None] = ()
) -> Markup:
    """Make an HTML table that scrolls sideways on a narrow screen, by keyboard too.

    Args:
        columns: What stands above each column.
        rows: The cells, text or markup; the first with a title heads its row.
        caption: What the table shows, for screen readers.
        classes: A class for each row, if any.

    Returns:
        The table.

    Raises:
        InvalidInputError: If a row has not one cell for each column.
    """
    heading = next((i for i, column in enumerate(columns) if column.title), 0)
    head = element("tr", *(element("th", c.title, scope="col", class_=c.align, title=c.note) for c in columns))
    body = [
        element("tr", *(_html_cell(columns[i], cell, i == heading) for i, cell in enumerate(row)), class_=name)
        for row, name in zip(_checked(columns, rows), classes or (None,) * len(rows), strict=True)
    ]
    table = element("table", element("caption", caption), element("thead", head), element("tbody", joined(*body)))
    return element("div", table, class_="scroll", tabindex="0", role="region", aria_label=caption)


def _html_cell(column: Column, cell: Content, is_heading: bool) -> Markup:
    if is_heading:
        return element("th", cell, scope="row", class_=column.align)
    return element("td", cell, class_=column.align)
