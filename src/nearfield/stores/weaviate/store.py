"""One collection's points on a Weaviate server."""

import time
from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any
from uuid import UUID

import numpy.typing as npt

from nearfield.errors import CapabilityError, StorageError
from nearfield.extras import import_extra
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
from nearfield.stores.filters import And, Exists, parse_where
from nearfield.stores.retries import ServerCalls
from nearfield.stores.vectors import check_queries, check_query
from nearfield.stores.weaviate.calls import is_missing
from nearfield.stores.weaviate.config import WeaviateConfig
from nearfield.stores.weaviate.points import (
    WITH_ALL,
    WITH_META,
    object_id,
    payload_properties,
    read_point,
    read_stored,
    requests,
)
from nearfield.stores.weaviate.reads import Reads, Wanted, chunks
from nearfield.stores.weaviate.schema import ID
from nearfield.stores.weaviate.search import Search

CAPABILITIES = Capabilities(
    metrics=frozenset({"cosine", "dot", "l2"}),
    sparse=False,
    exact=True,
    approximate=True,
    quantisation=frozenset({"none", "int8", "binary"}),
    visibility="immediate",
    concurrency="many",
    text="weaviate-bm25",
)

_INDEXING_SECONDS = 600.0
_POLL_SECONDS = 0.05


class WeaviateStore:
    """Points in one class of a Weaviate server; see `nearfield.stores.base` for what is promised.

    What this server adds to that:

    - A write returns when the replicas that `config.consistency` asks for have it in their logs, and, where the server
      indexes later (`ASYNC_INDEXING`), when it has indexed it.
    - Up to `config.index_above` points a search compares all of them, filtered or not. `exact=True` has the server
      compare all, that many at a time; a quantised store it reads whole and compares here.
    - A search for more than 10,000 results reads all that match and compares here.
    - `update` asks once for each point, because only so does a vector stay that someone else writes meanwhile.
    - `facets`, filters with `$contains` and orders on strings read what may match; see `weaviate_filters`.
    - `compact` does nothing: the server rewrites its files itself, from time to time, and cannot be told to.

    Args:
        collection: The client's, of the store's class.
        calls: How to call it.
        config: What it holds.
        server_ef: Candidates that the server looks at.
    """

    def __init__(self, collection: Any, calls: ServerCalls, config: WeaviateConfig, *, server_ef: int) -> None:  # noqa: ANN401
        self._config = config
        self._reads = Reads(collection, calls, config)
        self._search = Search(self._reads, config, server_ef)
        self._object = import_extra("weaviate.classes.data", extra="weaviate").DataObject
        self._filter = import_extra("weaviate.classes.query", extra="weaviate").Filter

    @property
    def config(self) -> WeaviateConfig:
        """Say what the store was opened with."""
        return self._config

    @property
    def capabilities(self) -> Capabilities:
        """Say what the back end can do."""
        return CAPABILITIES

    def upsert(self, batch: Batch) -> None:
        """Write points, replacing those with the same ids; synced when it returns."""
        checked = check_batch(batch, self._config)
        stored = 0
        try:
            for objects in requests(checked, self._config.metric):
                told = f"{stored:,} of {len(checked.ids):,} are stored"
                self._reads.ask(f"writing points ({told})", partial(self._put, objects, told))
                stored += len(objects)
            self._await_index()
        finally:
            self._search.written()

    def get(self, ids: Sequence[str], *, with_vectors: bool = False) -> list[Point]:
        """Read the points that exist among `ids`, in the order of `ids`."""
        check_ids(ids)
        found = {point.id: point for point in self._reads.by_ids(ids, vectors=with_vectors)}
        return [found[id] for id in ids if id in found]

    def update(self, ids: Sequence[str], payloads: Sequence[Payload]) -> int:
        """Replace payloads, not vectors, of the points that exist among `ids`; synced when it returns how many."""
        checked = check_payloads(ids, payloads)
        updated = 0
        for done, (id, payload, (meta, fields)) in enumerate(zip(ids, payloads, checked, strict=True)):
            properties = payload_properties(payload, meta, fields)
            doing = f"updating points ({done:,} of {len(ids):,} are done)"
            updated += self._reads.ask(doing, partial(self._merge, object_id(id), properties))
        return updated

    def delete(self, ids: Sequence[str]) -> int:
        """Remove the points that exist among `ids`; synced when it returns how many there were."""
        check_ids(ids)
        return sum(self._remove(self._filter.by_id().contains_any(chunk)) for chunk in chunks(ids))

    def delete_where(self, where: Where) -> int:
        """Remove the points that match, however many; synced when it returns how many there were."""
        wanted = Wanted.of_tree(parse_where(where))
        if wanted.rest is None:
            return self._remove(wanted.condition)
        return self.delete([found.properties[ID] for found in self._reads.objects(wanted, WITH_META)])

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
        queries, limit, wanted = check_query(vector, self._config)[None], check_k(k), Wanted.of(where)
        options: dict[str, Any] = {"exact": exact, "effort": effort, "with_payload": with_payload}
        return self._search.nearest(queries, limit, wanted, **options)[0]

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
        queries, limit, wanted = check_queries(vectors, self._config), check_k(k), Wanted.of(where)
        options: dict[str, Any] = {"exact": exact, "effort": effort, "with_payload": with_payload}
        return self._search.nearest(queries, limit, wanted, **options)

    def query_sparse(
        self, leg: str, vector: SparseVector, *, k: int, where: Where | None = None, with_payload: bool = True
    ) -> list[Match]:
        """Refuse: Weaviate holds no sparse vectors."""
        raise CapabilityError(f"the store has no sparse leg {leg!r}; Weaviate's own lexical search is query_text")

    def query_text(self, text: str, *, k: int, where: Where | None = None, with_payload: bool = True) -> list[Match]:
        """Find the `k` points that Weaviate's BM25F ranks highest over title and text, best first."""
        return self._search.by_words(text, check_k(k), Wanted.of(where), with_payload=with_payload)

    def facets(self, name: str, *, where: Where | None = None, limit: int = 100) -> list[Facet]:
        """Count the values of a metadata field over the points that match: at most `limit`, the most frequent first."""
        wanted = Wanted.of_tree(And((Exists(name), *(() if where is None else (parse_where(where),)))))
        return count_facets((read_stored(found).meta for found in self._reads.objects(wanted, WITH_META)), name, limit)

    def count(self, where: Where | None = None) -> int:
        """Count the points that match."""
        return self._reads.count(Wanted.of(where))

    def scroll(
        self, where: Where | None = None, *, with_vectors: bool = False, page_size: int = 1000
    ) -> Iterator[Point]:
        """Go through the points that match, each once, in an order of the store's own."""
        check_count("page_size", page_size)
        read = self._reads.objects(Wanted.of(where), WITH_ALL, vectors=with_vectors, page_size=page_size)
        return map(read_point, read)

    def optimise(self) -> None:
        """Wait until the server has indexed everything, which it does as points are written."""
        self._await_index()

    def compact(self) -> None:
        """Do nothing: the server removes the bytes of deleted and replaced points itself, from time to time."""

    def allocated_bytes(self) -> None:
        """Say nothing: the server does not tell."""

    def close(self) -> None:
        """Release; closing twice is harmless."""
        self._reads.close()

    def _put(self, objects: list[dict[str, Any]], told: str) -> None:
        result = self._reads.collection.data.insert_many([self._object(**one) for one in objects])
        if result.errors:
            first = next(iter(result.errors.values())).message
            raise StorageError(
                f"the server refused {len(result.errors):,} of {len(objects):,} points of a request, where {told}: "
                f"{first}; write the batch again"
            )

    def _merge(self, uuid: UUID, properties: dict[str, Any]) -> bool:
        """Replace some properties of a point, and say whether there is one."""
        try:
            self._reads.collection.data.update(uuid, properties)
        except Exception as error:  # the client's, of which only one says that there is no such point
            if is_missing(error):
                return False
            raise
        return True

    def _remove(self, condition: Any) -> int:  # noqa: ANN401  # a filter of the client's
        """Remove what meets a condition; the server removes at most 10,000 points at once."""
        data, removed = self._reads.collection.data, 0
        try:
            while True:
                result = self._reads.ask(
                    f"deleting points ({removed:,} are deleted)", lambda: data.delete_many(where=condition)
                )
                removed += int(result.successful)
                if result.failed:
                    raise StorageError(
                        f"the server kept {result.failed:,} points it should delete, {removed:,} are deleted; try again"
                    )
                if result.matches <= result.successful:
                    return removed
        finally:
            self._search.written()

    def _await_index(self) -> None:
        """Return when searches find all that is written: at once, unless the server indexes later."""
        if self._config.dim is None:
            return
        config, deadline = self._reads.collection.config, time.monotonic() + _INDEXING_SECONDS
        while any(shard.vector_queue_size for shard in self._reads.ask("waiting for the index", config.get_shards)):
            if time.monotonic() > deadline:
                raise StorageError(
                    f"all points are stored, but the server has not indexed them in {_INDEXING_SECONDS:.0f} s; "
                    "searches find them once it has"
                )
            time.sleep(_POLL_SECONDS)
