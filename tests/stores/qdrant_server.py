"""A stand-in for a Qdrant server: its REST API over HTTP on the loopback, with the faults that a server may have."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from qdrant_engine import Engine, RefusedError

Fault = Callable[[str, str], int | float | str | None]
"""Given a request's method and path: a status to refuse it with, seconds to wait first, or how to break the line.

`drop` closes it before the request is done, `lose` after it is.
"""


class QdrantServer:
    """A server that can be stopped and started again with what it holds.

    Attributes:
        key: What requests need to carry; nothing if empty.
        reader: A second key, which may only read.
        version: What it says it is.
        fault: What goes wrong, request by request.
        requests: Method and path of each request so far.
    """

    def __init__(self, folder: Path) -> None:
        self.engine = Engine(folder)
        self.key = self.reader = ""
        self.version = "1.20.1"
        self.fault: Fault = lambda method, path: None
        self.requests: list[tuple[str, str]] = []
        self.port = 0
        self._http: ThreadingHTTPServer | None = None

    @property
    def url(self) -> str:
        return f"qdrant://127.0.0.1:{self.port}"

    def start(self) -> None:
        server = self

        class Handler(_Handler):
            standing_in = server

        self._http = ThreadingHTTPServer(("127.0.0.1", self.port), Handler)
        self._http.daemon_threads = True
        self.port = self._http.server_address[1]
        threading.Thread(target=self._http.serve_forever, args=(0.02,), daemon=True).start()

    def stop(self) -> None:
        if self._http is not None:
            self._http.shutdown()
            self._http.server_close()
            self._http = None


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    standing_in: QdrantServer

    def handle_any(self) -> None:
        path = unquote(urlsplit(self.path).path)
        length = int(self.headers.get("Content-Length") or 0)
        body = json.loads(self.rfile.read(length)) if length else {}
        self.standing_in.requests.append((self.command, path))
        fault = self.standing_in.fault(self.command, path)
        if isinstance(fault, float):
            time.sleep(fault)
        status, content = (200, {}) if fault == "drop" else self._answered(path, body, fault)
        if isinstance(fault, str):
            self.close_connection = True
        else:
            self._send(status, content)

    do_GET = do_PUT = do_POST = do_PATCH = do_DELETE = handle_any

    def _answered(self, path: str, body: dict[str, Any], fault: object) -> tuple[int, Any]:
        if path == "/":  # which any server answers to anybody
            return 200, {"title": "qdrant - vector search engine", "version": self.standing_in.version}
        try:
            if isinstance(fault, int):
                raise RefusedError(fault, "told so by the test")
            self._check_key(path)
            parts = [part for part in path.removeprefix("/collections").split("/") if part]
            result = self.standing_in.engine.answer(self.command, parts, body)
        except RefusedError as refused:
            return refused.status, {"status": {"error": str(refused)}, "time": 0.0}
        except Exception as error:  # the engine raises bare Exception
            return 400, {"status": {"error": f"Wrong input: {error}"}, "time": 0.0}
        return 200, {"result": result, "status": "ok", "time": 0.0}

    def _check_key(self, path: str) -> None:
        server = self.standing_in
        given = self.headers.get("api-key", "")
        if server.key and given not in (server.key, server.reader):
            raise RefusedError(401, "Must provide an API key or an Authorization bearer token")
        reads = ("/points", "/scroll", "/count", "/query", "/query/batch", "/facet")
        may_read = self.command == "GET" or (self.command == "POST" and path.endswith(reads))
        if server.reader and given == server.reader and not may_read:
            raise RefusedError(403, "Forbidden: global manage access is required")

    def _send(self, status: int, content: object) -> None:
        written = json.dumps(content, default=_plain).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(written)))
        self.end_headers()
        self.wfile.write(written)

    def log_message(self, *arguments: object) -> None:
        """Say nothing."""


def _plain(value: Any) -> Any:
    """Write down the engine's sparse vectors."""
    return {"indices": value.indices, "values": value.values}


@contextmanager
def running(folder: Path) -> Iterator[QdrantServer]:
    server = QdrantServer(folder)
    server.start()
    try:
        yield server
    finally:
        server.stop()
        server.engine.close()
