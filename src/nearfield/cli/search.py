"""`nearfield search`: what does it find?"""

import itertools
from typing import TYPE_CHECKING

import click

from nearfield.cli.console import CollectionAddress, encoder_option, print_json
from nearfield.cli.where import parse_conditions
from nearfield.report.characters import one_line

if TYPE_CHECKING:
    from collections.abc import Iterable

    from nearfield.data.records import Record


@click.command(short_help="Search a collection.")
@click.argument("collection", type=CollectionAddress())
@click.argument("query", required=False)
@click.option("--image", type=click.Path(exists=True, dir_okay=False), help="Search by this image instead of a QUERY.")
@click.option("-k", default=10, show_default=True, type=click.IntRange(min=1), help="How many hits.")
@click.option(
    "--where",
    multiple=True,
    metavar="CONDITION",
    help="Only records for which this holds, as in 'year>=2020', or a JSON filter. Repeat it for more.",
)
@encoder_option
@click.option("--adapter", type=click.Path(exists=True, dir_okay=False), help="Ask by what `migrate --adapter` wrote.")
@click.option("--json", "as_json", is_flag=True, help="Print the hits as JSON.")
def search(
    collection: str,
    query: str | None,
    image: str | None,
    k: int,
    where: tuple[str, ...],
    encoder: str | None,
    adapter: str | None,
    as_json: bool,
) -> None:
    """Find the records in COLLECTION that answer QUERY best, or are nearest to an image.

    \b
    nearfield search tickets.collection "how to fix a leaking faucet" -k 5 --where 'year>=2020'
    nearfield search photos.collection --image tap.jpg
    """
    if (query is None) == (image is None):
        raise click.UsageError("give either a QUERY or --image")
    import nearfield as nf
    from nearfield.data.images import Image

    asked = query if query is not None else Image(str(image))
    condition = parse_conditions(where)
    with nf.Collection.open(collection, encoder=nf.load_encoder(encoder) if encoder else None) as opened:
        if adapter is not None:
            fitted = nf.Adapter.load(adapter)
            opened.ask_by(fitted.asker(nf.load_encoder(fitted.source.name)))
        hits = opened.search(asked, k=k, where=condition)
        known = _fields(itertools.islice(opened, 1000)) if where and not hits else ""
        if not opened.complete:
            click.echo("note: indexing was interrupted; run the same `nearfield index` again to finish it", err=True)
    if as_json:
        print_json(hits)
        return
    for rank, hit in enumerate(hits, start=1):
        click.echo(f"{rank:>3}  {hit.score:7.3f}  {click.style(one_line(hit.id), bold=True)}  {one_line(hit.title)}")
        click.echo(f"              {_shorten(hit.text or hit.image)}")
    if not hits:
        click.echo("nothing found" + (f" that meets the conditions{known}" if where else ""))


def _fields(records: "Iterable[Record]") -> str:
    """Say which fields some records have, and of which type: a condition on any other is never true."""
    found = {(name, type(value).__name__) for record in records for name, value in record.meta.items()}
    return f"; fields here: {', '.join(f'{name} ({kind})' for name, kind in sorted(found))}" if found else ""


def _shorten(text: str, width: int = 100) -> str:
    line = one_line(text)
    return line if len(line) <= width else line[: width - 1] + "…"
