"""`nearfield snapshot`, `restore` and `export`: a collection as a file, and back."""

import click

from nearfield.cli.console import CollectionAddress, OutputPath, print_json, progress_bars
from nearfield.cli.where import parse_conditions


@click.command(short_help="Write a collection into one file.")
@click.argument("collection", type=CollectionAddress())
@click.argument("file", type=OutputPath())
@click.option("--json", "as_json", is_flag=True, help="Print what was written as JSON.")
def snapshot(collection: str, file: str, as_json: bool) -> None:
    """Write COLLECTION into one FILE, from which `restore` makes it again, in a folder or any database.

    \b
    nearfield snapshot tickets.collection tickets.zip
    """
    import nearfield as nf
    from nearfield.report.numbers import size

    with nf.Collection.open(collection) as opened, progress_bars() as progress:
        summary = nf.save_snapshot(opened, file, progress=progress)
    if as_json:
        print_json(summary)
    else:
        click.echo(f"{file}: {summary.records:,} records, {size(summary.bytes)}")


@click.command(short_help="Make a collection from a snapshot.")
@click.argument("file", type=click.Path(exists=True, dir_okay=False))
@click.argument("collection", type=CollectionAddress())
def restore(file: str, collection: str) -> None:
    """Make COLLECTION from the FILE that `snapshot` wrote.

    \b
    nearfield restore tickets.zip 'postgresql://user@host/database#tickets'
    """
    import nearfield as nf

    with progress_bars() as progress:
        opened = nf.restore_snapshot(file, collection, progress=progress)
    with opened:
        click.echo(f"{opened.address}: {opened.count():,} records, ranked by {opened.spec.name}")


@click.command(short_help="Write records and vectors as parquet.")
@click.argument("collection", type=CollectionAddress())
@click.argument("file", type=OutputPath(".parquet"))
@click.option("--where", multiple=True, metavar="CONDITION", help="Only records for which this holds, as in `search`.")
@click.option("--no-vectors", is_flag=True, help="Leave the vectors out.")
def export(collection: str, file: str, where: tuple[str, ...], no_vectors: bool) -> None:
    """Write COLLECTION as a parquet FILE: id, title, text, image, meta as JSON, and the vector.

    \b
    nearfield export tickets.collection tickets.parquet --where 'year>=2020'
    """
    import nearfield as nf

    condition = parse_conditions(where)
    with nf.Collection.open(collection) as opened, progress_bars() as progress:
        rows = nf.export_parquet(opened, file, where=condition, vectors=not no_vectors, progress=progress)
    click.echo(f"{file}: {rows:,} rows")
