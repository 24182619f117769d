"""A copy of the rows in 8 bits, which tells within known bounds how near each is, at a quarter of the memory traffic.

A scan of millions of float32 numbers takes as long as reading them from memory takes. So rows are first compared by
an 8-bit copy. What rounding took from a row is at most as long as measured when it was rounded, hence by
Cauchy-Schwarz its cosine with a query of length 1 is off by no more than that; only rows that may still be among the
best need their float32 values.
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise

import numpy as np

from nearfield.arrays import Scores, Vectors
from nearfield.encoders.options import available_cores

_ALIGNMENT = 64  # bytes of a row; the compiled loop takes as many at a step
_LARGEST_QUERY_CODE = 32_767
_LARGEST_PRODUCT = 2**31 - 1
_SMALLEST_PART = 1 << 22  # bytes below which another thread costs more than it saves
_FLOAT32_ROUNDING = 1e-6  # of the few steps from an integer product to a cosine


class CoarseRows:
    """Rows in 8 bits.

    Args:
        vectors: `(n, d)` float32.
        norms: `(n,)` float64, their lengths, above zero.

    Raises:
        ImportError: If Numba is not installed.
        RuntimeError: If Numba finds no folder to keep what it compiles in.
    """

    def __init__(self, vectors: Vectors, norms: Scores) -> None:
        from nearfield.space import coarse_kernels

        n, dim = vectors.shape
        self._kernels = coarse_kernels
        self._codes = np.zeros((n, -(-dim // _ALIGNMENT) * _ALIGNMENT), np.int8)
        self._scales = np.empty(n, np.float32)
        self._losses = np.empty(n, np.float32)

        def fill(part: slice) -> None:
            coarse_kernels.round_rows(
                vectors[part], norms[part], self._codes[part], self._scales[part], self._losses[part]
            )

        self._in_parts(fill)

    def cosines(self, direction: Scores) -> tuple[Vectors, Vectors]:
        """Estimate the cosine of each row with a direction.

        Args:
            direction: `(d,)` float64 of length 1.

        Returns:
            `(n,)` float32 estimates, and `(n,)` float32 by how much each may be wrong.
        """
        # 16 bits cost the loop no more than 8 do, unless the sum over very many dimensions would not fit.
        most = min(_LARGEST_QUERY_CODE, _LARGEST_PRODUCT // (127 * self._codes.shape[1]))
        scale = float(np.abs(direction).max()) / most
        query = np.zeros(self._codes.shape[1], np.int16)
        query[: len(direction)] = np.rint(direction / scale)
        lost = float(np.linalg.norm(direction - query[: len(direction)] * scale))
        out = np.empty(len(self._codes), np.int32)

        def multiply(part: slice) -> None:
            self._kernels.products(self._codes[part], query, out[part])

        self._in_parts(multiply)
        estimates = out.astype(np.float32)
        estimates *= self._scales
        estimates *= np.float32(scale)
        # |x·q - x'·q'| <= |x - x'| |q| + |x'| |q - q'|, with |q| = 1 and |x'| <= 1 + |x - x'|.
        slack = self._losses * np.float32(1 + lost)
        slack += np.float32(lost + _FLOAT32_ROUNDING)
        return estimates, slack

    def _in_parts(self, work: Callable[[slice], None]) -> None:
        """Do work on parts of the rows, on all cores if there are enough."""
        n = len(self._codes)
        parts = max(1, min(available_cores(), self._codes.nbytes // _SMALLEST_PART))
        edges = np.linspace(0, n, parts + 1).astype(int).tolist()
        slices = [slice(start, end) for start, end in pairwise(edges)]
        if len(slices) == 1:
            work(slices[0])
            return
        with ThreadPoolExecutor(parts, thread_name_prefix="nearfield-search") as pool:
            list(pool.map(work, slices))
