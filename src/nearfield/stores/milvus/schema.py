"""The fields and indexes of a store in Milvus."""

from typing import TYPE_CHECKING, Any

from nearfield.errors import CollectionError
from nearfield.extras import import_extra
from nearfield.stores.base import Effort
from nearfield.stores.milvus.config import MilvusConfig
from nearfield.stores.milvus.filters import BOUNDS, TERM_LENGTH, TERMS
from nearfield.stores.milvus.names import escape

if TYPE_CHECKING:
    from pymilvus import CollectionSchema, MilvusClient
    from pymilvus.milvus_client.index import IndexParams

ID, BODY, NORM, DENSE, WORDS, WORD_WEIGHTS = "id", "body", "norm", "dense", "words", "word_weights"
MAX_KEY, MAX_TEXT, MAX_ITEMS = 3_072, 65_535, 4_096
"""Characters of a primary key, bytes of a string and elements of an array, as Milvus has them."""

_LEG, _LEG_TERMS = "leg_", "terms_of_"
_METRICS = {"cosine": "COSINE", "dot": "IP", "l2": "L2"}
_SPARSE_INDEX = "SPARSE_INVERTED_INDEX"
_QUANTISED_INDEX = {"int8": "HNSW_SQ", "float16": "HNSW_SQ", "binary": "IVF_RABITQ"}


def leg_field(leg: str) -> str:
    """Name the field of a sparse leg's weights."""
    return f"{_LEG}{escape(leg)}"


def leg_terms_field(leg: str) -> str:
    """Name the field of the terms alone, which documents are counted by."""
    return f"{_LEG_TERMS}{escape(leg)}"


def vector_fields(config: MilvusConfig) -> list[str]:
    """List the fields that an update of the payload leaves as they are."""
    fields = [] if config.dim is None else [DENSE]
    if config.dim is not None and config.metric == "cosine":
        fields.append(NORM)
    return fields + [field for leg in config.sparse for field in (leg_field(leg), leg_terms_field(leg))]


def store_schema(config: MilvusConfig) -> "CollectionSchema":
    """Lay out the fields of a store.

    Args:
        config: A checked configuration.

    Returns:
        The primary key; the payload as JSON text, cut into as many strings as it needs; what filters ask; the
        vectors; the texts once more for Milvus' own lexical search.
    """
    milvus = import_extra("pymilvus", extra="milvus")
    kinds = milvus.DataType
    schema: CollectionSchema = milvus.MilvusClient.create_schema(auto_id=False, enable_dynamic_field=False)
    schema.add_field(ID, kinds.VARCHAR, is_primary=True, max_length=MAX_KEY)
    strings = {"element_type": kinds.VARCHAR, "max_capacity": MAX_ITEMS}
    schema.add_field(BODY, kinds.ARRAY, max_length=MAX_TEXT, **strings)
    schema.add_field(TERMS, kinds.ARRAY, max_length=TERM_LENGTH, **strings)
    schema.add_field(BOUNDS, kinds.JSON)
    if config.dim is not None:
        schema.add_field(DENSE, kinds.FLOAT_VECTOR, dim=config.dim)
        if config.metric == "cosine":
            schema.add_field(NORM, kinds.DOUBLE)
    for leg in config.sparse:
        schema.add_field(leg_field(leg), kinds.SPARSE_FLOAT_VECTOR)
        schema.add_field(leg_terms_field(leg), kinds.ARRAY, element_type=kinds.INT64, max_capacity=MAX_ITEMS)
    if config.analyzer != "none":
        analyzer = {"type": config.analyzer}
        schema.add_field(WORDS, kinds.VARCHAR, max_length=MAX_TEXT, enable_analyzer=True, analyzer_params=analyzer)
        schema.add_field(WORD_WEIGHTS, kinds.SPARSE_FLOAT_VECTOR)
        bm25 = milvus.Function("bm25", milvus.FunctionType.BM25, [WORDS], [WORD_WEIGHTS])
        schema.add_function(bm25)
    return schema


def first_indexes(config: MilvusConfig, *, inverted: bool) -> "IndexParams":
    """List the indexes that a new store has.

    Args:
        config: A checked configuration.
        inverted: Whether arrays can be indexed.

    Returns:
        A flat one for the dense vectors, which compares with all of them, and what the other fields need.
    """
    milvus = import_extra("pymilvus", extra="milvus")
    indexes: IndexParams = milvus.MilvusClient.prepare_index_params()
    if config.dim is not None:
        indexes.add_index(DENSE, "FLAT", DENSE, metric_type=_METRICS[config.metric])
    for leg in config.sparse:
        indexes.add_index(leg_field(leg), _SPARSE_INDEX, leg_field(leg), metric_type="IP")
    if config.analyzer != "none":
        indexes.add_index(WORD_WEIGHTS, _SPARSE_INDEX, WORD_WEIGHTS, metric_type="BM25")
    if inverted:
        for field in (TERMS, *map(leg_terms_field, config.sparse)):
            indexes.add_index(field, "INVERTED", field)
    return indexes


def approximate_index(config: MilvusConfig) -> "IndexParams":
    """Describe the index of the dense vectors that `optimise` builds.

    Args:
        config: A checked configuration with dense vectors, and with an index type other than FLAT.

    Returns:
        That one index; a quantised one keeps full vectors, with which the server rescores.
    """
    milvus = import_extra("pymilvus", extra="milvus")
    kind = _QUANTISED_INDEX.get(config.quantisation, config.index_type)
    params: dict[str, Any] = {}
    if kind.startswith("HNSW"):
        params = {"M": config.m, "efConstruction": config.ef_construct}
    elif kind.startswith("IVF"):
        params = {"nlist": config.nlist}
    if kind == "HNSW_SQ":
        params["sq_type"] = "SQ8" if config.quantisation == "int8" else "FP16"
    if config.quantisation != "none":
        params |= {"refine": True, "refine_type": "FP32"}
    indexes: IndexParams = milvus.MilvusClient.prepare_index_params()
    indexes.add_index(DENSE, kind, DENSE, metric_type=_METRICS[config.metric], params=params)
    return indexes


def search_params(config: MilvusConfig, effort: Effort, limit: int) -> dict[str, Any]:
    """Say how hard a search of the dense vectors tries; a flat index takes no notice of it.

    Args:
        config: What the store was created with.
        effort: Candidates to look at, and how many to rescore.
        limit: How many results are wanted, which HNSW and DISKANN must look at in any case.

    Returns:
        The parameters of the index type.
    """
    params: dict[str, Any] = {}
    match config.index_type:
        case "HNSW":
            params["ef"] = max(effort.ef, limit)
        case "DISKANN":
            params["search_list"] = max(effort.ef, limit)
        case "IVF_FLAT":
            params["nprobe"] = min(effort.ef, config.nlist)
    if config.quantisation != "none":
        params["refine_k"] = effort.oversampling
    return params


def check_schema(client: "MilvusClient", physical: str, config: MilvusConfig, *, timeout: float) -> None:
    """Check that a store on the server is what its configuration says.

    Args:
        client: The vendor's client.
        physical: Name of the Milvus collection.
        config: What the caller believes it to hold.
        timeout: Seconds to wait for each answer.

    Raises:
        CollectionError: If it holds something else, or its creation was interrupted.
    """
    described = client.describe_collection(physical, timeout=timeout)
    fields = {field["name"]: field for field in described["fields"]}
    dim = int(fields[DENSE]["params"]["dim"]) if DENSE in fields else None
    legs = {name for name in fields if name.startswith(_LEG)}
    indexed = set(client.list_indexes(physical, timeout=timeout))
    if missing := [name for name in (DENSE, WORD_WEIGHTS, *sorted(legs)) if name in fields and name not in indexed]:
        raise CollectionError(f"{physical} was created only in part (there is no index of {missing[0]}); drop it")
    metric = None if dim is None else client.describe_index(physical, DENSE, timeout=timeout)["metric_type"]
    analyzed = WORDS in fields
    wanted_metric = None if config.dim is None else _METRICS[config.metric]
    there = (dim, metric, sorted(legs), analyzed)
    wanted = (config.dim, wanted_metric, sorted(map(leg_field, config.sparse)), config.analyzer != "none")
    if there != wanted:
        what = "dimensions, metric, fields of sparse legs and whether there are words"
        raise CollectionError(f"{physical} was created with other {what}: {there} there, {wanted} asked for")


def is_approximate(client: "MilvusClient", physical: str, *, timeout: float) -> bool:
    """Ask which index the dense vectors have now, as another process may have built one."""
    return bool(client.describe_index(physical, DENSE, timeout=timeout)["index_type"] != "FLAT")
