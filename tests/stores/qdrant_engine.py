"""What the stand-in for a Qdrant server answers with: Qdrant's own engine, asked in the words of its REST API.

The engine is that of `qdrant_edge`, so filters, facets, idf, quantisation and the index are Qdrant's. What is ours is
the translation, for as much of the API as the store uses, and the server's bookkeeping.
"""

import shutil
import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import qdrant_edge as q

Json = dict[str, Any]

_DISTANCES = {"Dot": q.Distance.Dot, "Euclid": q.Distance.Euclid}
_KINDS = {"keyword": q.PayloadSchemaType.Keyword, "float": q.PayloadSchemaType.Float}


class RefusedError(Exception):
    """What a server answers instead of a result."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


@dataclass
class _Kept:
    shard: q.EdgeShard
    path: Path
    options: Json
    schema: dict[str, str] = field(default_factory=dict)
    busy: int = 0
    """How many more times the collection is said to be at work."""


class Engine:
    """The collections of one server, each a shard."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._kept: dict[str, _Kept] = {}
        self._made = 0
        self._turn = threading.RLock()

    def close(self) -> None:
        for kept in self._kept.values():
            kept.shard.close()

    def answer(self, method: str, parts: list[str], body: Json) -> Any:
        """Answer a request to `/collections/...`."""
        with self._turn:
            match method, parts:
                case "GET", []:
                    return {"collections": [{"name": name} for name in self._kept]}
                case "GET", [name, "exists"]:
                    return {"exists": name in self._kept}
                case "PUT", [name]:
                    return self._create(name, body)
            kept = self._find(parts[0])
            match method, parts[1:]:
                case "DELETE", []:
                    return self._drop(parts[0])
                case "GET", []:
                    return _info(kept)
                case "PATCH", []:
                    return _change(kept, body)
                case _, rest:
                    return _ENDPOINTS[method, "/".join(rest)](kept, body)

    def _find(self, name: str) -> _Kept:
        if name not in self._kept:
            raise RefusedError(404, f"Not found: Collection `{name}` doesn't exist!")
        return self._kept[name]

    def _create(self, name: str, body: Json) -> bool:
        if name in self._kept:
            raise RefusedError(409, f"Wrong input: Collection `{name}` already exists!")
        self._made += 1
        path = self._folder / f"shard-{self._made}"
        self._kept[name] = _Kept(q.EdgeShard.create(str(path), _config(body)), path, body)
        return True

    def _drop(self, name: str) -> bool:
        kept = self._kept.pop(name)
        kept.shard.close()
        shutil.rmtree(kept.path)
        return True


def _config(body: Json) -> q.EdgeConfig:
    hnsw, optimisers = body.get("hnsw_config", {}), body.get("optimizers_config", {})
    # The engine wants a vector where the server does without.
    sparse = body.get("sparse_vectors") or ({} if body.get("vectors") else {"none": {}})
    return q.EdgeConfig(
        vectors={
            name: q.EdgeVectorParams(params["size"], _DISTANCES[params["distance"]])
            for name, params in body.get("vectors", {}).items()
        },
        sparse_vectors={
            name: q.EdgeSparseVectorParams(modifier=q.Modifier.Idf if params.get("modifier") == "idf" else None)
            for name, params in sparse.items()
        },
        hnsw_config=q.HnswIndexConfig(
            hnsw.get("m", 16), hnsw.get("ef_construct", 100), hnsw.get("full_scan_threshold", 10_000)
        ),
        quantization_config=_quantisation(body.get("quantization_config")),
        optimizers=q.EdgeOptimizersConfig(
            deleted_threshold=optimisers.get("deleted_threshold"),
            vacuum_min_vector_number=optimisers.get("vacuum_min_vector_number"),
            default_segment_number=optimisers.get("default_segment_number"),
            indexing_threshold=optimisers.get("indexing_threshold"),
        ),
        wal_enabled=True,
    )


def _quantisation(body: Json | str | None) -> Any:
    if not isinstance(body, dict):
        return None
    if "scalar" in body:
        return q.ScalarQuantizationConfig(
            q.ScalarType.Int8, quantile=body["scalar"]["quantile"], memory=q.Memory.Pinned
        )
    return q.BinaryQuantizationConfig(memory=q.Memory.Pinned)


def _change(kept: _Kept, body: Json) -> bool:
    """Take a new configuration, and do what the server would do in the background."""
    for part, change in body.items():
        kept.options[part] = (kept.options.get(part) or {}) | change if isinstance(change, dict) else change
    kept.shard.close()
    kept.shard = q.EdgeShard.load(str(kept.path), _config(kept.options))
    kept.shard.optimize()
    kept.busy = 1
    return True


def _info(kept: _Kept) -> Json:
    about = kept.shard.info()
    options = kept.options
    status, kept.busy = ("yellow", kept.busy - 1) if kept.busy else ("green", 0)
    params = {key: options[key] for key in ("vectors", "sparse_vectors", "shard_number") if key in options}
    hnsw = {"m": 16, "ef_construct": 100, "full_scan_threshold": 10_000} | options.get("hnsw_config", {})
    optimisers = {"deleted_threshold": 0.2, "vacuum_min_vector_number": 1000, "default_segment_number": 0}
    return {
        "status": status,
        "optimizer_status": "ok",
        "indexed_vectors_count": about.indexed_vectors_count,
        "points_count": about.points_count,
        "segments_count": about.segments_count,
        "config": {
            "params": params,
            "hnsw_config": hnsw,
            "optimizer_config": optimisers | {"flush_interval_sec": 5} | options.get("optimizers_config", {}),
            "wal_config": {"wal_capacity_mb": 32, "wal_segments_ahead": 0},
            "metadata": options.get("metadata"),
        },
        "payload_schema": {key: {"data_type": kind, "points": 0} for key, kind in kept.schema.items()},
    }


def _index(kept: _Kept, body: Json) -> Json:
    kept.shard.update(q.UpdateOperation.create_field_index(body["field_name"], _KINDS[body["field_schema"]]))
    kept.schema[body["field_name"]] = body["field_schema"]
    return dict(_DONE)


def _upsert(kept: _Kept, body: Json) -> Json:
    kept.shard.update(q.UpdateOperation.upsert_points([_point(point) for point in body["points"]]))
    return dict(_DONE)


def _delete(kept: _Kept, body: Json) -> Json:
    operations = q.UpdateOperation
    named = "points" in body
    kept.shard.update(
        operations.delete_points(body["points"])
        if named
        else operations.delete_points_by_filter(condition(body["filter"]))
    )
    return dict(_DONE)


def _batch(kept: _Kept, body: Json) -> list[Json]:
    for operation in body["operations"]:
        change = operation["overwrite_payload"]
        kept.shard.update(q.UpdateOperation.overwrite_payload(change["points"], change["payload"]))
    return [dict(_DONE) for _ in body["operations"]]


def _retrieve(kept: _Kept, body: Json) -> list[Json]:
    records = kept.shard.retrieve(body["ids"], body["with_payload"], body.get("with_vector", False))
    return [_record(record) for record in records]


def _scroll(kept: _Kept, body: Json) -> Json:
    vectors = body.get("with_vector", False)
    request = q.ScrollRequest(body.get("offset"), body["limit"], _filter(body), body["with_payload"], vectors)
    records, following = kept.shard.scroll(request)
    next_page = None if following is None else str(following)
    return {"points": [_record(record) for record in records], "next_page_offset": next_page}


def _count(kept: _Kept, body: Json) -> Json:
    return {"count": kept.shard.count(q.CountRequest(exact=body["exact"], filter=_filter(body)))}


def _facet(kept: _Kept, body: Json) -> Json:
    if body["key"] not in kept.schema:
        raise RefusedError(400, f"Bad request: Field `{body['key']}` is not indexed for faceting.")
    request = q.FacetRequest(body["key"], limit=body["limit"], exact=body["exact"], filter=_filter(body))
    return {"hits": [{"value": hit.value, "count": hit.count} for hit in kept.shard.facet(request).hits]}


def _query(kept: _Kept, body: Json) -> Json:
    return {"points": _found(kept.shard, body)}


def _query_batch(kept: _Kept, body: Json) -> list[Json]:
    return [_query(kept, search) for search in body["searches"]]


_DONE = {"operation_id": 0, "status": "completed"}

_ENDPOINTS = {
    ("PUT", "index"): _index,
    ("PUT", "points"): _upsert,
    ("POST", "points"): _retrieve,
    ("POST", "points/batch"): _batch,
    ("POST", "points/count"): _count,
    ("POST", "points/delete"): _delete,
    ("POST", "points/query"): _query,
    ("POST", "points/query/batch"): _query_batch,
    ("POST", "points/scroll"): _scroll,
    ("POST", "facet"): _facet,
}


def _point(body: Json) -> q.Point:
    vectors = {
        name: q.SparseVector(vector["indices"], vector["values"]) if isinstance(vector, dict) else vector
        for name, vector in body["vector"].items()
    }
    return q.Point(body["id"], vectors, body["payload"])


def _record(record: q.Record) -> Json:
    vectors: Any = record.vector
    return {"id": str(record.id), "payload": record.payload, "vector": vectors or None}


def _found(shard: q.EdgeShard, body: Json) -> list[Json]:
    query = body["query"]["nearest"] if "nearest" in body["query"] else body["query"]
    vector: Any = q.SparseVector(query["indices"], query["values"]) if isinstance(query, dict) else query
    request = q.QueryRequest(
        body["limit"],
        query=q.Query.Nearest(vector, body["using"]),
        filter=_filter(body),
        params=_params(body.get("params")),
        with_payload=body["with_payload"],
    )
    hits = shard.query(request)
    return [{"id": str(hit.id), "version": 0, "score": hit.score, "payload": hit.payload} for hit in hits]


def _params(body: Json | None) -> q.SearchParams | None:
    if body is None:
        return None
    given, idf = body.get("quantization"), body.get("idf")
    quantisation = None
    if given is not None:
        quantisation = q.QuantizationSearchParams(
            ignore=given.get("ignore", False), rescore=given.get("rescore"), oversampling=given.get("oversampling")
        )
    return q.SearchParams(
        hnsw_ef=body.get("hnsw_ef"),
        exact=body.get("exact", False),
        quantization=quantisation,
        idf=None if idf is None else q.IdfParams(corpus=condition(idf["corpus"])),
    )


def _filter(body: Json) -> q.Filter | None:
    return condition(body["filter"]) if body.get("filter") is not None else None


def condition(body: Json) -> Any:
    """Translate a condition; what is no other condition is a filter."""
    if "has_id" in body:
        return q.HasIdCondition(set(body["has_id"]))
    if "is_empty" in body:
        return q.IsEmptyCondition(body["is_empty"]["key"])
    if "range" in body:
        return q.FieldCondition(body["key"], range=q.RangeFloat(**body["range"]))
    if "match" in body:
        return q.FieldCondition(body["key"], match=_match(body["match"]))
    parts = {name: [condition(part) for part in body[name]] for name in ("must", "should", "must_not") if name in body}
    return q.Filter(**parts)


def _match(body: Json) -> Any:
    if "any" in body:
        return q.MatchAny(body["any"])
    return q.MatchSubstring(body["substring"]) if "substring" in body else q.MatchValue(body["value"])
