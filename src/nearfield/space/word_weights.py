"""How much each word counts in the mean of a sentence's words: the frequent ones, which say little, less.

References:
    Arora, Liang & Ma (2017), https://openreview.net/forum?id=SyK00v5xx: a / (a + p(w)), without the removal of a common
    direction, which depends on the other sentences.
"""

from typing import Literal, TypeAlias, get_args

import numpy as np

from nearfield.arrays import Vectors
from nearfield.errors import InvalidInputError
from nearfield.space.space import Space

Weighting: TypeAlias = Literal["auto", "counts", "ranks", "mean"]

SMOOTHING = 1e-4
"""The paper's `a`. Chosen on STS-B's development set with GloVe."""

_MOST_FREQUENT_FIRST = {"fasttext", "gensim", "glove", "word2vec", "word2vec-binary"}


def word_weights(space: Space, *, weighting: Weighting = "auto", smoothing: float = SMOOTHING) -> Vectors:
    """Weigh the words of a space.

    Args:
        space: The words.
        weighting: Where frequencies are taken from: `counts`; `ranks`, where the most frequent word comes first, by
            Zipf's law; `mean` weighs all alike. `auto` is `counts` where the space has them, else `ranks` where it came
            from a file of word vectors, which list frequent words first, else `mean`.
        smoothing: The frequency at which a word counts half; above 0.

    Returns:
        `(n,)` float32 in (0, 1].

    Raises:
        InvalidInputError: If there is no such weighting, the space has no counts, or smoothing is not above 0.
    """
    if not smoothing > 0:
        raise InvalidInputError(f"smoothing must be above 0, got {smoothing}")
    if weighting == "auto":
        weighting = _best_weighting(space)
    if weighting == "mean":
        return np.ones(len(space), np.float32)
    if weighting == "ranks":
        frequencies = 1 / np.arange(1, len(space) + 1)
    elif weighting == "counts":
        if space.counts is None or space.counts.sum() <= 0:
            raise InvalidInputError("the space has no counts; choose the weighting ranks or mean")
        frequencies = space.counts.astype(np.float64)
    else:
        raise InvalidInputError(f"weighting must be one of {', '.join(get_args(Weighting))}, got {weighting!r}")
    weights: Vectors = (smoothing / (smoothing + frequencies / frequencies.sum())).astype(np.float32)
    return weights


def _best_weighting(space: Space) -> Weighting:
    if space.counts is not None and space.counts.sum() > 0:
        return "counts"
    return "ranks" if space.about.get("format") in _MOST_FREQUENT_FIRST else "mean"
