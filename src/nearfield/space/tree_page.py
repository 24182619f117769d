"""A tree as a page: branches to open, and a picture of it while it is small."""

from typing import TYPE_CHECKING

from nearfield.report.dendrogram import Join, dendrogram
from nearfield.report.markup import Content, Markup, element, joined
from nearfield.report.numbers import counted, decimal
from nearfield.report.page import Section, facts, figure, page, quoted
from nearfield.space.tree_branches import FEW, branches
from nearfield.space.tree_cut import Cut
from nearfield.space.tree_text import shown, title

if TYPE_CHECKING:
    from nearfield.space.tree import Tree

MOST_DRAWN = 150
_DEEPEST = 12
_HOW = (
    "Keys that are nearest to each other are joined first, then the nearest groups, until one is left. A branch shows "
    "its most central keys, how many keys it has, and the height that joins them: the lower, the more alike they are."
)


def tree_page(tree: "Tree", cut: Cut) -> str:
    """Make what `Tree.to_html` promises."""
    sections = [Section("clusters", "The clusters", [element("p", _HOW, class_="note"), _outline(tree, cut)])]
    if len(tree) <= MOST_DRAWN:
        sections.append(Section("picture", "The whole tree", [_picture(tree, cut)]))
    return page(f"{counted(len(tree), 'key')} in {counted(len(cut), 'cluster')}", sections, lead=[_facts(tree, cut)])


def _facts(tree: "Tree", cut: Cut) -> Markup:
    correlation = decimal(tree.cophenetic_correlation, places=2)
    pairs = [
        ("clusters", f"{len(cut):,}", f"cut at height {decimal(cut.height, places=2)}"),
        ("mean silhouette", decimal(cut.silhouette, places=2), "from −1 to 1; how well clusters are apart"),
        ("cophenetic correlation", correlation, "at most 1; how faithful heights are to distances"),
        ("linkage", tree.linkage, f"of {tree.metric} distances"),
    ]
    return facts([(name, joined(value, element("small", note))) for name, value, note in pairs], class_="headline")


def _outline(tree: "Tree", cut: Cut) -> Markup:
    return element("div", *(_branch(tree, node, _DEEPEST) for node in cut.nodes.tolist()), class_="tree")


def _branch(tree: "Tree", node: int, depth: int) -> Markup:
    if tree.sizes[node] <= FEW or depth == 0:
        return element("p", _listed(tree.keys(node)))
    parts = branches(tree, node)
    contents: list[Content] = [_branch(tree, below, depth - 1) for below in parts.nodes]
    if parts.alone:
        contents.append(element("p", _listed(list(parts.alone))))
    return element("details", element("summary", quoted(title(tree, node))), *contents)


def _listed(keys: list[str]) -> Markup:
    first, *rest = (quoted(shown(key)) for key in keys)
    return joined(first, *(joined(", ", key) for key in rest))


def _picture(tree: "Tree", cut: Cut) -> Markup:
    # The leaves are numbered from top to bottom.
    place_of = {int(row): place for place, row in enumerate(tree.order)}
    joins = [
        Join(place_of.get(left, left), place_of.get(right, right), height)
        for (left, right), height in zip(tree.merges.tolist(), tree.heights.tolist(), strict=True)
    ]
    plot = dendrogram(
        [shown(key) for key in tree.keys(tree.root)],
        joins,
        cut.labels[tree.order].tolist(),
        cut=cut.height,
        title=f"Tree of {counted(len(tree), 'key')}",
        axis=f"{tree.linkage} linkage, {tree.metric} distance",
    )
    caption = (
        "Where two branches meet says how far apart they are. The dashed line is the cut; clusters alternate in colour."
    )
    return figure(plot, caption)
