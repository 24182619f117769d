"""`nearfield recall`: how much does approximate search miss?"""

from typing import Literal

import click

from nearfield.cli.console import CollectionAddress, OutputPath, encoder_option, progress_bars, show_report


@click.command(short_help="How much does approximate search miss, and how hard should it try?")
@click.argument("collection", type=CollectionAddress())
@click.option("--queries", type=click.Path(exists=True, dir_okay=False), help="Queries: .jsonl, .csv or .tsv.")
@click.option("--sample", default=200, show_default=True, help="Without --queries: stored vectors drawn as queries.")
@click.option("-k", "ks", multiple=True, type=int, default=(1, 10, 100), show_default=True, help="Results. Repeat it.")
@click.option(
    "--share",
    "shares",
    multiple=True,
    type=float,
    default=(0.001, 0.01, 0.1, 1.0),
    show_default=True,
    help="Share of the records that filters keep. Repeat it.",
)
@click.option(
    "--ef",
    "efs",
    multiple=True,
    type=int,
    default=(32, 64, 128, 256, 512),
    show_default=True,
    help="Candidates looked at. Repeat it.",
)
@click.option(
    "--oversampling",
    "oversamplings",
    multiple=True,
    type=float,
    default=(1, 2, 4),
    show_default=True,
    help="How many times k candidates are rescored where vectors are quantised. Repeat it.",
)
@click.option("--target", default=0.98, show_default=True, help="The recall wanted.")
@click.option("--target-k", default=10, show_default=True, help="For how many results it is wanted.")
@click.option(
    "--quantisation",
    "quantisations",
    multiple=True,
    type=click.Choice(["none", "float16", "int8", "binary"]),
    help="Measure a temporary copy kept so, too. Repeat it.",
)
@click.option("--after-deletes", "deleted", default=0.0, metavar="SHARE", help="Measure a copy, delete, and again.")
@click.option("--repeats", default=3, show_default=True, help="How often each search is timed.")
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Of every draw.")
@click.option("--apply", is_flag=True, help="Keep the recommended effort in the collection.")
@click.option("--report", "page", type=OutputPath(".html", ".htm"), help="Write a page with plots.")
@encoder_option
@click.option("--json", "as_json", is_flag=True, help="Print the report as JSON.")
def recall(
    collection: str,
    queries: str | None,
    sample: int,
    ks: tuple[int, ...],
    shares: tuple[float, ...],
    efs: tuple[int, ...],
    oversamplings: tuple[float, ...],
    target: float,
    target_k: int,
    quantisations: tuple[Literal["none", "float16", "int8", "binary"], ...],
    deleted: float,
    repeats: int,
    seed: int,
    apply: bool,
    page: str | None,
    encoder: str | None,
    as_json: bool,
) -> None:
    """Compare approximate with exact search in COLLECTION, and recommend how hard to try for a target recall.

    The collection is only read; deleting and other quantisations are tried on temporary copies.

    \b
    nearfield recall tickets.collection --queries q.jsonl --target 0.98 --apply
    """
    import nearfield as nf

    texts = None if queries is None else nf.read_queries(queries)
    with (
        nf.Collection.open(collection, encoder=nf.load_encoder(encoder) if encoder else None) as opened,
        progress_bars() as progress,
    ):
        result = nf.measure_recall(
            opened,
            queries=texts,
            ks=ks,
            shares=shares,
            efs=efs,
            oversamplings=oversamplings,
            target=target,
            target_k=target_k,
            quantisations=quantisations,
            deleted_share=deleted,
            sample=sample,
            repeats=repeats,
            seed=seed,
            progress=progress,
        )
        if apply and result.recommended is not None:
            opened.set_effort(result.recommended)
    show_report(result, page=page, as_json=as_json)
    if apply and result.recommended is None:
        raise nf.errors.CapabilityError("--apply changed nothing, as no effort measured reaches the target")
    if apply:
        click.echo(f"{opened.address} searches by the recommended effort from now on", err=True)
