"""`nearfield space tree`: what belongs together, and to what?"""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from nearfield.cli.console import OutputPath, print_json, require_different
from nearfield.cli.tree_options import distance_option, linkage_option

if TYPE_CHECKING:  # the command line starts without numpy
    from nearfield.space.hierarchy import Linkage
    from nearfield.space.tree import TreeMetric


@click.command("tree", short_help="What belongs together, and to what?")
@click.argument("space", type=click.Path(exists=True))
@click.argument("keys", nargs=-1, metavar="[KEY]...")
@click.option("--first", type=click.IntRange(min=1), metavar="N", help="Take the first N keys, the most frequent ones.")
@click.option("--cut", type=click.IntRange(min=1), metavar="K", help="How many clusters.  [default: the best cut]")
@click.option("--depth", type=click.IntRange(min=0), default=2, show_default=True, help="Levels below each cluster.")
@linkage_option
@distance_option
@click.option("--report", "page", type=OutputPath(".html", ".htm"), help="Write a page with the whole tree here.")
@click.option("--newick", type=OutputPath(), help="Write the tree in Newick format here.")
@click.option("--json", "as_json", is_flag=True, help="Print the tree as JSON.")
def tree(
    space: str,
    keys: tuple[str, ...],
    first: int | None,
    cut: int | None,
    depth: int,
    linkage: "Linkage",
    metric: "TreeMetric",
    page: str | None,
    newick: str | None,
    as_json: bool,
) -> None:
    """Build a tree of the keys of SPACE, or of the KEYs given, and cut it into clusters.

    \b
    nearfield space tree words.space --first 2000 --report tree.html
    nearfield space tree words.space cat dog wolf car truck rose tulip
    """
    import nearfield as nf
    from nearfield.files import replace_file

    if keys and first is not None:
        raise click.UsageError("--first chooses keys, and so do KEYs; leave one out")
    require_different({"--report": page, "--newick": newick}, {"SPACE": space})
    opened = nf.load_space(space)
    chosen = opened.select(keys) if keys else opened if first is None else opened.first(first)
    built = nf.build_tree(chosen, linkage=linkage, metric=metric)
    if page:
        built.export(page, k=cut)
    if newick:
        replace_file(Path(newick), built.to_newick().encode())
    if as_json:
        print_json(built.to_json(k=cut))
    else:
        click.echo(built.to_text(k=cut, depth=depth))
    for written in filter(None, (page, newick)):
        click.echo(f"wrote {written}", err=True)
