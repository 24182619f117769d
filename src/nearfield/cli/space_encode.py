"""`nearfield space encode`: a space of any strings."""

from pathlib import Path

import click

from nearfield.cli.completion import complete_encoder
from nearfield.cli.console import field_options, progress_bars, report_skipped, require_different


@click.command(short_help="Encode texts into a space.")
@click.argument("texts", type=click.Path(exists=True))
@click.option("-e", "--encoder", required=True, metavar="NAME", shell_complete=complete_encoder, help="The encoder.")
@click.option("-o", "--output", required=True, type=click.Path(), help="The .space to write, or another format's file.")
@click.option(
    "--key",
    type=click.Choice(["text", "id"]),
    help="What to name each row by.  [default: text for .txt, else id]",
)
@field_options
def encode(
    texts: str,
    encoder: str,
    output: str,
    key: str | None,
    id_field: str | None,
    text_field: str | None,
    title_field: str | None,
    skip_bad: bool,
) -> None:
    """Encode each text of TEXTS, a .txt file with a text a line or anything `index` reads, into a space.

    \b
    nearfield space encode phrases.txt -e all-MiniLM-L6-v2 -o phrases.space
    nearfield space encode tickets.jsonl -e all-MiniLM-L6-v2 -o tickets.space
    """
    require_different({"--output": output}, {"TEXTS": texts})
    import nearfield as nf
    from nearfield.data.files import format_suffix

    records = nf.read_corpus(
        texts, id_field=id_field, text_field=text_field, title_field=title_field, skip_bad=skip_bad
    )
    by_text = key == "text" or (key is None and format_suffix(Path(texts)) == ".txt")
    named = [(record.content if by_text else record.id, record.content) for record in records]
    report_skipped(records.skipped.count, records.skipped.problems)
    if by_text and len(unique := dict(named)) < len(named):
        click.echo(f"texts left out, since they were there before: {len(named) - len(unique):,}", err=True)
        named = list(unique.items())
    with progress_bars() as progress:
        space = nf.encode_space(
            encoder, [text for _, text in named], keys=[name for name, _ in named], progress=progress
        )
        nf.write_space(space, output, progress=progress)
    click.echo(f"{output}: {len(space):,} keys, {space.dim} dimensions, by {space.about['encoder']}")
