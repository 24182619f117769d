"""The gRPC half of the stand-in for a Weaviate server; see `weaviate_server.py`."""

from uuid import UUID

import grpc
import numpy as np
from google.protobuf.json_format import MessageToDict
from weaviate.proto.v1 import (
    aggregate_pb2,
    base_pb2,
    batch_delete_pb2,
    batch_pb2,
    properties_pb2,
    search_get_pb2,
)
from weaviate_engine import MAX_RESULTS, RefusedError, check_limit


class Service:
    """The calls of `weaviate.v1.Weaviate` that the client makes."""

    def __init__(self, state):
        self._state = state

    def handler(self):
        calls = {
            "Search": (self.search, search_get_pb2.SearchRequest),
            "BatchObjects": (self.batch_objects, batch_pb2.BatchObjectsRequest),
            "BatchDelete": (self.batch_delete, batch_delete_pb2.BatchDeleteRequest),
            "Aggregate": (self.aggregate, aggregate_pb2.AggregateRequest),
        }
        return grpc.method_handlers_generic_handler(
            "weaviate.v1.Weaviate",
            {
                name: grpc.unary_unary_rpc_method_handler(
                    self._guarded(name, call), request.FromString, lambda reply: reply.SerializeToString()
                )
                for name, (call, request) in calls.items()
            },
        )

    def _guarded(self, name, call):
        def answer(request, context):
            self._state.answer(name)
            if not self._state.admits(dict(context.invocation_metadata()).get("authorization")):
                context.abort(grpc.StatusCode.UNAUTHENTICATED, "unauthorized: invalid api key")
            try:
                with self._state.lock:
                    return call(request)
            except RefusedError as refused:
                context.abort(grpc.StatusCode.UNKNOWN, str(refused))

        return answer

    def _class(self, name):
        return self._state.engine.get(name)

    # --- writes

    def batch_objects(self, request):
        errors = []
        for index, one in enumerate(request.objects):
            problem = self._state.kept(one.uuid)
            try:
                if problem:
                    raise RefusedError(500, problem)
                held = self._class(one.collection)
                vectors = {vector.name: np.frombuffer(vector.vector_bytes, "<f4") for vector in one.vectors}
                if one.vector_bytes:  # without a name it is that of the only one
                    (name,) = held.definition["vectorConfig"]
                    vectors[name] = np.frombuffer(one.vector_bytes, "<f4")
                held.put(one.uuid, _as_json(one.properties), vectors)
            except RefusedError as refused:
                errors.append(batch_pb2.BatchObjectsReply.BatchError(index=index, error=str(refused)))
        return batch_pb2.BatchObjectsReply(errors=errors)

    def batch_delete(self, request):
        held = self._class(request.collection)
        if not request.HasField("filters"):
            raise RefusedError(422, "no filters in batch delete request")
        found = sorted(_met(held, request.filters))
        chosen = found[:MAX_RESULTS]
        if not request.dry_run:
            held.remove(chosen)
        return batch_delete_pb2.BatchDeleteReply(matches=len(found), successful=len(chosen))

    # --- reads

    def aggregate(self, request):
        held = self._class(request.collection)
        count = len(_met(held, request.filters) if request.HasField("filters") else held.objects)
        return aggregate_pb2.AggregateReply(single_result=aggregate_pb2.AggregateReply.Single(objects_count=count))

    def search(self, request):
        held = self._class(request.collection)
        limit = request.limit or 10
        filtered = request.HasField("filters")
        if request.after:
            if filtered or request.offset or request.HasField("near_vector") or request.HasField("bm25_search"):
                raise RefusedError(422, "where cannot be set with after and limit parameters")
        else:
            check_limit(limit, request.offset)
        allowed = _met(held, request.filters) if filtered else set(held.objects)
        if request.HasField("near_vector"):
            found = held.distances(_query(request.near_vector), allowed if filtered else None)
            ranked = sorted((uuid for uuid in found if uuid in allowed), key=found.__getitem__)
        elif request.HasField("bm25_search"):
            found = held.bm25(request.bm25_search.query, list(request.bm25_search.properties))
            ranked = sorted((uuid for uuid in found if uuid in allowed), key=lambda uuid: -found[uuid])
        elif request.after:
            found, ranked = {}, sorted(uuid for uuid in allowed if uuid > request.after)
        else:
            found, ranked = {}, [uuid for uuid in held.objects if uuid in allowed]
        chosen = ranked[request.offset : request.offset + limit]
        return search_get_pb2.SearchReply(results=[_result(held, uuid, request, found.get(uuid)) for uuid in chosen])


def _query(near):
    for target in near.vector_for_targets:
        return np.frombuffer(target.vectors[0].vector_bytes if target.vectors else target.vector_bytes, "<f4")
    return np.frombuffer(near.vectors[0].vector_bytes if near.vectors else near.vector_bytes, "<f4")


def _as_json(properties):
    found = MessageToDict(properties.non_ref_properties)
    found |= {array.prop_name: list(array.values) for array in properties.text_array_properties}
    return found | {name: [] for name in properties.empty_list_props}


def _result(held, uuid, request, value):
    one = held.objects[uuid]
    metadata = search_get_pb2.MetadataResult(id_as_bytes=UUID(uuid).bytes, id=uuid)
    if request.metadata.creation_time_unix:
        metadata.creation_time_unix = metadata.last_update_time_unix = one["updated"]
        metadata.creation_time_unix_present = metadata.last_update_time_unix_present = True
    if value is not None and request.HasField("near_vector") and request.metadata.distance:
        metadata.distance, metadata.distance_present = value, True
    if value is not None and request.HasField("bm25_search") and request.metadata.score:
        metadata.score, metadata.score_present = value, True
    if request.metadata.vector or request.metadata.vectors:
        for name, vector in one["vectors"].items():
            single = base_pb2.Vectors.VECTOR_TYPE_SINGLE_FP32
            metadata.vectors.append(base_pb2.Vectors(name=name, vector_bytes=vector.tobytes(), type=single))
    asked = request.properties.non_ref_properties
    fields = {name: _value(held, name, one["properties"][name]) for name in asked if name in one["properties"]}
    properties = search_get_pb2.PropertiesResult(
        target_collection=request.collection, non_ref_props=properties_pb2.Properties(fields=fields)
    )
    return search_get_pb2.SearchResult(properties=properties, metadata=metadata)


def _value(held, name, value):
    kind = held.properties[name]["dataType"][0]
    if kind == "text[]":
        texts = properties_pb2.TextValues(values=value)
        return properties_pb2.Value(list_value=properties_pb2.ListValue(text_values=texts))
    field = {"text": "text_value", "number": "number_value", "int": "int_value"}[kind]
    return properties_pb2.Value(**{field: int(value) if kind == "int" else value})


def _met(held, condition):
    """The objects that meet a filter."""
    operator = base_pb2.Filters.Operator.Name(condition.operator).removeprefix("OPERATOR_")
    if operator in ("AND", "OR", "NOT"):
        if not condition.filters:
            raise RefusedError(422, f"no children for operator {operator}")
        parts = [_met(held, part) for part in condition.filters]
        if operator == "NOT":
            (only,) = parts
            return set(held.objects) - only
        return set.intersection(*parts) if operator == "AND" else set.union(*parts)
    name = condition.target.property
    wanted = list(condition.value_text_array.values) or [condition.value_text]
    if name == "_id":
        return set(held.objects) & {str(UUID(value)) for value in wanted}
    if name not in held.properties:
        raise RefusedError(422, f"no such prop with name '{name}'")
    if operator == "LIKE":
        return held.like(name, condition.value_text)
    if operator in ("GREATER_THAN_EQUAL", "LESS_THAN"):
        return held.in_order(name, operator, condition.value_int)
    if operator not in ("EQUAL", "CONTAINS_ANY"):
        raise RefusedError(422, f"the stand-in has no operator {operator}")
    _, found = held.tokens(name)
    return set().union(*(found.get(value.strip(), set()) for value in wanted))
