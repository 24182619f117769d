"""Retrieval quality on SciFact's test claims: what each retriever reaches with nothing tuned on them.

    python benchmarks/quality.py

Every default was chosen on the train claims. Writes results/quality.json.
"""

import hashlib
import tempfile
import tomllib
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


def check_data() -> None:
    """Refuse other data than the protocol names."""
    protocol = tomllib.loads(Path(__file__).with_name("protocol.toml").read_text(encoding="utf-8"))["data"]["scifact"]
    folder = Path(nf.__file__).parent / "data/bundled/scifact"
    for file, key in (("corpus.jsonl.xz", "sha256"), ("qrels/test.tsv.xz", "qrels_sha256")):
        found = hashlib.sha256((folder / file).read_bytes()).hexdigest()
        if found != protocol[key]:
            raise SystemExit(f"{file} has SHA-256 {found}, protocol.toml names {protocol[key]}")


def main() -> None:
    check_data()
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
