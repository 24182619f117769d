"""What stands below a node when a tree is drawn for people."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from nearfield.space.tree import Tree

FEW = 4
"""Keys that are listed on one line rather than drawn as a branch."""


@dataclass(frozen=True)
class Branches:
    """The parts of a node.

    Attributes:
        nodes: Those of several keys.
        alone: Keys that joined them one at a time, the last one first.
    """

    nodes: tuple[int, ...]
    alone: tuple[str, ...]


def branches(tree: "Tree", node: int) -> Branches:
    """Take a node apart; where keys join one at a time, all of them in one step, or a tree of words would be a ladder.

    Args:
        tree: The tree.
        node: A node that was merged of others.

    Returns:
        Two nodes of several keys each and those alone, or one node of few keys and those alone.
    """
    alone: list[str] = []
    while True:
        left, right = tree.merges[node - len(tree)].tolist()
        if min(left, right) >= len(tree):
            return Branches((left, right), tuple(alone))
        single, node = min(left, right), max(left, right)
        alone.append(tree.space.keys[single])
        if node < len(tree):
            return Branches((), (*alone, tree.space.keys[node]))
        if tree.sizes[node] <= FEW:
            return Branches((node,), tuple(alone))
