"""Compiled loops over 8-bit rows; imported only where Numba is installed."""

import numpy as np
import numpy.typing as npt
from numba import njit

from nearfield.arrays import Scores, Vectors


@njit(nogil=True, cache=True)
def round_rows(vectors: Vectors, norms: Scores, codes: npt.NDArray[np.int8], scales: Vectors, losses: Vectors) -> None:
    """Round each row, scaled to length 1, to multiples of a step of its own.

    Args:
        vectors: `(n, d)` float32.
        norms: `(n,)` float64, their lengths, above zero.
        codes: `(n, d')` int8 to fill, `d' >= d`, zero beyond `d`.
        scales: `(n,)` float32 to fill: the step.
        losses: `(n,)` float32 to fill: the length of what rounding took away, not less.
    """
    for i in range(vectors.shape[0]):
        highest = 0.0
        for j in range(vectors.shape[1]):
            highest = max(highest, abs(float(vectors[i, j])))
        scale = np.float32(highest / norms[i] / 127)
        lost = 0.0
        for j in range(vectors.shape[1]):
            value = vectors[i, j] / norms[i]
            code = min(max(np.rint(value / scale), -127.0), 127.0)
            codes[i, j] = np.int8(code)
            lost += (value - code * scale) ** 2
        scales[i] = scale
        losses[i] = np.float32(np.sqrt(lost) * (1 + 1e-6))


@njit(nogil=True, cache=True)
def products(codes: npt.NDArray[np.int8], query: npt.NDArray[np.int16], out: npt.NDArray[np.int32]) -> None:
    """Multiply each row `(n, d)` with a query `(d,)` exactly; the products must fit into 32 bits."""
    for i in range(codes.shape[0]):
        total = np.int32(0)
        for j in range(codes.shape[1]):
            # Without the narrowing Numba would sum in 64 bits, at a fraction of the speed.
            total = np.int32(total + np.int32(np.int32(codes[i, j]) * np.int32(query[j])))
        out[i] = total
