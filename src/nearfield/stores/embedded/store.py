"""The embedded store: Qdrant Edge, in this process and one folder."""

import operator
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy.typing as npt

from nearfield.arrays import Metric
from nearfield.errors import CapabilityError
from nearfield.files import allocated_bytes
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
from nearfield.stores.embedded.engine import (
    check_config,
    copy_shard,
    create_shard,
    exact_params,
    indexed_params,
    load_shard,
    write_size,
)
from nearfield.stores.embedded.filters import field_keys, value_of
from nearfield.stores.embedded.folder import (
    DirectorySync,
    create_folder,
    engine_errors,
    open_folder,
    require_space,
)
from nearfield.stores.embedded.points import (
    DENSE,
    ID,
    NORM,
    WITH_ALL,
    WITH_ID,
    WITH_PAYLOAD,
    engine_id,
    engine_points,
    read_matches,
    read_point,
    stored_payload,
)
from nearfield.stores.embedded.shard import NEW_BYTES, SPARE_BYTES, HeldShard, close_shard, drop_shard
from nearfield.stores.facets import sort_facets
from nearfield.stores.ranking import best_matches
from nearfield.stores.vectors import check_queries, check_query

if TYPE_CHECKING:
    import qdrant_edge as engine

_CHUNK = 10_000

CAPABILITIES = Capabilities(
    metrics=frozenset({"cosine", "dot", "l2"}),
    sparse=True,
    exact=True,
    approximate=True,
    quantisation=frozenset({"none", "int8", "binary"}),
    visibility="immediate",
    concurrency="one process",
)


class EmbeddedStore:
    """Points in one folder, searched in this process; see `nearfield.stores.base` for what is promised.

    What this engine adds to that:

    - A write returns after the engine flushed its log and its files, and the directories it missed. A full disk is
      refused beforehand, by an estimate, because the engine writes through memory maps.
    - Searching is exact until `optimise` finds more than `config.index_above` points; points written after that are
      searched exactly beside the index. `exact=True` compares with all.
    - A filter indexes each field the first time it asks for it. An order on strings costs time with the number of
      distinct strings in the field.
    - The engine's idf counts no empty sparse vectors, and counts replaced and deleted points until their segment is
      rewritten. Where that makes a difference, found out after each write, statistics are taken over the stored
      points instead: right, and about 1.5 ms slower for each 100,000 points. `compact` ends the second cause.
    - What `delete` removes, and what an `upsert` or `update` replaces, stays on the disk, in the log and in segments,
      until `compact`.
    - The engine keeps no checksums. Damage that it notices is a `CollectionError`, when the store is opened or when
      what is damaged is first read; other damage shows as wrong or missing points, and damage to the index's header
      can end the process.
    - `compact` writes what is stored into a fresh shard and removes the old one with its log; it needs the space of
      both, and writes wait for it. If it is interrupted, or the disk refuses, the store goes on with whichever of the
      two the folder then names; where that is not certain it is closed, and is whole when opened again.

    Args:
        held: The open shard and its folder.
        config: What it holds.
    """

    def __init__(self, held: HeldShard, config: StoreConfig) -> None:
        import qdrant_edge

        self._engine = qdrant_edge
        self._held = held
        self._config = config
        self._exact = exact_params()
        self._indexed = indexed_params(config.effort)

    @classmethod
    def create(cls, path: str | Path, config: StoreConfig) -> "EmbeddedStore":
        """Make a new store.

        Args:
            path: A folder that is empty or does not exist.
            config: What the store is to hold.

        Returns:
            The open store.

        Raises:
            InvalidInputError: If the configuration is out of range.
            CollectionError: If the folder holds a store or other files.
            StorageError: If the disk or the engine refuses.
        """
        check_config(config)
        with engine_errors(f"creating a store in {path}"):
            folder = create_folder(Path(path))
            try:
                require_space(folder.path, NEW_BYTES)
                held = HeldShard(folder, create_shard(folder.shard_path, config), config)
                held.sync()
                folder.commit(folder.shard, config)
            except BaseException:
                folder.release()
                raise
        return cls(held, config)

    @classmethod
    def open(cls, path: str | Path, config: StoreConfig) -> "EmbeddedStore":
        """Open a store; what was acknowledged is there, however the last process ended.

        Args:
            path: The folder.
            config: What it holds. `dim`, `metric` and `sparse` must be those it was created with; the rest may
                differ, and takes effect when `optimise` next builds an index.

        Returns:
            The open store.

        Raises:
            InvalidInputError: If the configuration is out of range.
            CollectionError: If there is no store, or it is damaged or holds something else.
            CollectionBusyError: If another process, or this one, has it open.
            StorageError: If the disk or the engine refuses.
        """
        check_config(config)
        with engine_errors(f"opening the store in {path}"):
            folder = open_folder(Path(path), config)
            try:
                shard = load_shard(folder.shard_path, config)
            except BaseException:
                folder.release()
                raise
            try:
                held = HeldShard(folder, shard, config)
            except BaseException:
                drop_shard(shard)
                folder.release()
                raise
        return cls(held, config)

    @property
    def config(self) -> StoreConfig:
        """Say what the store was opened with."""
        return self._config

    @property
    def capabilities(self) -> Capabilities:
        """Say what the back end can do."""
        return CAPABILITIES

    def upsert(self, batch: Batch) -> None:
        """Write points, replacing those with the same ids; synced when it returns."""
        checked = check_batch(batch, self._config)
        if not checked.ids:
            return
        with self._held.write("writing points", write_size(checked)) as shard:
            for points in engine_points(checked, self._config):
                shard.update(self._engine.UpdateOperation.upsert_points(points))
            self._held.sync()

    def get(self, ids: Sequence[str], *, with_vectors: bool = False) -> list[Point]:
        """Read the points that exist among `ids`, in the order of `ids`."""
        check_ids(ids)
        vectors: Any = [DENSE] if with_vectors and self._config.dim is not None else False
        found: dict[str, Point] = {}
        for start in range(0, len(ids), _CHUNK):
            wanted: list[engine.PointId] = [engine_id(id) for id in ids[start : start + _CHUNK]]
            records: list[engine.Record] = self._held.read(operator.methodcaller("retrieve", wanted, WITH_ALL, vectors))
            found.update((point.id, point) for point in map(read_point, records))
        return [found[id] for id in ids if id in found]

    def update(self, ids: Sequence[str], payloads: Sequence[Payload]) -> int:
        """Replace payloads, not vectors, of the points that exist among `ids`; synced when it returns how many."""
        checked = check_payloads(ids, payloads)
        size = sum(
            len(payload.text) + len(payload.title) + len(meta)
            for payload, (meta, _) in zip(payloads, checked, strict=True)
        )
        row_of = {id: row for row, id in enumerate(ids)}
        updated = 0
        with self._held.write("updating points", 12 * size + SPARE_BYTES) as shard:
            for start in range(0, len(ids), _CHUNK):
                wanted: list[engine.PointId] = [engine_id(id) for id in ids[start : start + _CHUNK]]
                for record in shard.retrieve(wanted, [ID, NORM], False):
                    old: dict[str, Any] = record.payload or {}
                    row = row_of[old[ID]]
                    stored = stored_payload(ids[row], payloads[row], *checked[row], old.get(NORM))
                    shard.update(self._engine.UpdateOperation.overwrite_payload([record.id], stored))
                    updated += 1
            self._held.sync()
        return updated

    def delete(self, ids: Sequence[str]) -> int:
        """Remove the points that exist among `ids`; synced when it returns how many there were."""
        check_ids(ids)
        keys: list[engine.PointId] = list({engine_id(id) for id in ids})
        deleted = 0
        with self._held.write("deleting points", SPARE_BYTES) as shard:
            for start in range(0, len(keys), _CHUNK):
                there = [record.id for record in shard.retrieve(keys[start : start + _CHUNK], False, False)]
                if there:
                    shard.update(self._engine.UpdateOperation.delete_points(there))
                deleted += len(there)
            self._held.sync()
        return deleted

    def delete_where(self, where: Where) -> int:
        """Remove the points that match, however many; synced when it returns how many there were."""
        with self._held.write("deleting points", SPARE_BYTES) as shard:
            # Built in the turn to write: it may list the strings that are stored, and has to list all of them.
            condition = self._held.build(where)
            request = self._engine.CountRequest(exact=True, filter=condition)
            deleted = shard.count(request)
            shard.update(self._engine.UpdateOperation.delete_points_by_filter(condition))
            self._held.sync()
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
        query = check_query(vector, self._config)
        params = self._dense_params(exact, effort)
        return self._nearest_dense(query.tolist(), params, check_k(k), self._held.condition(where), with_payload)

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
        queries = check_queries(vectors, self._config)
        params, condition, k = self._dense_params(exact, effort), self._held.condition(where), check_k(k)
        # One by one: the engine's own batches take no less time for each query.
        return [self._nearest_dense(row, params, k, condition, with_payload) for row in queries.tolist()]

    def query_sparse(
        self, leg: str, vector: SparseVector, *, k: int, where: Where | None = None, with_payload: bool = True
    ) -> list[Match]:
        """Find the `k` points that score highest on a sparse leg, best first."""
        check_leg(leg, self._config)
        terms, weights = check_sparse([vector], ["the query"])[0]
        nearest = self._engine.Query.Nearest(self._engine.SparseVector(terms, weights), leg)
        params, condition = self._held.idf_params(leg), self._held.condition(where)
        return self._nearest(nearest, params, check_k(k), condition, with_payload, None)

    def query_text(self, text: str, *, k: int, where: Where | None = None, with_payload: bool = True) -> list[Match]:
        """Refuse: the engine has no lexical search of its own."""
        raise CapabilityError("the embedded store has no lexical search of its own; its words are the sparse legs")

    def facets(self, name: str, *, where: Where | None = None, limit: int = 100) -> list[Facet]:
        """Count the values of a metadata field over the points that match: at most `limit`, the most frequent first."""
        check_count("limit", limit)
        condition = self._held.condition(where)
        strings, others = (self._held.facet(key, condition) for key in field_keys(name))
        found = [Facet(text, count) for text, count in strings.items()]
        values = ((value_of(keyword), count) for keyword, count in others.items())
        found += [Facet(value, count) for value, count in values if value is not None]
        return sort_facets(found, limit)

    def count(self, where: Where | None = None) -> int:
        """Count the points that match."""
        request = self._engine.CountRequest(exact=True, filter=self._held.condition(where))
        return self._held.read(lambda shard: shard.count(request))

    def scroll(
        self, where: Where | None = None, *, with_vectors: bool = False, page_size: int = 1000
    ) -> Iterator[Point]:
        """Go through the points that match, each once, in an order of the store's own."""
        limit = check_count("page_size", page_size)
        return self._pages(self._held.condition(where), with_vectors and self._config.dim is not None, limit)

    def optimise(self) -> None:
        """Build or refresh the index now; blocks until done."""
        if self.count() <= self._config.index_above:
            return
        with self._held.write("building the index", self.allocated_bytes() + SPARE_BYTES) as shard:
            shard.optimize()
            self._held.sync()
            self._held.approximate = True

    def compact(self) -> None:
        """Remove the bytes of deleted and replaced points from the disk."""
        with self._held.write("compacting", self.allocated_bytes() + SPARE_BYTES) as shard:
            folder = self._held.folder
            folder.remove_leftovers()
            name = folder.next_shard()
            fresh_path, old_path = folder.path / name, folder.shard_path
            try:
                fresh = create_shard(fresh_path, self._config)
                copy_shard(shard, fresh)
                if fresh.count(self._engine.CountRequest()) > self._config.index_above:
                    fresh.optimize()
                fresh.flush()
                DirectorySync().run(fresh_path)
            except BaseException:
                shutil.rmtree(fresh_path, ignore_errors=True)
                raise
            self._held.switch(name, fresh)  # from here on the fresh shard may be the one that counts
            close_shard(shard)
            shutil.rmtree(old_path, ignore_errors=True)

    def allocated_bytes(self) -> int:
        """Measure the disk space in use, in bytes of allocated blocks."""
        return allocated_bytes(self._held.folder.path)

    def close(self) -> None:
        """Sync and release; closing twice is harmless."""
        self._held.close()

    def _dense_params(self, exact: bool, effort: Effort | None) -> "engine.SearchParams":
        if exact or not self._held.approximate:
            return self._exact
        return self._indexed if effort is None else indexed_params(effort)

    def _nearest_dense(
        self,
        vector: list[float],
        params: "engine.SearchParams",
        k: int,
        condition: "engine.Filter | None",
        with_payload: bool,
    ) -> list[Match]:
        nearest = self._engine.Query.Nearest(vector, DENSE)
        return self._nearest(nearest, params, k, condition, with_payload, self._config.metric)

    def _nearest(
        self,
        nearest: "engine.Query",
        params: "engine.SearchParams | None",
        k: int,
        condition: "engine.Filter | None",
        with_payload: bool,
        metric: Metric | None,
    ) -> list[Match]:
        fields = WITH_PAYLOAD if with_payload else WITH_ID

        def fetch(limit: int) -> list[Match]:
            request = self._engine.QueryRequest(
                limit, query=nearest, filter=condition, params=params, with_payload=fields
            )
            hits: list[engine.ScoredPoint] = self._held.read(operator.methodcaller("query", request))
            return read_matches(hits, metric, with_payload=with_payload)

        return best_matches(fetch, k, count=self.count)

    def _pages(self, condition: "engine.Filter | None", with_vectors: bool, limit: int) -> Iterator[Point]:
        vectors: Any = [DENSE] if with_vectors else False
        offset: engine.PointId | None = None
        while True:
            request = self._engine.ScrollRequest(offset, limit, condition, WITH_ALL, vectors)
            records, offset = self._held.read(operator.methodcaller("scroll", request))
            yield from map(read_point, records)
            if offset is None:
                return
