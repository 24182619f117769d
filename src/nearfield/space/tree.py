"""A tree of keys: which were merged when, where to cut it, and what its branches are about."""

import os
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal, TypeAlias

import numpy as np

from nearfield.arrays import Scores
from nearfield.errors import InvalidInputError
from nearfield.report.page import write_page
from nearfield.space.keys import Positions
from nearfield.space.space import Space
from nearfield.space.tree_cut import Cut, best_count, cut_at

TreeMetric: TypeAlias = Literal["cosine", "l2"]


@dataclass(frozen=True, eq=False, repr=False)
class Tree:
    """What `build_tree` makes. Nodes are numbered as SciPy does: the n keys first, then each merge's result.

    Attributes:
        space: The keys at the leaves and their vectors.
        linkage: How far apart two clusters are.
        metric: How far apart two keys are.
        merges: `(n - 1, 2)` int64, the nodes that each merge joins.
        heights: `(n - 1,)` float64, how far apart those were; ascending.
        cophenetic_correlation: Pearson's correlation between the keys' distances and the heights at which they are
            joined: how faithful the tree is, 1 at best. Sokal & Rohlf (1962), doi:10.2307/1217208.
    """

    space: Space
    linkage: str
    metric: TreeMetric
    merges: Positions
    heights: Scores
    cophenetic_correlation: float

    def __len__(self) -> int:
        """Count the keys."""
        return len(self.space)

    def __repr__(self) -> str:
        """Say how large and how faithful it is."""
        return f"Tree({len(self):,} keys, {self.linkage} linkage, cophenetic {self.cophenetic_correlation:.3f})"

    def __str__(self) -> str:
        """Draw the clusters of the best cut, and what is below them; see `to_text`."""
        return self.to_text()

    @property
    def root(self) -> int:
        """The node that holds all keys."""
        return 2 * len(self) - 2

    @cached_property
    def sizes(self) -> Positions:
        """`(2n - 1,)` int64, how many keys each node holds."""
        sizes = np.ones(2 * len(self) - 1, np.int64)
        for node, (left, right) in enumerate(self.merges, start=len(self)):
            sizes[node] = sizes[left] + sizes[right]
        return sizes

    @cached_property
    def starts(self) -> Positions:
        """`(2n - 1,)` int64, where in `order` each node's keys begin; there are `sizes` of them."""
        starts = np.zeros(2 * len(self) - 1, np.int64)
        for node in range(self.root, len(self) - 1, -1):
            left, right = self.merges[node - len(self)]
            starts[left] = starts[node]
            starts[right] = starts[node] + self.sizes[left]
        return starts

    @cached_property
    def order(self) -> Positions:
        """`(n,)` int64, the rows of the keys as they stand side by side at the leaves."""
        order = np.empty(len(self), np.int64)
        order[self.starts[: len(self)]] = np.arange(len(self))
        return order

    def height(self, node: int) -> float:
        """Tell how far apart the two parts of a node are; 0 for a key."""
        return float(self.heights[node - len(self)]) if node >= len(self) else 0.0

    def rows(self, node: int) -> Positions:
        """List the rows of a node's keys, in the order of the leaves."""
        return self.order[self.starts[node] : self.starts[node] + self.sizes[node]]

    def keys(self, node: int) -> list[str]:
        """List a node's keys, in the order of the leaves."""
        return [self.space.keys[int(row)] for row in self.rows(node)]

    def central(self, node: int, *, count: int = 1) -> list[str]:
        """Name a node by its most central keys: those of the highest cosine with the mean of its unit vectors.

        Args:
            node: Its number.
            count: How many, at least 1.

        Returns:
            `min(count, size)` keys, the most central first; of equal ones, the earlier in the space.
        """
        rows = np.sort(self.rows(node))
        vectors = self.space.unit_vectors[rows]
        scores = vectors @ vectors.mean(axis=0)
        return [self.space.keys[int(rows[place])] for place in np.argsort(-scores, kind="stable")[:count]]

    def cut(self, k: int | None = None, *, height: float | None = None) -> Cut:
        """Cut the tree into clusters; by default where `nearfield.space.tree_cut.best_count` says.

        Silhouettes are those of squared Euclidean distance, which is twice the cosine distance where the metric is
        `cosine`, so that the clusters' means suffice to compute them.

        Args:
            k: How many clusters, from 1 to the number of keys.
            height: Or where to cut: what was merged at most there stays together.

        Returns:
            The clusters.

        Raises:
            InvalidInputError: If both are given, or one is out of range.

        References:
            Rousseeuw (1987), doi:10.1016/0377-0427(87)90125-7.
        """
        if k is not None and height is not None:
            raise InvalidInputError("cut takes k or height, got both; leave one out")
        if height is not None:
            if not height >= 0:
                raise InvalidInputError(f"height must be at least 0, got {height}")
            return cut_at(self, len(self) - int(np.searchsorted(self.heights, height, side="right")), height)
        if k is None:
            return self._best_cut
        if not 1 <= k <= len(self):
            raise InvalidInputError(f"k must be from 1 to {len(self):,}, the number of keys, got {k}")
        return cut_at(self, k)

    @cached_property
    def _best_cut(self) -> Cut:
        return cut_at(self, best_count(self))

    def to_text(self, *, k: int | None = None, depth: int = 2, width: int = 100) -> str:
        """Draw the tree with lines: the clusters of a cut, and a few levels below each.

        Args:
            k: How many clusters; by default the best cut's.
            depth: How many levels to draw below the clusters, at least 0; what is deeper is listed on one line.
            width: Cells of a line.

        Returns:
            Lines.
        """
        from nearfield.space.tree_text import tree_text

        return tree_text(self, self.cut(k), depth=depth, width=width)

    def to_html(self, *, k: int | None = None) -> str:
        """Make one HTML page that needs nothing else: branches to open, and a picture of up to 150 keys."""
        from nearfield.space.tree_page import tree_page

        return tree_page(self, self.cut(k))

    def export(self, path: str | os.PathLike[str], *, k: int | None = None) -> None:
        """Write the page to a file, which must end in `.html`; all of it or none."""
        write_page(path, self.to_html(k=k))

    def to_newick(self) -> str:
        """Write the tree in Newick format; the way between two keys is as long as the height that joins them."""
        from nearfield.space.tree_newick import newick

        return newick(self)

    def to_json(self, *, k: int | None = None) -> dict[str, Any]:
        """Give the tree and a cut, by default the best, as JSON values; nodes are numbered as the class says."""
        cut = self.cut(k)
        return {
            "linkage": self.linkage,
            "metric": self.metric,
            "cophenetic_correlation": self.cophenetic_correlation,
            "keys": list(self.space.keys),
            "merges": self.merges.tolist(),
            "heights": self.heights.tolist(),
            "order": self.order.tolist(),
            "cut": {
                "height": cut.height,
                "silhouette": None if np.isnan(cut.silhouette) else cut.silhouette,
                "clusters": [{"name": self.central(node)[0], "keys": self.keys(node)} for node in cut.nodes.tolist()],
            },
        }
