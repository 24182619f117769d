"""A space laid out on a plane, to look at; with how far the picture can be believed."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, get_args

from nearfield.arrays import Vectors
from nearfield.errors import InvalidInputError
from nearfield.progress import Progress, silent
from nearfield.report.frozen import to_json
from nearfield.report.numbers import counted
from nearfield.report.page import write_page
from nearfield.space.faithfulness import Faithfulness, measure_faithfulness
from nearfield.space.keys import Keys
from nearfield.space.map_methods import MapMethod, lay_out
from nearfield.space.space import Space

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from nearfield.space.clusters import Clusters

_NEIGHBOURS = 15


@dataclass(frozen=True, eq=False)
class Projection:
    """Keys on a plane.

    Attributes:
        keys: The keys, as in the space.
        points: `(n, 2)` float32, where each is. Only who is near to whom means something: the axes have no unit, and
            on a map by UMAP or PaCMAP neither do the sizes of groups and the gaps between them.
        method: How it was made.
        n_neighbors: How many neighbours hold a point; None for `pca`, which looks at none.
        dim: Dimensions of the space.
        seed: Of the random numbers.
        variance: The share of the variance that is seen, in [0, 1]; None for methods that do not keep it.
        faithfulness: How far the neighbours on the map are those of the space.
        counts: `(n,)` int64, how often each key was seen, if the space knows; who is named first on the map.
    """

    keys: Keys
    points: Vectors
    method: MapMethod
    n_neighbors: int | None
    dim: int
    seed: int
    variance: float | None
    faithfulness: Faithfulness
    counts: "npt.NDArray[np.int64] | None" = None

    def __str__(self) -> str:
        """Say what it is and how faithful."""
        shown = f", {self.variance:.0%} of the variance" if self.variance is not None else ""
        head = f"{counted(len(self.keys), 'key')}, {self.dim} dimensions on 2 by {self.method}{shown}"
        return f"{head}\n{self.faithfulness}"

    def to_json(self) -> dict[str, Any]:
        """Give all but the points and keys as JSON values."""
        names = ("method", "n_neighbors", "dim", "seed", "variance", "faithfulness")
        return {"keys": len(self.keys)} | {name: to_json(getattr(self, name)) for name in names}

    def export(
        self,
        path: str | os.PathLike[str],
        *,
        colours: "Clusters | Mapping[str, str | float] | None" = None,
        legend: str | None = None,
        title: str = "Map of a space",
    ) -> None:
        """Write a page to move about in, find keys and see groups; it needs no network.

        Args:
            path: The `.html` file; an earlier one is replaced.
            colours: What colours the points: clusters of the same keys, or a value for each key: names, or numbers,
                which become a gradient. A key without a value is grey.
            legend: What the colours mean, in a word or two.
            title: What stands above the map.

        Raises:
            InvalidInputError: If the colours are of other keys, or a number is not finite.
            StorageError: If the disk refuses.
        """
        from nearfield.space.map_html import map_html

        write_page(path, map_html(self, colours=colours, legend=legend, title=title))


def project(
    space: Space,
    *,
    method: MapMethod = "pca",
    n_neighbors: int | None = None,
    seed: int = 0,
    progress: Progress = silent,
) -> Projection:
    """Lay a space out on a plane, by the cosine of its vectors.

    PCA shows the two directions of most variance, at once and always the same. UMAP and PaCMAP keep neighbours near
    each other, at the cost of all larger distances. The result says how well each did, so try and compare them.

    Args:
        space: At least 3 keys.
        method: `pca`, `umap` or `pacmap`; the last two need the extra `space`.
        n_neighbors: How many neighbours hold a point, from 2 to n - 1; fewer show finer groups, more the larger
            shape. By default 15, or what a smaller space has; nothing to `pca`.
        seed: Of all random numbers; the same seed gives the same map on the same machine and versions.
        progress: Told of the steps.

    Returns:
        The map.

    Raises:
        InvalidInputError: If there are too few keys or all have one direction, there is no such method, or
            `n_neighbors` or `seed` is out of range.
        MissingExtraError: If the library of the method is not installed.
    """
    n = len(space)
    if method not in get_args(MapMethod):
        raise InvalidInputError(f"method must be one of {', '.join(get_args(MapMethod))}, got {method!r}")
    fewest = 6 if method == "pacmap" else 3  # PaCMAP needs some points that are no neighbours
    if n < fewest:
        raise InvalidInputError(f"a map by {method} needs at least {fewest} keys, got {n}")
    if not 0 <= seed < 2**31:
        raise InvalidInputError(f"seed must be from 0 to {2**31 - 1}, got {seed}")
    neighbours = min(_NEIGHBOURS, n - 1) if n_neighbors is None else n_neighbors
    if not 2 <= neighbours <= n - 1:
        raise InvalidInputError(f"n_neighbors must be from 2 to {n - 1} for {n} keys, got {neighbours}")
    unit_vectors = space.unit_vectors
    if (unit_vectors == unit_vectors[0]).all():
        raise InvalidInputError(f"all {n} vectors have one direction, so there is nothing to lay out")
    progress("laying the map out", 0, None)
    points, variance = lay_out(unit_vectors, method, n_neighbors=neighbours, seed=seed, progress=progress)
    return Projection(
        keys=space.keys,
        points=points,
        method=method,
        n_neighbors=None if method == "pca" else neighbours,
        dim=space.dim,
        seed=seed,
        variance=variance,
        faithfulness=measure_faithfulness(unit_vectors, points, seed=seed, progress=progress),
        counts=space.counts,
    )
