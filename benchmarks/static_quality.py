"""How good and how fast is the encoder that ships, beside its teacher, model2vec's way of distilling, and BM25?

Needs `pip install "model2vec[distill]"`. Run `python benchmarks/static_quality.py`.

STS-B test: Spearman correlation of cosines with the judged similarities; SciFact test claims: nDCG@10 and recall@100.
Both test sets are read for these figures only; every choice was made on STS-B dev and SciFact's training claims.
Speed: each run makes the encoder anew, so that words kept from an earlier run save nothing; `warm` is with them kept.
"""

import csv
import json
import subprocess
import sys
from dataclasses import asdict
from importlib import import_module
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from harness import machine, measure_alternately, shared_data, write

import nearfield as nf
from nearfield.arrays import normalise
from nearfield.encoders.base import Encoder
from nearfield.encoders.static import StaticEncoder
from nearfield.evaluation.metrics import evaluate_run
from nearfield.statistics import bootstrap_interval

TEACHER = "all-MiniLM-L6-v2"
SHIPPED = "nearfield-static"
TARGETS = {"sts-b test, Spearman": 0.735, "scifact test, nDCG@10": 0.49}
SPEED_TEXTS = 100_000


def sts(name: str) -> tuple[list[str], list[str], list[float]]:
    """Read the pairs of a split, and how similar people found them."""
    with shared_data(f"stsb/sts-{name}.csv").open(encoding="utf-8", newline="") as lines:
        rows = list(csv.reader(lines, delimiter="\t", quoting=csv.QUOTE_NONE))
    return [row[5] for row in rows], [row[6] for row in rows], [float(row[4]) for row in rows]


def ranks(values: Any) -> Any:
    """Rank values, ties by their mean."""
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    return (np.cumsum(counts) - (counts - 1) / 2)[inverse]


def spearman(encoder: Encoder, split: str) -> dict[str, float]:
    """Correlate cosines with judgements, with a bootstrap interval over pairs."""
    left, right, judged = sts(split)
    cosines = np.einsum("nd,nd->n", normalise(encoder.encode(left)), normalise(encoder.encode(right)))
    rng = np.random.default_rng(0)
    judged_array = np.array(judged)

    def correlation(rows: Any) -> float:
        return float(np.corrcoef(ranks(cosines[rows]), ranks(judged_array[rows]))[0, 1])

    everything = np.arange(len(judged))
    samples = [correlation(rng.choice(everything, len(everything))) for _ in range(1000)]
    low, high = np.quantile(samples, [0.025, 0.975])
    return {"mean": correlation(everything), "low": float(low), "high": float(high)}


def retrieval(encoder: Encoder) -> dict[str, Any]:
    """Rank SciFact's abstracts for its claims by exact search."""
    records = list(nf.load_dataset("scifact").corpus)
    documents = normalise(encoder.encode_document([record.content for record in records]))
    results = {}
    for split in ("train", "test"):
        judgements = nf.load_dataset("scifact", split).judgements
        queries = {id_: text for id_, text in judgements.queries.items() if id_ in judgements.qrels}
        scores = normalise(encoder.encode_query(list(queries.values()))) @ documents.T
        order = np.argsort(-scores, axis=1, kind="stable")[:, :100]
        rankings = {id_: tuple(records[row].id for row in rows) for id_, rows in zip(queries, order, strict=True)}
        found = evaluate_run(rankings, judgements.qrels, ["ndcg@10", "recall@100"])
        interval = bootstrap_interval(found["ndcg@10"], seed=0)
        results[split] = {"ndcg@10": asdict(interval), "recall@100": float(found["recall@100"].mean())}
    return results


def token_vectors(folder: Path) -> Encoder:
    """Distil as model2vec does: the teacher's vectors of single tokens, principal components, weights by frequency."""
    teacher = import_module("nearfield.encoders.find").find_folder(TEACHER)
    import_module("model2vec.distill").distill(str(teacher), pca_dims=256, device="cpu").save_pretrained(folder)
    return StaticEncoder.from_folder(folder, name="model2vec's distillation")


def speed(folder: Path, texts: list[str], repeats: int = 5) -> dict[str, Any]:
    """Time the same table in nearfield and in model2vec."""
    model2vec = import_module("model2vec")
    warm = StaticEncoder.from_folder(folder)
    runs = {
        "nearfield": lambda: StaticEncoder.from_folder(folder).encode(texts),
        "nearfield, warm": lambda: warm.encode(texts),
        "model2vec": lambda: model2vec.StaticModel.from_pretrained(folder).encode(texts),
    }
    timings = measure_alternately(runs, repeats=repeats)
    ratios = {
        name: np.divide(timings["model2vec"].runs, timings[name].runs) for name in ("nearfield", "nearfield, warm")
    }
    return {
        "texts": len(texts),
        "mean_words": float(np.mean([len(text.split()) for text in texts])),
        "texts_per_second": {name: len(texts) / timing.median for name, timing in timings.items()},
        "speedup": {
            name: {"median": float(np.median(r)), "low": float(r.min()), "high": float(r.max())}
            for name, r in ratios.items()
        },
        "target_speedup": 2.0,
        "seconds": {name: asdict(timing) for name, timing in timings.items()},
    }


def speed_texts() -> list[str]:
    """Read sentences of Wikipedia articles."""
    import lzma
    import re

    texts: list[str] = []
    with lzma.open(shared_data("enwiki-fa/enwiki-good-articles-2018.txt.xz"), "rt", encoding="utf-8") as lines:
        for line in lines:
            texts += [sentence for sentence in re.split(r"(?<=[.!?])\s+", line.strip()) if len(sentence.split()) > 5]
            if len(texts) >= SPEED_TEXTS:
                return texts[:SPEED_TEXTS]
    return texts


def first_vector(repeats: int = 5) -> dict[str, Any]:
    """Time a process from its start to its first vector, beside one that imports NumPy."""
    commands = {
        "nearfield": "import nearfield; nearfield.load_encoder().encode_query(['how to fix a leaking faucet'])",
        "import numpy": "import numpy",
    }
    runs = {
        name: (lambda code=code: subprocess.run([sys.executable, "-c", code], check=True))
        for name, code in commands.items()
    }
    timings = measure_alternately(runs, repeats=repeats)
    return {"target_s": 0.4, "seconds": {name: asdict(timing) for name, timing in timings.items()}}


def main() -> None:
    """Measure, print and write `results/static_quality.json`."""
    shipped = nf.load_encoder(SHIPPED)
    folder = import_module("nearfield.encoders.find").find_folder(SHIPPED)
    quality: dict[str, Any] = {}
    with TemporaryDirectory() as temporary:
        for encoder in (shipped, token_vectors(Path(temporary) / "m"), nf.load_encoder(TEACHER)):
            name = encoder.spec.name
            quality[name] = {"sts": {split: spearman(encoder, split) for split in ("dev", "test")}}
            quality[name]["scifact"] = retrieval(encoder)
            print(name, json.dumps(quality[name]), flush=True)
    files = sum(file.stat().st_size for file in folder.iterdir())
    timings = speed(folder, speed_texts())
    print(json.dumps(timings["texts_per_second"]), json.dumps(timings["speedup"]))
    result = {"targets": TARGETS, "bytes": files, "quality": quality, "speed": timings, "start": first_vector()}
    print(write("static_quality", {"machine": machine("model2vec"), **result}))


if __name__ == "__main__":
    main()
