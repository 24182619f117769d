"""A tree in the format that programs for phylogenetic trees read.

References:
    Felsenstein et al. (1986), https://phylipweb.github.io/phylip/newicktree.html.
"""

from typing import TYPE_CHECKING

from nearfield.report.characters import one_line

if TYPE_CHECKING:
    from nearfield.space.tree import Tree


def newick(tree: "Tree") -> str:
    """Write what `Tree.to_newick` promises; names are quoted, their line breaks become spaces."""
    pieces: list[str] = []
    # A tree may be as deep as it has keys, too deep for recursion.
    todo: list[int | str] = [tree.root]
    above = {tree.root: tree.height(tree.root)}
    while todo:
        node = todo.pop()
        if isinstance(node, str):
            pieces.append(node)
            continue
        length = f":{(above[node] - tree.height(node)) / 2:.6g}" if node != tree.root else ";\n"
        if node < len(tree):
            name = one_line(tree.space.keys[node]).replace("'", "''")
            pieces.append(f"'{name}'{length}")
            continue
        left, right = tree.merges[node - len(tree)].tolist()
        above[left] = above[right] = tree.height(node)
        pieces.append("(")
        todo += [f"){length}", right, ",", left]
    return "".join(pieces)
