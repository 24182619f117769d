"""A tree drawn with lines, for a terminal."""

import textwrap
from collections.abc import Iterator
from typing import TYPE_CHECKING

from nearfield.report.characters import display_width, elided, one_line
from nearfield.report.numbers import counted, decimal
from nearfield.space.tree_branches import FEW, branches
from nearfield.space.tree_cut import Cut

if TYPE_CHECKING:
    from nearfield.space.tree import Tree

LEGEND = "A branch shows its most central keys, how many keys it has, and the height that joins them."

_LONGEST_KEY = 40  # cells; longer ones, such as whole sentences, lose their middle
_NARROWEST = 20


def tree_text(tree: "Tree", cut: Cut, *, depth: int, width: int) -> str:
    """Draw what `Tree.to_text` promises."""
    lines = [*textwrap.wrap(summary(tree, cut), width), *textwrap.wrap(LEGEND, width), ""]
    nodes = cut.nodes.tolist()
    for node in nodes:
        lines += _drawn(tree, node, "└─ " if node == nodes[-1] else "├─ ", "", depth, width)
    return "\n".join(lines)


def summary(tree: "Tree", cut: Cut) -> str:
    """Say in a line what the tree and its cut are."""
    score = f", mean silhouette {decimal(cut.silhouette)}" if cut.silhouette == cut.silhouette else ""
    return (
        f"{counted(len(tree), 'key')}, {tree.linkage} linkage of {tree.metric} distances, cophenetic correlation "
        f"{decimal(tree.cophenetic_correlation)}; {counted(len(cut), 'cluster')} at height {decimal(cut.height)}{score}"
    )


def shown(key: str) -> str:
    """Give a key as it can stand in a list."""
    return elided(one_line(key), _LONGEST_KEY) or "''"


def title(tree: "Tree", node: int) -> str:
    """Name a node by its most central keys, its size and its height."""
    names = " · ".join(map(shown, tree.central(node, count=3)))
    return f"{names}  ({counted(int(tree.sizes[node]), 'key')}, {decimal(tree.height(node), places=2)})"


def _drawn(tree: "Tree", node: int, corner: str, before: str, depth: int, width: int) -> Iterator[str]:
    """Draw a node: its own line, then its branches, `depth` levels of them."""
    room = max(_NARROWEST, width - display_width(before + corner))
    if tree.sizes[node] <= FEW or depth == 0:
        yield before + corner + _listed(tree.keys(node), room)
        return
    yield before + corner + title(tree, node)
    before += "   " if corner == "└─ " else "│  "
    parts = branches(tree, node)
    for place, below in enumerate(parts.nodes, start=1):
        is_last = place == len(parts.nodes) and not parts.alone
        yield from _drawn(tree, below, "└─ " if is_last else "├─ ", before, depth - 1, width)
    if parts.alone:
        yield before + "└─ " + _listed(list(parts.alone), room - 3)


def _listed(keys: list[str], room: int) -> str:
    """List keys on one line, as many as there is room for."""
    names = [shown(key) for key in keys[:room]]  # each takes a cell at least
    rest = f" … {len(keys):,} keys"
    while len(names) > 1 and display_width(_ended(names, keys, rest)) > room:
        names.pop()
    return _ended(names, keys, rest)


def _ended(names: list[str], keys: list[str], rest: str) -> str:
    return ", ".join(names) + ("" if len(names) == len(keys) else rest)
