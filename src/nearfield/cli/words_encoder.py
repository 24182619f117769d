"""`nearfield words encoder`: an encoder of sentences from word vectors."""

import click

from nearfield.cli.console import progress_bars


@click.command(short_help="Make an encoder of sentences from word vectors.")
@click.argument("space", type=click.Path(exists=True))
@click.option("-o", "--output", required=True, type=click.Path(file_okay=False), help="Folder to write the encoder to.")
@click.option(
    "--weighting",
    type=click.Choice(["auto", "counts", "ranks", "mean"]),
    default="auto",
    show_default=True,
    help="Let frequent words count less: by their counts, by their rank in the file, or not at all.",
)
@click.option(
    "--dtype",
    type=click.Choice(["float32", "float16", "int8"]),
    default="float32",
    show_default=True,
    help="What the table is stored as; sentence-transformers reads no int8.",
)
@click.option("--limit", type=click.IntRange(min=1), help="Most words to keep, the first ones.")
def encoder(space: str, output: str, weighting: str, dtype: str, limit: int | None) -> None:
    """Write SPACE as the folder of a static encoder: a text's vector is the weighted mean of its words'.

    \b
    nearfield words encoder glove.6B.300d.txt -o glove-encoder
    nearfield compare CORPUS --queries Q --qrels QRELS -e bm25 -e ./glove-encoder
    """
    import nearfield as nf
    from nearfield.space.word_weights import Weighting

    chosen: Weighting = weighting  # type: ignore[assignment]  # one of click's choices
    with progress_bars() as progress:
        loaded = nf.load_space(space, limit=limit, progress=progress)
    nf.save_encoder(loaded, output, weighting=chosen, dtype=dtype)
    if loaded.subwords is not None:
        click.echo(
            "left out: the n-grams that make vectors for unseen words, which such a folder cannot hold", err=True
        )
    click.echo(f"{output}: {len(loaded):,} words, {loaded.dim} dimensions; use it as -e {output}")
