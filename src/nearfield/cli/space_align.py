"""`nearfield space align`: turn one space into another, and see which keys changed."""

import click

from nearfield.cli.console import SpacePath, print_json, progress_bars


@click.command("align", short_help="Turn one space into another; which keys changed most?")
@click.argument("source", type=click.Path(exists=True))
@click.argument("target", type=click.Path(exists=True))
@click.option("-o", "--output", type=SpacePath(), help="Write the turned source to this .space folder.")
@click.option(
    "--pairs",
    type=click.Path(exists=True, dir_okay=False),
    help="Pairs of keys, a line each with a tab between.  [default: the keys that both have]",
)
@click.option("-k", type=click.IntRange(min=1), default=10, show_default=True, help="Neighbours to compare.")
@click.option("--show", type=click.IntRange(min=1), default=10, show_default=True, help="Changed keys to show.")
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Of the parts held out.")
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
def align(
    source: str, target: str, output: str | None, pairs: str | None, k: int, show: int, seed: int, as_json: bool
) -> None:
    """Turn SOURCE so that its keys come as near as can be to those of TARGET, and show which do not.

    \b
    nearfield space align 1990s.space 2020s.space
    nearfield space align de.space en.space --pairs de-en.tsv -o de-as-en.space
    """
    import nearfield as nf
    from nearfield.space.key_pairs import read_pairs

    known = read_pairs(pairs) if pairs else None
    one, other = nf.load_space(source), nf.load_space(target)
    with progress_bars() as progress:
        found = nf.align(one, other, pairs=known, k=k, seed=seed, progress=progress)
    if output:
        found.aligned.save(output)
    if as_json:
        print_json(found.to_json(show=show))
    else:
        click.echo(found.to_text(show=show))
    if output:
        click.echo(f"wrote {output}", err=True)
