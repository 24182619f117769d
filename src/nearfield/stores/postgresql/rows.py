"""Points as rows of a table: written in PostgreSQL's binary COPY format, and read back."""

import struct
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from nearfield.arrays import Vectors
from nearfield.errors import InvalidInputError
from nearfield.stores.base import Match, Payload, Point
from nearfield.stores.batches import CheckedBatch
from nearfield.stores.postgresql.config import PostgresConfig
from nearfield.stores.postgresql.filters import stored_fields
from nearfield.stores.postgresql.text import decode_text, encode_text
from nearfield.stores.vectors import distance_of, restore_length, unit_vectors

if TYPE_CHECKING:
    from nearfield.arrays import Metric

PAYLOAD = "title, body, digest, image, meta"
"""The columns that `read_payload` reads."""

_HEADER = b"PGCOPY\n\xff\r\n\0" + bytes(8)  # the signature, no flags, no extension
_END = b"\xff\xff"
_EMPTY = bytes(4)
_NULL = b"\xff\xff\xff\xff"
_LARGEST_HALF = 65_504.0
_BLOCK = 1 << 18

_length = struct.Struct(">i").pack
_count = struct.Struct(">h").pack
_double = struct.Struct(">id").pack
_integer = struct.Struct(">iq").pack
_posting = struct.Struct(">hihiqiqif").pack


def check_range(batch: CheckedBatch, config: PostgresConfig) -> None:
    """Refuse vectors that the index could not hold.

    Args:
        batch: What passed the other checks.
        config: What the store holds.

    Raises:
        InvalidInputError: If a value is beyond float16, in a store with that quantisation; not under cosine, where all
            are between -1 and 1.
    """
    if config.quantisation != "float16" or config.metric == "cosine" or batch.vectors is None:
        return
    bad = (np.abs(batch.vectors) > _LARGEST_HALF).any(axis=1)
    if bad.any():
        raise InvalidInputError(
            f"the vector of {batch.ids[int(np.argmax(bad))]!r} holds a value beyond {_LARGEST_HALF:,.0f}, the largest "
            "of float16; scale it, or make the store with quantisation 'none'"
        )


def columns(config: PostgresConfig) -> str:
    """List the columns that `point_rows` writes."""
    vector = "" if config.dim is None else ", vector, norm"
    number = ", number" if config.sparse else ""
    return f"id{vector}{number}, {PAYLOAD}, fields"


def point_rows(
    batch: CheckedBatch, config: PostgresConfig, rows: Sequence[int], numbers: Sequence[int]
) -> Iterator[bytes]:
    """Write points as rows for `COPY ... WITH (FORMAT binary)`.

    Args:
        batch: What passed the checks.
        config: What the store holds.
        rows: Which of its points.
        numbers: As many numbers as rows, for a store with sparse legs; else none.

    Yields:
        The stream, in blocks.
    """
    vectors = _vector_fields(batch, config, rows)
    width = _count(7 + (2 if config.dim is not None else 0) + (1 if config.sparse else 0))
    block = bytearray(_HEADER)
    for place, row in enumerate(rows):
        payload = batch.payloads[row]
        # jsonb in binary begins with its version.
        meta, fields = batch.metas[row].encode(), b"\x01" + stored_fields(batch.fields[row]).encode()
        parts = [width, *_text_field(batch.ids[row])]
        if vectors:
            parts.append(vectors[place])
        if config.sparse:
            parts.append(_integer(8, numbers[place]))
        parts += _text_field(payload.title)
        parts += _text_field(payload.text)
        parts += _text_field(payload.digest)
        parts += _text_field(payload.image)
        parts += (_length(len(meta)), meta, _length(len(fields)), fields)
        block += b"".join(parts)
        if len(block) > _BLOCK:
            yield bytes(block)
            block.clear()
    yield bytes(block + _END)


def posting_rows(
    batch: CheckedBatch, config: PostgresConfig, rows: Sequence[int], numbers: Sequence[int]
) -> Iterator[bytes]:
    """Write the sparse vectors of points as rows for `COPY ... WITH (FORMAT binary)`.

    Args:
        batch: What passed the checks.
        config: What the store holds.
        rows: Which of its points.
        numbers: The points' numbers.

    Yields:
        The stream, in blocks, of the columns leg, term, point and weight.
    """
    block = bytearray(_HEADER)
    for place, leg in enumerate(config.sparse):
        for row, number in zip(rows, numbers, strict=True):
            for term, weight in zip(*batch.sparse[leg][row], strict=True):
                block += _posting(4, 2, place, 8, term, 8, number, 4, weight)
            if len(block) > _BLOCK:
                yield bytes(block)
                block.clear()
    yield bytes(block + _END)


def _vector_fields(batch: CheckedBatch, config: PostgresConfig, rows: Sequence[int]) -> list[bytes]:
    """Write the two columns of each vector, itself and its length."""
    if batch.vectors is None or batch.norms is None or config.dim is None:
        return []
    part: Vectors = batch.vectors[rows]
    norms: Sequence[float | None] = [None] * len(rows)
    if config.metric == "cosine":
        part, norms = unit_vectors(part, batch.norms[rows])
    head = _length(4 + 4 * config.dim) + struct.pack(">hh", config.dim, 0)
    swapped = part.astype(">f4")
    return [
        head + vector.tobytes() + (_NULL if norm is None else _double(8, norm))
        for vector, norm in zip(swapped, norms, strict=True)
    ]


def _text_field(text: str) -> tuple[bytes, bytes]:
    if not text:
        return _EMPTY, b""
    encoded = encode_text(text).encode()
    return _length(len(encoded)), encoded


def payload_columns(payload: Payload) -> tuple[str, str, str, str]:
    """Give a payload's strings in the order of the columns, without the metadata that follows them."""
    return (
        encode_text(payload.title),
        encode_text(payload.text),
        encode_text(payload.digest),
        encode_text(payload.image),
    )


def read_payload(title: str, body: str, digest: str, image: str, meta: Any) -> Payload:  # noqa: ANN401  # any JSON
    """Read the columns of a payload."""
    return Payload(
        text=decode_text(body),
        title=decode_text(title),
        meta=meta,
        digest=decode_text(digest),
        image=decode_text(image),
    )


def read_point(row: Sequence[Any], *, with_vector: bool) -> Point:
    """Read a point.

    Args:
        row: Its id, the columns of its payload, and then, if asked for, its vector and that one's length.
        with_vector: Whether they were asked for.

    Returns:
        The point, its vector with the length it was given with.
    """
    id, *payload = row[:6]
    if not with_vector:
        return Point(decode_text(id), read_payload(*payload))
    vector = row[6].to_numpy()
    return Point(decode_text(id), read_payload(*payload), vector if row[7] is None else restore_length(vector, row[7]))


def read_matches(rows: Sequence[Sequence[Any]], metric: "Metric | None") -> list[Match]:
    """Read what a search found.

    Args:
        rows: For each match its id, its score, and, if asked for, the columns of its payload; best first.
        metric: What the scores are of; None for words.

    Returns:
        The matches.
    """
    return [
        Match(
            decode_text(row[0]),
            row[1],
            None if metric is None else distance_of(row[1], metric),
            read_payload(*row[2:]) if len(row) > 2 else None,
        )
        for row in rows
    ]


def read_value(value: bool | float | str) -> bool | float | str:
    """Read a value of the column `fields` as a facet has it: any number is a float."""
    if isinstance(value, str):
        return decode_text(value)
    return value if isinstance(value, bool) else float(value)
