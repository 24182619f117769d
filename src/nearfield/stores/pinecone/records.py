"""Points in the terms of Pinecone: how they become its records, and come back."""

import string
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from hashlib import blake2b
from typing import Any
from urllib.parse import quote, unquote

import numpy as np
import numpy.typing as npt

from nearfield.arrays import Metric, Vectors
from nearfield.errors import InvalidInputError
from nearfield.stores.base import Payload, Point
from nearfield.stores.batches import CheckedBatch
from nearfield.stores.payloads import read_payload, write_payload
from nearfield.stores.pinecone.filters import field_bytes, stored_fields
from nearfield.stores.pinecone.namespace import Record
from nearfield.stores.pinecone.parts import MAX_METADATA, PartedText, Parts, json_bytes
from nearfield.stores.values import Projection
from nearfield.stores.vectors import restore_length, unit_vectors

PART_COUNT, PART_KEY = "parts", "key"

_ID, _BODY, _NORM, _ZERO = "id", "body", "norm", "zero"
_MAX_ID = 512
_READABLE = string.punctuation.replace("%", "")
_HASHED = "%h"  # no quoted id begins so: a % is followed by two digits of base 16
_FLOAT_BYTES, _RECORD_BYTES = 25, 100  # a float64 in JSON, a comma included; braces, names and the id's quotes
_NOTE_BYTES = 60  # a short name with a number or the key of a long text
_TINY = float(np.finfo(np.float32).tiny)


def record_id(id: str) -> str:
    """Write an id in 1 to 512 ASCII characters: quoted as in a URL, or if that is too long, a hash of it."""
    quoted = quote(id, safe=_READABLE)
    return quoted if len(quoted) <= _MAX_ID else _HASHED + blake2b(id.encode(), digest_size=20).hexdigest()


def is_hashed(record: str) -> bool:
    """Say whether an id at Pinecone is a hash, so that the caller's stands in the metadata only."""
    return record.startswith(_HASHED)


def id_of(record: str, metadata: Mapping[str, Any] | None) -> str:
    """Read the caller's id; the metadata is needed where it `is_hashed`."""
    return str((metadata or {})[_ID]) if is_hashed(record) else unquote(record)


@dataclass(frozen=True, slots=True, eq=False)
class Head:
    """What is written of a point beside its vector.

    Attributes:
        id: The id at Pinecone.
        metadata: Flat metadata.
        size: Bytes of it, as JSON.
        parts: Records to write before it, where the payload is too long for the metadata.
    """

    id: str
    metadata: dict[str, Any]
    size: int
    parts: Sequence[Record] = ()

    def record(self, values: npt.NDArray[np.float32]) -> Record:
        """Put a vector to it.

        Args:
            values: `(d,)` as it is to be stored; one of zeros, which the service refuses, is stored as a tiny one.

        Returns:
            What is sent.
        """
        size = self.size + len(self.id) + _FLOAT_BYTES * len(values) + _RECORD_BYTES
        return Record(self.id, lambda: sent_vector(values), self.metadata, size)


def make_head(id: str, payload: Payload, meta: str, fields: Projection, parts: Parts) -> Head:
    """Turn a payload into metadata that fits.

    Args:
        id: The caller's id.
        payload: What passed the checks.
        meta: Its metadata as JSON.
        fields: The projection of its metadata.
        parts: Where long texts go.

    Returns:
        What is to be written.

    Raises:
        InvalidInputError: If its metadata holds more values than can be filtered by.
    """
    written = record_id(id)
    metadata = stored_fields(fields)
    filtered = field_bytes(metadata)
    if is_hashed(written):
        metadata[_ID] = id
        filtered += json_bytes(id) + _NOTE_BYTES
    if filtered > MAX_METADATA - 2 * _NOTE_BYTES:
        values = sum(len(each.strings) + len(each.numbers) + len(each.booleans) for each in fields.values())
        raise InvalidInputError(
            f"the meta of {id!r} holds {values:,} values to filter by, which take {filtered:,} bytes; Pinecone allows "
            f"{MAX_METADATA:,} for a record, about 1,900 values: keep fewer, or put them into one string"
        )
    body = write_payload(payload, meta)
    size = filtered + json_bytes(body) + 2 * _NOTE_BYTES  # for the body's name, and what is noted of the vector
    if size <= MAX_METADATA:
        metadata[_BODY] = body
        return Head(written, metadata, size)
    place, records = parts.cut(body)
    metadata[PART_KEY], metadata[PART_COUNT] = place.key, place.count
    return Head(written, metadata, filtered + 2 * _NOTE_BYTES, records)


def make_heads(batch: CheckedBatch, parts: Parts) -> list[Head]:
    """Turn a batch into metadata, all of it before anything is written."""
    rows = zip(batch.ids, batch.payloads, batch.metas, batch.fields, strict=True)
    return [make_head(*row, parts) for row in rows]


def put_vectors(
    heads: Sequence[Head], vectors: Vectors, norms: npt.NDArray[np.float64], metric: Metric
) -> list[Record]:
    """Put vectors to what is written beside them.

    Args:
        heads: `n` of them; noted in them is what the vectors alone do not tell.
        vectors: `(n, d)` float32 as given.
        norms: `(n,)` float64 lengths.
        metric: How they are compared; under cosine they are stored with length 1.

    Returns:
        `n` records.
    """
    if metric == "cosine":
        vectors, lengths = unit_vectors(vectors, norms)
        notes = [{} if length is None else {_NORM: length} for length in lengths]
    else:
        notes = [{} if norm else {_ZERO: True} for norm in norms.tolist()]
    for head, note in zip(heads, notes, strict=True):
        head.metadata.update(note)
    return [head.record(values) for head, values in zip(heads, vectors, strict=True)]


def keep_vector(head: Head, stored: Any) -> Record:  # noqa: ANN401  # the vendor's vector
    """Put to it the vector that is stored already."""
    kept = {key: stored.metadata[key] for key in (_NORM, _ZERO) if key in stored.metadata}
    return replace(head, metadata={**head.metadata, **kept}).record(np.asarray(stored.values, dtype=np.float32))


def sent_vector(values: npt.NDArray[np.float32]) -> list[float]:
    """Write a vector as the service takes it, which refuses zeros alone."""
    components: list[float] = values.tolist()
    if not any(components):
        components[0] = _TINY
    return components


def stored_vector(record: Any) -> npt.NDArray[np.float32]:  # noqa: ANN401  # the vendor's vector
    """Read a vector as it is compared: `(d,)` float32, under cosine of length 1."""
    if _ZERO in record.metadata:
        return np.zeros(len(record.values), np.float32)
    return np.asarray(record.values, dtype=np.float32)


def place_of(metadata: Mapping[str, Any]) -> PartedText | None:
    """Read where a payload's parts are; None if it has none."""
    return PartedText(metadata[PART_KEY], int(metadata[PART_COUNT])) if PART_KEY in metadata else None


def read_payloads(metadatas: Sequence[Mapping[str, Any]], parts: Parts) -> list[Payload]:
    """Read the payloads of several records, all their parts together.

    Args:
        metadatas: What is stored beside the vectors.
        parts: Where long texts are.

    Returns:
        As many payloads.
    """
    places = [place_of(metadata) for metadata in metadatas]
    long_texts = iter(parts.read([place for place in places if place is not None]) if any(places) else ())
    return [
        read_payload(metadata[_BODY] if place is None else next(long_texts))
        for metadata, place in zip(metadatas, places, strict=True)
    ]


def read_points(records: Sequence[Any], parts: Parts, *, with_vectors: bool) -> list[Point]:
    """Read points.

    Args:
        records: The vendor's vectors.
        parts: Where long texts are.
        with_vectors: Whether to bring their vectors, with the length they were given with.

    Returns:
        As many points.
    """
    payloads = read_payloads([record.metadata for record in records], parts)
    return [
        Point(id_of(record.id, record.metadata), payload, _given_vector(record) if with_vectors else None)
        for record, payload in zip(records, payloads, strict=True)
    ]


def _given_vector(record: Any) -> npt.NDArray[np.float32]:  # noqa: ANN401
    vector = stored_vector(record)
    return restore_length(vector, float(record.metadata[_NORM])) if _NORM in record.metadata else vector
