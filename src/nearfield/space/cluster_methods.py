"""What `cluster` calls: k-means and its number of clusters, HDBSCAN, the silhouette; on vectors of length 1."""

import math
import warnings
from typing import Any

import numpy as np

from nearfield.arrays import Vectors
from nearfield.extras import import_extra
from nearfield.progress import Progress
from nearfield.space.keys import Positions
from nearfield.space.map_methods import umap_layout

_FITTED_ON = 20_000  # keys that centres are learned from; more move them little
_CHOSEN_ON = 5_000  # keys that the number of clusters is chosen on
_SILHOUETTE_OF = 2_000
_STARTS = 4
_MOST_ROOT = 50
_TRIALS = 8

_LEFT_ALONE = 10  # dimensions in which density still means something
_REDUCED_TO = 5
_LAYOUT_NEIGHBOURS = 15


def kmeans_clusters(
    unit_vectors: Vectors, k: int | None, *, seed: int, progress: Progress
) -> tuple[Positions, tuple[tuple[int, float], ...]]:
    """Find clusters by k-means; by the Euclidean distance, whose square between them is 2 less twice the cosine.

    Args:
        unit_vectors: `(n, d)` float32 of length 1.
        k: How many, from 1 to n; None to choose, n being at least 3.
        seed: Of the first centres and of the sample of 20,000 that they are learned from, if there are more.
        progress: Told of each number that is tried.

    Returns:
        `(n,)` int64 numbers of clusters, and the silhouettes of the numbers tried.
    """
    tried: tuple[tuple[int, float], ...] = ()
    if k is None:
        tried = _try_numbers(unit_vectors, seed=seed, progress=progress)
        k = max(tried, key=lambda trial: trial[1])[0]
    progress("finding clusters", 0, None)
    model = _fitted(_sample(unit_vectors, max(_FITTED_ON, k), seed), k, starts=_STARTS, seed=seed)
    return model.predict(unit_vectors).astype(np.int64), tried


def numbers_to_try(n: int) -> list[int]:
    """List numbers of clusters from a quarter to twice the square root of n / 2, in like ratios; n at least 3."""
    root = min(math.sqrt(n / 2), _MOST_ROOT)
    ratios = 2.0 ** np.linspace(-2, 1, _TRIALS)
    return sorted({min(max(round(root * ratio), 2), n - 1) for ratio in ratios})


def _try_numbers(unit_vectors: Vectors, *, seed: int, progress: Progress) -> tuple[tuple[int, float], ...]:
    some = _sample(unit_vectors, _CHOSEN_ON, seed)
    numbers = numbers_to_try(len(unit_vectors))
    tried = []
    for done, k in enumerate(numbers, start=1):
        labels = _fitted(some, k, starts=1, seed=seed).labels_.astype(np.int64)
        score = silhouette(some, labels, seed=seed)
        tried.append((k, -1.0 if score is None else score))
        progress("choosing the number of clusters", done, len(numbers))
    return tuple(tried)


def _fitted(unit_vectors: Vectors, k: int, *, starts: int, seed: int) -> Any:  # noqa: ANN401  # no types there
    cluster = import_extra("sklearn.cluster")
    with warnings.catch_warnings():
        # Of fewer distinct vectors than clusters: the clusters left empty are not listed.
        warnings.filterwarnings("ignore", "Number of distinct clusters")
        return cluster.KMeans(k, n_init=starts, random_state=seed).fit(unit_vectors)


def density_clusters(
    unit_vectors: Vectors, min_cluster_size: int, *, seed: int, progress: Progress
) -> tuple[Positions, int | None]:
    """Find clusters by HDBSCAN.

    On labelled questions and titles, most of 384 dimensions became outliers or one cluster when reduced by principal
    components to 5, 10 or 20; UMAP to 5 found about as many clusters as there were labels, with a tenth left out.

    Args:
        unit_vectors: `(n, d)` float32 of length 1; more than 10 dimensions are laid out in 5 by UMAP.
        min_cluster_size: Fewest keys that make a cluster, from 2 to n.
        seed: Of UMAP.
        progress: Told of its epochs.

    Returns:
        `(n,)` int64 numbers of clusters, -1 for outliers; and the number of dimensions if they were reduced.
    """
    n, dim = unit_vectors.shape
    reduced_to = None
    if dim > _LEFT_ALONE and n > _LEFT_ALONE:
        neighbours = min(_LAYOUT_NEIGHBOURS, n - 1)
        unit_vectors = umap_layout(
            unit_vectors, _REDUCED_TO, n_neighbors=neighbours, spacing=0.0, seed=seed, progress=progress
        )
        reduced_to = _REDUCED_TO
    fast_hdbscan = import_extra("fast_hdbscan")
    progress("finding clusters", 0, None)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about its own calls of Numba
        model = fast_hdbscan.HDBSCAN(min_cluster_size=min_cluster_size)
        labels = model.fit_predict(unit_vectors.astype(np.float64))
    return labels.astype(np.int64), reduced_to


def silhouette(unit_vectors: Vectors, labels: Positions, *, seed: int) -> float | None:
    """Average the silhouette by cosine over at most 2,000 keys, without outliers.

    Args:
        unit_vectors: `(n, d)` float32 of length 1.
        labels: `(n,)` numbers of clusters, -1 for outliers.
        seed: Of the sample.

    Returns:
        In [-1, 1]; None if the sample has one cluster only, or no two keys of one.
    """
    rows = np.flatnonzero(labels >= 0)
    rows = np.random.default_rng(seed).permutation(rows)[:_SILHOUETTE_OF]
    seen = len(np.unique(labels[rows]))
    if not 2 <= seen < len(rows):
        return None
    metrics = import_extra("sklearn.metrics")
    return float(metrics.silhouette_score(unit_vectors[rows], labels[rows], metric="cosine"))


def _sample(unit_vectors: Vectors, most: int, seed: int) -> Vectors:
    if len(unit_vectors) <= most:
        return unit_vectors
    return unit_vectors[np.sort(np.random.default_rng(seed).permutation(len(unit_vectors))[:most])]
