"""Anything records can be read from, as a stream of rows with their line numbers."""

import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TypeAlias

from nearfield.data.files import find_in_folder, format_suffix, has_file, require_file
from nearfield.data.image_folder import holds_images, read_images
from nearfield.data.jsonl import read_jsonl
from nearfield.data.lines import read_lines
from nearfield.data.records import Record
from nearfield.data.tables import is_frame, read_frame, read_table
from nearfield.errors import DataError, InvalidInputError

Source: TypeAlias = "str | os.PathLike[str] | Mapping[str, object] | Iterable[object] | Callable[[], Iterable[object]]"
Content: TypeAlias = "Mapping[str, object] | Record | DataError"
Row: TypeAlias = tuple[int, Content]

_FORMATS = ".jsonl, .ndjson, .csv, .tsv, .txt (each also .gz, .xz or .zst), a BEIR folder or a folder of images"


@dataclass(frozen=True)
class Rows:
    """A stream of rows that can be opened, and opened again unless it is an iterator.

    Attributes:
        name: What to call the source in an error.
        open: Starts the stream: 1-based line (or position), and a row or what is wrong with it.
        uniform: Whether all rows have the fields of the first, as in a table.
        repeatable: Whether `open` may be called twice.
        folder: What paths in the rows are relative to.
    """

    name: str
    open: Callable[[], Iterator[Row]]
    uniform: bool = False
    repeatable: bool = True
    folder: Path = Path()


def rows_of(source: Source, *, what: str) -> Rows:
    """Find out how to read a source.

    Args:
        source: A path, a DataFrame, a mapping from id to text or fields, an iterable of records, mappings or
            `(id, text)` pairs, or a callable that returns such an iterable.
        what: `corpus` or `queries`: names the file in a BEIR folder, and sources that have no name.

    Returns:
        The stream, not yet opened.

    Raises:
        DataError: If the file is missing or of an unknown kind.
        InvalidInputError: If the source is nothing records can be read from.
    """
    if isinstance(source, str | os.PathLike):
        return _file_rows(Path(source), what)
    if is_frame(source):
        return Rows("DataFrame", partial(read_frame, source), uniform=True)
    if isinstance(source, Mapping):
        if "text" in source and not {"id", "_id"}.isdisjoint(source):
            raise InvalidInputError(f"{what} must be many records, got the fields of one; write [record]")
        return Rows(what, lambda: _items(source.items()))
    if isinstance(source, Iterator):
        return Rows(what, _once(source, what), repeatable=False)
    if isinstance(source, Iterable):
        return Rows(what, lambda: _items(source))
    if callable(source):
        return Rows(what, lambda: _items(source()))
    raise InvalidInputError(
        f"{what} must be a path ({_FORMATS}), a DataFrame, an iterable of records or a callable that returns one; "
        f"got {type(source).__name__}"
    )


def _file_rows(path: Path, what: str) -> Rows:
    if path.is_dir():
        if what == "corpus" and not has_file(path, "corpus.jsonl") and holds_images(path):
            return Rows(str(path), partial(read_images, path))
        path = find_in_folder(path, f"{what}.jsonl")
    require_file(path)
    suffix = format_suffix(path)
    if suffix in (".jsonl", ".ndjson"):
        return Rows(str(path), partial(read_jsonl, path), folder=path.parent)
    if suffix == ".txt":
        return Rows(str(path), partial(read_lines, path), uniform=True)
    if suffix in (".csv", ".tsv"):
        delimiter = "," if suffix == ".csv" else "\t"
        return Rows(str(path), partial(read_table, path, delimiter=delimiter), uniform=True, folder=path.parent)
    given = f"extension {suffix!r}" if suffix else "no extension"
    raise DataError(f"cannot tell the format from {given}; use {_FORMATS}", source=str(path))


def _once(iterator: Iterator[object], what: str) -> Callable[[], Iterator[Row]]:
    spent = False

    def open_once() -> Iterator[Row]:
        nonlocal spent
        if spent:
            raise InvalidInputError(
                f"{what} is an iterator and was read already; pass a list, or a callable that returns a new iterator"
            )
        spent = True
        return _items(iterator)

    return open_once


def _items(items: Iterable[object]) -> Iterator[Row]:
    for position, item in enumerate(items, start=1):
        yield position, _as_row(item)


def _as_row(item: object) -> Content:
    if isinstance(item, Record | Mapping):
        return item
    if isinstance(item, tuple | list) and len(item) == 2:
        name, content = item
        if isinstance(content, Mapping):
            return {**content, "_id": name}
        return {"_id": name, "text": content}
    return DataError(
        f"expected a Record, a mapping with fields, or an (id, text) pair; got {type(item).__name__} {item!r:.60}"
    )
