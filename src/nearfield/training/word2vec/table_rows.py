"""From the big tables to the small buffers of a block, and back.

A word's input vector is the mean of the table rows that it is made of: its own row, and with subwords those of its
n-grams. `parts[bounds[w]:bounds[w + 1]]` are the rows of word w.
"""

import numpy as np
from numba import njit

from nearfield.training.word2vec.jit import KERNEL, Rows, Table
from nearfield.training.word2vec.prefetch import prefetch

_FLOATS_A_LINE = 16  # of 64 bytes


@njit(**KERNEL)
def fetch_row(table: Table, row: int) -> None:
    """Have a row brought into the cache while something else is computed."""
    for k in range(0, table.shape[1], _FLOATS_A_LINE):
        prefetch(table, row, k)


@njit(**KERNEL)
def fetch_word(table: Table, bounds: Rows, parts: Rows, word: int) -> None:
    """Have the rows of a word brought into the cache."""
    for part in range(bounds[word], bounds[word + 1]):
        fetch_row(table, parts[part])


@njit(**KERNEL)
def compose_words(
    table: Table, bounds: Rows, parts: Rows, words: Rows, count: int, out: Table, gradient: Table
) -> None:
    """Set `out[i]` to the vector of `words[i]`, and clear `gradient[i]`."""
    dim = table.shape[1]
    for i in range(count):
        first, end = bounds[words[i]], bounds[words[i] + 1]
        share = np.float32(1) / np.float32(end - first)
        row = parts[first]
        for k in range(dim):
            out[i, k] = table[row, k] * share
            gradient[i, k] = np.float32(0)
        for part in range(first + 1, end):
            row = parts[part]
            for k in range(dim):
                out[i, k] += table[row, k] * share


@njit(**KERNEL)
def add_to_words(table: Table, bounds: Rows, parts: Rows, words: Rows, count: int, gradient: Table) -> None:
    """Add each word's gradient to every row that it is made of, undivided, as fastText does."""
    dim = table.shape[1]
    for i in range(count):
        for part in range(bounds[words[i]], bounds[words[i] + 1]):
            row = parts[part]
            for k in range(dim):
                table[row, k] += gradient[i, k]


@njit(**KERNEL)
def load_rows(table: Table, rows: Rows, count: int, out: Table, gradient: Table) -> None:
    """Set `out[j]` to row `rows[j]` of a table, and clear `gradient[j]`; a negative row is passed over."""
    dim = table.shape[1]
    for j in range(count):
        row = rows[j]
        if row >= 0:
            for k in range(dim):
                out[j, k] = table[row, k]
                gradient[j, k] = np.float32(0)


@njit(**KERNEL)
def add_to_rows(table: Table, rows: Rows, count: int, gradient: Table) -> None:
    """Add `gradient[j]` to row `rows[j]` of a table; a negative row is passed over."""
    dim = table.shape[1]
    for j in range(count):
        row = rows[j]
        if row >= 0:
            for k in range(dim):
                table[row, k] += gradient[j, k]
