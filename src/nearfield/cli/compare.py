"""`nearfield compare`: which retriever should I use?"""

import click

from nearfield.cli.completion import complete_encoder
from nearfield.cli.console import (
    OutputPath,
    field_options,
    judgement_options,
    print_json,
    progress_bars,
    report_skipped,
    require_different,
    vector_cache,
)
from nearfield.cli.dry_run import dry_run_option, show_estimates


@click.command(short_help="Which retriever should I use? Measure, decide, report.")
@click.argument("corpus", type=click.Path(exists=True))
@judgement_options
@click.option(
    "-e",
    "--retriever",
    "retrievers",
    multiple=True,
    required=True,
    metavar="RETRIEVER",
    shell_complete=complete_encoder,
    help="A candidate: bm25, chars, tfidf, an encoder, hybrid:ENCODER, or legs joined by '+'. Repeat it.",
)
@click.option("--metric", default="ndcg@10", show_default=True, help="The metric that decides.")
@click.option("--margin", type=float, default=0.01, show_default=True, help="How much worse still counts as good.")
@click.option("--queries-per-month", type=float, default=1e6, show_default=True, help="Workload for the cost.")
@click.option("--save", type=OutputPath(), help="Write the report as JSON, for `index --from`.")
@click.option("--report", type=OutputPath(".html", ".htm", ".md"), help="Write the report as .html or .md.")
@click.option("--json", "as_json", is_flag=True, help="Print the report as JSON.")
@click.option("--no-cache", is_flag=True, help="Do not keep vectors between runs.")
@click.option("--in", "database", metavar="URL", help="Build the candidates in this database instead of in folders.")
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Of the resampling.")
@dry_run_option
@field_options
def compare(
    corpus: str,
    queries: str,
    qrels: str,
    retrievers: tuple[str, ...],
    metric: str,
    margin: float,
    queries_per_month: float,
    save: str | None,
    report: str | None,
    as_json: bool,
    no_cache: bool,
    database: str | None,
    seed: int,
    dry_run: bool,
    id_field: str | None,
    text_field: str | None,
    title_field: str | None,
    skip_bad: bool,
) -> None:
    """Measure retrievers on CORPUS with judged queries, and say which to use.

    A candidate is as good as the best only if it is shown to be no more than the margin worse; the cheapest of those
    is chosen. If the queries are too few to tell, the answer is "undecided".

    \b
    nearfield compare tickets.jsonl --queries q.jsonl --qrels qrels.tsv \\
        -e bm25 -e all-MiniLM-L6-v2 -e hybrid:all-MiniLM-L6-v2 --save report.json --report report.html
    """
    require_different({"--save": save, "--report": report}, {"CORPUS": corpus, "--queries": queries, "--qrels": qrels})
    import nearfield as nf

    records = nf.read_corpus(
        corpus, id_field=id_field, text_field=text_field, title_field=title_field, skip_bad=skip_bad
    )
    if dry_run:
        names = [nf.RetrieverSpec.parse(text).encoder for text in retrievers]
        encoders = {name: nf.load_encoder(name) for name in names if name}
        show_estimates(encoders, records, nf.read_queries(queries).values(), as_json=as_json)
        return
    with vector_cache(use=not no_cache) as cache, progress_bars() as progress:
        result = nf.compare(
            records,
            retrievers,
            queries=queries,
            qrels=qrels,
            metric=metric,
            margin=margin,
            seed=seed,
            skip_bad=skip_bad,
            cost_model=nf.CostModel(queries_per_month=queries_per_month),
            cache=cache,
            database=database,
            progress=progress,
        )
    report_skipped(records.skipped.count, records.skipped.problems)
    if unknown := result.protocol.skipped - records.skipped.count:
        click.echo(f"skipped {unknown:,} judgements of unknown queries or documents", err=True)
    # Written before it is shown, as whoever reads may have gone; shown whatever the disk says, as it may be full.
    try:
        for path, write in ((save, result.save), (report, result.export)):
            if path:
                write(path)
                click.echo(f"wrote {path}", err=True)
    finally:
        if as_json:
            print_json(result.to_json())
        else:
            click.echo(str(result))
