"""What is asked of Qdrant Edge as a whole: its configuration, its statistics, a copy of a shard."""

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nearfield.arrays import METRICS
from nearfield.errors import CollectionError, InvalidInputError
from nearfield.stores.base import Effort, Quantisation, StoreConfig
from nearfield.stores.batches import CheckedBatch
from nearfield.stores.embedded.folder import is_panic
from nearfield.stores.embedded.points import DENSE

if TYPE_CHECKING:
    import qdrant_edge as engine

_FLOAT_BYTES = 4
_POINT_BYTES = 512
_STEP_BYTES = 16 << 20
_PAGE = 1000
_QUANTILE = 0.99


def check_config(config: StoreConfig) -> None:
    """Check that the engine can hold what is asked.

    Args:
        config: What a store is to be created or opened with.

    Raises:
        InvalidInputError: If a value is out of range, or there is nothing to search.
    """
    if config.dim is None and not config.sparse:
        raise InvalidInputError("a store needs dim, or at least one sparse leg, to be searched by; got neither")
    if config.metric not in METRICS:
        raise InvalidInputError(f"metric must be one of {', '.join(METRICS)}, got {config.metric!r}")
    if config.quantisation not in ("none", "int8", "binary"):
        raise InvalidInputError(f"quantisation must be none, int8 or binary, got {config.quantisation!r}")
    if len(set(config.sparse)) != len(config.sparse) or {"", DENSE} & set(config.sparse):
        raise InvalidInputError(f"sparse legs need different names, not empty and not {DENSE!r}, got {config.sparse}")
    least = {"dim": 1, "index_above": 0, "m": 2, "ef_construct": 4, "ef": 1, "oversampling": 1}
    for name, lowest in least.items():
        value = getattr(config, name)
        if value is not None and not value >= lowest:
            raise InvalidInputError(f"{name} must be at least {lowest}, got {value!r}")


def engine_config(config: StoreConfig) -> "engine.EdgeConfig":
    """Build the engine's configuration.

    Args:
        config: A checked configuration.

    Returns:
        One dense vector (cosine is the dot product of vectors of length 1), the sparse legs with the engine's idf,
        one segment for everything that is indexed.
    """
    import qdrant_edge as q

    distance = q.Distance.Euclid if config.metric == "l2" else q.Distance.Dot
    threshold = max(1, config.index_above * (config.dim or 1) * _FLOAT_BYTES // 1024)
    return q.EdgeConfig(
        vectors={} if config.dim is None else {DENSE: q.EdgeVectorParams(config.dim, distance)},
        sparse_vectors={leg: q.EdgeSparseVectorParams(modifier=q.Modifier.Idf) for leg in config.sparse},
        # A filter that keeps up to twice as many points as are searched exactly anyway is searched without the
        # graph, which loses its way where a filter thins it out.
        hnsw_config=q.HnswIndexConfig(config.m, config.ef_construct, max(10, 2 * threshold)),
        quantization_config=None if config.dim is None else _quantisation(config.quantisation),
        optimizers=q.EdgeOptimizersConfig(default_segment_number=1, indexing_threshold=threshold),
        # Nothing is read ahead and nothing copied into memory of our own: the kernel keeps what is asked for. So a
        # store opens in a quarter of the time, a large one fits a small machine, and searching takes as long.
        payload_memory=q.Memory.Cold,
        wal_enabled=True,
    )


def _quantisation(kind: Quantisation) -> "engine.ScalarQuantizationConfig | engine.BinaryQuantizationConfig | None":
    import qdrant_edge as q

    if kind == "int8":
        return q.ScalarQuantizationConfig(q.ScalarType.Int8, quantile=_QUANTILE, memory=q.Memory.Cold)
    return q.BinaryQuantizationConfig(memory=q.Memory.Cold) if kind == "binary" else None


def exact_params() -> "engine.SearchParams":
    """Build the parameters of a search that compares with every vector, in full precision."""
    import qdrant_edge as q

    return q.SearchParams(exact=True, quantization=q.QuantizationSearchParams(ignore=True))


def indexed_params(effort: Effort) -> "engine.SearchParams":
    """Build the parameters of a search by the index, whose candidates are rescored in full precision."""
    import qdrant_edge as q

    if effort.ef < 1 or not effort.oversampling >= 1:
        raise InvalidInputError(f"ef and oversampling must be at least 1, got {effort.ef} and {effort.oversampling}")
    rescored = q.QuantizationSearchParams(rescore=True, oversampling=effort.oversampling)
    return q.SearchParams(hnsw_ef=effort.ef, quantization=rescored)


def create_shard(path: Path, config: StoreConfig) -> "engine.EdgeShard":
    """Make an empty shard.

    Args:
        path: A folder that does not exist.
        config: A checked configuration.

    Returns:
        The shard.
    """
    import qdrant_edge

    return qdrant_edge.EdgeShard.create(str(path), engine_config(config))


def load_shard(path: Path, config: StoreConfig) -> "engine.EdgeShard":
    """Open an existing shard.

    Args:
        path: Its folder.
        config: A checked configuration.

    Returns:
        The shard.

    Raises:
        CollectionError: If its files are damaged: whatever fails, unless the operating system refused.
    """
    import qdrant_edge

    try:
        return qdrant_edge.EdgeShard.load(str(path), engine_config(config))
    except BaseException as error:  # the engine raises bare Exception and, when it breaks down, BaseException
        refused = re.search(r"\(os error (?!2\))", str(error))  # 2 is a file that is missing
        if is_panic(error) or (type(error) is Exception and not refused):
            raise CollectionError(f"{path} is damaged ({error}); restore the folder from a copy") from error
        raise


def copy_shard(source: "engine.EdgeShard", target: "engine.EdgeShard") -> None:
    """Copy every point and every payload index.

    Args:
        source: A shard that nobody writes to.
        target: An empty shard.
    """
    import qdrant_edge as q

    for key, index in source.info().payload_schema.items():
        target.update(q.UpdateOperation.create_field_index(key, index.data_type))
    offset: Any = None
    while True:
        records, offset = source.scroll(
            q.ScrollRequest(offset=offset, limit=_PAGE, with_payload=True, with_vector=True)
        )
        points = [q.Point(record.id, record.vector or {}, record.payload) for record in records]
        if points:
            target.update(q.UpdateOperation.upsert_points(points))
            target.flush()  # which lets the log be used again
        if offset is None:
            return


def idf_params(shard: "engine.EdgeShard", leg: str) -> "engine.SearchParams | None":
    """Find out whether the engine's own idf is that of the stored points.

    Both the number of points and the count of each term enter every idf, and both leave out or retain the same
    points, so the score of one stored term says it for all.

    Args:
        shard: The shard.
        leg: Name of a sparse leg.

    Returns:
        Parameters that take the statistics over the stored points, or None where the engine's are the same.
    """
    import qdrant_edge as q

    stored = q.SearchParams(idf=q.IdfParams(corpus=q.Filter()))
    records, _ = shard.scroll(q.ScrollRequest(limit=_PAGE, with_payload=False, with_vector=[leg]))
    vectors: list[Any] = [record.vector for record in records]
    term = next((vector[leg].indices[0] for vector in vectors if vector and vector[leg].indices), None)
    if term is None:
        return stored
    nearest = q.Query.Nearest(q.SparseVector([term], [1.0]), leg)
    plain, right = (shard.query(q.QueryRequest(1, query=nearest, params=params)) for params in (None, stored))
    return None if [hit.score for hit in plain] == [hit.score for hit in right] else stored


def write_size(batch: CheckedBatch) -> int:
    """Estimate the disk space that writing a batch takes, generously.

    Args:
        batch: What is to be written.

    Returns:
        Bytes: the vectors and payloads, in the log and in place, and what the engine allocates in steps.
    """
    vectors = 0 if batch.vectors is None else batch.vectors.nbytes
    texts = sum(len(payload.text) + len(payload.title) for payload in batch.payloads) + sum(map(len, batch.metas))
    terms = sum(len(indices) for leg in batch.sparse.values() for indices, _ in leg)
    return 3 * (vectors + 4 * texts + 16 * terms + _POINT_BYTES * len(batch.ids)) + _STEP_BYTES
