"""A stand-in for a Weaviate server, on the wire: REST over HTTP, searches and batches over gRPC.

It speaks what the vendor's client speaks to a server of the newest version, and can be told to be gone, to be slow, to
refuse, or to store only part of a batch.
"""

import json
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit
from uuid import UUID

import grpc
from weaviate_engine import Engine, RefusedError
from weaviate_grpc import Service

VERSION = "1.39.0"


class WeaviateServer:
    """A server on loopback, with faults to switch on.

    Attributes:
        engine: What it holds.
        version: What it says its version is.
        key: The key it asks for; empty for none.
        seconds: How long it waits before each answer.
        kept: Called with the uuid of an object to be stored; says why not, or nothing.
        queue: How many vectors it says are still to be indexed, answer by answer.
        requests: How many requests of each kind came.
    """

    def __init__(self):
        self.engine, self.version, self.key, self.seconds = Engine(), VERSION, "", 0.0
        self.kept, self.queue, self.requests = lambda uuid: None, [], []
        self.lock = threading.RLock()
        self.http_port = self.grpc_port = 0

    @property
    def url(self):
        return f"weaviate://127.0.0.1:{self.http_port}?grpc_port={self.grpc_port}"

    def start(self):
        """Listen, on the same ports as before if it was stopped."""
        handler = type("Handler", (_Handler,), {"server_state": self})
        self._http = ThreadingHTTPServer(("127.0.0.1", self.http_port), handler)
        self._http.daemon_threads = True
        self.http_port = self._http.server_address[1]
        threading.Thread(target=self._http.serve_forever, args=(0.02,), daemon=True).start()
        options = [("grpc.so_reuseport", 0), ("grpc.max_receive_message_length", 104_858_000)]
        self._grpc = grpc.server(ThreadPoolExecutor(8), options=options)
        self._grpc.add_generic_rpc_handlers((Service(self).handler(),))
        self.grpc_port = self._grpc.add_insecure_port(f"127.0.0.1:{self.grpc_port}")
        self._grpc.start()

    def stop(self):
        """Be gone; what it holds stays."""
        self._http.shutdown()
        self._http.server_close()
        self._grpc.stop(0).wait()

    def admits(self, authorization):
        return not self.key or authorization == f"Bearer {self.key}"

    def answer(self, kind):
        """Note a request, and be as slow as told."""
        self.requests.append(kind)
        time.sleep(self.seconds)


@contextmanager
def running():
    """A server for a test."""
    server = WeaviateServer()
    server.start()
    try:
        yield server
    finally:
        server.stop()


class _Handler(BaseHTTPRequestHandler):
    server_state: WeaviateServer
    protocol_version = "HTTP/1.1"

    def log_message(self, *args):
        pass

    def _handle(self):
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        state = self.server_state
        parts = [part for part in urlsplit(self.path).path.split("/") if part][1:]
        state.answer(f"{self.command} {parts[0]}")
        try:
            if not state.admits(self.headers.get("Authorization")):
                raise RefusedError(401, "unauthorized: invalid api key")
            with state.lock:
                status, content = self._routed(parts, json.loads(body) if body else {})
        except RefusedError as refused:
            status, content = refused.status, {"error": [{"message": str(refused)}]}
        self._send(status, content)

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = do_HEAD = _handle

    def _send(self, status, content):
        data = b"" if content is None or self.command == "HEAD" else json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def _routed(self, parts, body):
        match [self.command, *parts]:
            case ["GET", "meta"]:
                return 200, {"version": self.server_state.version, "hostname": "", "modules": {}}
            case ["GET", ".well-known", "ready" | "live"]:
                return 200, {}
            case [_, "schema", *rest]:
                return self._schema(rest, body)
            case [_, "objects", name, uuid]:
                return self._object(name, str(UUID(uuid)), body)
        return 404, None

    def _schema(self, rest, body):
        engine = self.server_state.engine
        match [self.command, *rest]:
            case ["GET"]:
                return 200, {"classes": [one.definition for one in engine.classes.values()]}
            case ["POST"]:
                return 200, engine.add(body)
            case ["GET", name]:
                return 200, engine.get(name).definition
            case ["DELETE", name]:
                engine.classes.pop(name, None)
                return 200, None
            case ["GET", name, "shards"]:
                engine.get(name)
                queue = self.server_state.queue
                waiting = queue.pop(0) if queue else 0
                status = "INDEXING" if waiting else "READY"
                return 200, [{"name": "only", "status": status, "vectorQueueSize": waiting}]
        return 404, None

    def _object(self, name, uuid, body):
        held = self.server_state.engine.get(name)
        there = held.objects.get(uuid)
        if self.command == "DELETE":
            held.remove([uuid])
            return (204 if there else 404), None
        if self.command == "PATCH" and there:
            held.put(uuid, there["properties"] | body["properties"], there["vectors"])
            return 204, None
        return 404, None
