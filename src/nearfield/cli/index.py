"""`nearfield index`: build the search index."""

import shlex
from typing import TYPE_CHECKING, Literal

import click

from nearfield.cli.completion import complete_encoder
from nearfield.cli.console import (
    CollectionAddress,
    field_options,
    print_json,
    progress_bars,
    report_skipped,
    vector_cache,
)
from nearfield.cli.dry_run import dry_run_option, show_estimates

if TYPE_CHECKING:
    from nearfield.stores.base import StoreConfig


@click.command(short_help="Build a collection to search, or go on with an interrupted one.")
@click.argument("corpus", type=click.Path(exists=True))
@click.option(
    "--to",
    "address",
    required=True,
    type=CollectionAddress(),
    help="The collection's folder, or its URL in a database, as in 'postgresql://user@host/database#faq'.",
)
@click.option(
    "--from",
    "report",
    type=click.Path(exists=True, dir_okay=False),
    help="A report that `compare --save` wrote: build what it chose.",
)
@click.option("--candidate", help="With --from: build this candidate instead of the chosen one.")
@click.option(
    "-e",
    "--retriever",
    "retrievers",
    multiple=True,
    metavar="RETRIEVER",
    shell_complete=complete_encoder,
    help="Without --from: what to build, as in `compare`; one.",
)
@click.option(
    "--quantisation",
    type=click.Choice(["none", "float16", "int8", "binary"]),
    help="Search a smaller copy of the vectors and rescore with the full ones; int8, of a quarter of the size, is the "
    "default in a folder. What a database offers is its own.",
)
@click.option("--no-cache", is_flag=True, help="Do not keep vectors between runs.")
@click.option("--json", "as_json", is_flag=True, help="Print what was done as JSON.")
@dry_run_option
@field_options
def index(
    corpus: str,
    address: str,
    report: str | None,
    candidate: str | None,
    retrievers: tuple[str, ...],
    quantisation: Literal["none", "float16", "int8", "binary"] | None,
    no_cache: bool,
    as_json: bool,
    dry_run: bool,
    id_field: str | None,
    text_field: str | None,
    title_field: str | None,
    skip_bad: bool,
) -> None:
    """Index CORPUS into a collection.

    Records are safe once reported as done. Interrupted or killed, the same command goes on where it stopped; run
    again on a changed corpus, it replaces what changed, and keeps what the corpus no longer holds.

    \b
    nearfield index tickets.jsonl --to tickets.collection --from report.json
    """
    if (report is None) == (not retrievers):
        raise click.UsageError("give either --from REPORT or -e RETRIEVER")
    if len(retrievers) > 1:
        raise click.UsageError(f"a collection ranks by one retriever; several legs are one: -e {'+'.join(retrievers)}")
    if candidate and report is None:
        raise click.UsageError("--candidate goes with --from")
    import nearfield as nf
    from nearfield.report.numbers import size

    store = _store(address, quantisation) if quantisation else None
    records = nf.read_corpus(
        corpus, id_field=id_field, text_field=text_field, title_field=title_field, skip_bad=skip_bad
    )
    if report:
        spec, encoder = nf.ComparisonReport.load(report).prepare(candidate)
    else:
        spec, encoder = nf.RetrieverSpec.parse(retrievers[0]), None
    if dry_run:
        encoders = {spec.encoder: encoder or nf.load_encoder(spec.encoder)} if spec.encoder else {}
        show_estimates(encoders, records, as_json=as_json)
        return
    with vector_cache(use=not no_cache) as cache, progress_bars() as progress:
        collection, summary = nf.build_collection(
            address,
            records,
            spec,
            encoder=encoder,
            cache=cache,
            store=store,
            progress=progress,
        )
    with collection:
        shown = collection.address
        count, disk = collection.count(), collection.store.allocated_bytes()
    kept = count - summary.written - summary.unchanged
    report_skipped(records.skipped.count, records.skipped.problems)
    if as_json:
        print_json(
            {
                "collection": shown,
                "retriever": spec.name,
                "records": count,
                "written": summary.written,
                "unchanged": summary.unchanged,
                "truncated": summary.truncated,
                "skipped": records.skipped.count,
                "not_in_corpus": kept,
                "disk_bytes": disk,
            }
        )
        return
    click.echo(f"{shown}: {count:,} records{'' if disk is None else f', {size(disk)}'}, ranked by {spec.name}")
    click.echo(f"{summary.written:,} written, {summary.unchanged:,} unchanged")
    if kept:
        click.echo(f"{kept:,} were there before and are not in this corpus; they are kept, and still found")
    if summary.truncated:
        click.echo(
            f"{summary.truncated:,} of those written are longer than the encoder reads; their ends are found by words "
            "only, if at all"
        )
    click.echo(f'search it: nearfield search {shlex.quote(shown)} "your question"')


def _store(address: str, quantisation: Literal["none", "float16", "int8", "binary"]) -> "StoreConfig":
    """Give the options of a store of the kind that an address leads to."""
    from contextlib import closing

    from nearfield.collection.home import Home

    with closing(Home.find(address)) as home:
        return home.config_type(quantisation=quantisation)
