"""Sentences in which animals go with animals and numbers with numbers."""

import numpy as np

ANIMALS = ["cat", "dog", "mouse", "horse", "sheep"]
NUMBERS = ["one", "two", "three", "four", "five"]


def toy_sentences(count=400, seed=0):
    random = np.random.default_rng(seed)
    return [list(random.choice(ANIMALS if i % 2 else NUMBERS, size=8)) for i in range(count)]
