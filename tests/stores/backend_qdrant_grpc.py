"""A stand-in for a Qdrant server, reached by the vendor's client over gRPC."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from qdrant_grpc import serving_grpc
from qdrant_server import running


@contextmanager
def serve(folder: Path) -> Iterator[str]:
    with running(folder) as server, serving_grpc(server) as port:
        yield f"{server.url}?grpc_port={port}"
