"""`nearfield inspect`: what would this encoder do with these texts?"""

import click

from nearfield.cli.completion import complete_encoder
from nearfield.cli.console import field_options, print_json, report_skipped


@click.command(short_help="What would this encoder do with these texts?")
@click.argument("encoder", shell_complete=complete_encoder)
@click.argument("corpus", type=click.Path(exists=True))
@click.option(
    "--role",
    type=click.Choice(["document", "query"]),
    default="document",
    show_default=True,
    help="Which of the encoder's prompts to use.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON, with each truncated or empty id.")
@field_options
def inspect(
    encoder: str,
    corpus: str,
    role: str,
    as_json: bool,
    id_field: str | None,
    text_field: str | None,
    title_field: str | None,
    skip_bad: bool,
) -> None:
    """Count the tokens of each record of CORPUS, and say which ENCODER would cut short or find empty.

    \b
    nearfield inspect all-MiniLM-L6-v2 tickets.jsonl
    """
    import dataclasses

    import numpy as np

    import nearfield as nf
    from nearfield.data.records import batched
    from nearfield.encoders.base import NO_LIMIT, item_of

    loaded = nf.load_encoder(encoder)
    records = nf.read_corpus(
        corpus, id_field=id_field, text_field=text_field, title_field=title_field, skip_bad=skip_bad
    )
    tokens: list[int] = []
    truncated: list[str] = []
    empty: list[str] = []
    for batch in batched(records, 1000):
        inspections = loaded.inspect(
            [item_of(record, loaded.spec) for record in batch], role="query" if role == "query" else "document"
        )
        for record, inspection in zip(batch, inspections, strict=True):
            tokens.append(inspection.tokens)
            if inspection.truncated:
                truncated.append(record.id)
            if inspection.empty:
                empty.append(record.id)
    report_skipped(records.skipped.count, records.skipped.problems)
    quantiles = {name: int(np.quantile(tokens, q)) for name, q in (("median", 0.5), ("p95", 0.95), ("max", 1.0))}
    if as_json:
        print_json(
            {
                "encoder": dataclasses.asdict(loaded.spec) | {"fingerprint": loaded.spec.fingerprint},
                "texts": len(tokens),
                "tokens": {"total": sum(tokens), **quantiles},
                "truncated": truncated,
                "empty": empty,
            }
        )
        return
    spec = loaded.spec
    click.echo(
        f"{spec.name}: {spec.dim} dimensions, {spec.metric}, {spec.pooling} pooling, space {spec.fingerprint[:8]}"
    )
    click.echo(
        f"{len(tokens):,} texts, {sum(tokens):,} tokens; " + ", ".join(f"{k} {v:,}" for k, v in quantiles.items())
    )
    if spec.max_tokens >= NO_LIMIT:
        click.echo("none is too long: this encoder reads texts of any length")
    else:
        share = len(truncated) / len(tokens)
        fate = "refused" if spec.on_overflow == "error" else "cut"
        click.echo(
            f"{len(truncated):,} ({share:.1%}) are longer than {spec.max_tokens} tokens and would be {fate}"
            f"{_some(truncated)}"
        )
    click.echo(f"{len(empty):,} are empty{_some(empty)}")


def _some(ids: list[str]) -> str:
    return f": {', '.join(ids[:5])}{', …' if len(ids) > 5 else ''}" if ids else ""
