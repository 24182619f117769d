"""Rows that may be among the best, told from the lowest and highest scores that they may have."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from nearfield.arrays import Scores
from nearfield.space.keys import Positions
from nearfield.space.neighbours import top_rows

Numbers: TypeAlias = npt.NDArray[np.floating[Any]]
Slack: TypeAlias = float | Numbers
"""By how much numbers may be wrong: one for all, or broadcast against them."""


def possible_rows(lower: Numbers, upper: Numbers, *, k: int, excluded: Positions) -> Positions:
    """Find the rows that may be among the best k.

    Args:
        lower: `(n,)` lowest possible score of each row; changed.
        upper: `(n,)` highest possible score; changed.
        k: At least 1.
        excluded: `(e,)` rows to leave out; may repeat.

    Returns:
        Ascending rows, at least `k` of them unless fewer are left.
    """
    lower[excluded] = upper[excluded] = -np.inf
    k = min(k, len(lower) - len(np.unique(excluded)))
    if k == 0:
        return np.empty(0, np.int64)
    threshold = np.partition(lower, len(lower) - k)[len(lower) - k]
    return np.flatnonzero(upper >= threshold)


def best_of(rows: Positions, score: Callable[[Positions], Scores], *, k: int) -> tuple[Positions, Scores]:
    """Score rows, and give the best k with their scores; of equal ones the earlier row first."""
    rows = np.sort(rows)
    scores = score(rows)
    top = top_rows(scores, k)
    return rows[top], scores[top]


@dataclass(frozen=True, eq=False)
class Pool:
    """The rows of highest possible score so far, for several queries; -1 and -inf where there are none yet.

    Attributes:
        rows: `(m, keep)` int64, best first.
        upper: `(m, keep)` their highest possible scores.
        lower: `(m, keep)` their lowest possible scores.
    """

    rows: Positions
    upper: Scores
    lower: Scores

    @classmethod
    def empty(cls, queries: int, keep: int) -> "Pool":
        """Make a pool that holds no row yet."""
        none = np.full((queries, keep), -np.inf)
        return cls(np.full((queries, keep), -1), none, none)

    def merged(self, upper: Numbers, widths: Slack, start: int) -> "Pool":
        """Take what is higher from a block of rows.

        Args:
            upper: `(m, r)` highest possible scores of the block's rows.
            widths: Half of how far below that their lowest possible scores lie.
            start: The block's first row.

        Returns:
            The new pool.
        """
        # NumPy finds what is true in one dimension several times as fast as in two.
        query, column = np.divmod(np.flatnonzero(upper > self.upper[:, -1:]), upper.shape[1])
        found = upper[query, column].astype(np.float64)
        width = np.broadcast_to(widths, upper.shape)[query, column]
        queries, keep = self.rows.shape
        owner = np.concatenate([np.repeat(np.arange(queries), keep), query])
        rows = np.concatenate([self.rows.ravel(), column + start])
        uppers = np.concatenate([self.upper.ravel(), found])
        lowers = np.concatenate([self.lower.ravel(), found - 2 * width])
        order = np.lexsort((-uppers, owner))
        ends = np.cumsum(np.bincount(owner, minlength=queries))
        kept = order[np.arange(keep) + np.concatenate([[0], ends[:-1]])[:, None]]
        return Pool(rows[kept], uppers[kept], lowers[kept])

    def possible_rows(self, k: int, *, complete: bool) -> list[Positions | None]:
        """Find each query's rows that may be among its best k.

        Args:
            k: At least 1, at most `keep`.
            complete: Whether the pool kept every row.

        Returns:
            Rows in no order; None for a query of which a row may be among the best that was not kept.
        """
        threshold = np.partition(self.lower, -k, axis=1)[:, -k]
        possible = (self.upper >= threshold[:, None]) & (self.upper > -np.inf)
        known = (self.upper[:, -1] < threshold) | complete
        return [rows[may] if sure else None for rows, may, sure in zip(self.rows, possible, known, strict=True)]
