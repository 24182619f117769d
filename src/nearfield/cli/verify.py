"""`nearfield verify`: is a collection sound?"""

import click

from nearfield.cli.console import EXIT_FAILED, CollectionAddress, encoder_option, print_json, progress_bars


@click.command(short_help="Is a collection sound?")
@click.argument("collection", type=CollectionAddress())
@encoder_option
@click.option("--json", "as_json", is_flag=True, help="Print the report as JSON.")
@click.pass_context
def verify(context: click.Context, collection: str, encoder: str | None, as_json: bool) -> None:
    """Read every record of COLLECTION and look for what should not be; nothing is changed.

    Whether indexing finished, the encoder is the same, counts agree, records have sound vectors, texts are those
    written, records find themselves. Exit code 1 if not.

    \b
    nearfield verify tickets.collection
    """
    import nearfield as nf

    with (
        nf.Collection.open(collection, encoder=nf.load_encoder(encoder) if encoder else None) as opened,
        progress_bars() as progress,
    ):
        report = nf.verify_collection(opened, progress=progress)
    if as_json:
        print_json(report.to_json())
    else:
        click.echo(str(report))
    if not report.sound:
        context.exit(EXIT_FAILED)
