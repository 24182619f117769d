"""Are neighbours and analogies faster than gensim's on the same vectors, with the same answers?

    python benchmarks/space_speed.py [--quick] [--every N]

Needs `pip install gensim 'nearfield[space]'`. Vectors are random, which is the hardest case for a search that leaves
rows out: nothing is near anything. Both sides use every core that NumPy's BLAS may.
"""

import argparse
import csv
import tempfile
from collections.abc import Callable
from dataclasses import asdict
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np
from gensim.models import KeyedVectors
from harness import machine, measure_alternately, shared_data, write

import nearfield as nf
from nearfield.space.analogy_questions import answer_analogies

_QUERIES = 20  # single ones in a run
_BATCH = 256
_TOLERANCE = 1e-6
_TARGETS = {"most_similar": 2.0, "analogies": 3.0}


def random_space(keys: list[str], dim: int) -> nf.Space:
    """Make a space of normally distributed vectors."""
    return nf.Space(keys, np.random.default_rng(0).standard_normal((len(keys), dim), dtype=np.float32))


def gensim_of(space: nf.Space) -> KeyedVectors:
    """Give gensim the same keys and vectors, ready to be asked."""
    vectors = KeyedVectors(space.dim, count=0)
    vectors.add_vectors(list(space.keys), space.vectors)
    vectors.fill_norms()
    return vectors


def neighbours(n: int, dim: int, repeats: int) -> dict[str, Any]:
    """Time single queries, then a batch."""
    space = random_space([f"word{i}" for i in range(n)], dim)
    peer = gensim_of(space)
    asked = [f"word{i}" for i in np.random.default_rng(1).integers(0, n, _BATCH)]
    for word, batched in zip(asked[:_QUERIES], space.neighbours_of(asked), strict=False):  # the copy is made meanwhile
        theirs, ours = peer.most_similar(word), space.most_similar(word)
        require_equal(ours, theirs)
        require_equal(batched, theirs)
    timings = measure_alternately(
        {
            "nearfield": lambda: [space.most_similar(word) for word in asked[:_QUERIES]],
            "gensim": lambda: [peer.most_similar(word) for word in asked[:_QUERIES]],
            "nearfield, a batch": lambda: space.neighbours_of(asked),
        },
        repeats=repeats,
    )
    counts = {"nearfield": _QUERIES, "gensim": _QUERIES, "nearfield, a batch": _BATCH}
    return {
        "keys": n,
        "dim": dim,
        "ms_per_query": {name: timing.median / counts[name] * 1e3 for name, timing in timings.items()},
        "times_as_fast": timings["gensim"].median / timings["nearfield"].median,
        "runs": {name: asdict(timing) for name, timing in timings.items()},
    }


def require_equal(ours: list[nf.Neighbour], theirs: list[tuple[str, float]]) -> None:
    """Stop unless both found the same keys with scores equal to a millionth."""
    same = [key for key, _ in ours] == [key for key, _ in theirs]
    if not same or not np.allclose([s for _, s in ours], [s for _, s in theirs], atol=_TOLERANCE):
        raise SystemExit(f"the answers differ: {ours} and {theirs}")


def google_questions() -> list[tuple[str, list[str]]]:
    """Read the Google analogies: the section and the four words of each question."""
    path = shared_data("wordbench/word-analogy/monolingual/en/google-analogies.csv")
    with path.open(encoding="utf-8", newline="") as file:
        return [
            (row["type"], [row[name].upper() for name in ("word1", "word2", "word3", "target")])
            for row in csv.DictReader(file)
        ]


def analogies(n: int, dim: int, repeats: int, questions: list[tuple[str, list[str]]]) -> dict[str, Any]:
    """Time a set of analogy questions whose words are spread over all keys."""
    words = sorted({word for _, four in questions for word in four})
    keys = words + [f"WORD{i}" for i in range(n - len(words))]
    np.random.default_rng(0).shuffle(keys)
    space = random_space(keys, dim)
    peer = gensim_of(space)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "questions.txt"
        sections = groupby(questions, lambda question: question[0])
        lines = [line for name, asked in sections for line in (f": {name}", *(" ".join(words) for _, words in asked))]
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")
        score: dict[str, float] = {}
        sides: dict[str, Callable[[], None]] = {
            "nearfield": lambda: score.update(nearfield=nearfield_accuracy(space, questions)),
            "gensim": lambda: score.update(gensim=peer.evaluate_word_analogies(path)[0]),
        }
        timings = measure_alternately(sides, repeats=repeats, warmup=0)
    if score["nearfield"] != score["gensim"]:
        raise SystemExit(f"the accuracies differ: {score}")
    require_equal_answers(space, peer, questions[:: max(1, len(questions) // 50)])
    return {
        "keys": n,
        "dim": dim,
        "questions": len(questions),
        "accuracy": score,
        "seconds": {name: timing.median for name, timing in timings.items()},
        "times_as_fast": timings["gensim"].median / timings["nearfield"].median,
        "runs": {name: asdict(timing) for name, timing in timings.items()},
    }


def nearfield_accuracy(space: nf.Space, questions: list[tuple[str, list[str]]]) -> float:
    """Answer all questions from scratch: look words up, scale the vectors, search."""
    rows = np.array([space.positions(four) for _, four in questions])
    units = nf.Space(space.keys, space.vectors).unit_vectors
    return float((answer_analogies(units, rows[:, :3]) == rows[:, 3]).mean())


def require_equal_answers(space: nf.Space, peer: KeyedVectors, questions: list[tuple[str, list[str]]]) -> None:
    """Stop unless the best answers are the same: random vectors answer nothing right, so accuracy alone says little."""
    rows = np.array([space.positions(four[:3]) for _, four in questions])
    for (_, (a, b, c, _)), row in zip(questions, answer_analogies(space.unit_vectors, rows), strict=True):
        theirs = peer.most_similar([b, c], [a], topn=1)[0][0]
        if space.keys[int(row)] != theirs:
            raise SystemExit(f"{a} : {b} = {c} : {space.keys[int(row)]}, and for gensim {theirs}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--quick", action="store_true", help="a tenth of the keys, fewer questions; nothing is written")
    parser.add_argument("--every", type=int, default=1, help="take every so many-th analogy only")
    options = parser.parse_args()
    quick = options.quick
    questions = google_questions()[:: 20 if quick else options.every]
    parts: dict[str, Callable[[], dict[str, Any]]] = {
        "most_similar": lambda: neighbours(40_000 if quick else 400_000, 300, repeats=3 if quick else 7),
        "analogies": lambda: analogies(7_000 if quick else 70_000, 200, 1 if quick else 5, questions),
    }
    results = {}
    for name, measured in parts.items():
        result = results[name] = measured()
        shown = result.get("ms_per_query") or result["seconds"]
        unit = "ms a query" if "ms_per_query" in result else "s"
        print(f"{name}: " + ", ".join(f"{side} {value:.2f} {unit}" for side, value in shown.items()))
        print(f"  {result['times_as_fast']:.1f} times as fast as gensim; the target is {_TARGETS[name]:g}", flush=True)
    if not quick:
        print(write("space_speed", {"machine": machine("gensim", "numba"), "targets": _TARGETS, **results}))


if __name__ == "__main__":
    main()
