"""What nearfield costs over each vendor's bare client: loading points, and asking for the nearest ten.

    python benchmarks/store_overhead.py --cache FOLDER [--only postgresql,chroma]

The bare client is used as its documentation shows, with the same index parameters, texts and metadata; the two take
turns, five times each, on fresh collections. Only engines that can be run here are measured: PostgreSQL with pgvector,
Chroma's server, Milvus Lite, Qdrant's local mode, and Qdrant Edge. Servers are started as the tests start them. Vectors
as in `embedded_store.py`. Writes results/store_overhead.json.
"""

import argparse
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import asdict
from itertools import count as counter
from pathlib import Path
from typing import Any

import numpy as np
from embedded_store import ENCODER, real_vectors
from harness import Timing, machine, measure_alternately, write

from nearfield.stores.address import Address, connect
from nearfield.stores.base import Batch, Payload
from nearfield.stores.database import Database

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "stores"))

K = 10
REQUEST = 1000
SIZES = {"embedded": 20_000, "postgresql": 20_000, "chroma": 5_000, "milvus": 5_000, "qdrant": 2_000}
_numbers = counter(1)


class Points:
    """The same points for both."""

    def __init__(self, vectors: np.ndarray) -> None:
        self.vectors = vectors
        self.ids = [f"doc-{row}" for row in range(len(vectors))]
        self.texts = [f"sentence number {row} of an encyclopedia" for row in range(len(vectors))]
        self.metas = [{"year": 2000 + row % 20, "lang": "en"} for row in range(len(vectors))]

    def parts(self) -> list[slice]:
        return [slice(start, start + REQUEST) for start in range(0, len(self.ids), REQUEST)]


class Ours:
    """nearfield's store."""

    def __init__(self, database: Database, **options: Any) -> None:
        self.database, self.options = database, options
        self.store: Any = None

    def load(self, points: Points) -> None:
        name = f"ours{next(_numbers)}"
        config = self.database.config_type(dim=points.vectors.shape[1], **self.options)
        self.store = self.database.create_store(name, 1, config)
        for part in points.parts():
            payloads = [
                Payload(text, meta=meta) for text, meta in zip(points.texts[part], points.metas[part], strict=True)
            ]
            self.store.upsert(Batch(points.ids[part], payloads, points.vectors[part]))

    def finish(self) -> None:
        self.store.optimise()

    def query(self, vector: np.ndarray) -> Any:
        return self.store.query(vector, k=K)


class BarePostgres:
    """psycopg and pgvector's types."""

    def __init__(self, url: str) -> None:
        import psycopg
        from pgvector.psycopg import register_vector

        self.connection = psycopg.connect(url, autocommit=True)
        self.connection.execute("CREATE EXTENSION IF NOT EXISTS vector")
        register_vector(self.connection)
        self.connection.execute("SET hnsw.iterative_scan = strict_order")
        self.connection.execute("SET hnsw.ef_search = 128")
        self.table = ""

    def load(self, points: Points) -> None:
        from psycopg.types.json import Jsonb

        self.table = f"bare{next(_numbers)}"
        dim = points.vectors.shape[1]
        self.connection.execute(
            f"CREATE TABLE {self.table} (id text PRIMARY KEY, body text, meta jsonb, vector vector({dim}))"
        )
        for part in points.parts():
            with (
                self.connection.cursor() as cursor,
                cursor.copy(f"COPY {self.table} FROM STDIN (FORMAT binary)") as copy,
            ):
                copy.set_types(["text", "text", "jsonb", "vector"])
                rows = zip(points.ids[part], points.texts[part], points.metas[part], points.vectors[part], strict=True)
                for id, text, meta, vector in rows:
                    copy.write_row((id, text, Jsonb(meta), vector))

    def finish(self) -> None:
        self.connection.execute(
            f"CREATE INDEX ON {self.table} USING hnsw (vector vector_ip_ops) WITH (m = 16, ef_construction = 100)"
        )

    def query(self, vector: np.ndarray) -> Any:
        statement = f"SELECT id, vector <#> %b AS d, body, meta FROM {self.table} ORDER BY d LIMIT {K}"
        return self.connection.execute(statement, (vector,), binary=True).fetchall()


class BareChroma:
    """chromadb's client of a server."""

    def __init__(self, url: str) -> None:
        import chromadb

        address = Address.parse(url)
        settings = chromadb.Settings(anonymized_telemetry=False)
        self.client = chromadb.HttpClient(address.host, address.port or 8000, settings=settings)
        self.collection: Any = None

    def load(self, points: Points) -> None:
        self.collection = self.client.create_collection(
            f"bare{next(_numbers)}", configuration={"hnsw": {"space": "cosine"}}, embedding_function=None
        )
        for part in points.parts():
            metas: Any = points.metas[part]
            self.collection.upsert(
                points.ids[part], embeddings=points.vectors[part], documents=points.texts[part], metadatas=metas
            )

    def finish(self) -> None:
        self.query(np.ones(384, np.float32))

    def query(self, vector: np.ndarray) -> Any:
        return self.collection.query([vector], n_results=K)


class BareMilvus:
    """pymilvus' client."""

    def __init__(self, client: Any) -> None:
        self.client = client
        self.name = ""

    def load(self, points: Points) -> None:
        from pymilvus import DataType

        self.name = f"bare{next(_numbers)}"
        schema = self.client.create_schema(auto_id=False)
        schema.add_field("id", DataType.VARCHAR, max_length=3072, is_primary=True)
        schema.add_field("vector", DataType.FLOAT_VECTOR, dim=points.vectors.shape[1])
        schema.add_field("text", DataType.VARCHAR, max_length=65535)
        schema.add_field("meta", DataType.JSON)
        index = self.client.prepare_index_params()
        index.add_index("vector", index_type="FLAT", metric_type="COSINE")
        self.client.create_collection(self.name, schema=schema, index_params=index, consistency_level="Strong")
        for part in points.parts():
            rows = zip(points.ids[part], points.vectors[part], points.texts[part], points.metas[part], strict=True)
            self.client.upsert(self.name, [{"id": i, "vector": v, "text": t, "meta": m} for i, v, t, m in rows])

    def finish(self) -> None:
        pass

    def query(self, vector: np.ndarray) -> Any:
        return self.client.search(self.name, [vector], limit=K, output_fields=["text", "meta"])


class BareQdrant:
    """qdrant-client's local mode."""

    def __init__(self, folder: Path) -> None:
        import qdrant_client

        self.client = qdrant_client.QdrantClient(path=str(folder))
        self.name = ""

    def load(self, points: Points) -> None:
        from qdrant_client import models

        self.name = f"bare{next(_numbers)}"
        vectors = {"dense": models.VectorParams(size=points.vectors.shape[1], distance=models.Distance.COSINE)}
        self.client.create_collection(self.name, vectors)
        for part in points.parts():
            self.client.upsert(
                self.name,
                [
                    models.PointStruct(
                        id=row,
                        vector={"dense": points.vectors[row].tolist()},
                        payload={"id": points.ids[row], "text": points.texts[row], **points.metas[row]},
                    )
                    for row in range(*part.indices(len(points.ids)))
                ],
            )

    def finish(self) -> None:
        pass

    def query(self, vector: np.ndarray) -> Any:
        return self.client.query_points(self.name, vector.tolist(), using="dense", limit=K, with_payload=True).points


class BareEdge:
    """Qdrant Edge with the store's own configuration."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.shard: Any = None
        self.params: Any = None

    def load(self, points: Points) -> None:
        import uuid

        import qdrant_edge as q

        from nearfield.stores.base import StoreConfig
        from nearfield.stores.embedded.engine import engine_config, indexed_params

        config = StoreConfig(dim=points.vectors.shape[1], index_above=0)
        self.params = indexed_params(config.effort)
        folder = self.folder / f"bare{next(_numbers)}"
        folder.mkdir(parents=True)
        self.shard = q.EdgeShard.create(str(folder), engine_config(config))
        for part in points.parts():
            rows = range(*part.indices(len(points.ids)))
            made = [
                q.Point(
                    str(uuid.UUID(int=row)),
                    {"dense": points.vectors[row].tolist()},
                    {"id": points.ids[row], "text": points.texts[row], **points.metas[row]},
                )
                for row in rows
            ]
            self.shard.update(q.UpdateOperation.upsert_points(made))
            self.shard.flush()

    def finish(self) -> None:
        self.shard.optimize()

    def query(self, vector: np.ndarray) -> Any:
        import qdrant_edge as q

        nearest = q.Query.Nearest(vector.tolist(), "dense")
        request = q.QueryRequest(K, query=nearest, params=self.params, with_payload=True)
        return [(hit.payload, hit.score) for hit in self.shard.query(request)]


def compare(ours: Any, bare: Any, points: Points, queries: np.ndarray, repeats: int) -> dict[str, Any]:
    loads = measure_alternately(
        {"ours": lambda: ours.load(points), "bare": lambda: bare.load(points)}, repeats=repeats, warmup=1
    )
    ours.finish()
    bare.finish()
    asked = measure_alternately(
        {
            "ours": lambda: [ours.query(vector) for vector in queries],
            "bare": lambda: [bare.query(vector) for vector in queries],
        },
        repeats=repeats,
        warmup=1,
    )
    return {
        "points": len(points.ids),
        "load": _figures(loads, len(points.ids)),
        "query": _figures(asked, len(queries)),
    }


def _figures(timings: dict[str, Timing], times: int) -> dict[str, Any]:
    pairs = zip(timings["ours"].runs, timings["bare"].runs, strict=True)
    ratios = sorted(ours / bare for ours, bare in pairs)
    return {
        **{name: {"per_second": times / timing.median, "timing": asdict(timing)} for name, timing in timings.items()},
        "overhead": timings["ours"].median / timings["bare"].median - 1,
        "overhead_of_pairs": [ratios[0] - 1, ratios[-1] - 1],
    }


def measured(name: str, folder: Path, running: ExitStack) -> tuple[Any, Any]:
    """Start an engine, until `running` is closed: our store in it, and the bare client."""
    import importlib

    if name == "embedded":
        return Ours(connect(Address("", path=str(folder / "ours"))), index_above=0), BareEdge(folder / "bare")
    url = running.enter_context(importlib.import_module(f"backend_{name}").serve(folder))
    database = connect(Address.parse(url).with_name(""))
    bare: dict[str, Callable[[], Any]] = {
        "postgresql": lambda: BarePostgres(url.partition("#")[0]),
        "chroma": lambda: BareChroma(url),
        "milvus": lambda: BareMilvus(database._server.client),  # type: ignore[attr-defined]  # one process holds the file
        "qdrant": lambda: BareQdrant(folder / "bare"),
    }
    options: dict[str, dict[str, Any]] = {"postgresql": {"index_above": 0}, "milvus": {"analyzer": "none"}}
    return Ours(database, **options.get(name, {})), bare[name]()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cache", type=Path, required=True)
    parser.add_argument("--only", default=",".join(SIZES))
    parser.add_argument("--repeats", type=int, default=5)
    options = parser.parse_args()
    both = real_vectors(options.cache, 100_500)
    queries = both[-200:]
    results = {}
    for name in options.only.split(","):
        with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder, ExitStack() as running:
            ours, bare = measured(name, Path(folder), running)
            began = time.perf_counter()
            results[name] = compare(ours, bare, Points(both[: SIZES[name]]), queries, options.repeats)
            shown = {what: round(results[name][what]["overhead"], 3) for what in ("load", "query")}
            print(name, shown, f"{time.perf_counter() - began:.0f} s", flush=True)
    payload = {
        "machine": machine("chromadb", "psycopg", "pymilvus", "milvus-lite", "qdrant-client", "qdrant-edge-py"),
        "data": f"enwiki-fa sentences, {ENCODER}",
        "stores": results,
    }
    print(write("store_overhead", payload))


if __name__ == "__main__":
    main()
