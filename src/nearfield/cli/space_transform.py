"""`nearfield space transform`: change a space after the fact."""

from collections.abc import Callable
from typing import TYPE_CHECKING

import click

from nearfield.cli.console import SpacePath

if TYPE_CHECKING:  # the command line starts without numpy
    from nearfield.space.space import Space


@click.command("transform", short_help="Whiten it, take its top directions away, cut it down or round it.")
@click.argument("space", type=click.Path(exists=True))
@click.option("-o", "--output", required=True, type=SpacePath(), help="The .space folder to write.")
@click.option("--all-but-the-top", is_flag=True, help="Take the mean and the directions of largest variance away.")
@click.option(
    "--components",
    type=click.IntRange(min=0),
    metavar="N",
    help="How many directions --all-but-the-top takes away.  [default: dimensions / 100]",
)
@click.option("--centre", is_flag=True, help="Take the mean away.")
@click.option("--whiten", is_flag=True, help="Make all directions vary equally.")
@click.option("--pca", type=click.IntRange(min=1), metavar="N", help="Keep the N directions that keep cosines best.")
@click.option("--truncate", type=click.IntRange(min=1), metavar="N", help="Keep the first N dimensions.")
@click.option("--int8", is_flag=True, help="Round to the values that 8-bit codes stand for.")
@click.option("--binary", is_flag=True, help="Round to signs.")
def transform(
    space: str,
    output: str,
    all_but_the_top: bool,
    components: int | None,
    centre: bool,
    whiten: bool,
    pca: int | None,
    truncate: int | None,
    int8: bool,
    binary: bool,
) -> None:
    """Change SPACE in one way and write the result; run it again on that to change it further.

    Values stay float32, also where they are rounded: what is then measured is what the codes would give.

    \b
    nearfield space transform words.space -o better.space --all-but-the-top
    """
    import nearfield as nf

    if components is not None and not all_but_the_top:
        raise click.UsageError("--components goes with --all-but-the-top")
    asked: dict[str, tuple[bool, Callable[[Space], Space]]] = {
        "--all-but-the-top": (all_but_the_top, lambda given: nf.remove_top_components(given, components)),
        "--centre": (centre, nf.centre),
        "--whiten": (whiten, nf.whiten),
        "--pca": (pca is not None, lambda given: nf.reduce(given, pca or 0)),
        "--truncate": (truncate is not None, lambda given: nf.truncate(given, truncate or 0)),
        "--int8": (int8, lambda given: nf.quantise(given, "int8").space),
        "--binary": (binary, lambda given: nf.quantise(given, "binary").space),
    }
    chosen = [change for is_asked, change in asked.values() if is_asked]
    if len(chosen) != 1:
        raise click.UsageError(f"give one of {', '.join(asked)}; got {len(chosen)}")
    changed = chosen[0](nf.load_space(space))
    changed.save(output)
    click.echo(f"{output}: {changed}, {', then '.join(changed.about['postprocessing'])}")
