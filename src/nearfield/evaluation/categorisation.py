"""How well clusters of words agree with their categories: k-means, purity, normalised mutual information."""

import numpy as np
import numpy.typing as npt

from nearfield.arrays import Vectors

Labels = npt.NDArray[np.int64]

_MOST_STEPS = 100


def k_means(vectors: Vectors, k: int, *, restarts: int = 10, seed: int = 0) -> Labels:
    """Cluster vectors by k-means: k-means++ starts, Lloyd's steps until nothing moves, the best of several starts.

    Args:
        vectors: `(n, d)` float32.
        k: Number of clusters, from 1 to n.
        restarts: How many starts; that of the smallest sum of squared distances is kept.
        seed: Of the starts.

    Returns:
        `(n,)` int64 cluster of each vector, in [0, k).

    References:
        Arthur & Vassilvitskii (2007), k-means++: the advantages of careful seeding.
    """
    points = vectors.astype(np.float64)
    rng = np.random.default_rng(seed)
    best, least = np.zeros(len(points), np.int64), np.inf
    for _ in range(restarts):
        labels, inertia = _lloyd(points, _spread_centres(points, k, rng))
        # By more than rounding, so that the first of equal outcomes is kept on every machine.
        if inertia < least * (1 - 1e-9):
            best, least = labels, inertia
    return best


def _spread_centres(points: npt.NDArray[np.float64], k: int, rng: np.random.Generator) -> npt.NDArray[np.float64]:
    chosen = [int(rng.integers(len(points)))]
    nearest = ((points - points[chosen[0]]) ** 2).sum(axis=1)
    while len(chosen) < k:
        total = nearest.sum()
        # With fewer different points than clusters, some clusters stay empty.
        weights = nearest / total if total > 0 else np.full(len(points), 1 / len(points))
        chosen.append(int(rng.choice(len(points), p=weights)))
        nearest = np.minimum(nearest, ((points - points[chosen[-1]]) ** 2).sum(axis=1))
    return points[chosen]


def _lloyd(points: npt.NDArray[np.float64], centres: npt.NDArray[np.float64]) -> tuple[Labels, float]:
    squares = (points**2).sum(axis=1)
    labels = np.full(len(points), -1)
    distances = np.empty(0)
    for _ in range(_MOST_STEPS):
        distances = squares[:, None] - 2 * points @ centres.T + (centres**2).sum(axis=1)
        moved = distances.argmin(axis=1)
        if np.array_equal(moved, labels):
            break
        labels = moved
        members = np.bincount(labels, minlength=len(centres))
        sums = np.zeros_like(centres)
        np.add.at(sums, labels, points)
        centres = np.where(members[:, None] > 0, sums / np.maximum(members, 1)[:, None], centres)
    return labels.astype(np.int64), float(distances.min(axis=1).sum())


def in_majority(clusters: Labels, categories: Labels) -> npt.NDArray[np.float64]:
    """Tell which words belong to the category that most of their cluster belong to; the mean is the purity.

    Args:
        clusters: `(n,)` cluster of each word, from 0.
        categories: `(n,)` category of each, from 0.

    Returns:
        `(n,)` float64, 1 or 0; of categories equally frequent in a cluster the first one counts.

    References:
        Manning, Raghavan & Schütze (2008), Introduction to information retrieval, section 16.3.

    Examples:
        >>> float(in_majority(np.array([0, 0, 0, 1]), np.array([1, 1, 0, 0])).mean())
        0.75
    """
    table = _contingency(clusters, categories)
    agree: npt.NDArray[np.bool_] = table.argmax(axis=1)[clusters] == categories
    return agree.astype(np.float64)


def normalised_mutual_information(clusters: Labels, categories: Labels) -> float:
    """Measure how much clusters say about categories and the other way round.

    Args:
        clusters: `(n,)` cluster of each word, from 0.
        categories: `(n,)` category of each, from 0.

    Returns:
        Mutual information over the mean of both entropies, in [0, 1]; 1 if both put everything in one class.

    References:
        Manning, Raghavan & Schütze (2008), Introduction to information retrieval, section 16.3.
    """
    table = _contingency(clusters, categories) / len(clusters)
    rows, columns = table.sum(axis=1), table.sum(axis=0)
    joint, expected = table[table > 0], np.outer(rows, columns)[table > 0]
    information = float((joint * np.log(joint / expected)).sum())
    entropies = _entropy(rows) + _entropy(columns)
    return min(max(2 * information / entropies, 0.0), 1.0) if entropies > 0 else 1.0


def _contingency(clusters: Labels, categories: Labels) -> npt.NDArray[np.float64]:
    table = np.zeros((int(clusters.max()) + 1, int(categories.max()) + 1))
    np.add.at(table, (clusters, categories), 1)
    return table


def _entropy(shares: npt.NDArray[np.float64]) -> float:
    present = shares[shares > 0]
    return -float((present * np.log(present)).sum())
