"""How far two spaces agree on what is near to what; needs no alignment, and no equal dimensions."""

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from nearfield.arrays import Scores, Vectors, normalise
from nearfield.errors import InvalidInputError
from nearfield.progress import Progress, silent
from nearfield.report.characters import elided, one_line
from nearfield.report.frozen import to_json
from nearfield.report.numbers import counted, decimal, interval
from nearfield.report.table import Column, text_table
from nearfield.space.keys import Positions
from nearfield.space.knn import nearest_rows, shared_share
from nearfield.space.space import Space
from nearfield.statistics import Interval, bootstrap_interval


class KeyOverlap(NamedTuple):
    """A key and how much its neighbourhoods have in common.

    Attributes:
        key: The key.
        jaccard: From 0 to 1.
    """

    key: str
    jaccard: float


@dataclass(frozen=True)
class NeighbourComparison:
    """How far two spaces agree on neighbours.

    Attributes:
        shared: Keys that both spaces have, among which neighbours are looked for.
        k: How many neighbours.
        jaccard: Mean over keys of neighbours in both over neighbours in either, and its 95 % interval.
        keys: The keys that were looked at, those with least in common first.
    """

    shared: int
    k: int
    jaccard: Interval
    keys: tuple[KeyOverlap, ...]

    def to_json(self) -> dict[str, Any]:
        """Write it down as JSON values."""
        keys = [key._asdict() for key in self.keys]
        return {"shared": self.shared, "k": self.k, "jaccard": to_json(self.jaccard), "keys": keys}

    def __str__(self) -> str:
        """Render the mean and the keys at both ends."""
        titles = ("least in common", "Jaccard", "most in common", "Jaccard")
        columns = [Column(title, "right" if title == "Jaccard" else "left") for title in titles]
        ends = zip(self.keys[:10], self.keys[::-1][:10], strict=True)
        rows = [[_short(one), decimal(one.jaccard), _short(other), decimal(other.jaccard)] for one, other in ends]
        mean = f"{decimal(self.jaccard.mean)} {interval(self.jaccard.low, self.jaccard.high)}".rstrip()
        head = f"{counted(self.shared, 'shared key')}; Jaccard of the {self.k} nearest neighbours: {mean}"
        return f"{head}\n\n{text_table(columns, rows)}"


def compare_neighbours(
    one: Space, other: Space, *, k: int = 10, queries: int = 1_000, seed: int = 0, progress: Progress = silent
) -> NeighbourComparison:
    """Compare for the keys that two spaces share which shared keys are nearest to them, by cosine.

    Args:
        one: A space.
        other: Another, of any number of dimensions.
        k: Neighbours of each key, at least 1 and below the number of shared keys.
        queries: Most keys to compare, drawn at random.
        seed: Of the draw and the resampling.
        progress: Called with how many neighbourhoods are known.

    Returns:
        The comparison.

    Raises:
        InvalidInputError: If they share too few keys, or an option is out of range.
    """
    if queries < 1:
        raise InvalidInputError(f"queries must be at least 1, got {queries}")
    rows, others = shared_rows(one, other)
    asked, overlaps = jaccards(
        normalise(one.vectors[rows]),
        normalise(other.vectors[others]),
        k=k,
        queries=queries,
        seed=seed,
        progress=progress,
    )
    order = np.argsort(overlaps, kind="stable")
    keys = tuple(KeyOverlap(one.keys[int(rows[asked[i]])], float(overlaps[i])) for i in order)
    return NeighbourComparison(len(rows), k, bootstrap_interval(overlaps, seed=seed), keys)


def shared_rows(one: Space, other: Space) -> tuple[Positions, Positions]:
    """Find the keys that two spaces share.

    Args:
        one: A space.
        other: Another.

    Returns:
        The rows of the keys in each, in the order of the first.

    Raises:
        InvalidInputError: If there are none.
    """
    there = other.keys.positions(one.keys)
    rows = np.flatnonzero(there >= 0)
    if not len(rows):
        mine, theirs = ", ".join(map(repr, one.keys[:3])), ", ".join(map(repr, other.keys[:3]))
        raise InvalidInputError(
            f"the spaces share no key (one has {mine}, the other {theirs}); rename the keys, or pair them with `align`"
        )
    return rows, there[rows]


def jaccards(
    one: Vectors, other: Vectors, *, k: int, queries: int, seed: int, progress: Progress = silent
) -> tuple[Positions, Scores]:
    """Measure how much the neighbourhoods of some rows have in common in two matrices.

    Args:
        one: `(n, d)` float32 of length 1.
        other: `(n, d')` float32 of length 1, row for row the same things.
        k: Neighbours.
        queries: Most rows to look at.
        seed: Of their draw.
        progress: Called with how many neighbourhoods are known.

    Returns:
        The `(q,)` rows, and for each neighbours in both over neighbours in either, `(q,)` float64.

    Raises:
        InvalidInputError: If `k` is not from 1 to `n` - 1.
    """
    if not 1 <= k < len(one):
        raise InvalidInputError(f"k must be at least 1 and below the {len(one):,} keys in common, got {k}")
    asked = np.sort(np.random.default_rng(seed).permutation(len(one))[:queries])
    found = [
        nearest_rows(vectors, asked, k, what=f"neighbours in space {number}", progress=progress)
        for number, vectors in enumerate((one, other), start=1)
    ]
    share = shared_share(*found)
    return asked, share / (2 - share)


def _short(overlap: KeyOverlap) -> str:
    return elided(one_line(overlap.key), 36)  # so that two columns of them fit a terminal
