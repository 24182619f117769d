"""Anonymous memory while a JSONL file of a million records becomes a collection.

    python benchmarks/ingest_memory.py [--records N] [--retriever hash]

The encoder is trivial (hashed words), so what is measured is nearfield's own. A child process does the work; the
parent reads its RssAnon ten times a second. Writes results/ingest_memory.json.
"""

import argparse
import json
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from harness import machine, write

import nearfield as nf

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
WORDS = [f"word{i}" for i in range(5000)]


def make_corpus(path: Path, records: int) -> None:
    rng = random.Random(0)
    with path.open("w") as file:
        for i in range(records):
            text = " ".join(rng.choices(WORDS, k=30))
            file.write(json.dumps({"id": f"record-{i}", "text": text, "year": 2000 + i % 25}) + "\n")


def index(corpus: str, folder: str, retriever: str) -> None:
    from hash_encoder import HashEncoder

    began = time.perf_counter()

    def progress(what: str, done: int, total: int | None) -> None:
        print(what, done, round(time.perf_counter() - began, 1), flush=True)

    collection, _ = nf.build_collection(
        folder, nf.read_corpus(corpus), retriever, encoder=HashEncoder(dim=64), progress=progress
    )
    collection.close()


def anonymous_megabytes(pid: int) -> float:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("RssAnon:"):
            return int(line.split()[1]) / 1e3
    return 0.0


def watch(command: list[str]) -> tuple[list[tuple[float, float]], float]:
    samples: list[tuple[float, float]] = []
    began = time.perf_counter()
    with subprocess.Popen(command) as child:
        while child.poll() is None:
            try:
                samples.append((round(time.perf_counter() - began, 1), anonymous_megabytes(child.pid)))
            except (FileNotFoundError, ProcessLookupError):
                break
            time.sleep(0.1)
    if child.returncode:
        raise SystemExit(f"indexing failed with exit code {child.returncode}")
    return samples, time.perf_counter() - began


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--records", type=int, default=1_000_000)
    parser.add_argument("--retriever", default="hash")
    parser.add_argument("--child", nargs=2, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.child:
        index(*given.child, given.retriever)
        return
    with tempfile.TemporaryDirectory() as folder:
        corpus = Path(folder) / "corpus.jsonl"
        make_corpus(corpus, given.records)
        command = [sys.executable, __file__, "--retriever", given.retriever, "--child", str(corpus), f"{folder}/c"]
        samples, seconds = watch(command)
    peak = max(megabytes for _, megabytes in samples)
    quarters = [max(m for _, m in samples[len(samples) * i // 4 : len(samples) * (i + 1) // 4]) for i in range(4)]
    result = {
        "machine": machine(),
        "records": given.records,
        "retriever": given.retriever,
        "seconds": seconds,
        "peak_anonymous_mb": peak,
        "peak_in_each_quarter_mb": quarters,
        "samples": samples[:: max(1, len(samples) // 200)],
    }
    print({key: value for key, value in result.items() if key not in ("samples", "machine")})
    write(f"ingest_memory_{given.retriever.replace(':', '_').replace('+', '_')}", result)


if __name__ == "__main__":
    main()
