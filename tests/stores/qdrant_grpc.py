"""The stand-in's other door: Qdrant's gRPC services, translated to REST by the vendor's own conversions."""

import json
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import grpc
from qdrant_client import grpc as api
from qdrant_client import models
from qdrant_client.conversions.conversion import GrpcToRest, RestToGrpc
from qdrant_engine import RefusedError
from qdrant_server import QdrantServer

_CODES = {
    401: grpc.StatusCode.UNAUTHENTICATED,
    404: grpc.StatusCode.NOT_FOUND,
    409: grpc.StatusCode.ALREADY_EXISTS,
    503: grpc.StatusCode.UNAVAILABLE,
}
_KINDS = {api.FieldType.FieldTypeKeyword: "keyword", api.FieldType.FieldTypeFloat: "float"}


def _json(model: Any) -> Any:
    return json.loads(model.model_dump_json(exclude_unset=True, exclude_none=True, by_alias=True))


def _optional(request: Any, name: str, convert: Callable[[Any], Any]) -> dict[str, Any]:
    return {name: _json(convert(getattr(request, name)))} if request.HasField(name) else {}


class _Service:
    def __init__(self, server: QdrantServer) -> None:
        self._server = server

    def _ask(self, context: grpc.ServicerContext, method: str, request: Any, rest: str, body: Any = None) -> Any:
        server = self._server
        collection = getattr(request, "collection_name", "")
        parts = [part for part in (collection, *rest.split("/")) if part]
        path = "/".join(["", "collections", *parts])
        server.requests.append((method, path))
        fault = server.fault(method, path)
        if isinstance(fault, int):
            context.abort(_CODES[fault], "told so by the test")
        if server.key and dict(context.invocation_metadata()).get("api-key") != server.key:
            context.abort(_CODES[401], "Must provide an API key or an Authorization bearer token")
        try:
            return server.engine.answer(method, parts, body or {})
        except RefusedError as refused:
            context.abort(_CODES.get(refused.status, grpc.StatusCode.INVALID_ARGUMENT), str(refused))
        except Exception as error:  # the engine raises bare Exception
            context.abort(grpc.StatusCode.INVALID_ARGUMENT, f"Wrong input: {error}")


class Root(_Service, api.QdrantServicer):
    def HealthCheck(self, request: Any, context: Any) -> Any:
        return api.HealthCheckReply(title="qdrant", version=self._server.version)


class Collections(_Service, api.CollectionsServicer):
    def List(self, request: Any, context: Any) -> Any:
        found = self._ask(context, "GET", request, "")["collections"]
        return api.ListCollectionsResponse(collections=[api.CollectionDescription(**each) for each in found])

    def CollectionExists(self, request: Any, context: Any) -> Any:
        exists = self._ask(context, "GET", request, "exists")["exists"]
        return api.CollectionExistsResponse(result=api.CollectionExists(exists=exists))

    def Get(self, request: Any, context: Any) -> Any:
        info = models.CollectionInfo(**self._ask(context, "GET", request, ""))
        return api.GetCollectionInfoResponse(result=RestToGrpc.convert_collection_info(info))

    def Create(self, request: Any, context: Any) -> Any:
        vectors = GrpcToRest.convert_vectors_config(request.vectors_config)
        body = {"vectors": {name: _json(params) for name, params in vectors.items()}}
        words = GrpcToRest.convert_sparse_vector_config(request.sparse_vectors_config)
        body["sparse_vectors"] = {name: _json(params) for name, params in words.items()}
        body |= _optional(request, "quantization_config", GrpcToRest.convert_quantization_config)
        return self._configure(request, context, "PUT", body)

    def Update(self, request: Any, context: Any) -> Any:
        body: dict[str, Any] = {}
        if request.HasField("quantization_config"):
            change = GrpcToRest.convert_quantization_config_diff(request.quantization_config)
            body["quantization_config"] = _json(change) if hasattr(change, "model_dump_json") else str(change.value)
        return self._configure(request, context, "PATCH", body)

    def _configure(self, request: Any, context: Any, method: str, body: dict[str, Any]) -> Any:
        body |= _optional(request, "hnsw_config", GrpcToRest.convert_hnsw_config_diff)
        body |= _optional(request, "optimizers_config", GrpcToRest.convert_optimizers_config_diff)
        if request.metadata:
            body["metadata"] = GrpcToRest.convert_payload(request.metadata)
        return api.CollectionOperationResponse(result=self._ask(context, method, request, "", body))

    def Delete(self, request: Any, context: Any) -> Any:
        return api.CollectionOperationResponse(result=self._ask(context, "DELETE", request, ""))


class Points(_Service, api.PointsServicer):
    def _done(self) -> Any:
        return api.UpdateResult(operation_id=0, status=api.UpdateStatus.Completed)

    def CreateFieldIndex(self, request: Any, context: Any) -> Any:
        body = {"field_name": request.field_name, "field_schema": _KINDS[request.field_type]}
        self._ask(context, "PUT", request, "index", body)
        return api.PointsOperationResponse(result=self._done())

    def Upsert(self, request: Any, context: Any) -> Any:
        points = [_json(GrpcToRest.convert_point_struct(point)) for point in request.points]
        self._ask(context, "PUT", request, "points", {"points": points})
        return api.PointsOperationResponse(result=self._done())

    def UpdateBatch(self, request: Any, context: Any) -> Any:
        changes = [GrpcToRest.convert_points_update_operation(each) for each in request.operations]
        self._ask(context, "POST", request, "points/batch", {"operations": [_json(change) for change in changes]})
        return api.UpdateBatchResponse(result=[self._done() for _ in changes])

    def Delete(self, request: Any, context: Any) -> Any:
        self._ask(context, "POST", request, "points/delete", _json(GrpcToRest.convert_points_selector(request.points)))
        return api.PointsOperationResponse(result=self._done())

    def Get(self, request: Any, context: Any) -> Any:
        body = {"ids": [GrpcToRest.convert_point_id(id) for id in request.ids], **_wanted(request)}
        return api.GetResponse(result=_records(self._ask(context, "POST", request, "points", body)))

    def Scroll(self, request: Any, context: Any) -> Any:
        body = {"limit": request.limit, **_wanted(request), **_optional(request, "filter", GrpcToRest.convert_filter)}
        if request.HasField("offset"):
            body["offset"] = GrpcToRest.convert_point_id(request.offset)
        page = self._ask(context, "POST", request, "points/scroll", body)
        following = page["next_page_offset"]
        offset = None if following is None else RestToGrpc.convert_extended_point_id(following)
        return api.ScrollResponse(result=_records(page["points"]), next_page_offset=offset)

    def Count(self, request: Any, context: Any) -> Any:
        body = {"exact": request.exact, **_optional(request, "filter", GrpcToRest.convert_filter)}
        return api.CountResponse(result=api.CountResult(**self._ask(context, "POST", request, "points/count", body)))

    def Facet(self, request: Any, context: Any) -> Any:
        body = {"key": request.key, "limit": request.limit, "exact": request.exact}
        body |= _optional(request, "filter", GrpcToRest.convert_filter)
        hits = [models.FacetValueHit(**hit) for hit in self._ask(context, "POST", request, "facet", body)["hits"]]
        return api.FacetResponse(hits=[RestToGrpc.convert_facet_value_hit(hit) for hit in hits])

    def Query(self, request: Any, context: Any) -> Any:
        found = self._ask(context, "POST", request, "points/query", _search(request))
        return api.QueryResponse(result=_hits(found["points"]))

    def QueryBatch(self, request: Any, context: Any) -> Any:
        searches = [_search(each) for each in request.query_points]
        found = self._ask(context, "POST", request, "points/query/batch", {"searches": searches})
        return api.QueryBatchResponse(result=[api.BatchResult(result=_hits(each["points"])) for each in found])


def _wanted(request: Any) -> dict[str, Any]:
    vectors = request.with_vectors
    named = GrpcToRest.convert_with_vectors_selector(vectors) if request.HasField("with_vectors") else False
    return {"with_payload": GrpcToRest.convert_with_payload_selector(request.with_payload), "with_vector": named}


def _search(request: Any) -> dict[str, Any]:
    body = {"limit": request.limit, "using": request.using, "query": _json(GrpcToRest.convert_query(request.query))}
    body["with_payload"] = GrpcToRest.convert_with_payload_selector(request.with_payload)
    body |= _optional(request, "params", GrpcToRest.convert_search_params)
    return body | _optional(request, "filter", GrpcToRest.convert_filter)


def _records(found: list[dict[str, Any]]) -> list[Any]:
    return [
        RestToGrpc.convert_record(models.Record(**record | {"payload": record["payload"] or {}})) for record in found
    ]


def _hits(found: list[dict[str, Any]]) -> list[Any]:
    return [RestToGrpc.convert_scored_point(models.ScoredPoint(**hit)) for hit in found]


@contextmanager
def serving_grpc(server: QdrantServer) -> Iterator[int]:
    """Open the door: its port."""
    door = grpc.server(ThreadPoolExecutor(4))
    api.add_QdrantServicer_to_server(Root(server), door)
    api.add_CollectionsServicer_to_server(Collections(server), door)
    api.add_PointsServicer_to_server(Points(server), door)
    port = door.add_insecure_port("127.0.0.1:0")
    door.start()
    try:
        yield port
    finally:
        door.stop(0).wait()
