"""A store at Pinecone: a namespace of an index, and one beside it for long texts."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy.typing as npt

from nearfield.errors import CapabilityError, StorageError
from nearfield.stores.arguments import check_count, check_k
from nearfield.stores.base import (
    Batch,
    Capabilities,
    Effort,
    Facet,
    Match,
    Payload,
    Point,
    SparseVector,
    Where,
)
from nearfield.stores.batches import check_batch, check_ids, check_payloads
from nearfield.stores.facets import count_facets
from nearfield.stores.filters import parse_where
from nearfield.stores.pinecone.config import PineconeConfig
from nearfield.stores.pinecone.filters import Condition
from nearfield.stores.pinecone.namespace import Namespace
from nearfield.stores.pinecone.parts import Parts
from nearfield.stores.pinecone.reading import PAGE, Meant, Reading
from nearfield.stores.pinecone.records import (
    PART_COUNT,
    PART_KEY,
    keep_vector,
    make_head,
    make_heads,
    place_of,
    put_vectors,
    read_payloads,
    read_points,
    record_id,
)
from nearfield.stores.vectors import check_queries, check_query

CAPABILITIES = Capabilities(
    metrics=frozenset({"cosine", "dot", "l2"}),
    sparse=False,
    exact=True,
    approximate=True,
    quantisation=frozenset({"none"}),
    visibility="eventual",
    concurrency="many",
    tunable_index=False,
)


class PineconeStore:
    """Points in a namespace; see `nearfield.stores.base` for what is promised.

    What this service adds to that:

    - It searches approximately, and takes no parameters for that but on dedicated read nodes, where an `effort` says
      how many candidates they look at. `exact=True`, and more than 10,000 matches at once, bring every vector here to
      be compared: right, and as slow as reading the whole store. A batch of exact queries reads it once.
    - Reads see what was written through the same store, for which they may wait; what others write is seen when the
      service shows it, after some seconds at worst.
    - Order on strings and `$contains` are checked here on the records that hold a string in that field, and negations
      on what the service lets through; facets read all records that match. Other filters are the service's own, and
      counting by them is one request.
    - A payload longer than 40 KB is kept in several records. What was replaced of them stays until `compact`.

    Args:
        points: The namespace of the points.
        parts: That of the long texts.
        config: What it holds.
    """

    def __init__(self, points: Namespace, parts: Parts, config: PineconeConfig) -> None:
        self._points = points
        self._parts = parts
        self._config = config
        self._reading = Reading(points, parts, config)
        self._closed = False

    @property
    def config(self) -> PineconeConfig:
        """Say what the store was opened with."""
        return self._config

    @property
    def capabilities(self) -> Capabilities:
        """Say what the back end can do."""
        return CAPABILITIES

    def upsert(self, batch: Batch) -> None:
        """Write points, replacing those with the same ids; durable when it returns."""
        self._check_open()
        checked = check_batch(batch, self._config)
        if not checked.ids or checked.vectors is None or checked.norms is None:
            return
        heads = make_heads(checked, self._parts)
        records = put_vectors(heads, checked.vectors, checked.norms, self._config.metric)
        self._parts.write([part for head in heads for part in head.parts])
        self._points.write(records, "points")

    def get(self, ids: Sequence[str], *, with_vectors: bool = False) -> list[Point]:
        """Read the points that exist among `ids`, in the order of `ids`."""
        self._check_open()
        check_ids(ids)
        found = self._reading.get(ids, with_vectors=with_vectors)
        return [found[id] for id in ids if id in found]

    def update(self, ids: Sequence[str], payloads: Sequence[Payload]) -> int:
        """Replace payloads, not vectors, of the points that exist among `ids`; durable when it returns how many."""
        self._check_open()
        checked = check_payloads(ids, payloads)
        rows = zip(ids, payloads, checked, strict=True)
        heads = {head.id: head for head in (make_head(id, payload, *each, self._parts) for id, payload, each in rows)}
        fresh, old = [], []
        for stored in self._stored(list(heads)):
            fresh.append(keep_vector(heads[stored.id], stored))
            old.append(place_of(stored.metadata))
        self._parts.write([part for record in fresh for part in heads[record.id].parts])
        self._points.write(fresh, "points")
        self._parts.delete(filter(None, old))
        return len(fresh)

    def delete(self, ids: Sequence[str]) -> int:
        """Remove the points that exist among `ids`; durable when it returns how many there were."""
        self._check_open()
        check_ids(ids)
        return self._remove(self._stored(list(dict.fromkeys(map(record_id, ids)))))

    def delete_where(self, where: Where) -> int:
        """Remove the points that match, however many; durable when it returns how many there were."""
        self._check_open()
        parse_where(where)  # a filter there must be: None would mean all points
        meant = Meant.by(where)
        if meant is None:
            deleted = self._points.count(None)
            self._points.clear()
            self._parts.clear()
            return deleted
        return self._remove(record for page in self._reading.pages(meant, PAGE) for record in page)

    def query(
        self,
        vector: npt.ArrayLike,
        *,
        k: int,
        where: Where | None = None,
        exact: bool = False,
        effort: Effort | None = None,
        with_payload: bool = True,
    ) -> list[Match]:
        """Find the `k` points nearest to a `(d,)` vector, best first; `effort` counts on dedicated nodes only."""
        self._check_open()
        query = check_query(vector, self._config)
        return self._reading.answer(
            query[None, :], check_k(k), Meant.by(where), exact=exact, effort=effort, with_payload=with_payload
        )[0]

    def query_batch(
        self,
        vectors: npt.ArrayLike,
        *,
        k: int,
        where: Where | None = None,
        exact: bool = False,
        effort: Effort | None = None,
        with_payload: bool = True,
    ) -> list[list[Match]]:
        """Answer each row of a `(q, d)` matrix as `query` would."""
        self._check_open()
        queries = check_queries(vectors, self._config)
        return self._reading.answer(
            queries, check_k(k), Meant.by(where), exact=exact, effort=effort, with_payload=with_payload
        )

    def query_sparse(
        self, leg: str, vector: SparseVector, *, k: int, where: Where | None = None, with_payload: bool = True
    ) -> list[Match]:
        """Refuse: there are no sparse legs here."""
        raise CapabilityError(f"the store has no sparse leg {leg!r}; Pinecone holds dense vectors only")

    def query_text(self, text: str, *, k: int, where: Where | None = None, with_payload: bool = True) -> list[Match]:
        """Refuse: the indexes used here have no lexical search."""
        raise CapabilityError("Pinecone's indexes of vectors have no lexical search")

    def facets(self, name: str, *, where: Where | None = None, limit: int = 100) -> list[Facet]:
        """Count the values of a metadata field over the points that match: at most `limit`, the most frequent first."""
        self._check_open()
        pages = self._reading.pages(Meant.by(where), PAGE)
        payloads = (read_payloads([record.metadata for record in page], self._parts) for page in pages)
        return count_facets((payload.meta for page in payloads for payload in page), name, limit)

    def count(self, where: Where | None = None) -> int:
        """Count the points that match."""
        self._check_open()
        meant = Meant.by(where)
        if meant is None or meant.condition.exact:
            return self._points.count(None if meant is None else meant.condition)
        return sum(len(page) for page in self._reading.pages(meant, PAGE))

    def scroll(
        self, where: Where | None = None, *, with_vectors: bool = False, page_size: int = 1000
    ) -> Iterator[Point]:
        """Go through the points that match, each once, in an order of the service's own."""
        self._check_open()
        limit = check_count("page_size", page_size)
        pages = self._reading.pages(Meant.by(where), limit)
        return (point for page in pages for point in read_points(page, self._parts, with_vectors=with_vectors))

    def optimise(self) -> None:
        """Do nothing: the service builds its index by itself."""
        self._check_open()

    def compact(self) -> None:
        """Remove what was replaced of long texts; the service does the rest by itself."""
        self._check_open()
        if old := self._parts.old():
            parted = Condition({PART_COUNT: {"$gte": 1}})
            pages = self._points.pages(parted, PAGE, "looking for long texts")
            self._parts.sweep(old, {record.metadata[PART_KEY] for page in pages for record in page})

    def allocated_bytes(self) -> int | None:
        """Say nothing: the service tells no disk space."""
        self._check_open()
        return None

    def close(self) -> None:
        """Release; closing twice is harmless."""
        self._closed = True

    def _check_open(self) -> None:
        if self._closed:
            raise StorageError("the store is closed; open it again")

    def _stored(self, ids: Sequence[str]) -> Iterator[Any]:
        """Go through the records that exist among `ids`, of which no more than a page is held."""
        for start in range(0, len(ids), PAGE):
            yield from self._points.fetch(ids[start : start + PAGE], "reading points").values()

    def _remove(self, records: Iterable[Any]) -> int:
        # All are read before any is removed, and hold vectors: what is kept of each is what says where it is.
        places = [(record.id, place_of(record.metadata)) for record in records]
        self._points.delete([id for id, _ in places], "points")
        self._parts.delete(place for _, place in places if place is not None)
        return len(places)
