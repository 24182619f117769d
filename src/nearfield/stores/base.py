"""The store contract: where vectors and payloads live and are searched.

What every back end promises:

- **Ids** are the caller's strings, any unicode, 1 to 1,024 bytes of UTF-8.
- **Dense vectors** come back as they were given, to float32 rounding. NaN, infinity, a zero vector under cosine,
  and a wrong dimension are refused before anything of the batch is written.
- **Sparse vectors** are non-negative weights on 32-bit terms. Their search score is the sum over shared terms of
  `idf * query weight * document weight`, with `idf = ln(1 + (n - df + 0.5) / (df + 0.5))` over all stored points,
  whether or not a filter narrows the results.
- **Filters** are typed: see `nearfield.stores.filters`.
- **Order**: a higher `score` is better in every metric; equal scores are ordered by id, even where the cut falls.
  A point that shares no term with a sparse query is not returned. Any `k` may be asked for.
- **Text**: `query_text` is the back end's own lexical search, with its own words and weights, under the name that
  `capabilities.text` gives; it searches title and body.
- **Durability**: a write is acknowledged by returning, and is synced before that: it survives a kill and a power cut.
  A write that raises may have been applied in part, never acknowledged; writing it again is safe.
- **Visibility**: `capabilities.visibility` says when a write can be read; `immediate` means by the next call.
- **Concurrency**: `capabilities.concurrency` says who may hold the store. Embedded: one process, readers included;
  inside it any thread may read while another writes, and writes take turns.
- **Servers** that are gone, slow or refusing are asked again, a bounded number of times; then a `StorageError` says how
  many points of a batch were stored. A wrong password is an error at once, and never repeated in one.
- **Delete** removes points from every read at once; `compact` removes their bytes from the disk.
- What a back end cannot do it does not declare in `capabilities`; asking for it is a `CapabilityError`.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol, TypeAlias

import numpy as np
import numpy.typing as npt

from nearfield.arrays import Metric, Vectors
from nearfield.data.records import Json

Where: TypeAlias = Mapping[str, Any]
"""A filter, such as `{"year": {"$gte": 2020}, "lang": "en"}`; see `nearfield.stores.filters`."""


@dataclass(frozen=True, slots=True, eq=False)
class SparseVector:
    """Weights on terms.

    Attributes:
        indices: `(n_terms,)` uint32, each at most once, any order.
        values: `(n_terms,)` float32, each above zero.
    """

    indices: npt.NDArray[np.uint32]
    values: npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Payload:
    """What is kept beside a point's vectors.

    Attributes:
        text: The body, as the caller gave it.
        title: The heading.
        meta: JSON values that filters see; they come back equal to what was given.
        digest: The caller's hash of the content, for telling unchanged records; not searched.
        image: Path of the image; empty where there is none.
    """

    text: str = ""
    title: str = ""
    meta: Mapping[str, Json] = field(default_factory=dict)
    digest: str = ""
    image: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class Batch:
    """Points to write together.

    Attributes:
        ids: `n` ids, each once.
        payloads: `n` payloads.
        vectors: `(n, d)` float32, or None for a store without dense vectors.
        sparse: For each sparse leg of the store, `n` sparse vectors.
    """

    ids: Sequence[str]
    payloads: Sequence[Payload]
    vectors: Vectors | None = None
    sparse: Mapping[str, Sequence[SparseVector]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, eq=False)
class Point:
    """What the store holds under one id.

    Attributes:
        id: The caller's id.
        payload: What is kept beside the vectors.
        vector: `(d,)` float32 as it was given; None unless asked for.
    """

    id: str
    payload: Payload
    vector: npt.NDArray[np.float32] | None = None


@dataclass(frozen=True, slots=True)
class Match:
    """One point found by a query.

    Attributes:
        id: The caller's id.
        score: Higher is better: the cosine, the dot product, minus the Euclidean distance, or the sparse score.
        distance: Lower is better, in the metric's own unit: 1 - cosine, minus the dot product, the Euclidean
            distance; None for a sparse query.
        payload: What is kept beside the vectors; None unless asked for.
    """

    id: str
    score: float
    distance: float | None = None
    payload: Payload | None = None


@dataclass(frozen=True, slots=True)
class Facet:
    """How many points hold a value.

    Attributes:
        value: A string, a boolean, or a number as float.
        count: Points that hold it, each counted once.
    """

    value: str | bool | float
    count: int


@dataclass(frozen=True, slots=True)
class Effort:
    """How hard an approximate search tries.

    Attributes:
        ef: Candidates looked at.
        oversampling: How many times `k` candidates a quantised search hands to rescoring, at least 1.
    """

    ef: int
    oversampling: float = 1.0


Quantisation: TypeAlias = Literal["none", "float16", "int8", "binary"]


@dataclass(frozen=True)
class StoreConfig:
    """What a store is created with and keeps for its life; a back end with more options has a subclass of its own.

    Attributes:
        dim: Dimensions of the dense vectors; None for a store without them.
        metric: How dense vectors are compared.
        sparse: Names of the sparse legs.
        text: Whether the back end's own lexical search will be asked (`query_text`), so that it prepares for it.
        quantisation: `int8` keeps a quarter-size copy of the vectors for searching, `binary` one of a bit for each
            dimension, `float16` one of half the size; its candidates are rescored with the full ones.
        index_above: Points from which `optimise` builds an approximate index (HNSW); up to here search is exact.
        m: Edges for each node of the index.
        ef_construct: Candidates looked at while the index is built.
        ef: Candidates looked at by a query.
        oversampling: How many times `k` candidates the quantised search hands to rescoring.
    """

    dim: int | None = None
    metric: Metric = "cosine"
    sparse: tuple[str, ...] = ()
    text: bool = False
    quantisation: Quantisation = "int8"
    index_above: int = 20_000
    m: int = 16
    ef_construct: int = 100
    ef: int = 128
    oversampling: float = 2.0

    @property
    def effort(self) -> Effort:
        """How hard a search tries that does not say so itself."""
        return Effort(self.ef, self.oversampling)


@dataclass(frozen=True)
class Capabilities:
    """What a back end declares.

    Attributes:
        metrics: Metrics it searches by.
        sparse: Whether it holds sparse legs.
        exact: Whether an exact search can be asked for.
        approximate: Whether searching may use an index that misses neighbours.
        quantisation: Kinds of quantisation it offers.
        visibility: When a write can be read.
        concurrency: Who may hold the store at the same time.
        text: Name of its own lexical search as a retriever's leg, such as `postgresql-fulltext`; empty without one.
        tunable_index: Whether its index takes `index_above`, `m`, `ef_construct`, `ef` and `oversampling`.
    """

    metrics: frozenset[Metric]
    sparse: bool
    exact: bool
    approximate: bool
    quantisation: frozenset[Quantisation]
    visibility: Literal["immediate", "eventual"]
    concurrency: Literal["one process", "many"]
    text: str = ""
    tunable_index: bool = True


class Store(Protocol):
    """One collection's points. See the module for what every method promises."""

    @property
    def config(self) -> StoreConfig:
        """Say what the store was created with."""
        ...

    @property
    def capabilities(self) -> Capabilities:
        """Say what the back end can do."""
        ...

    def upsert(self, batch: Batch) -> None:
        """Write points, replacing those with the same ids; synced when it returns."""
        ...

    def get(self, ids: Sequence[str], *, with_vectors: bool = False) -> list[Point]:
        """Read the points that exist among `ids`, in the order of `ids`."""
        ...

    def update(self, ids: Sequence[str], payloads: Sequence[Payload]) -> int:
        """Replace payloads, not vectors, of the points that exist among `ids`; synced when it returns how many."""
        ...

    def delete(self, ids: Sequence[str]) -> int:
        """Remove the points that exist among `ids`; synced when it returns how many there were."""
        ...

    def delete_where(self, where: Where) -> int:
        """Remove the points that match, however many; synced when it returns how many there were."""
        ...

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
        ...

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
        ...

    def query_sparse(
        self, leg: str, vector: SparseVector, *, k: int, where: Where | None = None, with_payload: bool = True
    ) -> list[Match]:
        """Find the `k` points that score highest on a sparse leg, best first."""
        ...

    def query_text(self, text: str, *, k: int, where: Where | None = None, with_payload: bool = True) -> list[Match]:
        """Find the `k` points that the back end's own lexical search ranks highest, best first."""
        ...

    def facets(self, name: str, *, where: Where | None = None, limit: int = 100) -> list[Facet]:
        """Count the values of a metadata field over the points that match: at most `limit`, the most frequent first.

        Equal counts are ordered by type (booleans, numbers, strings) and then by value.
        """
        ...

    def count(self, where: Where | None = None) -> int:
        """Count the points that match."""
        ...

    def scroll(
        self, where: Where | None = None, *, with_vectors: bool = False, page_size: int = 1000
    ) -> Iterator[Point]:
        """Go through the points that match, each once, in an order of the store's own."""
        ...

    def optimise(self) -> None:
        """Build or refresh the index now; blocks until done."""
        ...

    def compact(self) -> None:
        """Remove the bytes of deleted and replaced points from the disk."""
        ...

    def allocated_bytes(self) -> int | None:
        """Measure the disk space in use, in bytes of allocated blocks; None where the back end does not tell."""
        ...

    def close(self) -> None:
        """Sync and release; closing twice is harmless."""
        ...
