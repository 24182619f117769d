"""`nearfield evaluate`: how good is it?"""

import click

from nearfield.cli.console import CollectionAddress, encoder_option, judgement_options, print_json, progress_bars


@click.command(short_help="How good is a collection, by judged queries?")
@click.argument("collection", type=CollectionAddress())
@judgement_options
@click.option(
    "--metric",
    "metrics",
    multiple=True,
    metavar="METRIC",
    help="Such as ndcg@10, recall@100, precision@5, mrr@10, map@100, success@1. Repeat it.",
)
@click.option("--skip-bad", is_flag=True, help="Leave out judgements of unknown queries and documents.")
@encoder_option
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
def evaluate(
    collection: str,
    queries: str,
    qrels: str,
    metrics: tuple[str, ...],
    skip_bad: bool,
    encoder: str | None,
    as_json: bool,
) -> None:
    """Ask COLLECTION judged queries and score its answers, with confidence intervals.

    \b
    nearfield evaluate tickets.collection --queries q.jsonl --qrels qrels.tsv
    """
    import nearfield as nf

    judgements = nf.read_judgements(queries, qrels, skip_bad=skip_bad)
    with (
        nf.Collection.open(collection, encoder=nf.load_encoder(encoder) if encoder else None) as opened,
        progress_bars() as progress,
    ):
        report = nf.evaluate(opened, judgements, metrics=metrics or None, skip_bad=skip_bad, progress=progress)
    if as_json:
        print_json(report.to_json())
    else:
        click.echo(str(report))
