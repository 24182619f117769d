"""The arithmetic of a block: products of a few hidden rows with a few target rows, and their gradients.

Everything here works on small buffers that stay in the processor's nearest cache. The loops take two hidden rows and
three target rows at once: so each value that is loaded serves two or three multiplications, and what they add up to
fits the sixteen registers of AVX. Numbers of rows are therefore even, of targets multiples of three; what fills them
up has weight 0. A tile without any weight is passed over.
"""

import math

import numpy as np
from numba import njit

from nearfield.training.word2vec.jit import INLINED, KERNEL
from nearfield.training.word2vec.jit import Floats as F
from nearfield.training.word2vec.jit import Table as T2

HIDDEN_TILE, TARGET_TILE = 2, 3
"""How many hidden rows and target rows are worked on at once."""

SIGMOID_RANGE = 8.0
"""Beyond it the sigmoid is taken as 0 or 1, which it is to 0.0003."""
_STEPS = 8192
SIGMOID = (1 / (1 + np.exp(SIGMOID_RANGE - 2 * SIGMOID_RANGE * (np.arange(_STEPS) + 0.5) / _STEPS))).astype(np.float32)
"""`(8192,)` float32, the sigmoid in the middle of equal steps from -8 to 8."""


@njit(**INLINED)
def _has_weight(weights: T2, i: int, j: int) -> bool:
    return bool(
        weights[i, j] != 0
        or weights[i, j + 1] != 0
        or weights[i, j + 2] != 0
        or weights[i + 1, j] != 0
        or weights[i + 1, j + 1] != 0
        or weights[i + 1, j + 2] != 0
    )


@njit(**KERNEL)
def multiply(hidden: T2, rows: int, targets: T2, columns: int, weights: T2, out: T2) -> None:
    """Set `out[i, j]` to the dot product of hidden row i and target row j, for all tiles with weight."""
    dim = hidden.shape[1]
    for i in range(0, rows, 2):
        for j in range(0, columns, 3):
            if not _has_weight(weights, i, j):
                continue
            s00 = s01 = s02 = s10 = s11 = s12 = np.float32(0)
            for k in range(dim):
                a, b = hidden[i, k], hidden[i + 1, k]
                x, y, z = targets[j, k], targets[j + 1, k], targets[j + 2, k]
                s00 += a * x
                s01 += a * y
                s02 += a * z
                s10 += b * x
                s11 += b * y
                s12 += b * z
            out[i, j], out[i, j + 1], out[i, j + 2] = s00, s01, s02
            out[i + 1, j], out[i + 1, j + 1], out[i + 1, j + 2] = s10, s11, s12


@njit(**KERNEL)
def scores_to_steps(scores: T2, rows: int, columns: int, weights: T2, labels: F, rate: np.float32, sigmoid: F) -> None:
    """Replace each score by its step: rate x weight x (label - sigmoid(score)); 0 where there is no weight."""
    scale = np.float32(len(sigmoid) / (2 * SIGMOID_RANGE))
    for i in range(rows):
        for j in range(columns):
            weight = weights[i, j]
            if weight == 0:
                scores[i, j] = np.float32(0)
                continue
            place = (scores[i, j] + np.float32(SIGMOID_RANGE)) * scale
            last = len(sigmoid) - 1
            step = 0 if not place > 0 else last if place > last else np.int64(place)  # NaN too has a place
            scores[i, j] = rate * weight * (labels[j] - sigmoid[step])


@njit(**KERNEL)
def measure_loss(scores: T2, rows: int, columns: int, weights: T2, labels: F) -> float:
    """Add up weight x -log(probability of the label)."""
    total = 0.0
    for i in range(rows):
        for j in range(columns):
            if weights[i, j] != 0:
                margin = scores[i, j] if labels[j] > 0.5 else -scores[i, j]
                total += weights[i, j] * (math.log1p(math.exp(-abs(margin))) + max(-margin, 0.0))
    return total


@njit(**KERNEL)
def add_gradients(
    hidden: T2, hidden_gradient: T2, rows: int, targets: T2, target_gradient: T2, columns: int, weights: T2, steps: T2
) -> None:
    """Add steps x targets to the hidden rows' gradient, and steps transposed x hidden rows to the targets'."""
    dim = hidden.shape[1]
    for i in range(0, rows, 2):
        for j in range(0, columns, 3):
            if not _has_weight(weights, i, j):
                continue
            s00, s01, s02 = steps[i, j], steps[i, j + 1], steps[i, j + 2]
            s10, s11, s12 = steps[i + 1, j], steps[i + 1, j + 1], steps[i + 1, j + 2]
            for k in range(dim):
                a, b = hidden[i, k], hidden[i + 1, k]
                x, y, z = targets[j, k], targets[j + 1, k], targets[j + 2, k]
                target_gradient[j, k] += s00 * a + s10 * b
                target_gradient[j + 1, k] += s01 * a + s11 * b
                target_gradient[j + 2, k] += s02 * a + s12 * b
                hidden_gradient[i, k] += s00 * x + s01 * y + s02 * z
                hidden_gradient[i + 1, k] += s10 * x + s11 * y + s12 * z


@njit(**KERNEL)
def add_mixture(mixing: T2, rows: int, columns: int, source: T2, out: T2) -> None:
    """Add mixing x source to the first rows of `out`: what a centre's hidden row is made of, or who shares a gradient.

    Columns beyond `columns`, up to a multiple of three, and a row beyond an odd number of `rows` must be 0.
    """
    dim = source.shape[1]
    for i in range(0, rows, 2):
        for j in range(0, columns, 3):
            if not _has_weight(mixing, i, j):
                continue
            a0, a1, a2 = mixing[i, j], mixing[i, j + 1], mixing[i, j + 2]
            b0, b1, b2 = mixing[i + 1, j], mixing[i + 1, j + 1], mixing[i + 1, j + 2]
            for k in range(dim):
                x, y, z = source[j, k], source[j + 1, k], source[j + 2, k]
                out[i, k] += a0 * x + a1 * y + a2 * z
                out[i + 1, k] += b0 * x + b1 * y + b2 * z
