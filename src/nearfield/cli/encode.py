"""`nearfield encode`: vectors for these texts."""

from pathlib import Path

import click

from nearfield.cli.completion import complete_encoder
from nearfield.cli.console import (
    OutputPath,
    field_options,
    json_text,
    progress_bars,
    report_skipped,
    require_different,
    vector_cache,
)
from nearfield.cli.dry_run import dry_run_option, show_estimates


@click.command(short_help="Turn texts or images into vectors.")
@click.argument("encoder", shell_complete=complete_encoder)
@click.argument("corpus", required=False, type=click.Path(exists=True))
@click.option("--text", "texts", multiple=True, help="A text to encode instead of a corpus. Repeat it.")
@click.option(
    "--role",
    type=click.Choice(["document", "query"]),
    default="document",
    show_default=True,
    help="Which of the encoder's prompts to use.",
)
@click.option(
    "-o",
    "--output",
    type=OutputPath(".npz", ".jsonl"),
    help="Write .npz (arrays `ids` and `vectors`) or .jsonl. Without it, JSON lines are printed.",
)
@click.option("--no-cache", is_flag=True, help="Do not keep the vectors of a service between runs.")
@dry_run_option
@field_options
def encode(
    encoder: str,
    corpus: str | None,
    texts: tuple[str, ...],
    role: str,
    output: str | None,
    no_cache: bool,
    dry_run: bool,
    id_field: str | None,
    text_field: str | None,
    title_field: str | None,
    skip_bad: bool,
) -> None:
    """Encode the records of CORPUS, or each --text, with ENCODER.

    An encoder of images takes the images of the records; CORPUS may be a folder of them.

    \b
    nearfield encode all-MiniLM-L6-v2 tickets.jsonl -o vectors.npz
    nearfield encode all-MiniLM-L6-v2 --text "a leaking tap"
    nearfield encode openai:text-embedding-3-small tickets.jsonl --dry-run
    nearfield encode ./clip-vit-base-patch32 photos/ -o vectors.npz
    """
    if (corpus is None) == (not texts):
        raise click.UsageError("give either a CORPUS or one or more --text")
    require_different({"--output": output}, {"CORPUS": corpus})
    import nearfield as nf
    from nearfield.encoders.base import BatchedEncoder, Item, item_of
    from nearfield.encoders.cached import CachedEncoder
    from nearfield.encoders.innermost import innermost
    from nearfield.files import replace_file

    loaded = nf.load_encoder(encoder)
    records = None
    if corpus is not None:
        records = nf.read_corpus(
            corpus, id_field=id_field, text_field=text_field, title_field=title_field, skip_bad=skip_bad
        )
    if dry_run:
        given = texts if records is None else records
        show_estimates({encoder: loaded}, *(((), given) if role == "query" else (given,)))
        if records is not None:
            report_skipped(records.skipped.count, records.skipped.problems)
        return
    ids = [str(number) for number in range(len(texts))]
    contents: list[Item] = list(texts)
    if records is not None:
        pairs = [(record.id, item_of(record, loaded.spec)) for record in records]
        ids, contents = [id_ for id_, _ in pairs], [content for _, content in pairs]
        report_skipped(records.skipped.count, records.skipped.problems)
    # What a service was paid for is kept, so that the same command goes on where it failed.
    keep = isinstance(innermost(loaded), BatchedEncoder) and not no_cache
    with vector_cache(use=keep) as cache, progress_bars() as progress:
        used = loaded if cache is None else CachedEncoder(loaded, cache)
        encoding = used.encode_query if role == "query" else used.encode_document
        vectors = encoding(contents, progress=progress)
    if output and Path(output).suffix.lower() == ".npz":
        import io

        import numpy as np

        buffer = io.BytesIO()
        np.savez(buffer, ids=np.array(ids), vectors=vectors)
        replace_file(Path(output), buffer.getvalue())
    else:
        lines = "".join(
            json_text({"id": id_, "vector": vector.tolist()}) + "\n" for id_, vector in zip(ids, vectors, strict=True)
        )
        if output is None:
            click.echo(lines, nl=False)
        else:
            replace_file(Path(output), lines.encode())
    click.echo(f"{len(ids):,} vectors of {loaded.spec.dim} dimensions, space {loaded.spec.fingerprint[:8]}", err=True)
