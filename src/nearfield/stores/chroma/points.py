"""Points in the terms of Chroma: how records become its records, and come back."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from nearfield.arrays import Metric, Vectors
from nearfield.stores.base import Match, Payload, Point
from nearfield.stores.batches import CheckedBatch
from nearfield.stores.chroma.filters import Metadata, stored_fields
from nearfield.stores.payloads import read_payload, write_payload
from nearfield.stores.values import Projection
from nearfield.stores.vectors import distance_of, restore_length, unit_vectors

BODY, NORM = "_body", "_norm"

_QUERY_LENGTH = float(2**40)
_REQUEST_BYTES = 8 << 20
_FLOAT_TEXT = 6
"""Bytes that a float32 takes in a request, as base64."""


def stored_metadata(payload: Payload, meta: str, fields: Projection) -> Metadata:
    """Turn a payload into what Chroma keeps of it.

    Args:
        payload: What passed the checks.
        meta: Its metadata as JSON.
        fields: The projection of its metadata.

    Returns:
        Chroma's metadata.
    """
    return {**stored_fields(fields), BODY: write_payload(payload, meta)}


def stored_points(batch: CheckedBatch, metric: Metric) -> tuple[Vectors, list[Metadata]]:
    """Turn a batch into Chroma's records.

    Args:
        batch: What passed the checks, with vectors.
        metric: How they are compared.

    Returns:
        `(n, d)` float32, of length 1 under cosine, and `n` metadata.

    Raises:
        AssertionError: If the batch has no vectors.
    """
    if batch.vectors is None or batch.norms is None:
        raise AssertionError("a store in Chroma has dense vectors, so a checked batch has")
    stored = [stored_metadata(*each) for each in zip(batch.payloads, batch.metas, batch.fields, strict=True)]
    if metric != "cosine":
        return batch.vectors, stored
    units, norms = unit_vectors(batch.vectors, batch.norms)
    for metadata, norm in zip(stored, norms, strict=True):
        if norm is not None:
            metadata[NORM] = norm
    return units, stored


def forget_others(stored: Metadata, there: set[str]) -> Metadata:
    """Add what makes metadata replace that under the keys `there`: Chroma merges the two, and removes what is None."""
    return {**dict.fromkeys(there - stored.keys()), **stored}


def requests(stored: Sequence[Metadata], dim: int, most: int) -> Iterator[slice]:
    """Cut records into requests of a size that the server takes.

    Args:
        stored: Their metadata.
        dim: Dimensions of their vectors.
        most: The most records that the server takes at once.

    Yields:
        Slices, none empty.
    """
    start = size = 0
    for row, metadata in enumerate(stored):
        added = len(metadata[BODY].encode()) + _FLOAT_TEXT * dim
        if row > start and (row - start == most or size + added > _REQUEST_BYTES):
            yield slice(start, row)
            start, size = row, 0
        size += added
    if len(stored) > start:
        yield slice(start, len(stored))


def read_points(found: Mapping[str, Any]) -> list[Point]:
    """Read what a `get` found, vectors, where there are any, with the length they were given with."""
    vectors: Any = found["embeddings"]
    return [
        Point(id, read_payload(stored[BODY]), None if vectors is None else _vector(vectors[row], stored))
        for row, (id, stored) in enumerate(zip(found["ids"], found["metadatas"], strict=True))
    ]


def _vector(given: npt.ArrayLike, stored: Metadata) -> npt.NDArray[np.float32]:
    vector = np.asarray(given, dtype=np.float32)
    return restore_length(vector, stored[NORM]) if NORM in stored else vector


@dataclass(frozen=True, slots=True)
class Scale:
    """What Chroma's distances mean.

    Its distance under `ip` is 1 - product, in float32, which leaves nothing of a small product. A longer query has the
    same neighbours and larger products, so queries are sent with a length near 2**40, a power of two times their own.

    Attributes:
        metric: The store's.
    """

    metric: Metric

    @property
    def space(self) -> str:
        """Name the distance in Chroma's words; cosine is the product of vectors of length 1, which it leaves alone."""
        return "l2" if self.metric == "l2" else "ip"

    def factor(self, query: npt.NDArray[np.float32]) -> float:
        """Choose what a query is multiplied with."""
        length = float(np.linalg.norm(query.astype(np.float64)))
        if self.metric == "l2" or length == 0:
            return 1.0
        return float(2.0 ** np.floor(np.log2(_QUERY_LENGTH / length)))

    def matches(
        self, ids: Sequence[str], distances: Sequence[float], metadatas: Sequence[Metadata] | None, factor: float
    ) -> list[Match]:
        """Read what a query found, best first."""
        scores = self._scores(np.asarray(distances, np.float64), factor)
        payloads = [None] * len(ids) if metadatas is None else [read_payload(each[BODY]) for each in metadatas]
        return [
            Match(id, score, distance_of(score, self.metric), payload)
            for id, score, payload in zip(ids, scores.tolist(), payloads, strict=True)
        ]

    def _scores(self, distances: npt.NDArray[np.float64], factor: float) -> npt.NDArray[np.float64]:
        return -np.sqrt(distances) if self.metric == "l2" else (1 - distances) / factor

    def compare(self, vectors: npt.NDArray[np.float64], query: npt.NDArray[np.float32]) -> npt.NDArray[np.float64]:
        """Score `(n, d)` stored vectors, as `(n,)` float64."""
        wide = query.astype(np.float64)
        return -np.linalg.norm(vectors - wide, axis=1) if self.metric == "l2" else vectors @ wide
