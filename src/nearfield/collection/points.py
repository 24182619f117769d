"""Points of a store as the records that they were written from."""

from collections.abc import Mapping
from dataclasses import replace

from nearfield.data.images import Image
from nearfield.data.records import Json, Record
from nearfield.stores.base import Payload, Point


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
