"""How the words of a test set are found in a space."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal, TypeAlias, get_args

import numpy as np
import numpy.typing as npt

from nearfield.arrays import Vectors, normalise
from nearfield.errors import InvalidInputError
from nearfield.space.keys import Positions
from nearfield.space.space import Space
from nearfield.space.subwords import Subwords

Case: TypeAlias = Literal["lower", "exact", "ignore"]


@dataclass(frozen=True, eq=False)
class Found:
    """The vectors of words.

    Attributes:
        vectors: `(n, d)` float32; zero for a word that has none.
        known: `(n,)` whether each has one.
        composed: How many of them were made of n-grams.
    """

    vectors: Vectors
    known: npt.NDArray[np.bool_]
    composed: int


class Lexicon:
    """A space as a test set's words meet it.

    A word of several parts is also looked for with `_` in place of its spaces.

    Args:
        space: The space; only the keys that count are kept of it.
        case: `lower` finds a word as written, else in lower case; `exact` only as written; `ignore` the first key
            that differs at most by case, and leaves the later such keys out of the answers to analogies.
        vocabulary: How many keys, from the first on, count; all by default.

    Raises:
        InvalidInputError: If there is no such case, or `vocabulary` is below 1.
    """

    def __init__(self, space: Space, *, case: Case = "lower", vocabulary: int | None = None) -> None:
        if case not in get_args(Case):
            raise InvalidInputError(f"case must be one of {', '.join(get_args(Case))}, got {case!r}")
        if vocabulary is not None and vocabulary < 1:
            raise InvalidInputError(f"vocabulary must be at least 1, got {vocabulary}")
        self.space = space if vocabulary is None else space.first(vocabulary)
        self.case = case
        self._first_row: dict[str, int] = {}
        if case == "ignore":
            for row, key in enumerate(self.space.keys):
                self._first_row.setdefault(key.upper(), row)

    def rows(self, words: Sequence[str]) -> Positions:
        """Find the rows of words, `(n,)` int64; -1 for a word that is no key."""
        return np.fromiter(map(self._row, words), np.int64, len(words))

    def vectors(self, words: Sequence[str]) -> Found:
        """Find the vectors of words; those that are no key are made of n-grams where the space has them."""
        rows = self.rows(words)
        vectors = np.zeros((len(words), self.space.dim), np.float32)
        vectors[rows >= 0] = self.space.vectors[rows[rows >= 0]]
        known = rows >= 0
        if self.space.subwords is not None:
            for missing in np.flatnonzero(rows < 0).tolist():
                made = self._compose(words[missing], self.space.subwords)
                if made is not None:
                    vectors[missing], known[missing] = made, True
        return Found(vectors, known, int(known.sum() - (rows >= 0).sum()))

    @cached_property
    def candidates(self) -> Positions:
        """`(c,)` int64, the rows that may answer an analogy, ascending."""
        if self.case == "ignore":
            return np.fromiter(self._first_row.values(), np.int64, len(self._first_row))
        return np.arange(len(self.space))

    @cached_property
    def candidate_units(self) -> Vectors:
        """`(c, d)` float32, their vectors scaled to length 1."""
        if len(self.candidates) == len(self.space):
            return self.space.unit_vectors
        return normalise(self.space.vectors[self.candidates])

    def _row(self, word: str) -> int:
        if self.case == "ignore":
            found = (self._first_row.get(form.upper()) for form in _forms(word))
        else:
            forms = [*_forms(word), *(_forms(word.lower()) if self.case == "lower" else ())]
            found = (self.space.keys.position(form) for form in forms)
        return next((row for row in found if row is not None), -1)

    def _compose(self, word: str, subwords: Subwords) -> Vectors | None:
        made = subwords.compose(word if self.case == "exact" else word.lower())
        return made if made is not None and made.any() else None


def _forms(word: str) -> Iterator[str]:
    yield word
    if " " in word:
        yield word.replace(" ", "_")
