"""Vectors for unseen words from their character n-grams, as fastText makes them.

References:
    Bojanowski, Grave, Joulin & Mikolov (2017), doi:10.1162/tacl_a_00051.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from nearfield.arrays import Vectors
from nearfield.errors import InvalidInputError

_FNV_OFFSET, _FNV_PRIME, _MASK = 2166136261, 16777619, 0xFFFFFFFF


@dataclass(frozen=True, eq=False)
class Subwords:
    """A vector for each bucket of character n-grams.

    Attributes:
        table: `(buckets, d)` float32.
        min_n: Fewest characters of an n-gram, at least 1.
        max_n: Most characters, at least `min_n`.
    """

    table: Vectors
    min_n: int = 3
    max_n: int = 6

    def __post_init__(self) -> None:
        """Refuse what no n-grams can be made with."""
        if not 1 <= self.min_n <= self.max_n:
            raise InvalidInputError(f"min_n must be from 1 to max_n, got min_n={self.min_n} and max_n={self.max_n}")
        if self.table.ndim != 2 or not len(self.table):
            raise InvalidInputError(f"the n-grams' table must have shape (buckets, d), got {self.table.shape}")

    def compose(self, word: str) -> Vectors | None:
        """Make a vector of a word's n-grams.

        Args:
            word: Any string.

        Returns:
            `(d,)` float32, the mean over its n-grams; None for a word too short to have any.
        """
        rows = ngram_rows(word, min_n=self.min_n, max_n=self.max_n, buckets=len(self.table))
        return self.table[rows].mean(axis=0) if len(rows) else None


def ngram_rows(word: str, *, min_n: int, max_n: int, buckets: int) -> npt.NDArray[np.int32]:
    """List the buckets of a word's character n-grams.

    The word is put between `<` and `>`, so that beginnings and ends differ from what stands within; those two on their
    own are no n-grams. Hashes, order and repetitions are fastText's: FNV-1a over the bytes of UTF-8, taken as signed.

    Args:
        word: Any string that UTF-8 can carry.
        min_n: Fewest characters, at least 1.
        max_n: Most characters.
        buckets: Number of buckets, at least 1.

    Returns:
        `(m,)` int32 in [0, buckets), in the order of the n-grams' starts.
    """
    letters = [letter.encode(errors="replace") for letter in f"<{word}>"]
    rows = []
    for start in range(len(letters)):
        value = _FNV_OFFSET
        for count, letter in enumerate(letters[start : start + max_n], start=1):
            for byte in letter:
                # fastText adds each byte as a signed char.
                value = ((value ^ (byte if byte < 128 else byte | 0xFFFFFF00)) * _FNV_PRIME) & _MASK
            if count >= min_n and not (count == 1 and (start == 0 or start + count == len(letters))):
                rows.append(value % buckets)
    return np.array(rows, np.int32)
