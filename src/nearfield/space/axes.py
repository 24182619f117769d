"""Directions in a space that mean something: from male to female, from small to large.

References:
    Bolukbasi et al. (2016), https://arxiv.org/abs/1607.06520 (a direction from pairs, by principal component);
    Grand, Blank, Pereira & Fedorenko (2022), doi:10.1038/s41562-022-01316-8 (semantic projection: positions on it).
"""

import os
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, Literal, NamedTuple, TypeAlias, get_args

import numpy as np

from nearfield.arrays import Scores, Vectors, normalise
from nearfield.errors import InvalidInputError
from nearfield.report.frozen import to_json
from nearfield.report.numbers import counted
from nearfield.report.page import write_page
from nearfield.space.consistency import Consistency, measure_consistency
from nearfield.space.space import Space

AxisMethod: TypeAlias = Literal["mean", "principal"]
Pair: TypeAlias = tuple[str, str]


class Position(NamedTuple):
    """Where a key is on an axis.

    Attributes:
        key: The key.
        position: -1 at the mean of the pairs' first words, 1 at the mean of their second; may go beyond.
    """

    key: str
    position: float


@dataclass(frozen=True, eq=False)
class Axis:
    """A direction with two poles.

    Attributes:
        name: What it is called.
        poles: What its ends are called, the negative first.
        pairs: What it was made of; each goes from the negative end to the positive.
        direction: `(d,)` float32 of length 1.
        ends: Where the means of the pairs' first and of their second words are, as cosines with the direction.
        consistency: How far the pairs agree on a direction; None for one pair.
        left_out: Pairs that were not used, since the space lacks a word of them; only with an example axis.
        space: What it is in.
    """

    name: str
    poles: Pair
    pairs: tuple[Pair, ...]
    direction: Vectors
    ends: tuple[float, float]
    consistency: Consistency | None
    left_out: tuple[Pair, ...]
    space: Space = field(repr=False)

    def project(self, keys: Sequence[str]) -> Scores:
        """Give the positions of keys.

        Args:
            keys: Keys, or words that the space's subwords can make vectors for.

        Returns:
            `(len(keys),)` float64, linear in the cosine with the direction: -1 at the mean of the pairs' first words,
            1 at the mean of their second. To be compared with each other: 0 is the middle of the poles, which is not
            where words stand that have nothing to do with either.

        Raises:
            UnknownKeyError: If one is not known.
        """
        low, high = self.ends
        cosines = normalise(self.space.vectors_of(keys)).astype(np.float64) @ self.direction.astype(np.float64)
        return np.asarray((cosines - (low + high) / 2) / ((high - low) / 2))

    def extremes(self, k: int = 10) -> tuple[list[Position], list[Position]]:
        """Find the keys furthest to each end: the `k` lowest, lowest first, and the `k` highest, highest first."""
        if k < 1:
            raise InvalidInputError(f"k must be at least 1, got {k}")
        low, high = self.ends
        cosines = (self.space.vectors @ self.direction) / self.space.norms
        positions = (cosines - (low + high) / 2) / ((high - low) / 2)
        order = np.argsort(positions, kind="stable")

        def named(rows: Sequence[int]) -> list[Position]:
            return [Position(self.space.keys[row], float(positions[row])) for row in rows]

        return named(order[:k].tolist()), named(order[::-1][:k].tolist())

    def __str__(self) -> str:
        """Say what it is and how far its pairs agree."""
        pairs = counted(len(self.pairs), "pair")
        head = f"{self.name}: from {self.poles[0]} (−1) to {self.poles[1]} (+1), by {pairs}"
        lacking = (
            f"\nleft out, as the space lacks a word: {', '.join(map('–'.join, self.left_out))}" if self.left_out else ""
        )
        return f"{head}\n{self.consistency or 'One pair cannot say whether its direction is a relation.'}{lacking}"

    def export(self, path: str | os.PathLike[str], keys: Sequence[str]) -> None:
        """Write a page that shows keys on the axis and how far the pairs agree.

        Args:
            path: The `.html` file; an earlier one is replaced.
            keys: What to show.

        Raises:
            UnknownKeyError: If the space does not know one.
            StorageError: If the disk refuses.
        """
        from nearfield.space.axis_report import axis_html

        write_page(path, axis_html(self, keys))

    def to_json(self) -> dict[str, Any]:
        """Give all but the direction and the space as JSON values."""
        return {
            name: to_json(getattr(self, name)) for name in ("name", "poles", "pairs", "ends", "left_out", "consistency")
        }


def fit_axis(
    space: Space,
    pairs: str | Sequence[Pair],
    *,
    name: str | None = None,
    method: AxisMethod = "mean",
    shuffles: int = 1000,
    seed: int = 0,
) -> Axis:
    """Find the direction that word pairs share, and measure how far they share it.

    Vectors are scaled to length 1, so is the difference of each pair, so that no pair counts more than another.

    Args:
        space: Has the words.
        pairs: `(negative, positive)` words, such as `("man", "woman")`; more pairs make a truer axis. Or the name of
            an example, see `example_axes`; of its pairs those that the space has are used.
        name: What to call it; by default after the example or the first pair.
        method: `mean` of the differences, or their first `principal` component, which heeds pairs that disagree less.
        shuffles: How many random pairings of the words to compare with, at least 100.
        seed: Of the pairings.

    Returns:
        The axis.

    Raises:
        InvalidInputError: If there are no pairs, a pair is not two different words with different vectors, the pairs
            cancel out, there is no such example or method, or `shuffles` is below 100.
        UnknownKeyError: If the space does not know a word.
    """
    if method not in get_args(AxisMethod):
        raise InvalidInputError(f"method must be one of {', '.join(get_args(AxisMethod))}, got {method!r}")
    if shuffles < 100:
        raise InvalidInputError(f"shuffles must be at least 100, got {shuffles}")
    used, poles, left_out = _example(space, pairs) if isinstance(pairs, str) else (_checked(pairs), None, ())
    if name is None:
        name = pairs if isinstance(pairs, str) else "–".join(used[0])
    low, high = (normalise(space.vectors_of([pair[side] for pair in used])) for side in (0, 1))
    differences = high - low
    if not differences.any(axis=1).all():
        twins = used[int(np.argmin(differences.any(axis=1)))]
        raise InvalidInputError(f"{twins[0]!r} and {twins[1]!r} have one direction, so they point nowhere")
    direction = _direction(normalise(differences), method)
    ends = float((low @ direction).mean()), float((high @ direction).mean())
    if ends[1] - ends[0] < 1e-6:
        raise InvalidInputError("the pairs cancel each other out; put the words of each in the same order")
    return Axis(
        name=name,
        poles=poles or used[0],
        pairs=used,
        direction=direction,
        ends=ends,
        consistency=measure_consistency(low, high, shuffles=shuffles, seed=seed) if len(used) > 1 else None,
        left_out=left_out,
        space=space,
    )


def example_axes() -> Mapping[str, tuple[Pair, ...]]:
    """List the example axes by name, with the pairs of English words that they are made of."""
    return {name: tuple((low, high) for low, high in axis["pairs"]) for name, axis in _examples().items()}


@cache
def _examples() -> dict[str, Any]:
    return tomllib.loads(Path(__file__).with_name("axes.toml").read_text(encoding="utf-8"))


def _example(space: Space, name: str) -> tuple[tuple[Pair, ...], Pair, tuple[Pair, ...]]:
    """Give the pairs of an example that the space has, its poles, and the pairs that it lacks."""
    if name not in _examples():
        raise InvalidInputError(f"there is no example axis {name!r}; there are {', '.join(_examples())}, or give pairs")
    pairs = example_axes()[name]
    known = tuple(pair for pair in pairs if pair[0] in space and pair[1] in space)
    if len(known) < 2:
        raise InvalidInputError(
            f"the space has {len(known)} of the {len(pairs)} pairs of {name!r}, two are needed; give pairs of its keys"
        )
    low, high = _examples()[name]["poles"]
    return known, (low, high), tuple(pair for pair in pairs if pair not in known)


def _checked(pairs: Sequence[Pair]) -> tuple[Pair, ...]:
    checked = []
    for pair in pairs:
        if isinstance(pair, str) or len(pair) != 2 or not all(isinstance(word, str) for word in pair):
            raise InvalidInputError(f"a pair must be two words, (negative, positive), got {pair!r}")
        if pair[0] == pair[1]:
            raise InvalidInputError(f"a pair must be two different words, got {pair[0]!r} twice")
        checked.append((pair[0], pair[1]))
    if not checked:
        raise InvalidInputError("an axis needs at least one pair of words, got none")
    return tuple(checked)


def _direction(differences: Vectors, method: AxisMethod) -> Vectors:
    """Find what unit differences `(m, d)` share; zeros if they cancel out."""
    mean = differences.mean(axis=0, dtype=np.float64)
    if method == "principal":
        # Not centred: a pair of opposite words has its middle at no place of interest.
        first = np.linalg.svd(differences.astype(np.float64), full_matrices=False)[2][0]
        mean = first if first @ mean >= 0 else -first
    return np.asarray(normalise(mean.astype(np.float32)[None])[0])
