"""What is lost when vectors are made smaller: SciFact's test claims by dimensions and precision.

    python benchmarks/reduced_quality.py

Exact search by cosine over the values that the codes stand for. Nothing is tuned: ranges for int8 are fitted on the
texts that nearfield fits them on for everyone. The abstracts are encoded once, and kept in the user's vector cache.
Writes results/reduced_quality.json.
"""

import contextlib
import itertools
from collections.abc import Iterator

import numpy as np
from harness import machine, write
from quality import check_data

import nearfield as nf
from nearfield.arrays import Vectors, normalise
from nearfield.encoders.cached import CachedEncoder
from nearfield.encoders.reduced import ReducedEncoder
from nearfield.evaluation.metrics import evaluate_run
from nearfield.statistics import bootstrap_interval

ENCODER = "all-MiniLM-L6-v2"
DIMS = (384, 256, 128, 64)
PRECISIONS = ("float32", "int8", "binary")
METRIC = "ndcg@10"


def encoded(encoder: CachedEncoder, texts: list[str]) -> Iterator[Vectors]:
    for start in range(0, len(texts), 256):
        yield encoder.encode_document(texts[start : start + 256])
        print(f"\r{start:,} of {len(texts):,} abstracts", end="", flush=True)
    print()


def rankings(queries: Vectors, documents: Vectors, ids: np.ndarray) -> list[list[str]]:
    scores = normalise(queries) @ normalise(documents).T
    # Binary scores tie often; ties go by id, as in a store.
    return [ids[np.lexsort((ids, -row))[:10]].tolist() for row in scores.round(6)]


def main() -> None:
    check_data()
    dataset = nf.load_dataset("scifact", "test")
    records = list(dataset.corpus)
    ids = np.array([record.id for record in records])
    full = nf.load_encoder(ENCODER)
    with contextlib.closing(nf.VectorCache()) as cache:
        documents = np.concatenate(list(encoded(CachedEncoder(full, cache), [record.content for record in records])))
    queries = full.encode_query(list(dataset.judgements.queries.values()))
    scores: dict[str, np.ndarray] = {}
    rows = {}
    for dim, precision in itertools.product(DIMS, PRECISIONS):
        reduced = ReducedEncoder(full, dim=dim, precision=precision)
        found = rankings(reduced.reduce(queries), reduced.reduce(documents), ids)
        name = f"{dim} × {precision}"
        run = dict(zip(dataset.judgements.queries, found, strict=True))
        scores[name] = evaluate_run(run, dataset.judgements.qrels, [METRIC])[METRIC]
        score = bootstrap_interval(scores[name])
        loss = bootstrap_interval(scores[name] - scores[f"{DIMS[0]} × float32"])
        rows[name] = {
            "encoder": reduced.spec.name,
            "bytes_per_vector": {"float32": 4 * dim, "int8": dim, "binary": dim // 8}[precision],
            METRIC: vars(score),
            "difference_from_full": vars(loss),
        }
        print(f"{name:>14}  {score.mean:.3f}  {loss.mean:+.3f} [{loss.low:+.3f}, {loss.high:+.3f}]")
    write("reduced_quality", {"machine": machine(), "data": "SciFact, 300 test claims", "vectors": rows})


if __name__ == "__main__":
    main()
