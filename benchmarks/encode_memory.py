"""Anonymous memory while a transformer encodes many texts, and while it encodes texts of 8,192 tokens.

    python benchmarks/encode_memory.py [--quick]

The model is small (48 dimensions, 2 layers, 12 heads, random weights), so what is measured is nearfield's and the
engine's own: what grows with the number of texts, and whether attention's 12 x 8192 x 8192 scores, 3.2 GB in float32,
are ever held at once. A child process does the work; the parent reads its RssAnon ten times a second. Writes
results/encode_memory.json.
"""

import argparse
import importlib.util
import json
import random
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from harness import machine, write
from ingest_memory import watch

import nearfield as nf

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "encoders"))
_COUNTS = (10_000, 100_000)
_LONGEST = 8192
_LONG_TEXTS = 4
_WORDS = 24  # of one token each, so that few of a short text's fall out of one batch
_HEADS, _DIM = 12, 48


def make_model(folder: Path) -> None:
    from tiny_bert import CONFIG, random_weights, write_folder

    size = {"hidden_size": _DIM, "num_attention_heads": _HEADS, "intermediate_size": 4 * _DIM}
    config = CONFIG | size | {"max_position_embeddings": _LONGEST}
    write_folder(folder, config=config, weights=random_weights(config))
    (folder / "sentence_bert_config.json").write_text(json.dumps({"max_seq_length": _LONGEST}))


def texts(count: int, longest: int) -> list[str]:
    rng = random.Random(0)
    words = [f"w{number}" for number in range(26)]
    return [" ".join(rng.choices(words, k=rng.randint(longest // 4, longest))) for _ in range(count)]


def given_megabytes(count: int) -> float:
    """Add up the texts and their vectors, which the caller holds and which must grow."""
    return (sum(map(sys.getsizeof, texts(count, _WORDS))) + 4 * _DIM * count) / 1e6


def encode(folder: str, engine: str, count: int, longest: int) -> None:
    given = texts(count, longest) if longest <= _WORDS else [" ".join(texts(1, longest)) + " w1" * longest] * count
    vectors = nf.load_encoder(folder, engine=engine).encode(given)
    if not np.isfinite(vectors).all():
        raise SystemExit("the vectors are not finite")


def measure(folder: str, engine: str, count: int, longest: int) -> dict[str, Any]:
    samples, seconds = watch([sys.executable, __file__, "--child", folder, engine, str(count), str(longest)])
    found = {"peak_anonymous_mb": max(megabytes for _, megabytes in samples), "seconds": seconds}
    print(f"{engine}, {count:,} texts of up to {longest:,} tokens: {found['peak_anonymous_mb']:,.0f} MB", flush=True)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--quick", action="store_true", help="a tenth of the texts; nothing is written")
    parser.add_argument("--child", nargs=4, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.child:
        folder, engine, *numbers = given.child
        encode(folder, engine, *map(int, numbers))
        return
    engines = ["onnxruntime", *(["openvino"] if importlib.util.find_spec("openvino") else [])]
    counts = [count // (10 if given.quick else 1) for count in _COUNTS]
    with tempfile.TemporaryDirectory() as folder:
        make_model(Path(folder))
        result = {
            "texts_and_vectors_mb": {str(count): given_megabytes(count) for count in counts},
            "many": {
                engine: {str(count): measure(folder, engine, count, _WORDS) for count in counts} for engine in engines
            },
            "long": {engine: measure(folder, engine, _LONG_TEXTS, _LONGEST) for engine in engines},
            "attention_scores_mb": _HEADS * _LONGEST**2 * 4 / 1e6,
        }
    if not given.quick:
        write("encode_memory", {"machine": machine(), **result})


if __name__ == "__main__":
    main()
