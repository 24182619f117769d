"""The embedded store from 10,000 to 1,000,000 vectors: time, memory, disk, latency, recall.

    python benchmarks/store_growth.py --cache FOLDER [--sizes 10000,100000,1000000] [--limit-gb 3]

The vectors are sentences and clauses of English Wikipedia's good articles (../shared/data/enwiki-fa) by a static
encoder of 384 dimensions that is distilled from all-MiniLM-L6-v2 for this; the first run keeps them in FOLDER.
Each size is built and asked in a process of its own, in a control group with a limit on memory where this process may
make one (as root). `StoreConfig()` as shipped, single queries, top 10. Writes results/store_growth.json and a page of
plots beside it.
"""

import argparse
import json
import lzma
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from harness import RESULTS, SHARED_DATA, machine, write
from ingest_memory import anonymous_megabytes

import nearfield as nf
from nearfield.report.line_plot import Series, line_plot
from nearfield.report.page import Section, figure, page, write_page
from nearfield.stores.base import Batch, Payload, StoreConfig
from nearfield.stores.embedded.store import EmbeddedStore

K = 10
BATCH = 2000
QUERIES = 500
REPEATS = 5
SIZES = (10_000, 100_000, 316_228, 1_000_000)
TEACHER = "all-MiniLM-L6-v2"
CGROUP = Path("/sys/fs/cgroup/memory/nearfield-benchmark")


def texts() -> Iterator[str]:
    """Sentences, each once, and then their clauses."""
    seen: set[int] = set()
    for pattern in (r"(?<=[.!?;:]) ", r"(?<=[.!?;:,]) "):
        with lzma.open(SHARED_DATA / "enwiki-fa" / "enwiki-good-articles-2018.txt.xz", "rt", encoding="utf-8") as file:
            for line in file:
                for part in [] if line.startswith("=") else re.split(pattern, line.strip()):
                    if 25 <= len(part) <= 400 and (key := hash(part)) not in seen:
                        seen.add(key)
                        yield part


def vectors_file(cache: Path, count: int) -> Path:
    """Make the vectors once: some minutes."""
    path = cache / f"enwiki-static-384-{count}.npy"
    if not path.exists():
        cache.mkdir(parents=True, exist_ok=True)
        student = cache / "static-384"
        if not student.exists():
            sample = list(islice(texts(), 0, 400_000, 20))
            nf.distill(TEACHER, sample, student, options=nf.DistillOptions(dim=384))
        found = nf.load_encoder(str(student)).encode_document(list(islice(texts(), count)))
        np.save(path, found[np.random.default_rng(0).permutation(count)])
    return path


@contextmanager
def memory_limit(gigabytes: float) -> Iterator[bool]:
    """Make a control group with a limit; whether this process may."""
    try:
        CGROUP.mkdir()
        (CGROUP / "memory.limit_in_bytes").write_text(str(int(gigabytes * 1e9)))
    except OSError:
        yield False
        return
    try:
        yield True
    finally:
        CGROUP.rmdir()


def child(path: str, size: int, folder: str, limited: bool) -> None:
    """Build a store of `size` vectors and ask it; print what was measured as JSON."""
    if limited:
        (CGROUP / "cgroup.procs").write_text(str(os.getpid()))
    rows = np.load(path, mmap_mode="r")
    config = StoreConfig(dim=rows.shape[1])
    began = time.perf_counter()
    with_store = EmbeddedStore.create(Path(folder) / "store", config)
    for start in range(0, size, BATCH):
        part = np.ascontiguousarray(rows[start : start + BATCH][: size - start])
        payloads = [Payload(f"sentence {row}", meta={"percent": row % 100}) for row in range(start, start + len(part))]
        with_store.upsert(Batch([f"doc-{row}" for row in range(start, start + len(part))], payloads, part))
    written = time.perf_counter() - began
    with_store.optimise()
    built = time.perf_counter() - began
    with_store.close()
    began = time.perf_counter()
    store = EmbeddedStore.open(Path(folder) / "store", config)
    opened = time.perf_counter() - began
    queries = np.array(rows[-QUERIES:])
    runs = [ask(store, queries) for _ in range(REPEATS + 1)][1:]  # the first warms up
    seconds = np.median(np.array(runs), axis=0)
    found = [{match.id for match in store.query(query, k=K, with_payload=False)} for query in queries]
    result = {
        "size": size,
        "write_s": written,
        "build_s": built,
        "open_s": opened,
        "per_second": QUERIES / float(np.median([sum(run) for run in runs])),
        "per_second_runs": [QUERIES / sum(run) for run in runs],
        "p50_ms": float(np.quantile(seconds, 0.5)) * 1e3,
        "p95_ms": float(np.quantile(seconds, 0.95)) * 1e3,
        "p99_ms": float(np.quantile(seconds, 0.99)) * 1e3,
        "recall": recall(found, rows, size, queries),
        "allocated_mb": store.allocated_bytes() / 1e6,
    }
    store.close()
    print(json.dumps(result), flush=True)


def ask(store: EmbeddedStore, queries: np.ndarray) -> list[float]:
    took = []
    for query in queries:
        start = time.perf_counter()
        store.query(query, k=K, with_payload=False)
        took.append(time.perf_counter() - start)
    return took


def recall(found: list[set[str]], rows: np.ndarray, size: int, queries: np.ndarray) -> float:
    """Compare with the exact ten nearest, found block by block so that this takes little memory."""
    best = np.full((len(queries), K), -np.inf, np.float32)
    places = np.zeros((len(queries), K), np.int64)
    for start in range(0, size, 10_000):
        scores = np.concatenate([best, queries @ rows[start : min(start + 10_000, size)].T], axis=1)
        near = np.argpartition(-scores, K, axis=1)[:, :K]
        fresh = near - K + start
        places = np.where(near < K, np.take_along_axis(places, np.minimum(near, K - 1), axis=1), fresh)
        best = np.take_along_axis(scores, near, axis=1)
    right = sum(len({f"doc-{row}" for row in near} & ids) for near, ids in zip(places, found, strict=True))
    return right / (K * len(queries))


def run(path: Path, size: int, limited: bool) -> dict[str, Any]:
    """Run a child, and watch its anonymous memory."""
    peak = 0.0
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, __file__, "--child", str(path), str(size), folder, str(int(limited))]
        output = Path(folder) / "output.json"
        with output.open("w") as written, subprocess.Popen(command, stdout=written) as process:
            while process.poll() is None:
                peak = max(peak, anonymous_megabytes(process.pid))
                time.sleep(0.1)
        if process.returncode:
            raise SystemExit(f"{size:,} vectors failed with exit code {process.returncode}")
        measured = json.loads(output.read_text())
    return {**measured, "peak_anonymous_mb": peak}


def plots(rows: list[dict[str, Any]]) -> None:
    sizes = [float(row["size"]) for row in rows]

    def plot(title: str, unit: str, **lines: str) -> Any:
        series = [Series(name, sizes, [row[key] for row in rows]) for name, key in lines.items()]
        return figure(line_plot(series, title=title, x_label="vectors", y_label=unit), title)

    figures = (
        plot("Time to build", "seconds", written="write_s", finished="build_s"),
        plot("Memory and disk", "MB", anonymous="peak_anonymous_mb", disk="allocated_mb"),
        plot("Latency of a query", "milliseconds", p50="p50_ms", p95="p95_ms", p99="p99_ms"),
        plot("Recall@10", "recall", recall="recall"),
    )
    sections = [Section("growth", "From 10,000 to 1,000,000 vectors", figures)]
    write_page(RESULTS / "store_growth.html", page("The embedded store as it grows", sections))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cache", type=Path)
    parser.add_argument("--sizes", default=",".join(map(str, SIZES)))
    parser.add_argument("--limit-gb", type=float, default=3.0)
    parser.add_argument("--child", nargs=4, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        path, size, folder, limited = options.child
        child(path, int(size), folder, limited == "1")
        return
    path = vectors_file(options.cache, max(SIZES) + QUERIES)
    with memory_limit(options.limit_gb) as limited:
        rows = []
        for size in map(int, options.sizes.split(",")):
            rows.append(run(path, size, limited))
            print(rows[-1], flush=True)
    plots(rows)
    payload = {
        "machine": machine("qdrant-edge-py"),
        "data": "enwiki-fa sentences and clauses, static encoder of 384 dimensions",
        "memory_limit_gb": options.limit_gb if limited else None,
        "sizes": rows,
    }
    print(write("store_growth", payload))


if __name__ == "__main__":
    main()
