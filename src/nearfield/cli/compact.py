"""`nearfield compact`: free the bytes of what was deleted."""

import click

from nearfield.cli.console import CollectionAddress, print_json


@click.command(short_help="Remove the bytes of deleted records.")
@click.argument("collection", type=CollectionAddress())
@click.option("--json", "as_json", is_flag=True, help="Print the sizes as JSON.")
def compact(collection: str, as_json: bool) -> None:
    """Remove what deleted and replaced records of COLLECTION left on the disk, logs included.

    In a folder that needs the space of both, the old files and the new, until it is done.
    """
    import nearfield as nf
    from nearfield.report.numbers import size

    with nf.Collection.open(collection) as opened:
        before = opened.store.allocated_bytes()
        opened.store.compact()
        after, shown = opened.store.allocated_bytes(), opened.address
    if as_json:
        print_json({"collection": shown, "bytes_before": before, "bytes_after": after})
    elif before is None or after is None:
        click.echo(f"{shown}: compacted; this back end does not tell its size")
    else:
        click.echo(f"{shown}: {size(before)} before, {size(after)} now")
