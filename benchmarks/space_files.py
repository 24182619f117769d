"""Files of vectors beside gensim: reading text, binary and gensim's own files, and opening a large space.

    python benchmarks/space_files.py                        # random vectors, about 10 GB of temporary files
    python benchmarks/space_files.py --rows 20000 --large 50000
    python benchmarks/space_files.py --glove glove.6B.50d.txt

Needs gensim. Writes results/space_files.json.
"""

import argparse
import tempfile
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from gensim.models import KeyedVectors
from harness import machine, measure_alternately, write

import nearfield as nf


def random_space(rows: int, dim: int) -> nf.Space:
    vectors = np.random.default_rng(0).standard_normal((rows, dim), np.float32)
    return nf.Space([f"word{row}" for row in range(rows)], vectors)


def compare(ours: Callable[[], object], peer: Callable[[], object], *, repeats: int) -> dict[str, Any]:
    timings = measure_alternately({"nearfield": ours, "gensim": peer}, repeats=repeats)
    ratio = timings["gensim"].median / timings["nearfield"].median
    return {name: asdict(timing) for name, timing in timings.items()} | {"times_faster": ratio}


def reading(folder: Path, glove: Path | None, rows: int, repeats: int) -> dict[str, Any]:
    """Read the same vectors from text without a header, from binary, and from gensim's file."""
    if glove is None:
        glove = folder / "vectors.txt"
        nf.write_space(random_space(rows, 50), glove)
    space = nf.load_space(glove)
    nf.write_space(space, folder / "vectors.bin")
    keyed = KeyedVectors(space.dim)
    keyed.add_vectors(list(space.keys), space.vectors)
    keyed.save(str(folder / "vectors.kv"))
    text, binary, kv = (str(path) for path in (glove, folder / "vectors.bin", folder / "vectors.kv"))
    return {
        "rows": len(space),
        "dim": space.dim,
        "text": compare(
            lambda: nf.load_space(text),
            lambda: KeyedVectors.load_word2vec_format(text, no_header=True),
            repeats=repeats,
        ),
        "binary": compare(
            lambda: nf.load_space(binary),
            lambda: KeyedVectors.load_word2vec_format(binary, binary=True),
            repeats=repeats,
        ),
        "gensim_kv": compare(lambda: nf.load_space(kv), lambda: KeyedVectors.load(kv), repeats=repeats),
    }


def opening(folder: Path, rows: int, dim: int, repeats: int) -> dict[str, Any]:
    """Open a large space and look one key up: memory-mapped in both."""
    space = random_space(rows, dim)
    space.save(folder / "large.space")
    keyed = KeyedVectors(dim)
    keyed.add_vectors(list(space.keys), space.vectors)
    keyed.save(str(folder / "large.kv"))
    key = f"word{rows // 2}"
    del space, keyed
    return {
        "rows": rows,
        "dim": dim,
        "open_and_look_up": compare(
            lambda: nf.load_space(folder / "large.space")[key],
            lambda: KeyedVectors.load(str(folder / "large.kv"), mmap="r")[key],
            repeats=repeats,
        ),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--glove", type=Path, help="a file of GloVe's to read in place of random vectors")
    parser.add_argument("--rows", type=int, default=400_000, help="rows of the files that are read")
    parser.add_argument("--large", type=int, default=2_000_000, help="rows of the space that is opened")
    parser.add_argument("--dim", type=int, default=300, help="dimensions of the space that is opened")
    parser.add_argument("--repeats", type=int, default=5)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        results = {
            "machine": machine("gensim"),
            "reading": reading(folder, options.glove, options.rows, options.repeats),
            "opening": opening(folder, options.large, options.dim, options.repeats),
        }
    for group in ("reading", "opening"):
        for what, found in results[group].items():
            if isinstance(found, dict):
                ours, peer = found["nearfield"]["median"], found["gensim"]["median"]
                print(f"{what}: {ours:.3f} s, gensim {peer:.3f} s, {found['times_faster']:.1f} times faster")
    write("space_files", results)


if __name__ == "__main__":
    main()
