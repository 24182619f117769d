"""A service on this machine that answers as OpenAI does, or misbehaves as it is told to."""

import base64
import contextlib
import email.utils
import json
import socket
import struct
import threading
import time
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np

KEY = "sk-test-0123456789abcdefghijklmnop"
DIM = 8


def vector_of(text: str, dim: int = DIM) -> np.ndarray:
    """The vector that the service gives a text."""
    return np.random.default_rng(zlib.crc32(text.encode())).normal(size=dim).astype(np.float32)


@dataclass
class Asked:
    """A request as it came in."""

    path: str
    headers: dict[str, str]
    body: dict


Behaviour = Callable[["Handler", Asked], None]


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        server: MisbehavingServer = self.server
        length = int(self.headers["Content-Length"])
        body = json.loads(self.rfile.read(length))
        asked = Asked(self.path, {name.lower(): value for name, value in self.headers.items()}, body)
        with server.lock:
            server.asked.append(asked)
            behave = server.script.pop(0) if server.script else server.usual
            server.busy += 1
            server.most_busy = max(server.most_busy, server.busy)
        try:
            behave(self, asked)
        finally:
            with server.lock:
                server.busy -= 1

    def answer(self, body: object, *, status: int = 200, headers: dict[str, str] | None = None) -> None:
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        pass


def items(asked: Asked) -> list[dict]:
    dim = asked.body.get("dimensions", DIM)
    in_base64 = asked.body.get("encoding_format") == "base64"
    return [
        {
            "index": index,
            "embedding": base64.b64encode(vector_of(text, dim).tobytes()).decode()
            if in_base64
            else vector_of(text, dim).tolist(),
        }
        for index, text in enumerate(asked.body["input"])
    ]


def well(handler: Handler, asked: Asked) -> None:
    handler.answer({"object": "list", "data": items(asked), "usage": {"prompt_tokens": 1}})


def with_items(change: Callable[[list[dict]], object]) -> Behaviour:
    """Answer with the vectors changed."""
    return lambda handler, asked: handler.answer({"data": change(items(asked))})


def saying(content: object) -> Behaviour:
    """Answer 200 with something else."""
    return lambda handler, _: handler.answer(content)


def refusing(status: int, message: str = "no", *, code: str | None = None, **headers: str) -> Behaviour:
    """Answer with an error."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return lambda handler, _: handler.answer(
        {"error": {"message": message, "code": code}}, status=status, headers=named
    )


def in_seconds(seconds: float) -> str:
    """The HTTP date so many seconds from now."""
    return email.utils.formatdate(time.time() + seconds, usegmt=True)


def reset(handler: Handler, _: Asked) -> None:
    """Break the connection off."""
    handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    handler.connection.close()
    handler.close_connection = True
    handler.wfile = handler.rfile = open("/dev/null", "wb")  # noqa: PTH123, SIM115  # what the base class flushes


def hang(handler: Handler, _: Asked) -> None:
    """Say nothing until the test is over."""
    handler.server.over.wait(60)
    handler.close_connection = True


def drip(handler: Handler, _: Asked) -> None:
    """Send a byte now and then, so that no single read takes long."""
    handler.send_response(200)
    handler.send_header("Content-Length", "100000")
    handler.end_headers()
    with contextlib.suppress(OSError):
        while not handler.server.over.wait(0.02):
            handler.wfile.write(b" ")
            handler.wfile.flush()
    handler.close_connection = True


def half_a_body(handler: Handler, asked: Asked) -> None:
    """Promise more than is sent."""
    content = json.dumps({"data": items(asked)}).encode()
    handler.send_response(200)
    handler.send_header("Content-Length", str(len(content)))
    handler.end_headers()
    handler.wfile.write(content[: len(content) // 2])
    handler.close_connection = True


def longer_than(tokens: int) -> Behaviour:
    """Refuse requests whose texts have more words than that, as a service refuses too many tokens."""

    def behave(handler: Handler, asked: Asked) -> None:
        count = sum(len(text.split()) for text in asked.body["input"])
        if count > tokens:
            message = f"This model's maximum context length is {tokens} tokens, however you requested {count} tokens"
            refusing(400, message)(handler, asked)
        else:
            well(handler, asked)

    return behave


class MisbehavingServer(ThreadingHTTPServer):
    """Serves on loopback.

    Attributes:
        script: What to do with the next requests; then `usual`.
        asked: The requests, in the order they came.
        most_busy: Most requests that were under way at once.
        over: Set when the test is over.
    """

    daemon_threads = True
    block_on_close = False

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.lock = threading.Lock()
        self.over = threading.Event()
        self.usual: Behaviour = well
        self.script: list[Behaviour] = []
        self.asked: list[Asked] = []
        self.busy = self.most_busy = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/v1"

    @property
    def texts(self) -> list[list[str]]:
        """The texts of each request, in the order they came."""
        return [asked.body["input"] for asked in self.asked]

    def handle_error(self, *_: object) -> None:
        pass  # clients that go away are what the tests are about


@contextlib.contextmanager
def serving() -> Iterator[MisbehavingServer]:
    server = MisbehavingServer()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.over.set()
        server.shutdown()
        server.server_close()
        thread.join()
