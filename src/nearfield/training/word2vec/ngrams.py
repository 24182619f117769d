"""Which rows of the input table each word is made of: its own, and with subwords those of its n-grams."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from numba import njit

from nearfield.space.keys import Positions
from nearfield.training.word2vec.jit import KERNEL


def word_rows(words: Sequence[str], *, min_n: int, max_n: int, buckets: int) -> tuple[Positions, Positions]:
    """List the rows of words with their n-grams; the same n-grams as `nearfield.space.subwords.ngram_rows` lists.

    Args:
        words: Word of each row.
        min_n: Fewest characters of an n-gram.
        max_n: Most characters.
        buckets: Rows for n-grams, after those for words; 0 for none.

    Returns:
        `(words + 1,)` int64 bounds, and the rows of word w from `bounds[w]` to `bounds[w + 1]`, its own first.
    """
    if not buckets:
        return np.arange(len(words) + 1), np.arange(len(words))
    encoded = [f"<{word}>".encode() for word in words]
    ends = np.cumsum([len(word) for word in encoded])
    text = np.frombuffer(b"".join(encoded), np.uint8)
    # A word of m bytes has at most m n-grams of each length.
    most = int(len(text) * (max_n - min_n + 1) + len(words))
    bounds, rows = np.zeros(len(words) + 1, np.int64), np.empty(most, np.int64)
    used = _list_rows(text, ends, min_n, max_n, buckets, bounds, rows)
    return bounds, rows[:used].copy()


@njit(**KERNEL)
def _list_rows(
    text: npt.NDArray[np.uint8],
    ends: Positions,
    min_n: int,
    max_n: int,
    buckets: int,
    bounds: Positions,
    rows: Positions,
) -> int:
    used = first = 0
    for word, end in enumerate(ends):
        rows[used] = word
        used += 1
        for start in range(first, end):
            if text[start] & 0xC0 == 0x80:  # inside a character
                continue
            value, position, count = np.uint32(2166136261), start, 0
            while position < end and count < max_n:
                count += 1
                while True:  # the bytes of one character; fastText takes each as signed
                    value = np.uint32((value ^ np.uint32(np.int8(text[position]))) * np.uint32(16777619))
                    position += 1
                    if position == end or text[position] & 0xC0 != 0x80:
                        break
                if count >= min_n and not (count == 1 and (start == first or position == end)):
                    rows[used] = len(ends) + value % buckets
                    used += 1
        bounds[word + 1] = used
        first = end
    return used
