"""The character n-grams of many words at once, and what their vectors add to the words' own.

References:
    Bojanowski, Grave, Joulin & Mikolov (2017), doi:10.1162/tacl_a_00051.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from nearfield.arrays import Vectors
from nearfield.space.keys import Positions
from nearfield.space.subwords import Subwords

_FNV_OFFSET, _FNV_PRIME = np.uint32(2166136261), np.uint32(16777619)
_WORDS_AT_ONCE = 1_024


def ngram_rows_of(
    words: Sequence[str], *, min_n: int, max_n: int, buckets: int
) -> tuple[npt.NDArray[np.int64], Positions]:
    """List the buckets of the n-grams of many words: what `ngram_rows` lists for each, in another order.

    Args:
        words: Any strings that UTF-8 can carry.
        min_n: Fewest characters, at least 1.
        max_n: Most characters.
        buckets: Number of buckets, at least 1.

    Returns:
        `(m,)` int64 in [0, buckets), one word's after the other's, and `(len(words),)` how many each has.
    """
    letters = np.frombuffer("".join(f"<{word}>" for word in words).encode("utf-32-le", "replace"), "<u4")
    ends = np.cumsum(np.fromiter(map(len, words), np.int64, len(words)) + 2)
    lengths = np.diff(ends, prepend=0)
    word = np.repeat(np.arange(len(words)), lengths)
    start = np.arange(len(letters))
    left = ends[word] - start  # letters from here to the end of the word
    code_units = _utf8(letters)
    values = np.full(len(letters), _FNV_OFFSET)
    found, owners = [values[:0]], [word[:0]]
    for size in range(1, min(max_n, int(lengths.max(initial=0))) + 1):
        start = start[left[start] >= size]
        for unit, length in code_units:
            at = start[length[start + size - 1]]
            values[at] = (values[at] ^ unit[at + size - 1]) * _FNV_PRIME
        if size >= min_n:
            # The marks of a word's beginning and end are no n-grams on their own.
            inner = (left[start] < lengths[word[start]]) & (left[start] > 1)
            kept = start[inner] if size == 1 else start
            found.append(values[kept] % np.uint32(buckets))
            owners.append(word[kept])
    owner = np.concatenate(owners)
    order = np.argsort(owner, kind="stable")
    return np.concatenate(found)[order].astype(np.int64), np.bincount(owner, minlength=len(words))


def add_ngrams(words: Sequence[str], vectors: npt.NDArray[Any], subwords: Subwords) -> Vectors:
    """Make words' vectors of their own and their n-grams': the mean of all of them, as fastText does.

    Args:
        words: `n` words.
        vectors: `(n, d)` the words' own.
        subwords: The n-grams'.

    Returns:
        `(n, d)` float32, a copy.
    """
    made = np.empty(vectors.shape, np.float32)
    for first in range(0, len(words), _WORDS_AT_ONCE):
        rows = slice(first, first + _WORDS_AT_ONCE)
        buckets = len(subwords.table)
        found, counts = ngram_rows_of(words[rows], min_n=subwords.min_n, max_n=subwords.max_n, buckets=buckets)
        # reduceat gives a group's first row where a group is empty, so each word's own vector is its group's first.
        starts = np.cumsum(counts + 1) - counts - 1
        gathered = np.empty((len(found) + len(counts), vectors.shape[1]), np.float32)
        own = np.zeros(len(gathered), bool)
        own[starts] = True
        gathered[own], gathered[~own] = vectors[rows], subwords.table[found]
        made[rows] = np.add.reduceat(gathered, starts, axis=0) / (counts + 1)[:, None].astype(np.float32)
    return made


def _utf8(letters: npt.NDArray[np.uint32]) -> list[tuple[npt.NDArray[np.uint32], npt.NDArray[np.bool_]]]:
    """Give each letter's first, second, third and fourth byte as fastText adds them, and which letters have one."""
    lengths = 1 + (letters > 0x7F) + (letters > 0x7FF) + (letters > 0xFFFF)
    units = []
    for place in range(int(lengths.max(initial=1))):
        has = lengths > place
        shift = (6 * (lengths - 1 - place)).clip(0).astype(np.uint32)
        lead = np.array([0, 0, 0xC0, 0xE0, 0xF0], np.uint32)[lengths] if place == 0 else np.uint32(0x80)
        bits = letters >> shift if place == 0 else (letters >> shift) & np.uint32(0x3F)
        byte = bits | lead
        # fastText adds each byte as a signed char.
        units.append((np.where(byte > 127, byte | np.uint32(0xFFFFFF00), byte), has))
    return units
