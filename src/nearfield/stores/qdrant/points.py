"""Points in the terms of Qdrant's client, in requests that a server takes."""

from collections.abc import Iterable, Iterator

from nearfield.stores.base import Payload, StoreConfig
from nearfield.stores.batches import CheckedBatch
from nearfield.stores.embedded.points import DENSE, engine_id, stored_payload
from nearfield.stores.qdrant.connection import ClientModel, client_models
from nearfield.stores.vectors import unit_vectors

REQUEST_BYTES = 8 << 20
"""What a request may take, about: a quarter of what a server accepts unless told otherwise."""

REQUEST_POINTS = 1000

_NUMBER_BYTES = 21
_POINT_BYTES = 300


def requests(sizes: Iterable[int]) -> Iterator[range]:
    """Cut rows into requests.

    Args:
        sizes: What each row takes, in bytes.

    Yields:
        Ranges of rows that together stay below `REQUEST_BYTES` and `REQUEST_POINTS`; of one row, if it is larger.
    """
    start, row, together = 0, -1, 0
    for row, size in enumerate(sizes):
        if row > start and (together + size > REQUEST_BYTES or row - start == REQUEST_POINTS):
            yield range(start, row)
            start, together = row, 0
        together += size
    if row >= start:
        yield range(start, row + 1)


def payload_size(payload: Payload, meta: str) -> int:
    """Estimate what a payload takes as JSON, its metadata once more for the filters."""
    return 2 * (len(payload.text) + len(payload.title)) + 6 * len(meta) + _POINT_BYTES


def point_requests(batch: CheckedBatch, config: StoreConfig) -> Iterator[list[ClientModel]]:
    """Turn a batch into the points of one request after the other.

    Args:
        batch: What passed the checks.
        config: What the store holds.

    Yields:
        The points of each request.
    """
    numbers = [config.dim or 0] * len(batch.ids)
    for vectors in batch.sparse.values():
        numbers = [count + 2 * len(terms) for count, (terms, _) in zip(numbers, vectors, strict=True)]
    payloads = zip(numbers, batch.payloads, batch.metas, strict=True)
    for rows in requests(_NUMBER_BYTES * count + payload_size(payload, meta) for count, payload, meta in payloads):
        yield _points(batch, config, rows)


def _points(batch: CheckedBatch, config: StoreConfig, rows: range) -> list[ClientModel]:
    m = client_models()
    norms: list[float | None] = [None] * len(rows)
    dense: list[list[float]] = []
    if batch.vectors is not None and batch.norms is not None:
        part = batch.vectors[rows.start : rows.stop]
        if config.metric == "cosine":
            part, norms = unit_vectors(part, batch.norms[rows.start : rows.stop])
        dense = part.tolist()
    points = []
    for place, row in enumerate(rows):
        vectors: dict[str, ClientModel] = {DENSE: dense[place]} if dense else {}
        for leg in config.sparse:
            terms, weights = batch.sparse[leg][row]
            vectors[leg] = m.SparseVector(indices=terms, values=weights)
        id = batch.ids[row]
        stored = stored_payload(id, batch.payloads[row], batch.metas[row], batch.fields[row], norms[place])
        # Checked already, and the client's own checking of every number takes as long as building the rest.
        points.append(m.PointStruct.model_construct(id=engine_id(id), vector=vectors, payload=stored))
    return points
