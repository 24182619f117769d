"""One collection's points in Milvus."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from nearfield.errors import CapabilityError, StorageError
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
    Where,
)
from nearfield.stores.batches import check_batch, check_ids, check_payloads, check_sparse
from nearfield.stores.facets import count_facets
from nearfield.stores.filters import And, Exists, parse_where
from nearfield.stores.milvus.config import MilvusConfig
from nearfield.stores.milvus.filters import Condition
from nearfield.stores.milvus.names import decode_id
from nearfield.stores.milvus.points import make_rows, payload_fields, read_body, read_point, requests
from nearfield.stores.milvus.reading import PAGE, MilvusRows
from nearfield.stores.milvus.schema import BODY, DENSE, ID, NORM, vector_fields
from nearfield.stores.milvus.search import MilvusSearch
from nearfield.stores.milvus.server import MilvusServer
from nearfield.stores.milvus.upkeep import MilvusUpkeep
from nearfield.stores.vectors import check_queries, check_query


class MilvusStore:
    """Points in one Milvus collection; see `nearfield.stores.base` for what is promised.

    What this back end adds to that:

    - A read waits for every write that was acknowledged, unless the configuration asks for another consistency level.
    - Searching compares with every point until `optimise` finds more than `config.index_above` of them and builds the
      index. Milvus replaces an index only out of memory: meanwhile searches wait for a few seconds and then fail.
      `exact=True` on an indexed store, and more than 16,384 results, read every vector that matches into this process.
    - `$contains`, an order on strings of 32 bytes or more, and facets read the metadata of the points in question into
      this process. A point has at most 4,096 values, fields and types of fields to filter by.
    - A sparse query counts the points with each of its terms first. The two highest of the 2**32 terms weigh on a
      query as one with the third.
    - Milvus' own lexical search sees the first 65,535 bytes of title and text, and gives at most 16,383 results.
    - An update reads the vectors and writes the whole point; so does any other writer's, and the last one counts.
    - `compact` has the server merge away what was deleted; it removes the old files in its own time. Milvus Lite does
      both only when it merges by itself: drop the store to be certain.

    Args:
        server: The connection, which the database closes.
        physical: Name of the Milvus collection.
        config: What it holds.
    """

    def __init__(self, server: MilvusServer, physical: str, config: MilvusConfig) -> None:
        self._server = server
        self._physical = physical
        self._config = config
        self._rows = MilvusRows(server, physical)
        self._search = MilvusSearch(server, physical, self._rows, config)
        self._upkeep = MilvusUpkeep(server, physical, config)
        self._closed = False

    @property
    def config(self) -> MilvusConfig:
        """Say what the store was created with."""
        return self._config

    @property
    def capabilities(self) -> Capabilities:
        """Say what the back end can do."""
        offered = self._server.capabilities
        if self._config.consistency_level != "Strong" and not self._server.is_lite:
            offered = replace(offered, visibility="eventual")
        return offered if self._config.analyzer != "none" else replace(offered, text="")

    def upsert(self, batch: Batch) -> None:
        """Write points, replacing those with the same ids; synced when it returns."""
        self._check_open()
        self._write(make_rows(check_batch(batch, self._config), self._config))

    def get(self, ids: Sequence[str], *, with_vectors: bool = False) -> list[Point]:
        """Read the points that exist among `ids`, in the order of `ids`."""
        self._check_open()
        check_ids(ids)
        fields = self._fields(with_vectors)
        found = {point.id: point for point in map(read_point, self._rows.read(ids, fields))}
        return [found[id] for id in ids if id in found]

    def update(self, ids: Sequence[str], payloads: Sequence[Payload]) -> int:
        """Replace payloads, not vectors, of the points that exist among `ids`; synced when it returns how many."""
        self._check_open()
        checked = check_payloads(ids, payloads)
        fresh = {
            id: payload_fields(id, payload, meta, fields, self._config)
            for id, payload, (meta, fields) in zip(ids, payloads, checked, strict=True)
        }
        updated = 0
        for start in range(0, len(ids), PAGE):
            rows = list(self._rows.read(ids[start : start + PAGE], vector_fields(self._config)))
            for row in rows:
                row.update(fresh[decode_id(row[ID])])
            self._write(rows)
            updated += len(rows)
        return updated

    def delete(self, ids: Sequence[str]) -> int:
        """Remove the points that exist among `ids`; synced when it returns how many there were."""
        self._check_open()
        check_ids(ids)
        deleted = 0
        for start in range(0, len(ids), PAGE):
            deleted += self._delete([row[ID] for row in self._rows.read(ids[start : start + PAGE], [])])
        return deleted

    def delete_where(self, where: Where) -> int:
        """Remove the points that match, however many; synced when it returns how many there were."""
        self._check_open()
        pages = self._rows.pages(Condition(parse_where(where)), [])
        return sum(self._delete([row[ID] for row in page]) for page in pages)

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
        queries = check_query(vector, self._config)[None, :]
        return self._nearest(queries, k, where, exact, effort, with_payload)[0]

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
        return self._nearest(queries, k, where, exact, effort, with_payload)

    def query_sparse(
        self, leg: str, vector: SparseVector, *, k: int, where: Where | None = None, with_payload: bool = True
    ) -> list[Match]:
        """Find the `k` points that score highest on a sparse leg, best first."""
        self._check_open()
        check_leg(leg, self._config)
        terms, weights = check_sparse([vector], ["the query"])[0]
        return self._search.sparse(leg, terms, weights, check_k(k), _condition(where), with_payload)

    def query_text(self, text: str, *, k: int, where: Where | None = None, with_payload: bool = True) -> list[Match]:
        """Find the `k` points that Milvus' BM25 ranks highest, best first."""
        self._check_open()
        if not self.capabilities.text:
            raise CapabilityError('the store was created with analyzer="none", without Milvus\' own lexical search')
        return self._search.text(text.replace("\0", " "), check_k(k), _condition(where), with_payload)

    def facets(self, name: str, *, where: Where | None = None, limit: int = 100) -> list[Facet]:
        """Count the values of a metadata field over the points that match: at most `limit`, the most frequent first."""
        self._check_open()
        holding = Condition(And((parse_where(where or {}), Exists(name))))
        pages = self._rows.pages(holding, [BODY])
        return count_facets((read_body(row).meta for page in pages for row in page), name, limit)

    def count(self, where: Where | None = None) -> int:
        """Count the points that match."""
        self._check_open()
        return self._rows.count(_condition(where))

    def scroll(
        self, where: Where | None = None, *, with_vectors: bool = False, page_size: int = 1000
    ) -> Iterator[Point]:
        """Go through the points that match, each once, in an order of the store's own."""
        self._check_open()
        size = check_count("page_size", page_size)
        pages = self._rows.pages(_condition(where), self._fields(with_vectors), size)
        return (read_point(row) for page in pages for row in page)

    def optimise(self) -> None:
        """Build or refresh the index now; blocks until done."""
        self._check_open()
        self._upkeep.flush()
        can_be_indexed = self._config.dim is not None and self._config.index_type != "FLAT"
        if can_be_indexed and self._rows.count_exactly("") > self._config.index_above:
            self._upkeep.build_index()
        self._server.sync(self._physical)

    def compact(self) -> None:
        """Remove the bytes of deleted and replaced points from the disk."""
        self._check_open()
        self._upkeep.flush()
        self._upkeep.compact()
        self._server.sync(self._physical)

    def allocated_bytes(self) -> int | None:
        """Measure the disk space in use, in bytes of allocated blocks; None on a server, which does not tell."""
        self._check_open()
        engine = self._server.engine
        return None if engine is None else allocated_bytes(engine.collection_folder(self._physical))

    def close(self) -> None:
        """Release; closing twice is harmless. The connection is the database's."""
        if not self._closed:
            self._closed = True
            self._search.close()

    def _check_open(self) -> None:
        if self._closed:
            raise StorageError("the store is closed; open it again")

    def _fields(self, with_vectors: bool) -> list[str]:
        has_dense = with_vectors and self._config.dim is not None
        norm = [NORM] if has_dense and self._config.metric == "cosine" else []
        return [BODY, *([DENSE] if has_dense else []), *norm]

    def _nearest(
        self,
        queries: npt.NDArray[np.float32],
        k: int,
        where: Where | None,
        exact: bool,
        effort: Effort | None,
        with_payload: bool,
    ) -> list[list[Match]]:
        self._check_open()
        return self._search.dense(
            queries,
            check_k(k),
            _condition(where),
            exact=exact,
            effort=effort or self._config.effort,
            with_payload=with_payload,
        )

    def _write(self, rows: list[dict[str, Any]]) -> None:
        """Write whole rows, in requests of a size that a server takes."""
        client, timeout = self._server.client, self._server.timeout
        written = 0
        for part in requests(rows, self._config):
            doing = f"writing points ({written:,} of {len(rows):,} are stored)"
            self._server.ask(doing, lambda part=part: client.upsert(self._physical, part, timeout=timeout))  # type: ignore[misc]
            written += len(part)
        if written:
            self._server.sync(self._physical)

    def _delete(self, keys: list[str]) -> int:
        client, timeout = self._server.client, self._server.timeout
        if keys:
            self._server.ask("deleting points", lambda: client.delete(self._physical, ids=keys, timeout=timeout))
            self._server.sync(self._physical)
        return len(keys)


def _condition(where: Where | None) -> Condition:
    return Condition(parse_where({} if where is None else where))
