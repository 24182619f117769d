"""A space of words in which everything that is asked has a known answer."""

import numpy as np

from nearfield.data.word_sets import AnalogySet, CategorySet, PairSet
from nearfield.space.space import Space

ANIMALS, TOOLS = ("cat", "dog", "cow"), ("saw", "axe", "file")


def tiny_space(noise: float = 0.0, *, seed: int = 0, **options) -> Space:
    """Animals point one way, tools another; capitals are their countries and a common step; animal is a long vector."""
    axes = np.eye(12)
    vectors = {word: axes[0] + 0.1 * axes[2 + i] for i, word in enumerate(ANIMALS)}
    vectors |= {word: axes[1] + 0.1 * axes[2 + i] for i, word in enumerate(TOOLS)}
    for i, country in enumerate(("france", "italy", "spain", "peru", "chile")):
        vectors[country] = axes[7 + i]
        vectors[f"{country}-capital"] = axes[7 + i] + 0.5 * axes[5] + 0.5 * axes[6]
    vectors["animal"] = 3 * axes[0]
    matrix = np.array(list(vectors.values()))
    return Space(vectors, matrix + noise * np.random.default_rng(seed).normal(size=matrix.shape), **options)


PAIRS = PairSet(
    "pairs",
    "similarity",
    (("cat", "dog"), ("cat", "saw"), ("Saw", "axe"), ("dog", "file"), ("cow", "unicorn"), ("cow", "axe")),
    (9.0, 1.0, 8.0, 0.5, 3.0, 0.2),
)
CATEGORIES = CategorySet("kinds", (*ANIMALS, *TOOLS, "unicorn"), ("animal",) * 3 + ("tool",) * 3 + ("animal",))
COUNTRIES = ("France", "Italy", "Spain", "Peru", "Chile")
QUESTIONS = AnalogySet(
    "capitals",
    (
        *((f"{a}-capital", a, f"{b}-capital", b) for a in COUNTRIES for b in COUNTRIES if a != b),
        ("cat", "animal", "unicorn", "animal"),
        ("cat", "dog", "saw", "file"),
    ),
    ("capital",) * 20 + ("gram1-other",) * 2,
)
ENTAILMENT = PairSet(
    "kind-of",
    "entailment",
    (("cat", "animal"), ("animal", "cat"), ("cat", "saw"), ("dog", "animal"), ("axe", "dog")),
    (1.0, 0.0, 0.0, 1.0, 0.0),
)
SETS = (PAIRS, QUESTIONS, CATEGORIES, ENTAILMENT)
