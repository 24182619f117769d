"""`nearfield copy`: a collection to another place."""

import click

from nearfield.cli.console import CollectionAddress, print_json, progress_bars


@click.command(short_help="Copy a collection to another folder or database.")
@click.argument("source", type=CollectionAddress())
@click.argument("target", type=CollectionAddress())
@click.option("--json", "as_json", is_flag=True, help="Print what was done as JSON.")
def copy(source: str, target: str, as_json: bool) -> None:
    """Copy the collection SOURCE to TARGET; each is a folder, or the URL of a database with the collection's name.

    Nothing is encoded: records and vectors are taken as they are, and compared in the end. Interrupted or killed, the
    same command goes on where it stopped.

    \b
    nearfield copy tickets.collection 'postgresql://user@host/database#tickets'
    """
    import nearfield as nf
    from nearfield.report.numbers import counted

    with progress_bars() as progress:
        summary = nf.copy_collection(source, target, progress=progress)
    if as_json:
        print_json(summary)
        return
    click.echo(f"{summary.target}: {counted(summary.records, 'record')}, the same as in {summary.source}")
    click.echo(f"{summary.written:,} written, {summary.unchanged:,} were there; checksum {summary.checksum}")
    if summary.source_vectors == summary.target_vectors:
        click.echo("all vectors are equal bit for bit")
    else:
        click.echo(f"all vectors are equal to rounding: none is off by more than {summary.deviation:.1e} of its length")
    if summary.computed:
        click.echo(f"the weights of {' and '.join(summary.computed)} were computed again from the texts")
