"""Points of a store, as they stand, made ready for another store."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from nearfield.arrays import Vectors
from nearfield.data.images import Image
from nearfield.data.records import Json, Record
from nearfield.retrieval.lexical import Lexicon
from nearfield.retrieval.spec import RetrieverSpec
from nearfield.stores.base import Batch, Payload, Point, SparseVector


def batch_of_points(points: Sequence[Point], retriever: RetrieverSpec) -> Batch:
    """Turn points into a batch that writes the same points.

    Args:
        points: With their vectors, where there are any.
        retriever: How the collection ranks: which words are weighed, and how. The weights depend on nothing but the
            text, so they are computed again rather than read.

    Returns:
        The batch.
    """
    texts = [record_of(point).content for point in points]
    sparse: Mapping[str, Sequence[SparseVector]] = {
        name: [lexicon.document(text) for text in texts]
        for name, lexicon in ((name, Lexicon(spec)) for name, spec in retriever.lexical.items())
    }
    vectors: Vectors | None = None
    if retriever.encoder is not None:
        vectors = np.stack([point.vector for point in points if point.vector is not None])
    return Batch([point.id for point in points], [point.payload for point in points], vectors, sparse)


def record_of(point: Point) -> Record:
    """Give the record that a point was written from; of an image that was given as bytes there is no path to read."""
    payload = point.payload
    image = Image(payload.image) if payload.image else None
    return Record(point.id, payload.text, payload.title, payload.meta, image)


def with_meta(point: Point, meta: Mapping[str, Json]) -> Payload:
    """Replace a payload's metadata, and its digest, by which a later `upsert` sees whether anything has changed."""
    record = replace(record_of(point), meta=meta)
    # An image is not read for this: where there is one, a later upsert encodes it again.
    return replace(point.payload, meta=meta, digest="" if record.image else record.digest)
