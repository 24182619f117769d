"""Points as rows of Milvus, and back."""

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from nearfield.arrays import Metric
from nearfield.errors import InvalidInputError
from nearfield.stores.base import Match, Payload, Point
from nearfield.stores.batches import TO_JSON, CheckedBatch
from nearfield.stores.milvus.config import MilvusConfig
from nearfield.stores.milvus.filters import BOUNDS, TERMS, stored_terms
from nearfield.stores.milvus.names import cut_text, decode_id, encode_id
from nearfield.stores.milvus.schema import (
    BODY,
    DENSE,
    ID,
    MAX_ITEMS,
    MAX_TEXT,
    NORM,
    WORDS,
    leg_field,
    leg_terms_field,
)
from nearfield.stores.payloads import read_payload, write_payload
from nearfield.stores.values import Projection
from nearfield.stores.vectors import distance_of, restore_length, unit_vectors

UNCOUNTED = 1 << 32
"""Stands for the terms of a point that has more than an array holds; no term is as high."""

_EMPTY = (1 << 32) - 2
"""A term that only sparse vectors without terms have: Milvus takes no empty ones."""
_MAX_ROW_BYTES = 48 << 20
_REQUEST_BYTES = 16 << 20
_REQUEST_ROWS = 2_000
_FLOAT_BYTES, _TERM_BYTES = 4, 16


def sparse_row(terms: Sequence[int], weights: Sequence[float]) -> dict[int, float]:
    """Write a sparse vector as Milvus takes it.

    Milvus has neither the highest of the 2**32 terms nor empty vectors: the two highest terms share a third with the
    one below them, and an empty vector has a term of its own.
    """
    row: dict[int, float] = {}
    for term, weight in zip(terms, weights, strict=True):
        there = min(term, _EMPTY - 1)
        row[there] = row.get(there, 0.0) + weight
    return row or {_EMPTY: 1.0}


def payload_fields(id: str, payload: Payload, meta: str, fields: Projection, config: MilvusConfig) -> dict[str, Any]:
    """Write the fields that hold a payload.

    Args:
        id: The caller's id.
        payload: What passed the checks.
        meta: Its metadata as JSON.
        fields: The projection of its metadata.
        config: What the store holds.

    Returns:
        The fields of a row but for its vectors.

    Raises:
        InvalidInputError: If Milvus cannot hold so much.
    """
    terms, bounds = stored_terms(fields)
    if len(terms) > MAX_ITEMS or len(TO_JSON(bounds)) > MAX_TEXT:
        raise InvalidInputError(
            f"the meta of {id!r} has {len(fields):,} fields with {len(terms):,} values and kinds of values, Milvus "
            f"takes {MAX_ITEMS:,} a point, in some 300 fields of numbers or strings: keep less in meta"
        )
    body = write_payload(payload, meta)
    if len(body) > _MAX_ROW_BYTES // 4 and len(body.encode()) > _MAX_ROW_BYTES:
        raise InvalidInputError(f"the text and meta of {id!r} are larger than {_MAX_ROW_BYTES:,} bytes; split it")
    row = {ID: encode_id(id), BODY: cut_text(body, MAX_TEXT), TERMS: terms, BOUNDS: bounds}
    if config.analyzer != "none":
        # NUL parts words in any case; that every Milvus keeps it is not certain.
        words = f"{payload.title} {payload.text}".replace("\0", " ")
        row[WORDS] = cut_text(words, MAX_TEXT)[0]
    return row


def make_rows(batch: CheckedBatch, config: MilvusConfig) -> list[dict[str, Any]]:
    """Turn a batch into rows, all of them before any is written, because making one may refuse it.

    Args:
        batch: What passed the checks.
        config: What the store holds.

    Returns:
        A row for each point; the dense vectors are rows of one matrix.
    """
    rows = [
        payload_fields(id, payload, meta, fields, config)
        for id, payload, meta, fields in zip(batch.ids, batch.payloads, batch.metas, batch.fields, strict=True)
    ]
    if batch.vectors is not None and batch.norms is not None:
        vectors = batch.vectors
        if config.metric == "cosine":
            vectors, norms = unit_vectors(batch.vectors, batch.norms)
            for row, norm in zip(rows, norms, strict=True):
                row[NORM] = norm or 0.0
        for row, vector in zip(rows, vectors, strict=True):
            row[DENSE] = vector
    for leg, sparse in batch.sparse.items():
        for row, (terms, weights) in zip(rows, sparse, strict=True):
            row[leg_field(leg)] = sparse_row(terms, weights)
            row[leg_terms_field(leg)] = terms if len(terms) <= MAX_ITEMS else [UNCOUNTED]
    return rows


def requests(rows: Sequence[dict[str, Any]], config: MilvusConfig) -> Iterator[list[dict[str, Any]]]:
    """Cut rows into requests that a server takes and that take memory for one at a time."""
    part: list[dict[str, Any]] = []
    size = 0
    for row in rows:
        needed = (config.dim or 0) * _FLOAT_BYTES + 2 * sum(map(len, row[BODY]))
        needed += sum(_TERM_BYTES * len(row[leg_field(leg)]) for leg in config.sparse)
        if part and (size + needed > _REQUEST_BYTES or len(part) == _REQUEST_ROWS):
            yield part
            part, size = [], 0
        part.append(row)
        size += needed
    if part:
        yield part


def read_body(row: Mapping[str, Any]) -> Payload:
    """Read the payload of a row."""
    return read_payload("".join(row[BODY]))


def read_point(row: Mapping[str, Any]) -> Point:
    """Read a point, its vector, where it was asked for, with the length it was given with."""
    vector: npt.NDArray[np.float32] | None = None
    if DENSE in row:
        vector = np.asarray(row[DENSE], np.float32)
        if row.get(NORM):
            vector = restore_length(vector, row[NORM])
    return Point(id=decode_id(row[ID]), payload=read_body(row), vector=vector)


def score_of(found: float, metric: Metric | None) -> float:
    """Turn what Milvus calls the distance into a score; of the Euclidean one it gives the square."""
    return -math.sqrt(found) if metric == "l2" else found


def make_match(key: str, score: float, metric: Metric | None, row: Mapping[str, Any] | None = None) -> Match:
    """Make a match.

    Args:
        key: The primary key.
        score: Its score.
        metric: How dense vectors are compared; None for a sparse leg and for words.
        row: Holds the payload; None if it was not asked for.

    Returns:
        The match.
    """
    distance = None if metric is None else distance_of(score, metric)
    return Match(decode_id(key), score, distance, None if row is None else read_body(row))
