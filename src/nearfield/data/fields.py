"""From a row to a record: which field is the id, which the text, and whether the values can be used."""

import math
import numbers
import os
from collections.abc import Iterable, Mapping, Set
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Final

from nearfield.data.images import Image
from nearfield.data.records import MAX_DEPTH, MAX_ID_BYTES, Json, Record
from nearfield.errors import DataError

ID_NAMES: Final = ("_id", "id")
_MISSING_TYPES = frozenset({"NAType", "NaTType"})
_EXACT_FLOAT = 2.0**53


@dataclass(frozen=True)
class Fields:
    """Which fields to read, as asked for; None leaves it to what the first good row has.

    Attributes:
        id: Field of the id.
        text: Field of the text.
        title: Field of the title.
        meta: Fields to keep as metadata; None keeps all others.
        text_names: Where to look for the text if no field is asked for.
        image: Field of the image.
        image_names: Where to look for the image if no field is asked for; only in rows that have no text, since
            beside a text such a field has always been metadata.
    """

    id: str | None = None
    text: str | None = None
    title: str | None = None
    meta: tuple[str, ...] | None = None
    text_names: tuple[str, ...] = ("text",)
    image: str | None = None
    image_names: tuple[str, ...] = ("image",)

    def named(self) -> set[str]:
        """Tell the optional fields asked for by name, of which each must be in some row."""
        return {*(self.meta or ()), *(name for name in (self.title, self.image) if name is not None)}

    def layout(self, found: Set[str], folder: Path = Path()) -> "Layout":
        """Settle which fields are read, from those a row has; a `DataError` lists them if that fails.

        Args:
            found: The fields of the row.
            folder: What paths of images are relative to.

        Returns:
            The fields to read.
        """
        id_field = _choose(found, self.id, ID_NAMES, "id")
        image_field = self.image
        if image_field is None and self.text is None and found.isdisjoint(self.text_names):
            image_field = next((name for name in self.image_names if name in found), None)
        if image_field is not None and self.text is None and found.isdisjoint(self.text_names):
            text_field = self.text_names[0]
        else:
            text_field = _choose(found, self.text, self.text_names, "text")
        title_field = self.title
        if title_field is None and "title" not in (id_field, text_field):
            title_field = "title"
        meta = None if self.meta is None else frozenset(self.meta)
        return Layout(id_field, text_field, title_field, meta, image_field, folder)


def _choose(found: Set[str], asked: str | None, names: Iterable[str], role: str) -> str:
    candidates = (asked,) if asked is not None else tuple(names)
    for name in candidates:
        if name in found:
            return name
    wanted = " or ".join(repr(name) for name in candidates)
    listing = ", ".join(repr(name) for name in list(found)[:20]) or "none"
    raise DataError(f"no field {wanted} for the {role}; fields found: {listing}; pass {role}_field=...")


@dataclass(frozen=True, slots=True)
class Layout:
    """Which fields are read.

    Attributes:
        id: Field of the id, which each row must have.
        text: Field of the text, which each row must have unless there are images.
        title: Field of the title, which a row may lack; None for no titles.
        meta: Fields to keep as metadata; None keeps all others.
        image: Field of the image, which a row may lack; None for no images.
        folder: What paths of images are relative to.
    """

    id: str
    text: str
    title: str | None
    meta: frozenset[str] | None
    image: str | None = None
    folder: Path = Path()

    def record(self, row: Mapping[str, object]) -> Record:
        """Make a record of a row, or raise a `DataError` (without a place) that says why not."""
        try:
            id_value = row[self.id]
            text_value = row[self.text] if self.image is None else row.get(self.text)
        except KeyError as error:
            listing = ", ".join(repr(name) for name in list(row)[:20])
            raise DataError(f"no field {error}; fields found: {listing}") from None
        title = as_text(row[self.title], self.title) if self.title is not None and self.title in row else ""
        image = None if self.image is None else as_image(row.get(self.image), self.image, self.folder)
        own, wanted = (self.id, self.text, self.title, self.image), self.meta
        meta = {name: value for name, value in row.items() if (name not in own if wanted is None else name in wanted)}
        return _record(as_id(id_value), as_text(text_value, self.text), title, meta, image)


def check_record(record: Record) -> Record:
    """Validate a record made by the caller; the same record with its metadata as plain JSON values."""
    if not isinstance(record.id, str):
        raise DataError(f"id must be a str, got {type(record.id).__name__} {record.id!r:.60}")
    text, title, image = as_text(record.text, "text"), as_text(record.title, "title"), record.image
    return _record(as_id(record.id), text, title, record.meta, None if image is None else as_image(image, "image"))


def _record(id_: str, text: str, title: str, meta: Mapping[str, object], image: Image | None) -> Record:
    if image is None and not (text and not text.isspace()) and not title.strip():
        raise DataError(f"text of {id_!r:.80} is empty, and so is its title")
    return Record(id_, text, title, as_meta(meta) if meta else {}, image)


def as_id(value: object) -> str:
    """Make an id of a string or whole number, or raise a `DataError` (without a place)."""
    if isinstance(value, str):
        text = value
    elif isinstance(value, numbers.Integral) and not isinstance(value, bool):
        text = str(int(value))
    elif isinstance(value, float) and value.is_integer() and abs(value) <= _EXACT_FLOAT:
        text = str(int(value))  # pandas makes floats of whole numbers when a cell of the column is missing
    elif is_missing(value):
        raise DataError("id is missing; each record needs its own")
    else:
        raise DataError(f"id must be a string or a whole number, got {type(value).__name__} {value!r:.60}")
    if not text:
        raise DataError("id is empty; each record needs its own")
    if not text.isascii() or len(text) > MAX_ID_BYTES:
        _check_unicode(text, "id")
        if (size := len(text.encode())) > MAX_ID_BYTES:
            raise DataError(f"id has {size:,} bytes of UTF-8, at most {MAX_ID_BYTES:,} are allowed: {text!r:.60}...")
    return text


def as_text(value: object, field: str) -> str:
    """Take a string, or nothing as an empty one; raise a `DataError` (without a place) for any other value."""
    if not isinstance(value, str):
        if is_missing(value):
            return ""
        raise DataError(f"{field} must be a string, got {type(value).__name__} {value!r:.60}; convert it first")
    if not value.isascii():
        _check_unicode(value, field)
    return value


def as_image(value: object, field: str, folder: Path = Path()) -> Image | None:
    """Take an image, its bytes or its path, or nothing as no image; a `DataError` (without a place) for others."""
    if isinstance(value, Image):
        return value
    if is_missing(value) or value in ("", b""):
        return None
    if isinstance(value, str) and "://" in value:
        raise DataError(f"{field} must be the path of a file, got {value!r:.60}; download it first")
    if isinstance(value, bytes):
        return Image(value)
    if isinstance(value, str | os.PathLike):
        return Image(folder / value)
    raise DataError(
        f"{field} must be the path, the bytes or an Image of a PNG, JPEG or WebP file, got {type(value).__name__} "
        f"{value!r:.60}"
    )


def as_meta(meta: Mapping[str, object]) -> dict[str, Json]:
    """Take metadata as JSON values; a field that is NaN, NA or NaT is left out."""
    clean: dict[str, Json] = {}
    for name, value in meta.items():
        if not isinstance(name, str):
            raise DataError(f"names of fields must be strings, got {type(name).__name__} {name!r:.60}")
        if not name.isascii():
            _check_unicode(name, "the name of a field")
        if isinstance(value, int) or value is None:  # the common kinds first: this runs for each cell there is
            clean[name] = value
        elif isinstance(value, str) or not is_missing(value):
            clean[name] = _as_json(value, name)
    return clean


def is_missing(value: object) -> bool:
    """Tell None, NaN, and pandas' NA and NaT."""
    return value is None or (isinstance(value, float) and math.isnan(value)) or type(value).__name__ in _MISSING_TYPES


def _as_json(value: object, field: str, depth: int = MAX_DEPTH) -> Json:
    if isinstance(value, str):
        if not value.isascii():
            _check_unicode(value, field)
        return value
    if value is None or isinstance(value, bool | int):
        return value
    if isinstance(value, float) and math.isfinite(value):
        return value
    if depth == 0:
        raise DataError(f"field {field!r} is nested more than {MAX_DEPTH} levels deep; flatten it")
    if isinstance(value, list | tuple):
        return [_as_json(element, field, depth - 1) for element in value]
    if isinstance(value, Mapping):
        return {_as_name(name, field): _as_json(element, field, depth - 1) for name, element in value.items()}
    return _as_json(_plain(value, field), field, depth - 1)


def _as_name(name: object, field: str) -> str:
    if not isinstance(name, str):
        raise DataError(f"names inside field {field!r} must be strings, got {type(name).__name__} {name!r:.60}")
    _check_unicode(name, field)
    return name


def _plain(value: object, field: str) -> object:
    """Turn a date into ISO 8601, and a numpy scalar or array into what Python has for it."""
    if isinstance(value, date):
        return value.isoformat()
    if hasattr(value, "tolist") and not isinstance(value, float) and (plain := value.tolist()) is not value:
        return plain
    raise DataError(
        f"field {field!r} must be a JSON value (string, finite number, true, false, null, list or object), "
        f"got {type(value).__name__} {value!r:.60}; convert it, or leave it out with meta_fields=[...]"
    )


def _check_unicode(text: str, field: str) -> None:
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise DataError(
            f"{field} is not valid Unicode: lone surrogate {text[error.start]!a} at character {error.start + 1}"
        ) from error
