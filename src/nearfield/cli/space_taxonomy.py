"""`nearfield space taxonomy`: does the space know what is a kind of what?"""

from typing import TYPE_CHECKING

import click

from nearfield.cli.console import OutputPath, progress_bars, show_report
from nearfield.cli.tree_options import distance_option, linkage_option

if TYPE_CHECKING:  # the command line starts without numpy
    from nearfield.evaluation.taxonomy import Senses
    from nearfield.space.hierarchy import Linkage
    from nearfield.space.tree import TreeMetric


@click.command("taxonomy", short_help="Does it know what is a kind of what?")
@click.argument("space", type=click.Path(exists=True))
@click.option(
    "--wordnet",
    type=click.Path(exists=True),
    help="WordNet's dict folder or an archive of it.  [default: the extract that comes with nearfield]",
)
@click.option(
    "--root",
    "roots",
    multiple=True,
    metavar="CONCEPT",
    help="Concept to look below, such as animal or food.n.02; may be given again.  [default: animal, plant, ...]",
)
@linkage_option
@distance_option
@click.option(
    "--senses",
    type=click.Choice(["first", "only", "any"]),
    default="first",
    show_default=True,
    help="Take words of which this noun sense is below the root.",
)
@click.option("--most", type=click.IntRange(min=10), default=1000, show_default=True, help="Most words below a root.")
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Of all draws.")
@click.option("--report", "page", type=OutputPath(".html", ".htm"), help="Write a page here.")
@click.option("--json", "as_json", is_flag=True, help="Print the report as JSON.")
def taxonomy(
    space: str,
    wordnet: str | None,
    roots: tuple[str, ...],
    linkage: "Linkage",
    metric: "TreeMetric",
    senses: "Senses",
    most: int,
    seed: int,
    page: str | None,
    as_json: bool,
) -> None:
    """Compare trees of the words of SPACE with WordNet: animals, plants, artifacts, food.

    \b
    nearfield space taxonomy words.space --root animal
    nearfield space taxonomy words.space --wordnet /usr/share/wordnet --root vehicle --report vehicles.html
    """
    import nearfield as nf

    opened = nf.load_space(space)
    with progress_bars() as progress:
        report = nf.evaluate_hierarchy(
            opened,
            wordnet,
            roots=roots or None,
            linkage=linkage,
            metric=metric,
            senses=senses,
            most=most,
            seed=seed,
            progress=progress,
        )
    show_report(report, page=page, as_json=as_json)
