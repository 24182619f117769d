"""Milvus Lite as a server on a port, made to fail, to refuse and to be slow."""

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import grpc
from milvus_lite.adapter.grpc.servicer import MilvusServicer
from milvus_lite.db import MilvusLite
from pymilvus.grpc_gen import milvus_pb2_grpc


class Faults(grpc.ServerInterceptor):
    """What goes wrong: for each method, a list of what its next calls do.

    A status is what a call fails with, a number the seconds it takes, None lets it through; calls beyond the list
    are let through, unless the list is an endless iterator.
    """

    def __init__(self):
        self.planned = {}
        self.seen = []

    def intercept_service(self, continuation, details):
        method = details.method.rpartition("/")[2]
        self.seen.append(method)
        fault = next(self.planned[method], None) if method in self.planned else None
        if isinstance(fault, grpc.StatusCode):
            return grpc.unary_unary_rpc_method_handler(lambda _, context: context.abort(fault, "planned"))
        if fault is not None:
            time.sleep(fault)
        return continuation(details)


class FaultyMilvus:
    """A server that can be stopped and started again on the same port."""

    def __init__(self, folder: Path):
        self.folder = folder
        self.faults = Faults()
        self.port = 0
        self._server = None

    def start(self):
        self._engine = MilvusLite(str(self.folder))
        self._server = grpc.server(ThreadPoolExecutor(4), interceptors=[self.faults])
        milvus_pb2_grpc.add_MilvusServiceServicer_to_server(MilvusServicer(self._engine), self._server)
        self.port = self._server.add_insecure_port(f"127.0.0.1:{self.port}")
        self._server.start()

    def stop(self):
        if self._server is not None:
            self._server.stop(0).wait()
            self._engine.close()
            self._server = None


@contextmanager
def faulty_milvus(folder: Path) -> Iterator[FaultyMilvus]:
    server = FaultyMilvus(folder)
    server.start()
    try:
        yield server
    finally:
        server.stop()
