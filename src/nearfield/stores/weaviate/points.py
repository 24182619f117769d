"""Points as Weaviate's objects: how records become them, and come back."""

from collections.abc import Iterator
from hashlib import blake2b
from typing import Any
from uuid import UUID

import numpy as np

from nearfield.arrays import Metric, Vectors
from nearfield.stores.base import Match, Payload, Point
from nearfield.stores.batches import CheckedBatch
from nearfield.stores.payloads import read_payload, write_payload
from nearfield.stores.values import Projection
from nearfield.stores.vectors import distance_of, restore_length, unit_vectors
from nearfield.stores.weaviate.filters import TOKENS, tokens_of
from nearfield.stores.weaviate.schema import BODY, ID, NORM, SLOT, TEXT, TITLE, VECTOR

WITH_ID = [ID]
WITH_PAYLOAD = [ID, TITLE, TEXT, BODY]
WITH_META = [ID, BODY]
WITH_ALL = [*WITH_PAYLOAD, NORM]

SLOTS = 1 << 31
"""How many slots there are: every point is in one, by a hash of its id."""

_REQUEST_POINTS = 1000
_REQUEST_BYTES = 4 << 20


def object_id(id: str) -> UUID:
    """Map an id to the UUID that Weaviate wants."""
    return UUID(bytes=_hash(id))


def _hash(id: str) -> bytes:
    return blake2b(id.encode(), digest_size=16).digest()


def requests(batch: CheckedBatch, metric: Metric) -> Iterator[list[dict[str, Any]]]:
    """Turn a batch into objects, as many at a time as a request should carry.

    Args:
        batch: What passed the checks.
        metric: How the vectors are compared.

    Yields:
        Lists of arguments of the client's `DataObject`.
    """
    objects: list[dict[str, Any]] = []
    size = 0
    for start in range(0, len(batch.ids), _REQUEST_POINTS):
        rows = range(start, min(start + _REQUEST_POINTS, len(batch.ids)))
        part, norms = _vectors(batch, rows, metric)
        for place, row in enumerate(rows):
            bytes_more = (
                len(batch.payloads[row].text) + len(batch.metas[row]) + (0 if part is None else 4 * len(part[0]))
            )
            if objects and (size + bytes_more > _REQUEST_BYTES or len(objects) == _REQUEST_POINTS):
                yield objects
                objects, size = [], 0
            objects.append(_object(batch, row, None if part is None else part[place], norms[place]))
            size += bytes_more
    if objects:
        yield objects


def _vectors(batch: CheckedBatch, rows: range, metric: Metric) -> tuple[Vectors | None, list[float | None]]:
    if batch.vectors is None or batch.norms is None:
        return None, [None] * len(rows)
    part = batch.vectors[rows.start : rows.stop]
    if metric != "cosine":
        return part, [None] * len(rows)
    return unit_vectors(part, batch.norms[rows.start : rows.stop])


def _object(batch: CheckedBatch, row: int, vector: Any, norm: float | None) -> dict[str, Any]:  # noqa: ANN401
    id = batch.ids[row]
    properties = payload_properties(batch.payloads[row], batch.metas[row], batch.fields[row])
    hashed = _hash(id)
    properties[ID] = id
    properties[SLOT] = int.from_bytes(hashed[:4], "big") % SLOTS
    if norm is not None:
        properties[NORM] = norm
    # Without a name, which makes the client check it at length, a vector is the only one that the class has.
    return {"uuid": UUID(bytes=hashed), "properties": properties, "vector": None if vector is None else vector.tolist()}


def payload_properties(payload: Payload, meta: str, fields: Projection) -> dict[str, Any]:
    """Turn a payload into the properties that an update replaces.

    Args:
        payload: What passed the checks.
        meta: Its metadata as JSON.
        fields: The projection of its metadata.

    Returns:
        Property names and values.
    """
    # Title and text are properties of their own, which the lexical search reads, and are not kept twice.
    body = write_payload(Payload(digest=payload.digest, image=payload.image), meta)
    return {TITLE: payload.title, TEXT: payload.text, BODY: body, TOKENS: tokens_of(fields)}


def read_stored(found: Any) -> Payload:  # noqa: ANN401  # the client's object
    """Read the payload of an object that was asked for with its payload, or its metadata alone."""
    stored = found.properties
    rest = read_payload(stored[BODY])
    return Payload(stored.get(TEXT, ""), stored.get(TITLE, ""), rest.meta, rest.digest, rest.image)


def read_point(found: Any) -> Point:  # noqa: ANN401  # the client's object
    """Read a point, its vector, where there is one, with the length it was given with."""
    vector = read_vector(found)
    norm = found.properties.get(NORM)
    if vector is not None and norm is not None:
        vector = restore_length(vector, norm)
    return Point(found.properties[ID], read_stored(found), vector)


def read_vector(found: Any) -> Any:  # noqa: ANN401  # the client's object; (d,) float32 or None
    """Read an object's vector as it is stored; None if it was not asked for."""
    stored = found.vector.get(VECTOR)
    return None if stored is None else np.asarray(stored, dtype=np.float32)


def read_match(found: Any, metric: Metric | None, *, with_payload: bool) -> Match:  # noqa: ANN401
    """Read what a search found.

    Args:
        found: The client's object with its distance, or its score where `metric` is None.
        metric: How vectors are compared; None for the lexical search.
        with_payload: Whether it carries more than the id.

    Returns:
        The match.
    """
    payload = read_stored(found) if with_payload else None
    if metric is None:
        return Match(found.properties[ID], float(found.metadata.score), None, payload)
    score = score_of(float(found.metadata.distance), metric)
    return Match(found.properties[ID], score, distance_of(score, metric), payload)


def score_of(distance: float, metric: Metric) -> float:
    """Turn Weaviate's distance (1 - cosine, minus the dot product, the squared Euclidean distance) into a score."""
    if metric == "cosine":
        return 1 - distance
    return -distance if metric == "dot" else -(max(distance, 0.0) ** 0.5)
