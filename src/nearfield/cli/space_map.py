"""`nearfield space map`: an interactive map of a space."""

import click

from nearfield.cli.console import OutputPath, print_json, progress_bars

_MOST = 50_000


@click.command("map", short_help="Lay a space out on a plane: an interactive page.")
@click.argument("space", type=click.Path(exists=True))
@click.option("-o", "--output", required=True, type=OutputPath(".html", ".htm"), help="The page to write.")
@click.option(
    "--method",
    type=click.Choice(["pca", "umap", "pacmap"]),
    default="umap",
    show_default=True,
    help="pca is quick and shows little; the others keep neighbours together.",
)
@click.option(
    "--colour", default="clusters", show_default=True, metavar="WHAT", help="clusters, none, or a .tsv or .csv file."
)
@click.option("--column", metavar="NAME", help="Column of that file with the values.  [default: the second]")
@click.option("--sample", type=click.IntRange(min=3), help="Draw this many keys at random.  [default: at most 50,000]")
@click.option("--first", type=click.IntRange(min=3), help="Take the first keys, in spaces of words the most frequent.")
@click.option("--neighbours", type=click.IntRange(min=2), help="How many hold a point; fewer show finer groups.")
@click.option("--title", help="What stands above the map.  [default: the space's name]")
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Of all random numbers.")
@click.option("--json", "as_json", is_flag=True, help="Print how faithful the map is as JSON.")
def space_map(
    space: str,
    output: str,
    method: str,
    colour: str,
    column: str | None,
    sample: int | None,
    first: int | None,
    neighbours: int | None,
    title: str | None,
    seed: int,
    as_json: bool,
) -> None:
    """Write a page that shows the keys of SPACE on a plane: zoom, search, colours; it needs no network.

    A file of colours has a header; its first column holds keys, the second what colours them: names, or numbers.

    \b
    nearfield space map words.space -o map.html --first 20000
    nearfield space map titles.space -o map.html --colour topics.tsv
    """
    from pathlib import Path

    import numpy as np

    import nearfield as nf
    from nearfield.space.colour_file import read_colours

    if sample and first:
        raise click.UsageError("--sample and --first exclude each other; give one of them")
    shown = nf.load_space(space)
    legend, colours = read_colours(colour, column=column) if colour not in ("clusters", "none") else (None, None)
    shown = shown.first(first) if first else shown
    most = sample or _MOST
    if not first and len(shown) > most:
        if not sample:
            click.echo(f"drawing {most:,} of {len(shown):,} keys at random; see --sample and --first", err=True)
        rows = np.sort(np.random.default_rng(seed).permutation(len(shown))[:most])
        shown = shown.select([shown.keys[int(row)] for row in rows])
    with progress_bars() as progress:
        projection = nf.project(shown, method=method, n_neighbors=neighbours, seed=seed, progress=progress)  # type: ignore[arg-type]  # click has checked it
        groups = nf.cluster(shown, seed=seed, progress=progress) if colour == "clusters" else None
    projection.export(output, colours=groups or colours, legend=legend, title=title or Path(space).stem)
    click.echo(f"wrote {output}", err=True)
    print_json(projection.to_json()) if as_json else click.echo(projection)
