"""What a space's dimensions are worth: the measured result and the choice that follows from it."""

import os
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias, get_args

from nearfield.report.frozen import to_json
from nearfield.report.page import framed, write_page
from nearfield.space.knee import knee
from nearfield.statistics import Interval

Shrinking: TypeAlias = Literal["truncation", "pca"]
"""How dimensions are made fewer: the first ones kept, or the directions of most length."""
WAYS: tuple[Shrinking, ...] = get_args(Shrinking)


@dataclass(frozen=True)
class Geometry:
    """How vectors lie, measured on a sample of them at length 1.

    Attributes:
        points: How many vectors were in the sample, copies of others up to rounding left out.
        relative_contrast: Median over points of (farthest - nearest) / nearest distance; near 0, nearest means little.
        distance_variation: Standard deviation of distances over their mean.
        mean_cosine: Over all pairs; 0 if they point everywhere alike, 1 if all point the same way.
        hubness: Skewness of how often points are among the k nearest of others.
        antihubs: Share of points that are among nobody's k nearest.
        hubs: Keys that are so most often, the most frequent first.
        two_nn: Intrinsic dimension by TwoNN.
        mle: Intrinsic dimension by maximum likelihood.
        effective_rank: Directions that the vectors take, by entropy of singular values around the mean.
        participation_ratio: The same by variances.
        spectrum: Share of the variance in each principal direction, largest first.
    """

    points: int
    relative_contrast: float
    distance_variation: float
    mean_cosine: float
    hubness: float
    antihubs: float
    hubs: tuple[str, ...]
    two_nn: float
    mle: float
    effective_rank: float
    participation_ratio: float
    spectrum: tuple[float, ...]


@dataclass(frozen=True)
class Kept:
    """What one way of shrinking keeps.

    Attributes:
        overlap: Mean share of a vector's k nearest neighbours that stay among its k nearest, and its 95 % interval.
        variance: Share of the variance that stays.
        quality: What the caller's measure gives; None without one.
    """

    overlap: Interval
    variance: float
    quality: float | None = None


@dataclass(frozen=True)
class AtDimension:
    """What is kept at a number of dimensions, and what it costs.

    Attributes:
        dim: How many.
        truncation: What the first ones keep.
        pca: What as many directions of most length keep.
        vector_bytes: Of one vector, in float32.
        space_bytes: Of all vectors.
        query_seconds: Shortest time to find the k nearest of one vector among all by reading every vector; in
            proportion, if only a sample was read.
    """

    dim: int
    truncation: Kept
    pca: Kept
    vector_bytes: int
    space_bytes: int
    query_seconds: float

    def kept(self, way: Shrinking) -> Kept:
        """Say what one way keeps."""
        return self.pca if way == "pca" else self.truncation


@dataclass(frozen=True)
class DimensionReport:
    """What a space's dimensions are worth, and how many to keep.

    `print(report)` shows it, `to_json` and `to_html` hand it on.

    Attributes:
        vectors: How many the space has.
        duplicates: Vectors left out because they equal another at length 1.
        searched: Vectors among which neighbours were looked for.
        queries: Vectors whose neighbours were looked for.
        k: How many neighbours.
        keep: Share of the neighbours to keep, which the choice goes by.
        seed: Of the samples.
        geometry: How the vectors lie.
        rows: What each number of dimensions keeps and costs, ascending; the last is the space's own.
    """

    vectors: int
    duplicates: int
    searched: int
    queries: int
    k: int
    keep: float
    seed: int
    geometry: Geometry
    rows: tuple[AtDimension, ...]

    @property
    def full(self) -> AtDimension:
        """The space as it is."""
        return self.rows[-1]

    def smallest(self, way: Shrinking) -> AtDimension:
        """Choose the fewest dimensions that keep enough.

        Args:
            way: How they are made fewer.

        Returns:
            The first whose overlap has its interval's lower end at `keep` or above; the space's own, if no other has.
        """
        return next((row for row in self.rows if row.kept(way).overlap.low >= self.keep), self.full)

    def knee(self, way: Shrinking) -> AtDimension | None:
        """Find where the curve of overlap against dimension bends: from there on, each dimension adds less.

        Args:
            way: How they are made fewer.

        Returns:
            The row farthest above the line from the first to the last; None if there is none.
        """
        found = knee([row.dim for row in self.rows], [row.kept(way).overlap.mean for row in self.rows])
        return None if found is None else self.rows[found]

    def to_json(self) -> dict[str, Any]:
        """Write the report down as JSON values, with what it chooses."""
        from nearfield.space.dimension_words import verdicts

        chosen: dict[str, Any] = {}
        for way in WAYS:
            bend = self.knee(way)
            chosen[way] = {"smallest": self.smallest(way).dim, "knee": None if bend is None else bend.dim}
        return {**to_json(self), "chosen": chosen, "verdict": verdicts(self)}

    def export(self, path: str | os.PathLike[str]) -> None:
        """Write the page to a file, which must end in `.html`; all of it or none."""
        write_page(path, self.to_html())

    def to_html(self) -> str:
        """Render one self-contained HTML page."""
        from nearfield.space.dimension_page import dimension_html

        return dimension_html(self)

    def __str__(self) -> str:
        """Render a table for the terminal."""
        from nearfield.space.dimension_page import dimension_text

        return dimension_text(self)

    def _repr_html_(self) -> str:
        return framed(self.to_html())
