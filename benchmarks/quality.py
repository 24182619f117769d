"""Retrieval quality on SciFact's test claims: what each retriever reaches with nothing tuned on them.

    python benchmarks/quality.py

Every default was chosen on the train claims. Writes results/quality.json.
"""

import tempfile
from pathlib import Path

from harness import machine, write

import nearfield as nf

ENCODER = "all-MiniLM-L6-v2"
TARGETS = {
    "tfidf": None,
    "bm25": 0.68,
    "chars": None,
    ENCODER: 0.645,
    f"hybrid:{ENCODER}": 0.725,
    f"rrf:bm25+{ENCODER}": None,
    f"bm25+chars+{ENCODER}": 0.735,
}


def main() -> None:
    dataset = nf.load_dataset("scifact", "test")
    rows = {}
    with tempfile.TemporaryDirectory() as folder:
        cache = nf.VectorCache(Path(folder) / "vectors.sqlite")
        for number, (retriever, target) in enumerate(TARGETS.items()):
            collection, _ = nf.build_collection(Path(folder) / str(number), dataset.corpus, retriever, cache=cache)
            with collection:
                report = nf.evaluate(collection, dataset.judgements)
            rows[retriever] = {"target": target, **report.to_json()["metrics"]}
            print(report, "\n")
        cache.close()
    write("quality", {"machine": machine(), "data": "SciFact, 300 test claims", "retrievers": rows})


if __name__ == "__main__":
    main()
