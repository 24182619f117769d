"""Configurations and searches in the terms of Qdrant's client."""

from typing import Any

from nearfield.errors import InvalidInputError
from nearfield.stores.base import Effort, Quantisation, StoreConfig
from nearfield.stores.embedded.points import DENSE
from nearfield.stores.qdrant.config import QdrantConfig
from nearfield.stores.qdrant.connection import ClientModel, client_models

_FLOAT_BYTES = 4
_QUANTILE = 0.99


def collection_options(config: StoreConfig) -> dict[str, Any]:
    """Build what a collection for points is created with.

    Args:
        config: A checked configuration.

    Returns:
        Arguments of the client's `create_collection`: one dense vector (cosine is the dot product of vectors of
        length 1) and the sparse legs with the server's idf; and for a server its index, quantisation, copies and
        places.
    """
    m = client_models()
    distance = m.Distance.EUCLID if config.metric == "l2" else m.Distance.DOT
    dense = {} if config.dim is None else {DENSE: {"size": config.dim, "distance": distance}}
    options: dict[str, Any] = {
        "sparse_vectors_config": {leg: m.SparseVectorParams(modifier=m.Modifier.IDF) for leg in config.sparse},
    }
    if isinstance(config, QdrantConfig):
        for params in dense.values():
            params["memory"] = _place(on_disk=config.on_disk)
        options |= {
            "hnsw_config": hnsw_of(config),
            "optimizers_config": optimisers_of(config),
            "quantization_config": _quantisation(config.quantisation),
            "shard_number": config.shard_number,
            "replication_factor": config.replication_factor,
            "write_consistency_factor": config.acknowledging,
            "payload": m.PayloadStorageParams(memory=_place(on_disk=config.payload_on_disk)),
        }
    options["vectors_config"] = {name: m.VectorParams(**params) for name, params in dense.items()}
    return options


def hnsw_of(config: QdrantConfig) -> ClientModel:
    """Build the parameters of the index."""
    m = client_models()
    # A filter that keeps up to twice as many points as are searched exactly anyway is searched without the graph,
    # which loses its way where a filter thins it out.
    few = max(10, 2 * _threshold(config))
    place = _place(on_disk=config.index_on_disk)
    return m.HnswConfigDiff(m=config.m, ef_construct=config.ef_construct, full_scan_threshold=few, memory=place)


def optimisers_of(config: QdrantConfig) -> ClientModel:
    """Build what says from what size on a segment is indexed, and how many segments there are."""
    threshold = max(1, _threshold(config) // config.segments)
    return client_models().OptimizersConfigDiff(default_segment_number=config.segments, indexing_threshold=threshold)


def quantisation_change(kind: Quantisation) -> ClientModel:
    """Build a change of the quantisation, to none of it too."""
    return _quantisation(kind) or client_models().Disabled.DISABLED


def exact_params() -> ClientModel:
    """Build the parameters of a search that compares with every vector, in full precision."""
    m = client_models()
    return m.SearchParams(exact=True, quantization=m.QuantizationSearchParams(ignore=True))


def indexed_params(effort: Effort) -> ClientModel:
    """Build the parameters of a search by the index, whose candidates are rescored in full precision."""
    if effort.ef < 1 or not effort.oversampling >= 1:
        raise InvalidInputError(f"ef and oversampling must be at least 1, got {effort.ef} and {effort.oversampling}")
    m = client_models()
    rescored = m.QuantizationSearchParams(rescore=True, oversampling=effort.oversampling)
    return m.SearchParams(hnsw_ef=effort.ef, quantization=rescored)


def sparse_params() -> ClientModel:
    """Build the parameters of a sparse search whose idf is that of the stored points, deleted ones left out."""
    m = client_models()
    return m.SearchParams(idf=m.IdfCorpusParams(corpus=m.Filter()))


def _quantisation(kind: Quantisation) -> ClientModel:
    m = client_models()
    if kind == "int8":
        scalar = m.ScalarQuantizationConfig(type=m.ScalarType.INT8, quantile=_QUANTILE, memory=m.Memory.PINNED)
        return m.ScalarQuantization(scalar=scalar)
    if kind == "binary":
        return m.BinaryQuantization(binary=m.BinaryQuantizationConfig(memory=m.Memory.PINNED))
    return None


def _threshold(config: QdrantConfig) -> int:
    """Convert the points from which there is an index into kilobytes of vectors."""
    return max(1, config.index_above * (config.dim or 1) * _FLOAT_BYTES // 1024)


def _place(*, on_disk: bool) -> ClientModel:
    memory = client_models().Memory
    return memory.COLD if on_disk else memory.CACHED
