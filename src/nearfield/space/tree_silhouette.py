"""How well the clusters of each cut of a tree are apart."""

from typing import TYPE_CHECKING

import numpy as np

from nearfield.arrays import Scores, Vectors
from nearfield.space.keys import Positions

if TYPE_CHECKING:
    from nearfield.space.tree import Tree

_TINY = 1e-12


def silhouette(tree: "Tree", nodes: Positions) -> float:
    """Score one cut.

    Args:
        tree: The tree.
        nodes: `(k,)` nodes that hold all keys, at least two.

    Returns:
        The mean silhouette in squared Euclidean distance, a key on its own counting 0.

    References:
        Rousseeuw (1987), doi:10.1016/0377-0427(87)90125-7.
    """
    vectors, squares = _points(tree)
    distances = np.column_stack([_mean_distances(vectors, squares, tree.rows(node)) for node in nodes.tolist()])
    owner = np.empty(len(tree), np.int64)
    owner[tree.order] = np.repeat(np.arange(len(nodes)), tree.sizes[nodes])
    return _mean_silhouette(distances, owner, tree.sizes[nodes])


def silhouettes(tree: "Tree", most: int) -> Scores:
    """Score the cuts of a tree into 2 to `most` clusters.

    The mean squared distance of a key from a cluster follows from the cluster's mean, and from one cut to the next
    only one cluster changes, so that all cuts together take `O(n d most + n most^2)`.

    Args:
        tree: The tree.
        most: The most clusters.

    Returns:
        `(most + 1,)` float64, at `k` the `silhouette` of `k` clusters; NaN at 0 and 1.
    """
    vectors, squares = _points(tree)
    found = np.full(most + 1, np.nan)
    distances = np.zeros((len(tree), most))  # of each key from each cluster, mean squared
    owner = np.zeros(len(tree), np.int64)
    sizes = np.full(most, len(tree))
    column_of = {tree.root: 0}
    for k in range(2, most + 1):
        split = 2 * len(tree) - k
        columns = column_of.pop(split), k - 1
        for node, column in zip(tree.merges[split - len(tree)].tolist(), columns, strict=True):
            rows = tree.rows(node)
            column_of[node] = column
            owner[rows] = column
            sizes[column] = len(rows)
            distances[:, column] = _mean_distances(vectors, squares, rows)
        found[k] = _mean_silhouette(distances[:, :k], owner, sizes)
    return found


def _points(tree: "Tree") -> tuple[Vectors, Scores]:
    vectors = tree.space.unit_vectors if tree.metric == "cosine" else tree.space.vectors
    if tree.metric == "l2" and not _TINY < (longest := tree.space.norms.max()) < 1 / _TINY:
        vectors = (vectors / longest).astype(np.float32)  # silhouettes stay as they are; squares could overflow
    return vectors, np.einsum("nd,nd->n", vectors, vectors, dtype=np.float64)


def _mean_distances(vectors: Vectors, squares: Scores, rows: Positions) -> Scores:
    centre = vectors[rows].mean(axis=0, dtype=np.float64)
    found: Scores = squares - 2 * (vectors @ centre.astype(np.float32)) + squares[rows].mean()
    return np.maximum(found, 0)


def _mean_silhouette(distances: Scores, owner: Positions, sizes: Positions) -> float:
    every = np.arange(len(owner))
    own_sizes = sizes[owner]
    alone = own_sizes == 1
    inside = distances[every, owner] * own_sizes / np.where(alone, 1, own_sizes - 1)
    others = distances.copy()
    others[every, owner] = np.inf
    outside = others.min(axis=1)
    larger = np.maximum(inside, outside)
    scores = np.divide(outside - inside, larger, out=np.zeros(len(owner)), where=~alone & (larger > 0))
    return float(scores.mean())
