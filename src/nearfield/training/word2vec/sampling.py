"""Which occurrences are kept, which words are drawn as negatives, and each word's path to the root of a tree."""

import heapq

import numpy as np
import numpy.typing as npt

from nearfield.arrays import Scores
from nearfield.space.keys import Positions

_ALWAYS = 2**32 - 1


def keep_chances(counts: Positions, sample: float) -> npt.NDArray[np.uint32]:
    """Find how likely an occurrence of each word is to be kept: sqrt(t / f) + t / f for share f and t = `sample`.

    Args:
        counts: `(n,)` how often each word occurs.
        sample: Threshold t; 0 keeps everything.

    Returns:
        `(n,)` uint32, in units of 2**-32; the highest is always.

    References:
        Mikolov et al. (2013), https://arxiv.org/abs/1310.4546, in the form of their program, which differs from the
        paper's.
    """
    if sample == 0:
        return np.full(len(counts), _ALWAYS, np.uint32)
    ratio = sample * counts.sum() / counts
    return as_chances(np.sqrt(ratio) + ratio)


def alias_table(weights: Scores) -> tuple[Positions, npt.NDArray[np.uint32]]:
    """Make a table from which a row is drawn in proportion to its weight with one random number.

    Row i is drawn uniformly, then kept with chance `keep[i]`, else exchanged for `alias[i]`.

    Args:
        weights: `(n,)` above 0.

    Returns:
        `(n,)` int64 aliases and `(n,)` uint32 chances.

    References:
        Walker (1977), doi:10.1145/355744.355749, in the form of Vose (1991).
    """
    heights = weights / weights.mean()
    alias = np.arange(len(weights))
    small, large = (list(np.flatnonzero(side)) for side in (heights < 1, heights >= 1))
    while small and large:
        low, high = small.pop(), large[-1]
        alias[low] = high
        heights[high] -= 1 - heights[low]
        if heights[high] < 1:
            small.append(large.pop())
    heights[[*small, *large]] = 1  # but for rounding, they are
    return alias, as_chances(heights)


def huffman_paths(counts: Positions) -> tuple[Positions, Positions, npt.NDArray[np.float32]]:
    """Put words under a binary tree in which the more frequent are nearer to the root.

    Args:
        counts: `(n,)` how often each word occurs, at least two words.

    Returns:
        `(n + 1,)` int64 bounds, and for word w, from `bounds[w]` to `bounds[w + 1]`, the inner nodes from the root
        down, int64 in [0, n - 1), and 1 or 0 for the side that each has to choose, float32.

    References:
        Huffman (1952), doi:10.1109/JRPROC.1952.273898.
    """
    n = len(counts)
    parent = np.zeros(2 * n - 1, np.int64)
    side = np.zeros(2 * n - 1, np.int64)
    heap = [(int(count), node) for node, count in enumerate(counts)]
    heapq.heapify(heap)
    for inner in range(n, 2 * n - 1):
        (first, left), (second, right) = heapq.heappop(heap), heapq.heappop(heap)
        parent[left] = parent[right] = inner
        side[right] = 1
        heapq.heappush(heap, (first + second, inner))
    root = 2 * n - 2
    paths: list[list[tuple[int, int]]] = []
    for word in range(n):
        path, node = [], word
        while node != root:
            path.append((int(parent[node]) - n, int(side[node])))
            node = int(parent[node])
        paths.append(path[::-1])
    bounds = np.concatenate([[0], np.cumsum([len(path) for path in paths])])
    flat = np.array([step for path in paths for step in path], np.int64).reshape(-1, 2)
    return bounds, flat[:, 0].copy(), flat[:, 1].astype(np.float32)


def as_chances(probabilities: Scores) -> npt.NDArray[np.uint32]:
    """Write probabilities, those above 1 as 1, in units of 2**-32."""
    return (np.minimum(np.asarray(probabilities), 1) * _ALWAYS).astype(np.uint32)
