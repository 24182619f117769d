"""Points in the terms of Qdrant Edge: how records become its points, and come back."""

from collections.abc import Iterator
from hashlib import blake2b
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from nearfield.arrays import Metric, Vectors
from nearfield.stores.base import Match, Payload, Point, StoreConfig
from nearfield.stores.batches import CheckedBatch
from nearfield.stores.embedded.filters import stored_fields
from nearfield.stores.payloads import read_payload, write_payload
from nearfield.stores.values import Projection
from nearfield.stores.vectors import distance_of, restore_length, unit_vectors

if TYPE_CHECKING:
    import qdrant_edge as engine

DENSE = "dense"
ID, BODY, NORM = "id", "body", "norm"
WITH_ID: list[str] = [ID]
WITH_PAYLOAD: list[str] = [ID, BODY]
WITH_ALL: list[str] = [ID, BODY, NORM]


def engine_id(id: str) -> str:
    """Map an id to 128 bits, written as the UUID that the engine wants."""
    return blake2b(id.encode(), digest_size=16).hexdigest()


def engine_points(batch: CheckedBatch, config: StoreConfig, *, size: int = 1000) -> Iterator["list[engine.Point]"]:
    """Turn a batch into the engine's points.

    Args:
        batch: What passed the checks.
        config: What the store holds.
        size: Points to build at a time, which bounds the memory taken.

    Yields:
        Lists of at most `size` points.
    """
    for start in range(0, len(batch.ids), size):
        yield _points(batch, config, range(start, min(start + size, len(batch.ids))))


def _points(batch: CheckedBatch, config: StoreConfig, rows: range) -> "list[engine.Point]":
    import qdrant_edge

    part: Vectors | None = None
    norms: list[float | None] = [None] * len(rows)
    if batch.vectors is not None and batch.norms is not None:
        part, lengths = batch.vectors[rows.start : rows.stop], batch.norms[rows.start : rows.stop]
        if config.metric == "cosine":
            part, norms = unit_vectors(part, lengths)
    points = []
    for place, row in enumerate(rows):
        id, payload = batch.ids[row], batch.payloads[row]
        # A row at a time: lists of a whole batch fall out of the processor's cache before the engine reads them.
        named: dict[str, Any] = {} if part is None else {DENSE: part[place].tolist()}
        for leg in config.sparse:
            named[leg] = qdrant_edge.SparseVector(*batch.sparse[leg][row])
        stored = stored_payload(id, payload, batch.metas[row], batch.fields[row], norms[place])
        points.append(qdrant_edge.Point(engine_id(id), named, stored))
    return points


def stored_payload(id: str, payload: Payload, meta: str, fields: Projection, norm: float | None) -> dict[str, object]:
    """Turn a payload into what the engine keeps of it.

    Args:
        id: The caller's id.
        payload: What passed the checks.
        meta: Its metadata as JSON.
        fields: The projection of its metadata.
        norm: The length its vector had; None if it is stored as it was.

    Returns:
        Payload keys with JSON values.
    """
    stored = stored_fields(fields)
    stored[ID] = id
    stored[BODY] = write_payload(payload, meta)
    if norm is not None:
        stored[NORM] = norm
    return stored


def read_point(record: "engine.Record") -> Point:
    """Read a point, its vector, where there is one, with the length it was given with."""
    stored: dict[str, Any] = record.payload or {}
    vector: npt.NDArray[np.float32] | None = None
    named: Any = record.vector
    if named and DENSE in named:
        vector = np.asarray(named[DENSE], dtype=np.float32)
        if NORM in stored:
            vector = restore_length(vector, stored[NORM])
    return Point(id=stored[ID], payload=read_payload(stored[BODY]), vector=vector)


def read_matches(hits: "list[engine.ScoredPoint]", metric: Metric | None, *, with_payload: bool) -> list[Match]:
    """Read what a search found.

    Args:
        hits: The engine's hits, best first.
        metric: What the scores are; None for those of a sparse leg.
        with_payload: Whether the hits carry more than the id.

    Returns:
        The matches, best first.
    """
    found = []
    for hit in hits:
        stored: dict[str, Any] = hit.payload or {}
        score = -hit.score if metric == "l2" else hit.score  # for l2 the engine's score is the distance
        distance = None if metric is None else distance_of(score, metric)
        found.append(Match(stored[ID], score, distance, read_payload(stored[BODY]) if with_payload else None))
    return found
