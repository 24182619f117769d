"""The embedded store: how fast it takes and finds 100,000 vectors, against the bare engine.

    python benchmarks/embedded_store.py --cache FOLDER [--quick] [--synthetic]

The first run encodes sentences of ../shared/data/enwiki-fa with all-MiniLM-L6-v2 and keeps them in FOLDER. Everything
is StoreConfig() as shipped, single queries, top 10. Writes results/embedded_store.json; --quick and --synthetic say so
in it.
"""

import argparse
import lzma
import re
import tempfile
import time
from collections.abc import Iterator
from dataclasses import asdict
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from harness import SHARED_DATA, machine, measure, measure_alternately, write

import nearfield as nf
from nearfield.stores.base import Batch, Payload, StoreConfig
from nearfield.stores.embedded.points import DENSE, WITH_ID
from nearfield.stores.embedded.store import EmbeddedStore

K = 10
BATCH = 2000
ENCODER = "all-MiniLM-L6-v2"


def sentences() -> Iterator[str]:
    with lzma.open(SHARED_DATA / "enwiki-fa" / "enwiki-good-articles-2018.txt.xz", "rt", encoding="utf-8") as file:
        for line in file:
            if not line.startswith("="):
                yield from (part for part in re.split(r"(?<=[.!?]) ", line.strip()) if 40 <= len(part) <= 300)


def real_vectors(cache: Path, count: int) -> np.ndarray:
    """Encode `count` sentences once; five minutes or more."""
    path = cache / f"enwiki-{ENCODER}-{count}.npy"
    if not path.exists():
        cache.mkdir(parents=True, exist_ok=True)
        texts = list(islice(sentences(), count))
        np.save(path, nf.load_encoder(ENCODER).encode_document(texts))
    return np.load(path)


def synthetic_vectors(count: int) -> np.ndarray:
    """Make clusters in 48 of 384 dimensions, with noise in all."""
    rng = np.random.default_rng(0)
    centres, basis = rng.normal(size=(2000, 48)), rng.normal(size=(48, 384))
    inside = centres[rng.integers(0, len(centres), count)] + 0.6 * rng.normal(size=(count, 48))
    vectors = (inside @ basis + 0.8 * rng.normal(size=(count, 384))).astype(np.float32)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def batches(vectors: np.ndarray) -> Iterator[Batch]:
    for start in range(0, len(vectors), BATCH):
        rows = range(start, min(start + BATCH, len(vectors)))
        payloads = [Payload(text=f"sentence {row}", meta={"percent": row % 100, "lang": "en"}) for row in rows]
        yield Batch([f"doc-{row}" for row in rows], payloads, vectors[rows.start : rows.stop])


def nearest(vectors: np.ndarray, queries: np.ndarray, kept: np.ndarray | None = None) -> list[set[str]]:
    """Find the ten nearest to each query by brute force, of all or of those kept."""
    rows = np.arange(len(vectors)) if kept is None else np.flatnonzero(kept)
    scores = queries @ vectors[rows].T
    return [{f"doc-{row}" for row in rows[np.argpartition(-row_scores, K)[:K]]} for row_scores in scores]


def recall(found: list[list[str]], best: list[set[str]]) -> float:
    return sum(len(right & set(ids)) for ids, right in zip(found, best, strict=True)) / (K * len(best))


def per_second(count: int, timing: Any) -> dict[str, Any]:
    return {"per_second": count / timing.median, "timing": asdict(timing)}


def ingest_ours(vectors: np.ndarray, folder: Path, repeats: int) -> tuple[dict[str, Any], EmbeddedStore]:
    """Ingest and index afresh `repeats` times; the last store stays open."""
    upserts, totals = [], []
    for number in range(repeats):
        store = EmbeddedStore.create(folder / f"ours-{number}", StoreConfig(dim=vectors.shape[1]))
        start = time.perf_counter()
        for batch in batches(vectors):
            store.upsert(batch)
        upserts.append(time.perf_counter() - start)
        store.optimise()
        totals.append(time.perf_counter() - start)
        if number < repeats - 1:
            store.close()
    figures = {
        "upsert_points_per_second": len(vectors) / float(np.median(upserts)),
        "upsert_runs_s": upserts,
        "ingest_and_index_s": float(np.median(totals)),
        "ingest_and_index_runs_s": totals,
        "allocated_mb": store.allocated_bytes() / 1e6,
    }
    return figures, store


def query_ours(store: EmbeddedStore, vectors: np.ndarray, queries: np.ndarray, repeats: int) -> dict[str, Any]:
    """Time the store and the bare engine on the same shard with the same parameters, in turns."""
    import qdrant_edge as q

    shard, params = store._held._shard, store._indexed
    some = queries[: max(1, len(queries) // 10)]
    where = {"percent": 7}
    condition = store._held.condition(where)

    def ours(where: Any = None, rows: np.ndarray = queries) -> list[list[str]]:
        return [[m.id for m in store.query(v, k=K, where=where, with_payload=False)] for v in rows]

    def raw(fields: Any, condition: Any = None) -> list[Any]:
        hits = (
            shard.query(
                q.QueryRequest(
                    K, query=q.Query.Nearest(v.tolist(), DENSE), params=params, with_payload=fields, filter=condition
                )
            )
            for v in queries
        )
        return [[hit.payload["id"] if fields else hit.id for hit in found] for found in hits]

    runs = {
        "ours": ours,
        "raw_string_ids": lambda: raw(WITH_ID),
        "raw_uuids": lambda: raw(False),
        "ours_filter_1_percent": lambda: ours(where),
        "raw_filter_1_percent": lambda: raw(WITH_ID, condition),
    }
    timings = measure_alternately(runs, repeats=repeats)
    exact = measure(lambda: [store.query(v, k=K, exact=True, with_payload=False) for v in some], repeats=repeats)
    best, kept = nearest(vectors, queries), np.arange(len(vectors)) % 100 == 7
    figures: dict[str, Any] = {name: per_second(len(queries), timing) for name, timing in timings.items()}
    figures["exact"] = per_second(len(some), exact)
    figures["ours"]["recall"] = recall(ours(), best)
    figures["raw_string_ids"]["recall"] = recall(raw(WITH_ID), best)
    figures["ours_filter_1_percent"]["recall"] = recall(ours(where), nearest(vectors, queries, kept))
    figures["ours_to_raw"] = timings["raw_string_ids"].median / timings["ours"].median
    return figures


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cache", type=Path, required=True)
    parser.add_argument("--quick", action="store_true", help="30,000 vectors, fewer queries and runs")
    parser.add_argument("--synthetic", action="store_true", help="clusters instead of sentences")
    options = parser.parse_args()
    count, asked, repeats = (30_000, 200, 2) if options.quick else (100_000, 500, 5)
    both = synthetic_vectors(count + asked) if options.synthetic else real_vectors(options.cache, count + asked)
    order = np.random.default_rng(1).permutation(len(both))
    vectors, queries = both[order[:count]], both[order[count:]]
    payload: dict[str, Any] = {
        "data": "synthetic clusters" if options.synthetic else f"enwiki-fa sentences, {ENCODER}",
        "vectors": list(vectors.shape),
        "quick": options.quick,
        "config": asdict(StoreConfig(dim=vectors.shape[1])),
    }
    with tempfile.TemporaryDirectory() as folder:
        payload["nearfield"], store = ingest_ours(vectors, Path(folder), repeats)
        payload["queries"] = query_ours(store, vectors, queries, repeats)
        store.close()
    print(write("embedded_store", {"machine": machine("qdrant-edge-py"), **payload}))


if __name__ == "__main__":
    main()
