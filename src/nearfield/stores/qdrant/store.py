"""A store on a Qdrant server, or in its local mode."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from operator import methodcaller
from typing import Any, TypeVar

import numpy.typing as npt

from nearfield.arrays import Metric
from nearfield.errors import CapabilityError, StorageError
from nearfield.stores.arguments import check_count, check_k, check_leg
from nearfield.stores.base import (
    Batch,
    Capabilities,
    Effort,
    Facet,
    Match,
    Payload,
    Point,
    SparseVector,
    StoreConfig,
    Where,
)
from nearfield.stores.batches import check_batch, check_ids, check_payloads, check_sparse
from nearfield.stores.condition_models import Condition
from nearfield.stores.embedded.filters import ConditionBuilder, Kind, field_keys, value_of
from nearfield.stores.embedded.points import (
    DENSE,
    ID,
    NORM,
    WITH_ALL,
    engine_id,
    read_point,
    stored_payload,
)
from nearfield.stores.facets import sort_facets
from nearfield.stores.filters import parse_where
from nearfield.stores.qdrant.conditions import ClientConditions
from nearfield.stores.qdrant.config import QdrantConfig
from nearfield.stores.qdrant.connection import ClientModel, Connection, client_models
from nearfield.stores.qdrant.models import exact_params, indexed_params, sparse_params
from nearfield.stores.qdrant.points import REQUEST_POINTS, payload_size, point_requests, requests
from nearfield.stores.qdrant.search import Search
from nearfield.stores.vectors import check_queries, check_query

T = TypeVar("T")


class QdrantStore:
    """Points in one Qdrant collection; see `nearfield.stores.base` for what is promised.

    What this server adds to that:

    - A write returns when the server has it in its log, applied to its segments, on as many copies as the
      configuration says: the next read sees it, and it survives the end of the server's process. The server syncs its
      log at intervals, so a power cut may take the last seconds of a machine that holds the only copy. Local mode
      syncs each point.
    - The server indexes in the background, from `config.index_above` points in a segment on; with fewer, searching
      compares with all. `optimise` applies the configuration that the store was opened with, and waits.
    - A filter indexes each field the first time it asks for it. An order on strings costs time with the number of
      distinct strings in the field.
    - A sparse search counts words over the stored points, not over those that wait for deletion too, which costs time
      with their number.
    - `update` reads the length of a vector before it replaces the payload in which that is kept. If another process
      writes the same id with a vector of another length in between, the vector comes back with the old length.
    - `compact` has the server rewrite each segment of at least 100 points that holds deleted ones. The bytes of
      smaller segments, and of the log, go when the server next rewrites them.

    Args:
        connection: To the server; closed by its owner.
        collection: The Qdrant collection's name.
        config: What it holds.
        fields: Payload keys that are indexed already.
    """

    def __init__(
        self, connection: Connection, collection: str, config: StoreConfig, *, fields: Iterable[str] = ()
    ) -> None:
        self._connection = connection
        self._collection = collection
        self._config = config
        self._fields = set(fields)
        self._closed = False
        self._conditions = ConditionBuilder(ClientConditions(), self._index_field, self._distinct)
        self._exact, self._indexed, self._sparse = exact_params(), indexed_params(config.effort), sparse_params()

    @property
    def config(self) -> StoreConfig:
        """Say what the store was opened with."""
        return self._config

    @property
    def capabilities(self) -> Capabilities:
        """Say what the back end can do; a write that not all copies acknowledge is visible eventually."""
        declared = self._connection.capabilities
        if isinstance(self._config, QdrantConfig) and self._config.acknowledging < self._config.replication_factor:
            return replace(declared, visibility="eventual")
        return declared

    def upsert(self, batch: Batch) -> None:
        """Write points, replacing those with the same ids; on the server when it returns."""
        checked = check_batch(batch, self._config)
        stored = 0
        for points in point_requests(checked, self._config):
            doing = f"writing points ({stored:,} of {len(checked.ids):,} are stored)"
            self._ask(doing, methodcaller("upsert", self._collection, points=points, wait=True))
            stored += len(points)

    def get(self, ids: Sequence[str], *, with_vectors: bool = False) -> list[Point]:
        """Read the points that exist among `ids`, in the order of `ids`."""
        check_ids(ids)
        vectors: Any = [DENSE] if with_vectors and self._config.dim is not None else False
        found: dict[str, Point] = {}
        for start in range(0, len(ids), REQUEST_POINTS):
            records = self._retrieve(ids[start : start + REQUEST_POINTS], WITH_ALL, vectors)
            found.update((point.id, point) for point in map(read_point, records))
        return [found[id] for id in ids if id in found]

    def update(self, ids: Sequence[str], payloads: Sequence[Payload]) -> int:
        """Replace payloads, not vectors, of the points that exist among `ids`; on the server when it returns."""
        checked = check_payloads(ids, payloads)
        m = client_models()
        updated = 0
        sizes = (payload_size(payload, meta) for payload, (meta, _) in zip(payloads, checked, strict=True))
        for rows in requests(sizes):
            row_of = {ids[row]: row for row in rows}
            operations = []
            for record in self._retrieve(list(row_of), [ID, NORM], False):
                row = row_of[record.payload[ID]]
                stored = stored_payload(ids[row], payloads[row], *checked[row], record.payload.get(NORM))
                change = m.SetPayload(payload=stored, points=[record.id])
                operations.append(m.OverwritePayloadOperation(overwrite_payload=change))
            if operations:
                doing = f"updating points ({updated:,} of {len(ids):,} are stored)"
                self._ask(doing, methodcaller("batch_update_points", self._collection, operations, wait=True))
            updated += len(operations)
        return updated

    def delete(self, ids: Sequence[str]) -> int:
        """Remove the points that exist among `ids`; from the server when it returns how many there were."""
        check_ids(ids)
        once = list(dict.fromkeys(ids))
        deleted = 0
        for start in range(0, len(once), REQUEST_POINTS):
            there = [record.id for record in self._retrieve(once[start : start + REQUEST_POINTS], False, False)]
            if there:
                selected = client_models().PointIdsList(points=there)
                self._delete(f"deleting points ({deleted:,} are deleted)", selected)
            deleted += len(there)
        return deleted

    def delete_where(self, where: Where) -> int:
        """Remove the points that match, however many; from the server when it returns how many there were."""
        condition = self._conditions.build(parse_where(where))
        deleted = self._count(condition)
        if deleted:
            self._delete("deleting points", client_models().FilterSelector(filter=condition))
        return deleted

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
        """Find the `k` points nearest to a `(d,)` vector, best first; `effort` is the configuration's unless given."""
        query = check_query(vector, self._config).tolist()
        return self._dense(exact, effort, where, with_payload).best(query, check_k(k))

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
        queries = check_queries(vectors, self._config).tolist()
        return self._dense(exact, effort, where, with_payload).best_of_each(queries, check_k(k))

    def query_sparse(
        self, leg: str, vector: SparseVector, *, k: int, where: Where | None = None, with_payload: bool = True
    ) -> list[Match]:
        """Find the `k` points that score highest on a sparse leg, best first."""
        check_leg(leg, self._config)
        terms, weights = check_sparse([vector], ["the query"])[0]
        query = client_models().SparseVector(indices=terms, values=weights)
        return self._search(leg, None, self._sparse, where, with_payload).best(query, check_k(k))

    def query_text(self, text: str, *, k: int, where: Where | None = None, with_payload: bool = True) -> list[Match]:
        """Refuse: what Qdrant offers is sparse vectors, which are the sparse legs."""
        raise CapabilityError("a Qdrant server has no lexical search beside sparse vectors, which are the sparse legs")

    def facets(self, name: str, *, where: Where | None = None, limit: int = 100) -> list[Facet]:
        """Count the values of a metadata field over the points that match: at most `limit`, the most frequent first."""
        check_count("limit", limit)
        condition = self._condition(where)
        strings, others = (self._facet(key, condition) for key in field_keys(name))
        found = [Facet(text, count) for text, count in strings.items()]
        values = ((value_of(keyword), count) for keyword, count in others.items())
        found += [Facet(value, count) for value, count in values if value is not None]
        return sort_facets(found, limit)

    def count(self, where: Where | None = None) -> int:
        """Count the points that match."""
        return self._count(self._condition(where))

    def scroll(
        self, where: Where | None = None, *, with_vectors: bool = False, page_size: int = 1000
    ) -> Iterator[Point]:
        """Go through the points that match, each once, in an order of the store's own."""
        limit = check_count("page_size", page_size)
        return self._pages(self._condition(where), with_vectors and self._config.dim is not None, limit)

    def optimise(self) -> None:
        """Build or refresh the index now; blocks until done."""
        self._open.optimise(self._collection, self._config)

    def compact(self) -> None:
        """Have the server rewrite what holds deleted points; blocks until done."""
        self._open.compact(self._collection)

    def allocated_bytes(self) -> int | None:
        """Measure the disk space in use, in bytes of allocated blocks; a server does not tell."""
        return self._open.allocated_bytes(self._collection)

    def close(self) -> None:
        """End the use of this store; closing twice is harmless."""
        self._closed = True

    @property
    def _open(self) -> Connection:
        if self._closed:
            raise StorageError("the store is closed; open it again")
        return self._connection

    def _ask(self, doing: str, call: Callable[[ClientModel], T]) -> T:
        return self._open.ask(doing, call)

    def _condition(self, where: Where | None) -> Condition | None:
        return None if where is None else self._conditions.build(parse_where(where))

    def _index_field(self, key: str, kind: Kind) -> None:
        if key not in self._fields:
            self._open.index_field(self._collection, key, kind)
            self._fields.add(key)

    def _facet(self, key: str, condition: Condition | None) -> dict[str, int]:
        self._index_field(key, "keyword")  # a server has no facets without it
        return self._open.facet(self._collection, key, condition)

    def _distinct(self, key: str) -> Iterable[str]:
        return self._facet(key, None)

    def _dense(self, exact: bool, effort: Effort | None, where: Where | None, with_payload: bool) -> Search:
        params = self._indexed if effort is None else indexed_params(effort)
        if not self.capabilities.approximate:
            params = None
        elif exact:
            params = self._exact
        return self._search(DENSE, self._config.metric, params, where, with_payload)

    def _search(
        self, using: str, metric: Metric | None, params: ClientModel, where: Where | None, with_payload: bool
    ) -> Search:
        condition = self._condition(where)
        return Search(self._ask, self.count, self._collection, using, metric, params, condition, with_payload)

    def _count(self, condition: Condition | None) -> int:
        counted = self._ask("counting", methodcaller("count", self._collection, condition, exact=True))
        return int(counted.count)

    def _retrieve(self, ids: Sequence[str], payload: list[str] | bool, vectors: list[str] | bool) -> list[ClientModel]:
        wanted = [engine_id(id) for id in ids]
        records: list[ClientModel] = self._ask(
            "reading points",
            methodcaller("retrieve", self._collection, wanted, with_payload=payload, with_vectors=vectors),
        )
        return records

    def _delete(self, doing: str, selected: ClientModel) -> None:
        self._ask(doing, methodcaller("delete", self._collection, points_selector=selected, wait=True))

    def _pages(self, condition: Condition | None, with_vectors: bool, limit: int) -> Iterator[Point]:
        page = {
            "scroll_filter": condition,
            "limit": limit,
            "with_payload": WITH_ALL,
            "with_vectors": [DENSE] if with_vectors else False,
        }
        offset: ClientModel = None
        while True:
            records, offset = self._ask(
                "reading points", methodcaller("scroll", self._collection, offset=offset, **page)
            )
            yield from map(read_point, records)
            if offset is None:
                return
