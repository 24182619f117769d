"""The ways to lay vectors out on a plane, all by cosine.

References:
    McInnes, Healy & Melville (2018), doi:10.48550/arXiv.1802.03426 (UMAP);
    Wang, Huang, Rudin & Shaposhnik (2021), https://jmlr.org/papers/v22/20-1061.html (PaCMAP);
    Kobak & Linderman (2021), doi:10.1038/s41587-020-00809-z (why to begin with principal components).
"""

import logging
import warnings
from typing import Any, Literal, TypeAlias

import numpy as np

from nearfield.arrays import Vectors
from nearfield.extras import import_extra
from nearfield.progress import Progress
from nearfield.space.linear_map import LinearMap
from nearfield.space.spectrum import principal_directions, second_moments

MapMethod: TypeAlias = Literal["pca", "umap", "pacmap"]


def lay_out(
    unit_vectors: Vectors, method: MapMethod, *, n_neighbors: int, seed: int, progress: Progress
) -> tuple[Vectors, float | None]:
    """Place vectors of length 1 on a plane; see `project`.

    Args:
        unit_vectors: `(n, d)` float32 of length 1, not all the same.
        method: How.
        n_neighbors: Neighbours that hold a point, from 2 to n - 1; nothing to `pca`.
        seed: Of the random numbers; nothing to `pca`.
        progress: Told of each epoch of UMAP, which alone reports them.

    Returns:
        `(n, 2)` float32, and the share of variance that it shows, which only `pca` can tell.
    """
    if method == "pca":
        return _principal(unit_vectors)
    if method == "umap":
        return umap_layout(unit_vectors, 2, n_neighbors=n_neighbors, spacing=0.1, seed=seed, progress=progress), None
    return _pacmap(unit_vectors, n_neighbors=n_neighbors, seed=seed), None


def _principal(unit_vectors: Vectors) -> tuple[Vectors, float]:
    count = min(2, unit_vectors.shape[1])
    points = np.zeros((len(unit_vectors), 2), np.float32)
    points[:, :count], share = _principal_components(unit_vectors, count)
    return points, share


def _principal_components(unit_vectors: Vectors, count: int) -> tuple[Vectors, float]:
    """Give the coordinates along the directions of most variance, and which share of the variance that is."""
    mean, covariance = second_moments(unit_vectors, centred=True)
    variances, directions = principal_directions(covariance)
    total = float(variances.sum())
    points = LinearMap(mean, directions[:, :count]).apply(unit_vectors)
    return points, float(variances[:count].sum()) / total if total else 0.0


def umap_layout(
    unit_vectors: Vectors, dim: int, *, n_neighbors: int, spacing: float, seed: int, progress: Progress
) -> Vectors:
    """Lay vectors out by UMAP, on one thread, so that the same seed gives the same result.

    Args:
        unit_vectors: `(n, d)` float32 of length 1, n at least 3.
        dim: Dimensions to lay out in.
        n_neighbors: Neighbours that hold a point, from 2 to n - 1.
        spacing: How near to each other points may come; UMAP's `min_dist`.
        seed: Of its random numbers.
        progress: Told of each epoch.

    Returns:
        `(n, dim)` float32.

    Raises:
        MissingExtraError: If umap-learn is not installed.
    """
    umap = import_extra("umap")
    count = min(dim, unit_vectors.shape[1])
    start = np.random.default_rng(seed).normal(scale=1e-4, size=(len(unit_vectors), dim))
    first, _ = _principal_components(unit_vectors, count)
    start[:, :count] += first / (float(np.abs(first).max()) or 1.0)
    model = umap.UMAP(
        n_components=dim,
        n_neighbors=n_neighbors,
        min_dist=spacing,
        metric="cosine",
        init=start.astype(np.float32),
        random_state=seed,
        n_jobs=1,
        # Its only report of progress is a bar of tqdm.
        tqdm_kwds={"disable": False, "bar_format": "{n} {total}", "file": _EpochReader(progress)},
    )
    with warnings.catch_warnings():
        # About its own calls of SciPy and Numba, and points without near neighbours, which stay where they began.
        warnings.simplefilter("ignore")
        return np.ascontiguousarray(model.fit_transform(unit_vectors), np.float32)


class _EpochReader:
    """A file for tqdm to write `done total` to, which become calls of `progress`."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress

    def write(self, text: str) -> None:
        numbers = text.split()
        if len(numbers) == 2 and all(number.isdigit() for number in numbers):
            self._progress("laying the map out", int(numbers[0]), int(numbers[1]))

    def flush(self) -> None:
        """Nothing waits to be written."""


def _pacmap(unit_vectors: Vectors, *, n_neighbors: int, seed: int) -> Vectors:
    pacmap: Any = import_extra("pacmap")
    # It begins with two principal components, which one dimension does not have.
    wide = unit_vectors if unit_vectors.shape[1] > 1 else np.pad(unit_vectors, ((0, 0), (0, 1)))
    log = logging.getLogger("pacmap.pacmap")
    level = log.level
    # It warns of every seed, and of every small space, that what was asked for is done.
    log.setLevel(logging.ERROR)
    try:
        model = pacmap.PaCMAP(n_neighbors=n_neighbors, random_state=seed)
        # On vectors of length 1, neighbours by Euclidean distance, the default, are neighbours by cosine.
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about its own calls of faiss and scikit-learn
            points = model.fit_transform(wide, init="pca")
    finally:
        log.setLevel(level)
    return np.ascontiguousarray(points, np.float32)
