"""`nearfield collections` and `nearfield drop`: which collections are there, and away with one."""

import click

from nearfield.cli.console import CollectionAddress, print_json


@click.command(short_help="List the collections in a folder or database.")
@click.argument("address", type=CollectionAddress(), default=".")
@click.option("--json", "as_json", is_flag=True, help="Print the addresses as JSON.")
def collections(address: str, as_json: bool) -> None:
    """List the collections in a folder (this one by default) or in a database, such as postgresql://user@host/database."""
    import nearfield as nf

    found = nf.list_collections(address)
    if as_json:
        print_json(found)
        return
    for each in found:
        click.echo(each)
    if not found:
        click.echo(f"no collections in {address if '://' not in address else 'this database'}", err=True)


@click.command(short_help="Remove a collection.")
@click.argument("collection", type=CollectionAddress())
@click.option("--yes", is_flag=True, help="Do not ask.")
def drop(collection: str, yes: bool) -> None:
    """Remove COLLECTION with all its records. One that is damaged is removed with --yes."""
    import nearfield as nf
    from nearfield.stores.address import Address

    shown = Address.parse(collection)
    if not yes:  # not opened otherwise, so that a damaged one can be removed too
        with nf.Collection.open(collection) as opened:
            count = opened.count()
        click.confirm(f"remove {shown} with its {count:,} records?", abort=True)
    nf.drop_collection(collection)
    click.echo(f"removed {shown}")
