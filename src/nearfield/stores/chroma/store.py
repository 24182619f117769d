"""A store in Chroma: one of its collections."""

import threading
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy.typing as npt

from nearfield.errors import CapabilityError, InvalidInputError, StorageError
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
    StoreConfig,
    Where,
)
from nearfield.stores.batches import check_batch, check_ids, check_payloads
from nearfield.stores.chroma.config import ChromaConfig
from nearfield.stores.chroma.filters import build_condition
from nearfield.stores.chroma.points import (
    NORM,
    Scale,
    forget_others,
    read_points,
    requests,
    stored_metadata,
    stored_points,
)
from nearfield.stores.chroma.search import READ, Query, Search
from nearfield.stores.chroma.server import ChromaServer
from nearfield.stores.facets import count_facets
from nearfield.stores.filters import And, Filter, matches, parse_where
from nearfield.stores.ranking import best_matches
from nearfield.stores.vectors import check_queries, check_query

_ALL = And(())
_READING = "reading points"
_QUERIES = 100  # in one request
_ASKED = 5000  # ids in one request; SQLite takes 32,766


class ChromaStore:
    """Points in a collection of Chroma; see `nearfield.stores.base` for what is promised.

    What Chroma adds to that:

    - A write is in its log, synced, and searched as soon as it is acknowledged.
    - Chroma merges new metadata into old, so what is there is read before it is replaced. Writes of one store take
      turns; two processes that write one id at the same moment may leave it found by the fields of both.
    - It keeps an HNSW graph from the first point on, which deletions among many equal vectors can break apart. A query
      that finds fewer points than it wants though there are more compares with all. `exact=True` asks for the distances
      of all points, which costs time with their number: about 10 s for each million. `Effort.ef` counts only above the
      `ef` that the collection was made with.
    - These filters are checked here, on points that Chroma narrows down only to those that have the field, or not at
      all: `$contains`, an order on strings, and an order under `$not`. So are filters of hundreds of conditions.
    - `count` and the deletions fetch the ids that match, `scroll` all ids first, `facets` all metadata.
    - `optimise` and `compact` leave the server to itself: it offers no such thing to its clients. What is deleted stays
      on the disk, in the log for up to `sync_threshold` more writes; `chroma vacuum`, run while the server is stopped,
      removes it.

    Args:
        server: The connection.
        collection: The vendor's object.
        config: What the store holds.
        capabilities: What the back end can do.
    """

    def __init__(
        self,
        server: ChromaServer,
        collection: Any,  # noqa: ANN401 - the vendor's, which has no types here
        config: ChromaConfig,
        capabilities: Capabilities,
    ) -> None:
        self._server = server
        self._collection: Any = collection
        self._config = config
        self._capabilities = capabilities
        self._scale = Scale(config.metric)
        hnsw = collection.configuration_json.get("hnsw")  # Chroma Cloud has an index of another kind
        self._built_ef: int | None = hnsw["ef_search"] if hnsw else None
        self._most = server.most_points()
        self._writing = threading.RLock()

    @property
    def config(self) -> StoreConfig:
        """Say what the store was opened with."""
        return self._config

    @property
    def capabilities(self) -> Capabilities:
        """Say what the back end can do."""
        return self._capabilities

    def upsert(self, batch: Batch) -> None:
        """Write points, replacing those with the same ids; synced when it returns."""
        checked = check_batch(batch, self._config)
        vectors, stored = stored_points(checked, self._config.metric)
        with self._writing:
            for rows in requests(stored, vectors.shape[1], self._most):
                ids = list(checked.ids[rows])
                there = self._keys(ids)
                new = [
                    forget_others(each, there[id]) if id in there else each
                    for id, each in zip(ids, stored[rows], strict=True)
                ]
                doing = f"writing points ({rows.start:,} of {len(stored):,} of the batch are stored)"
                self._ask("upsert", doing, ids=ids, embeddings=vectors[rows], metadatas=new)

    def get(self, ids: Sequence[str], *, with_vectors: bool = False) -> list[Point]:
        """Read the points that exist among `ids`, in the order of `ids`."""
        check_ids(ids)
        found = {point.id: point for point in self._read(list(dict.fromkeys(ids)), with_vectors, READ)}
        return [found[id] for id in ids if id in found]

    def update(self, ids: Sequence[str], payloads: Sequence[Payload]) -> int:
        """Replace payloads, not vectors, of the points that exist among `ids`; synced when it returns how many."""
        checked = check_payloads(ids, payloads)
        stored = [stored_metadata(payload, *each) for payload, each in zip(payloads, checked, strict=True)]
        updated = 0
        with self._writing:
            for rows in requests(stored, 0, min(self._most, _ASKED)):
                there = self._keys(ids[rows])
                new = {
                    id: forget_others(each, there[id] - {NORM})
                    for id, each in zip(ids[rows], stored[rows], strict=True)
                    if id in there
                }
                if new:
                    doing = f"updating points ({updated:,} are)"
                    self._ask("update", doing, ids=list(new), metadatas=list(new.values()))
                    updated += len(new)
        return updated

    def delete(self, ids: Sequence[str]) -> int:
        """Remove the points that exist among `ids`; synced when it returns how many there were."""
        check_ids(ids)
        return self._delete(list(dict.fromkeys(ids)))

    def delete_where(self, where: Where) -> int:
        """Remove the points that match, however many; synced when it returns how many there were."""
        return self._delete(self._ids(parse_where(where)))

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
        query = check_query(vector, self._config)
        return self._rank([query], check_k(k), where, exact, effort, with_payload)[0]

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
        queries = list(check_queries(vectors, self._config))
        found = []
        for start in range(0, len(queries), _QUERIES):
            part = queries[start : start + _QUERIES]
            found += self._rank(part, check_k(k), where, exact, effort, with_payload)
        return found

    def query_sparse(
        self, leg: str, vector: SparseVector, *, k: int, where: Where | None = None, with_payload: bool = True
    ) -> list[Match]:
        """Refuse: a Chroma server has no sparse legs."""
        raise CapabilityError(f"the store has no sparse leg {leg!r}: a Chroma server holds no sparse vectors")

    def query_text(self, text: str, *, k: int, where: Where | None = None, with_payload: bool = True) -> list[Match]:
        """Refuse: Chroma can filter by a part of a text, which ranks nothing."""
        raise CapabilityError("a Chroma server has no lexical search that ranks")

    def facets(self, name: str, *, where: Where | None = None, limit: int = 100) -> list[Facet]:
        """Count the values of a metadata field over the points that match: at most `limit`, the most frequent first."""
        return count_facets((point.payload.meta for point in self.scroll(where)), name, limit)

    def count(self, where: Where | None = None) -> int:
        """Count the points that match."""
        if where is None:
            return int(self._ask("count"))
        return len(self._ids(parse_where(where)))

    def scroll(
        self, where: Where | None = None, *, with_vectors: bool = False, page_size: int = 1000
    ) -> Iterator[Point]:
        """Go through the points that match, each once, in an order of the store's own."""
        size = check_count("page_size", page_size)
        tree = _ALL if where is None else parse_where(where)
        return self._matching(tree, with_vectors, min(size, _ASKED))

    def optimise(self) -> None:
        """Do nothing: the server's graph holds every point already."""
        self._open()

    def compact(self) -> None:
        """Do nothing: the server offers its clients no way to."""
        self._open()

    def allocated_bytes(self) -> int | None:
        """Tell nothing: the server does not say."""
        return None

    def close(self) -> None:
        """Release; closing twice is harmless."""
        self._collection = None

    def _open(self) -> Any:  # noqa: ANN401
        if self._collection is None:
            raise StorageError("the store is closed; open it again")
        return self._collection

    def _ask(self, method: str, doing: str = _READING, **arguments: object) -> Any:  # noqa: ANN401
        call = getattr(self._open(), method)
        return self._server.calls.ask(doing, lambda: call(**arguments))

    def _rank(
        self,
        queries: list[Query],
        k: int,
        where: Where | None,
        exact: bool,
        effort: Effort | None,
        with_payload: bool,
    ) -> list[list[Match]]:
        tree = _ALL if where is None else parse_where(where)
        condition = build_condition(tree)
        search = Search(self._ask, self._scale, condition, with_payload or not condition.exact, self._least(effort))
        keep = None if condition.exact else lambda match: matches(tree, match.payload.meta)
        fetches = search.exact(queries) if exact or self._is_small() else search.approximate(queries, k + 1)
        found = [best_matches(fetch, k, count=self.count, keep=keep) for fetch in fetches]
        if with_payload or condition.exact:
            return found
        return [[replace(match, payload=None) for match in each] for each in found]

    def _least(self, effort: Effort | None) -> int:
        """Choose how many results to ask for at least; the graph looks at as many candidates, if not at more."""
        ef = (effort or self._config.effort).ef
        if ef < 1:
            raise InvalidInputError(f"ef must be at least 1, got {ef}")
        return 1 if self._built_ef is None or ef <= self._built_ef else ef

    def _is_small(self) -> bool:
        return self._config.index_above > 0 and self.count() <= self._config.index_above

    def _keys(self, ids: Sequence[str]) -> dict[str, set[str]]:
        """Read which metadata keys the points have that exist among `ids`."""
        found = self._ask("get", ids=list(ids), include=["metadatas"])
        return {id: set(stored) for id, stored in zip(found["ids"], found["metadatas"], strict=True)}

    def _ids(self, tree: Filter) -> list[str]:
        condition = build_condition(tree)
        if not condition.exact:
            return [point.id for point in self._matching(tree, False, READ)]
        ids: list[str] = self._ask("get", where=condition.where, include=[])["ids"]
        return ids

    def _matching(self, tree: Filter, with_vectors: bool, page_size: int) -> Iterator[Point]:
        # All ids first: the server's pages are counted from the start, and so miss points when others are deleted.
        condition = build_condition(tree)
        ids: list[str] = self._ask("get", where=condition.where, include=[])["ids"]
        for point in self._read(ids, with_vectors, page_size):
            if condition.exact or matches(tree, point.payload.meta):
                yield point

    def _read(self, ids: list[str], with_vectors: bool, page_size: int) -> Iterator[Point]:
        include = ["metadatas", "embeddings"] if with_vectors else ["metadatas"]
        for start in range(0, len(ids), page_size):
            yield from read_points(self._ask("get", ids=ids[start : start + page_size], include=include))

    def _delete(self, ids: list[str]) -> int:
        deleted = 0
        with self._writing:
            for start in range(0, len(ids), _ASKED):
                there = self._ask("get", ids=ids[start : start + _ASKED], include=[])["ids"]
                if there:
                    self._ask("delete", f"deleting points ({deleted:,} are)", ids=there)
                deleted += len(there)
        return deleted
