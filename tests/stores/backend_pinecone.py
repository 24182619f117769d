"""Pinecone for the contract suite: the stand-in, reached over the wire by the vendor's client."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pinecone_server import PineconeServer


@contextmanager
def serve(folder: Path) -> Iterator[str]:
    server = PineconeServer()
    server.lag = 0.002  # as the service does, it shows a write a little after it acknowledged it
    try:
        yield f"pinecone://:{server.key}@nearfield?host={server.url}"
    finally:
        server.stop()
