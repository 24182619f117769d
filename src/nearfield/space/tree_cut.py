"""Clusters from a tree: where to cut it, and what falls apart then."""

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from nearfield.space.keys import Positions
from nearfield.space.tree_silhouette import silhouette, silhouettes

if TYPE_CHECKING:
    from nearfield.space.tree import Tree

_LARGEST_SHARE = 0.75


@dataclass(frozen=True, eq=False)
class Cut:
    """Clusters, made by cutting a tree.

    Attributes:
        nodes: `(k,)` int64, the node that holds each cluster, in the order of the tree's leaves.
        labels: `(n,)` int64 in [0, k), the cluster of each key, in the order of the space.
        height: Where the tree is cut: what was merged at most there is together.
        silhouette: Mean silhouette in [-1, 1], higher is better; NaN for one cluster and for keys on their own.
    """

    nodes: Positions
    labels: Positions
    height: float
    silhouette: float

    def __len__(self) -> int:
        """Count the clusters."""
        return len(self.nodes)


def best_count(tree: "Tree") -> int:
    """Choose the number of clusters: the highest mean silhouette among 2 to `2 sqrt(n)` that are no lone outliers.

    Cuts where one cluster holds more than three quarters of the keys split off outliers, and are passed over as long
    as there are others. Without an upper limit, the silhouette of words often grows up to pairs of synonyms; the
    largest gap between merge heights mostly finds two clusters or a few pairs. On the words of AP, BLESS, Battig and
    ESSLLI (average linkage, three encoders) this rule's clusters agree with the categories at least as well as a cut
    into the right number of clusters: mean adjusted Rand index 0.36 against 0.30, and 0.28 without the passing over.

    Args:
        tree: The tree.

    Returns:
        How many; of equal ones the fewest, and 1 for two keys.
    """
    most = min(len(tree) - 1, math.isqrt(4 * len(tree)))
    if most < 2:
        return 1
    found = silhouettes(tree, most)
    largest = [int(tree.sizes[nodes_at(tree, k)].max()) for k in range(2, most + 1)]
    fair = np.flatnonzero(np.array(largest) <= _LARGEST_SHARE * len(tree)) + 2
    counts = fair if len(fair) else np.arange(2, most + 1)
    return int(counts[np.argmax(found[counts])])


def cut_at(tree: "Tree", k: int, height: float | None = None) -> Cut:
    """Cut a tree into `k` clusters; `height` says where, if that was asked for rather than their number."""
    nodes = nodes_at(tree, k)
    labels = np.empty(len(tree), np.int64)
    labels[tree.order] = np.repeat(np.arange(k), tree.sizes[nodes])
    if height is None:
        below = tree.heights[len(tree) - k - 1] if k < len(tree) else 0.0
        above = tree.heights[len(tree) - k] if k > 1 else below
        height = float(below + above) / 2
    score = silhouette(tree, nodes) if 1 < k < len(tree) else math.nan
    return Cut(nodes, labels, height, score)


def nodes_at(tree: "Tree", k: int) -> Positions:
    """List the `(k,)` nodes that are left when the last `k - 1` merges are undone, in the order of the leaves."""
    undone = 2 * len(tree) - k  # the first node that is taken apart
    children = tree.merges[undone - len(tree) :].ravel()
    nodes = children[children < undone] if k > 1 else np.array([tree.root])
    return nodes[np.argsort(tree.starts[nodes])]
