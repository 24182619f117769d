"""Which rows are nearest, exactly: screened in few bits within known bounds, and decided in float64.

Every scan gives estimates and by how much they may be wrong. A row whose highest possible score does not reach the
k-th highest of the lowest possible ones is not among the best k; the few others are scored in float64, and equal
rows equally. So a cheaper scan changes the time and never the answer.
"""

import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from threading import Lock
from typing import Any

import numpy as np

from nearfield.arrays import Metric, Scores, Vectors
from nearfield.space.candidates import Numbers, Pool, Slack, best_of, possible_rows
from nearfield.space.coarse import CoarseRows
from nearfield.space.keys import Positions
from nearfield.space.neighbours import require_k, require_metric

_CELLS = 1 << 17  # of float64 rows that are scored at a time; they stay in a core's cache
_SCANS_BEFORE_COPY = 16  # making the coarse copy takes about as long as they do
_SMALLEST_COPIED = 1 << 22  # cells; fewer stay in the processor's cache, where float32 is as fast
_MOST_RESCORED = 1 / 8  # of the rows; beyond it the coarse scan told too little
_TAMEST, _WILDEST = 1e-15, 1e15  # lengths between which float32 products neither vanish nor overflow
_QUERIES_AT_ONCE, _FEWEST_ROWS, _MOST_ROWS = 256, 256, 8192
_FEW = 8  # queries that are searched for sooner one by one
_SPARE = 32  # candidates beyond k that a batch keeps for each query

_FLOAT64_ROUNDING = 1e-14  # of a few steps, relative to what is summed

_log = logging.getLogger(__name__)


@dataclass(frozen=True, eq=False)
class Nearest:
    """The nearest rows of each query, best first.

    Attributes:
        rows: `(m, k)` int64, -1 where a query has fewer.
        scores: `(m, k)` float64, higher is nearer: the cosine, the product, or the negative distance; -inf there.
    """

    rows: Positions
    scores: Scores


class RowSearch:
    """Exact search over the rows of a matrix, by several threads at once if need be.

    After some scans of a large matrix it keeps an 8-bit copy as well, a quarter of its size, if Numba is installed.

    Args:
        vectors: `(n, d)` float32, no row zero; in memory or memory-mapped.
        norms: `(n,)` float64, their lengths.
    """

    def __init__(self, vectors: Vectors, norms: Scores) -> None:
        self._vectors = vectors
        self._norms = norms
        self._norms32 = norms.astype(np.float32)
        self._tame = bool(len(norms) == 0 or (norms.min() >= _TAMEST and norms.max() <= _WILDEST))
        self._coarse: CoarseRows | None = None
        self._scans_left = _SCANS_BEFORE_COPY
        self._copying = Lock()

    def nearest(self, query: Scores, *, k: int, metric: Metric, excluded: Positions) -> tuple[Positions, Scores]:
        """Find the rows nearest to a query.

        Args:
            query: `(d,)` float64, finite; not zero if the metric is `cosine`.
            k: At least 1.
            metric: `cosine`, `dot` or `l2`.
            excluded: `(e,)` rows to leave out.

        Returns:
            Up to `k` rows and their scores, best first, of equal ones the earlier row first.
        """
        length = float(np.linalg.norm(query))
        direction = query / length if length else query
        exact = self._scorer(query, metric)
        if (coarse := self._ready_copy()) is not None and length:
            rows = self._possible_rows(*coarse.cosines(direction), length, k, metric, excluded)
            if len(rows) <= max(k, _MOST_RESCORED * len(self._vectors)):
                return best_of(rows, exact, k=k)
        estimates, slack = self.cosines(direction[None])
        return best_of(self._possible_rows(estimates[0], slack, length, k, metric, excluded), exact, k=k)

    def nearest_to_each(self, queries: Scores, *, k: int, metric: Metric, excluded: Positions) -> Nearest:
        """Find the rows nearest to each of many queries, in blocked matrix products.

        Args:
            queries: `(m, d)` float64, finite; none zero if the metric is `cosine`.
            k: How many to find for each.
            metric: `cosine`, `dot` or `l2`.
            excluded: `(m, e)` rows to leave out for each query, -1 for none.

        Returns:
            The nearest, `min(k, n)` for each query.

        Raises:
            InvalidInputError: If `k` is below 1 or there is no such metric.
        """
        require_k(k)
        require_metric(metric)
        k = min(k, len(self._vectors))
        found = Nearest(np.full((len(queries), k), -1), np.full((len(queries), k), -np.inf))
        if k == 0:
            return found
        for start in range(0, len(queries), _QUERIES_AT_ONCE):
            part = slice(start, start + _QUERIES_AT_ONCE)
            for i, (query, rows) in enumerate(
                zip(queries[part], self._screen(queries[part], k, metric, excluded[part]), strict=True)
            ):
                if rows is None:
                    left_out = excluded[start + i]
                    best, scores = self.nearest(query, k=k, metric=metric, excluded=left_out[left_out >= 0])
                else:
                    best, scores = best_of(rows, self._scorer(query, metric), k=k)
                found.rows[start + i, : len(best)] = best
                found.scores[start + i, : len(best)] = scores
        return found

    def cosines(self, directions: Scores) -> tuple[Numbers, float]:
        """Measure the cosine of each row with some directions, to nearly float32.

        Args:
            directions: `(p, d)` float64 of length 1 or 0.

        Returns:
            `(p, n)` cosines, and by how much they may be wrong.
        """
        if self._tame:
            # One direction is a matrix-vector product, which reads the rows as they lie.
            narrow = directions.astype(np.float32)
            estimates = (self._vectors @ narrow[0])[None] if len(narrow) == 1 else narrow @ self._vectors.T
            estimates /= self._norms32
            return estimates, _rounding(self._vectors.shape[1], np.float32)
        whole = np.empty((len(directions), len(self._vectors)))
        for part in self._parts(len(self._vectors)):
            whole[:, part] = directions @ self._vectors[part].astype(np.float64).T / self._norms[part]
        return whole, _rounding(self._vectors.shape[1], np.float64)

    def unit_rows(self, rows: Positions) -> Iterator[tuple[slice, Scores]]:
        """Give rows scaled to length 1 in float64, some at a time: which of those asked for, and `(r, d)`."""
        for part in self._parts(len(rows)):
            yield part, self._vectors[rows[part]] / self._norms[rows[part], None]

    def _scorer(self, query: Scores, metric: Metric) -> Callable[[Positions], Scores]:
        """Make the function that scores rows in float64, each in the same way wherever it stands."""
        direction = query / np.linalg.norm(query) if metric == "cosine" else query

        def score(rows: Positions) -> Scores:
            scores = np.empty(len(rows))
            for part in self._parts(len(rows)):
                values = self._vectors[rows[part]].astype(np.float64)
                if metric == "l2":
                    scores[part] = -np.sqrt(((values - direction) ** 2).sum(axis=1))
                else:
                    scores[part] = (values * direction).sum(axis=1)
            return np.clip(scores / self._norms[rows], -1, 1) if metric == "cosine" else scores

        return score

    def _possible_rows(
        self, cosines: Numbers, slack: Slack, length: float, k: int, metric: Metric, excluded: Positions
    ) -> Positions:
        estimates, widths = _scores(cosines, slack, length, self._norms, metric)
        return possible_rows(estimates - widths, estimates + widths, k=k, excluded=excluded)

    def _parts(self, rows: int) -> Iterator[slice]:
        step = max(1, _CELLS // max(1, self._vectors.shape[1]))
        return (slice(start, start + step) for start in range(0, rows, step))

    def _ready_copy(self) -> CoarseRows | None:
        """Give the coarse copy; make it when enough scans were asked for that it will have been worth it."""
        if self._coarse is not None or self._vectors.size < _SMALLEST_COPIED or self._scans_left < 0:
            return self._coarse
        with self._copying:
            self._scans_left -= 1
            if self._scans_left < 0 and self._coarse is None:
                try:
                    self._coarse = CoarseRows(self._vectors, self._norms)
                except (ImportError, RuntimeError) as error:
                    _log.info("searching without a coarse copy: %s", error)
        return self._coarse

    def _screen(self, queries: Scores, k: int, metric: Metric, excluded: Positions) -> list[Positions | None]:
        """Find for each query the rows that may be among its best; None where one by one is the way to tell."""
        if not self._tame or len(queries) <= _FEW:
            return [None] * len(queries)
        n, keep = len(self._vectors), min(k + _SPARE, len(self._vectors))
        lengths = np.linalg.norm(queries, axis=1)[:, None]
        directions = np.divide(queries, lengths, out=np.zeros_like(queries), where=lengths > 0).astype(np.float32)
        slack = _rounding(queries.shape[1], np.float32)
        pool = Pool.empty(len(queries), keep)
        start, step = 0, _FEWEST_ROWS
        while start < n:
            part = slice(start, start + step)
            cosines = directions @ (self._vectors[part] / self._norms32[part, None]).T
            estimates, widths = _scores(cosines, slack, lengths, self._norms[part], metric)
            upper = estimates + widths
            local = excluded - start
            query, which = np.nonzero((local >= 0) & (local < upper.shape[1]))
            upper[query, local[query, which]] = -np.inf
            pool = pool.merged(upper, widths, start)
            # Blocks that double bring about as many new candidates each as are kept.
            start, step = start + step, min(2 * step, _MOST_ROWS)
        return pool.possible_rows(k, complete=keep == n)


def _scores(
    cosines: Numbers, slack: Slack, length: float | Scores, norms: Scores, metric: Metric
) -> tuple[Numbers, Slack]:
    """Turn cosines into what orders rows by a metric, and by how much that may be wrong."""
    if metric == "cosine":
        return cosines, slack
    if metric == "dot":
        return cosines * norms, slack * norms
    # |x - q|² = |x|² + |q|² - 2 x·q, of which |q|² changes no order.
    squares, doubled = norms**2, 2 * length * norms
    return cosines * doubled - squares, slack * doubled + _FLOAT64_ROUNDING * (squares + doubled)


def _rounding(dim: int, dtype: type[np.floating[Any]]) -> float:
    """Say how far the cosine of two vectors, computed in a precision, may be from the true one."""
    # Twice the bound on a sum of products, Higham (2002), section 3.1, for the few steps before and after it.
    return (dim + 16) * float(np.finfo(dtype).eps)
