"""Points in the terms of Qdrant Edge: how records become its points, and come back."""

import json
import math
from collections.abc import Callable, Iterator
from hashlib import blake2b
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from nearfield.arrays import Vectors
from nearfield.errors import CapabilityError, InvalidInputError
from nearfield.stores.base import Match, Payload, Point, StoreConfig
from nearfield.stores.batches import MAX_NORM, TO_JSON, CheckedBatch, check_norms
from nearfield.stores.embedded_filters import stored_fields

if TYPE_CHECKING:
    import qdrant_edge as engine

DENSE = "dense"
ID, BODY, NORM = "id", "body", "norm"
WITH_ID: list[str] = [ID]
WITH_PAYLOAD: list[str] = [ID, BODY]
WITH_ALL: list[str] = [ID, BODY, NORM]

UNIT_TOLERANCE = 1e-6
"""How far from 1 the length of a vector may be that is stored as it is: the rounding of float32 normalisation."""

_DISTANCES: dict[str, Callable[[float], float | None]] = {
    "cosine": lambda score: 1 - score,
    "dot": lambda score: -score,
    "l2": lambda score: score,  # the engine's score is the distance
    "sparse": lambda score: None,
}

FLOAT32_MAX = float(np.finfo(np.float32).max)


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
        stored = stored_fields(batch.fields[row])
        stored[ID] = id
        # Only where there is an image: so the format of records without one stays as it was.
        image = [payload.image] if payload.image else []
        texts = TO_JSON([payload.text, payload.title, payload.digest, *image])
        stored[BODY] = f"[{texts},{batch.metas[row]}]"
        if norms[place] is not None:
            stored[NORM] = norms[place]
        points.append(qdrant_edge.Point(engine_id(id), named, stored))
    return points


def unit_vectors(vectors: Vectors, norms: npt.NDArray[np.float64]) -> tuple[Vectors, list[float | None]]:
    """Scale vectors to length 1, leaving those alone that have it already.

    Args:
        vectors: `(n, d)` float32.
        norms: `(n,)` float64 lengths, none zero.

    Returns:
        `(n, d)` float32, and for each row the length it had, or None if it was left bit for bit.
    """
    scaled = np.abs(norms - 1) > UNIT_TOLERANCE
    if not scaled.any():
        return vectors, [None] * len(vectors)
    factors = np.where(scaled, norms, 1.0)
    units = (vectors / factors[:, None]).astype(np.float32)  # float64 in between: a length may exceed float32
    return units, [norm if long else None for norm, long in zip(norms.tolist(), scaled.tolist(), strict=True)]


def query_vector(vector: npt.ArrayLike, config: StoreConfig) -> list[float]:
    """Check a query and scale it as the stored vectors are.

    Args:
        vector: `(d,)` numbers.
        config: What the store holds.

    Returns:
        `d` float32 values, which the engine takes faster as a list than as an array.

    Raises:
        CapabilityError: If the store has no dense vectors.
        InvalidInputError: If the shape differs, or the vector could not be stored either.
    """
    if config.dim is None:
        raise CapabilityError("the store has no dense vectors; query_sparse searches its sparse legs")
    with np.errstate(over="ignore"):
        given = np.asarray(vector, dtype=np.float32)
    if given.shape != (config.dim,):
        raise InvalidInputError(f"a query needs shape ({config.dim},), got {given.shape}")
    wide = given.astype(np.float64)
    norm = math.sqrt(wide @ wide)
    if not math.isfinite(norm):
        raise InvalidInputError("the query holds NaN or infinity; give finite numbers")
    if norm == 0 or norm > MAX_NORM:
        check_norms(np.array([norm]), config.metric, lambda row: "the query")
    if config.metric == "cosine" and abs(norm - 1) > UNIT_TOLERANCE:
        given = (wide / norm).astype(np.float32)
    values: list[float] = given.tolist()
    return values


def read_payload(stored: dict[str, Any]) -> Payload:
    """Read what is kept beside a point's vectors."""
    (text, title, digest, *image), meta = json.loads(stored[BODY])
    return Payload(text=text, title=title, meta=meta, digest=digest, image=image[0] if image else "")


def read_point(record: "engine.Record") -> Point:
    """Read a point, its vector, where there is one, with the length it was given with."""
    stored: dict[str, Any] = record.payload or {}
    vector: npt.NDArray[np.float32] | None = None
    named: Any = record.vector
    if named and DENSE in named:
        vector = np.asarray(named[DENSE], dtype=np.float32)
        if NORM in stored:
            # Rounding may lift the largest component just over what float32 holds.
            grown = vector.astype(np.float64) * stored[NORM]
            vector = np.clip(grown, -FLOAT32_MAX, FLOAT32_MAX).astype(np.float32)
    return Point(id=stored[ID], payload=read_payload(stored), vector=vector)


def read_matches(hits: "list[engine.ScoredPoint]", metric: str, *, with_payload: bool) -> list[Match]:
    """Read what a search found.

    Args:
        hits: The engine's hits, best first.
        metric: cosine, dot, l2 or sparse, which says what the engine's scores are.
        with_payload: Whether the hits carry more than the id.

    Returns:
        The matches, best first, ties by id.
    """
    turned = {"l2": -1.0}.get(metric, 1.0)
    distance = _DISTANCES[metric]
    found = []
    for hit in hits:
        stored: dict[str, Any] = hit.payload or {}
        score = hit.score
        found.append(Match(stored[ID], turned * score, distance(score), read_payload(stored) if with_payload else None))
    if len({match.score for match in found}) < len(found):
        found.sort(key=lambda match: (-match.score, match.id))
    return found
