"""`nearfield space clusters`: groups of keys."""

import click

from nearfield.cli.console import OutputPath, print_json, progress_bars


@click.command("clusters", short_help="Find groups of keys, and name them.")
@click.argument("space", type=click.Path(exists=True))
@click.option("-k", type=click.IntRange(min=1), help="How many, for kmeans.  [default: chosen by the silhouette]")
@click.option(
    "--method",
    type=click.Choice(["kmeans", "hdbscan"]),
    default="kmeans",
    show_default=True,
    help="hdbscan finds how many there are, and leaves outliers out.",
)
@click.option("--min-cluster-size", type=click.IntRange(min=2), help="Fewest keys of a cluster, for hdbscan.")
@click.option("-o", "--output", type=OutputPath(".tsv"), help="Write the cluster of each key here.")
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Of all random numbers.")
@click.option("--json", "as_json", is_flag=True, help="Print the clusters and the label of each key as JSON.")
def clusters(
    space: str,
    k: int | None,
    method: str,
    min_cluster_size: int | None,
    output: str | None,
    seed: int,
    as_json: bool,
) -> None:
    """Find groups of keys of SPACE that point in like directions, and name each by its most central keys.

    \b
    nearfield space clusters titles.space -o topics.tsv
    nearfield space map titles.space -o map.html --colour topics.tsv
    """
    import nearfield as nf

    with progress_bars() as progress:
        found = nf.cluster(
            nf.load_space(space),
            k=k,
            method=method,  # type: ignore[arg-type]  # click has checked it
            min_cluster_size=min_cluster_size,
            seed=seed,
            progress=progress,
        )
    if output:
        found.save_tsv(output)
        click.echo(f"wrote {output}", err=True)
    print_json(found.to_json()) if as_json else click.echo(found)
