"""A stand-in for Pinecone that speaks its REST API, for want of a server that can be run here.

It has the paths, shapes, limits and error bodies that Pinecone documents for serverless indexes of vectors (version
2026-07), as far as nearfield asks for them; each index is served at a port of its own. It keeps records in
memory, compares by brute force, and can lag, fail and restart.
"""

import base64
import binascii
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import numpy as np
import orjson
from pinecone_rules import RefusedError, bad, check_id, check_metadata, holds

MAX_BODY, MAX_RECORDS, MAX_ANSWER = 2 << 20, 1000, 4 << 20
MAX_TOP_K, MAX_DELETED, MAX_LISTED, MAX_URL = 10_000, 1000, 100, 16 << 10


@dataclass
class Fault:
    """What goes wrong with requests: an error, or with no status a dropped connection, after a wait."""

    path: str
    status: int | None = None
    code: str = "UNAVAILABLE"
    seconds: float = 0.0
    headers: dict[str, str] = field(default_factory=dict)
    times: int = 1
    when: Callable[[Any], bool] = lambda body: True
    is_applied: bool = False  # whether the request is carried out all the same


@dataclass
class Records:
    """A namespace: what is visible, and what is written and not visible yet."""

    visible: dict[str, dict[str, Any]] = field(default_factory=dict)
    waiting: list[tuple[float, Callable[[dict[str, dict[str, Any]]], None]]] = field(default_factory=list)
    written: int = 0
    indexed: int = 0
    matrix: tuple[list[str], np.ndarray] | None = None

    def write(self, change: Callable[[dict[str, dict[str, Any]]], None]) -> dict[str, str]:
        self.written += 1
        self.waiting.append((time.monotonic(), change))
        return {"x-pinecone-request-lsn": str(self.written)}

    def catch_up(self, lag: float) -> None:
        while self.waiting and self.waiting[0][0] + lag <= time.monotonic():
            self.waiting.pop(0)[1](self.visible)
            self.indexed += 1
            self.matrix = None

    def vectors(self) -> tuple[list[str], np.ndarray]:
        if self.matrix is None:
            ids = list(self.visible)
            self.matrix = ids, np.array([self.visible[id]["values"] for id in ids], np.float64)
        return self.matrix


@dataclass
class Index:
    name: str
    dim: int
    metric: str
    description: dict[str, Any]
    namespaces: dict[str, Records] = field(default_factory=dict)


class PineconeServer:
    """The service: `url` is its control plane.

    `faults` are used up by the requests that they are for; `lag` is how long a write stays invisible;
    with `is_nin_loose`, `$nin` is true of a list if any of its strings is none of the values, as the documentation
    may also be read.
    `stop` and `start` are a restart: what was written stays, and so do the ports.
    """

    def __init__(self, key: str = "test-key") -> None:
        self.key = key
        self.lag = 0.0
        self.is_nin_loose = False
        self.faults: list[Fault] = []
        self.requests: list[tuple[str, Any]] = []
        self.indexes: dict[str, Index] = {}
        self._lock = threading.RLock()
        self._ports: dict[str, int] = {"": 0}
        self._running: dict[str, ThreadingHTTPServer] = {}
        self.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._ports['']}"

    def start(self) -> None:
        for name in self._ports:
            self._serve(name)

    def stop(self) -> None:
        for server in self._running.values():
            server.shutdown()
            server.server_close()
        self._running.clear()

    def _serve(self, name: str) -> None:
        handler = type("Handler", (_Handler,), {"service": self, "index": name})
        server = _Server(("127.0.0.1", self._ports.get(name, 0)), handler)
        self._ports[name] = server.server_address[1]
        self._running[name] = server
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()

    # --- what is asked

    def fault(self, path: str, body: Any) -> Fault | None:
        with self._lock:
            for fault in self.faults:
                if fault.path == path and fault.times and fault.when(body):
                    fault.times -= 1
                    return fault
        return None

    def answer(self, index: str, method: str, path: str, query: dict[str, list[str]], body: Any) -> tuple[Any, dict]:
        with self._lock:
            if not index:
                return self._control(method, path, body), {}
            if index not in self.indexes:
                raise RefusedError(404, 5, f"Index {index} not found")
            return _Data(self.indexes[index], self.lag, self.is_nin_loose).answer(method, path, query, body)

    def _control(self, method: str, path: str, body: Any) -> Any:
        name = unquote(path.removeprefix("/indexes").strip("/"))
        if method == "GET" and not name:
            return {"indexes": [self._described(index) for index in self.indexes.values()]}
        if method == "POST" and not name:
            return self._create(body)
        if name not in self.indexes:
            raise RefusedError(404, 5, f"Resource {name} not found")
        if method == "DELETE":
            if self.indexes[name].description["deletion_protection"] == "enabled":
                raise RefusedError(403, 7, "Deletion protection is enabled for this index. Disable it before retrying.")
            del self.indexes[name]
            return None
        return self._described(self.indexes[name])

    def _create(self, body: Any) -> Any:
        if body["name"] in self.indexes:
            raise RefusedError(409, 6, "Resource already exists")
        (declared,) = body["schema"]["fields"].values()
        if not 1 <= declared["dimension"] <= 20_000:
            raise bad("dimension must be between 1 and 20000")
        made = Index(
            body["name"],
            declared["dimension"],
            declared["metric"],
            {
                "name": body["name"],
                "schema": body["schema"],
                "deployment": body["deployment"],
                "deletion_protection": body.get("deletion_protection", "disabled"),
                "read_capacity": {"mode": "OnDemand", "status": {"state": "Ready"}},
                "tags": None,
            },
        )
        self.indexes[made.name] = made
        self._serve(made.name)
        return self._described(made)

    def _described(self, index: Index) -> Any:
        host = f"127.0.0.1:{self._ports[index.name]}"
        return {**index.description, "host": host, "status": {"ready": True, "state": "Ready"}}


class _Data:
    """The data plane of one index."""

    def __init__(self, index: Index, lag: float, is_nin_loose: bool) -> None:
        self.index, self.lag, self.loose = index, lag, is_nin_loose

    def answer(self, method: str, path: str, query: dict[str, list[str]], body: Any) -> tuple[Any, dict]:
        if path.startswith("/namespaces/") and method == "DELETE":
            if self.index.namespaces.pop(unquote(path.removeprefix("/namespaces/")), None) is None:
                raise RefusedError(404, 5, "Namespace not found")
            return {}, {}
        steps = {
            ("POST", "/vectors/upsert"): self.upsert,
            ("POST", "/vectors/update"): self.update,
            ("POST", "/vectors/delete"): self.delete,
            ("POST", "/vectors/fetch_by_metadata"): self.fetch_by_metadata,
            ("POST", "/query"): self.query,
        }
        if (method, path) in steps:
            return steps[method, path](body)
        if (method, path) == ("GET", "/vectors/fetch"):
            return self.fetch(query["ids"], query.get("namespace", [""])[0])
        if (method, path) == ("GET", "/vectors/list"):
            return self.list(**{name: values[0] for name, values in query.items()})
        raise RefusedError(404, 5, f"no such operation: {method} {path}")

    def read(self, namespace: str) -> Records:
        found = self.index.namespaces.get(namespace, Records())
        found.catch_up(self.lag)
        return found

    def there(self, namespace: str) -> Records:
        if namespace not in self.index.namespaces:
            raise RefusedError(404, 5, "Namespace not found")
        return self.read(namespace)

    def upsert(self, body: Any) -> tuple[Any, dict]:
        if len(body["vectors"]) > MAX_RECORDS:
            raise bad(f"Vector upsert limit is {MAX_RECORDS}, got {len(body['vectors'])}")
        records = {record["id"]: self._checked(record) for record in body["vectors"]}
        headers = self.index.namespaces.setdefault(body.get("namespace", ""), Records()).write(
            lambda visible: visible.update(records)
        )
        return {"upsertedCount": len(records)}, headers

    def _checked(self, record: Any) -> dict[str, Any]:
        check_id(record["id"])
        values = np.array(record["values"], np.float32)
        if len(values) != self.index.dim:
            raise bad(f"Vector dimension {len(values)} does not match the dimension of the index {self.index.dim}")
        if not values.any():
            raise bad(
                "Dense vectors must contain at least one non-zero value. "
                f"Vector ID '{record['id']}' contains only zeros"
            )
        metadata = record.get("metadata", {})
        check_metadata(metadata)
        return {"id": record["id"], "values": values.tolist(), "metadata": metadata}

    def update(self, body: Any) -> tuple[Any, dict]:
        records = self.there(body["namespace"])
        if "filter" in body:
            reached = [
                id for id, each in records.visible.items() if holds(body["filter"], each["metadata"], self.loose)
            ]
            if not body.get("dryRun"):
                raise bad("only counting is known here")
            return {"matchedRecords": len(reached)}, {}

        def change(visible: dict[str, dict[str, Any]]) -> None:
            if body["id"] in visible:
                old = visible[body["id"]]
                visible[body["id"]] = {**old, "metadata": {**old["metadata"], **body.get("setMetadata", {})}}

        return {}, records.write(change)

    def delete(self, body: Any) -> tuple[Any, dict]:
        ids = body.get("ids", [])
        if len(ids) > MAX_DELETED:
            raise bad(f"Delete limit is {MAX_DELETED} ids, got {len(ids)}")
        records = self.there(body["namespace"])

        def change(visible: dict[str, dict[str, Any]]) -> None:
            if body.get("deleteAll"):
                visible.clear()
            for id in ids:
                visible.pop(id, None)

        return {}, records.write(change)

    def fetch(self, ids: list[str], namespace: str) -> tuple[Any, dict]:
        if len(ids) > 1000:
            raise bad("Fetch limit is 1000 ids")
        visible = self.read(namespace).visible
        return {"vectors": {id: visible[id] for id in ids if id in visible}, "namespace": namespace}, {}

    def fetch_by_metadata(self, body: Any) -> tuple[Any, dict]:
        if not body["filter"]:
            raise bad("Empty filter provided for fetch by metadata request")
        visible = self.read(body.get("namespace", "")).visible
        after, limit = _after(body.get("paginationToken")), body.get("limit", 100)
        if not 1 <= limit <= 10_000:
            raise bad("limit must be between 1 and 10000")
        found = [
            id for id in sorted(visible) if id > after and holds(body["filter"], visible[id]["metadata"], self.loose)
        ]
        answer: dict[str, Any] = {"vectors": {id: visible[id] for id in found[:limit]}}
        if len(found) > limit:
            answer["pagination"] = {"next": _token(found[limit - 1])}
        return answer, {}

    def list(
        self,
        namespace: str = "",
        prefix: str = "",
        limit: str = "100",
        paginationToken: str = "",
    ) -> tuple[Any, dict]:
        if not 1 <= int(limit) <= MAX_LISTED:
            raise bad("limit must be between 1 and 100")
        after = _after(paginationToken)
        found = [id for id in sorted(self.read(namespace).visible) if id.startswith(prefix) and id > after]
        answer: dict[str, Any] = {"vectors": [{"id": id} for id in found[: int(limit)]], "namespace": namespace}
        if len(found) > int(limit):
            answer["pagination"] = {"next": _token(found[int(limit) - 1])}
        return answer, {}

    def query(self, body: Any) -> tuple[Any, dict]:
        query = self._checked_query(body)
        records = self.read(body.get("namespace", ""))
        headers = {"x-pinecone-max-indexed-lsn": str(records.indexed)}
        ids, matrix = records.vectors()
        if not ids:
            return {"matches": [], "namespace": body.get("namespace", "")}, headers
        scores = self._scores(matrix, query.astype(np.float64))
        matches = []
        for row in np.argsort(scores if self.index.metric == "euclidean" else -scores):
            record = records.visible[ids[row]]
            if "filter" not in body or holds(body["filter"], record["metadata"], self.loose):
                metadata = {"metadata": record["metadata"]} if body.get("includeMetadata") else {}
                matches.append({"id": record["id"], "score": float(np.float32(scores[row])), **metadata})
                if len(matches) == body["topK"]:
                    break
        if len(orjson.dumps(matches)) > MAX_ANSWER:
            raise bad("Query result size exceeds the limit of 4MB")
        return {"matches": matches, "namespace": body.get("namespace", "")}, headers

    def _checked_query(self, body: Any) -> np.ndarray:
        query = np.array(body["vector"], np.float32)
        if len(query) != self.index.dim:
            raise bad(f"Query vector dimension {len(query)} does not match the dimension of the index")
        if not query.any():
            raise bad("Dense vectors must contain at least one non-zero value")
        if not 1 <= body["topK"] <= MAX_TOP_K:
            raise bad(f"topK must be between 1 and {MAX_TOP_K}")
        dedicated = self.index.description["read_capacity"]["mode"] == "Dedicated"
        if not dedicated and ("maxCandidates" in body or "scanFactor" in body):
            raise bad("scan_factor and max_candidates are for indexes on dedicated read nodes")
        return query

    def _scores(self, matrix: np.ndarray, query: np.ndarray) -> np.ndarray:
        if self.index.metric == "euclidean":
            return np.array(((matrix - query) ** 2).sum(axis=1))
        scores = (matrix * query).sum(axis=1)
        if self.index.metric == "cosine":
            scores = scores / (np.linalg.norm(matrix, axis=1) * np.linalg.norm(query))
        return np.array(scores)


def _token(id: str) -> str:
    return base64.urlsafe_b64encode(id.encode()).decode()


def _after(token: str | None) -> str:
    try:
        return base64.urlsafe_b64decode(token or "").decode()
    except (binascii.Error, UnicodeDecodeError):
        raise bad("Invalid pagination token") from None


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False

    def __init__(self, address: tuple[str, int], handler: type[BaseHTTPRequestHandler]) -> None:
        self.connections: set[Any] = set()
        super().__init__(address, handler)

    def server_close(self) -> None:
        super().server_close()
        for connection in list(self.connections):  # a restart ends the connections that are kept alive, too
            self.shutdown_request(connection)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing of connections that the client, or a restart, ended."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1
    service: PineconeServer
    index: str
    server: _Server

    def setup(self) -> None:
        super().setup()
        self.server.connections.add(self.connection)

    def finish(self) -> None:
        self.server.connections.discard(self.connection)
        super().finish()

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""

    def do_GET(self) -> None:
        self._answer("GET")

    def do_POST(self) -> None:
        self._answer("POST")

    def do_DELETE(self) -> None:
        self._answer("DELETE")

    def _answer(self, method: str) -> None:
        content = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        body = orjson.loads(content) if content else None
        url = urlsplit(self.path)
        self.service.requests.append((url.path, body))
        fault = self.service.fault(url.path, body)
        if fault is not None:
            time.sleep(fault.seconds)
        result = self._result(method, url.path, url.query, body) if fault is None or fault.is_applied else None
        if fault is None:
            self._send(*result)
        elif fault.status is None:
            self.close_connection = True
        else:
            self._send(fault.status, _error(self.index, fault.status, 14, "out of order", fault.code), fault.headers)

    def _result(self, method: str, path: str, query: str, body: Any) -> tuple[int, Any, dict[str, str]]:
        try:
            if self.headers.get("Api-Key") != self.service.key:
                raise RefusedError(401, 16, "Invalid API Key")
            if int(self.headers.get("Content-Length") or 0) > MAX_BODY:
                raise RefusedError(413, 11, f"message length too large: the limit is {MAX_BODY} bytes")
            if len(self.path) > MAX_URL:
                raise RefusedError(414, 3, "URI too long")
            answer, headers = self.service.answer(self.index, method, path, parse_qs(query), body)
        except RefusedError as refusal:
            return refusal.status, _error(self.index, refusal.status, refusal.code, refusal.message), {}
        return 200, answer, headers

    def _send(self, status: int, answer: Any, headers: dict[str, str]) -> None:
        content = b"" if answer is None else orjson.dumps(answer)
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)
        self.wfile.flush()


_NAMES = {401: "UNAUTHENTICATED", 403: "FORBIDDEN", 404: "NOT_FOUND", 409: "ALREADY_EXISTS", 400: "INVALID_ARGUMENT"}


def _error(index: str, status: int, code: int, message: str, name: str = "") -> Any:
    if index:
        return {"code": code, "message": message, "details": []}
    return {"status": status, "error": {"code": name or _NAMES.get(status, "UNKNOWN"), "message": message}}
