"""`nearfield space convert`: vectors in another program's format."""

from pathlib import Path

import click

from nearfield.cli.console import progress_bars, report_skipped, require_different


@click.command(short_help="Write a space in another format.")
@click.argument("space", type=click.Path(exists=True))
@click.argument("output", type=click.Path())
@click.option("--from", "source", metavar="FORMAT", help="Format of SPACE.  [default: found by its content]")
@click.option(
    "--to", "target", metavar="FORMAT", help="Format of OUTPUT.  [default: by its name: .space .vec .bin .txt ...]"
)
@click.option("--limit", type=click.IntRange(min=1), help="Most rows to keep, the first ones.")
@click.option("--keys", metavar="FILE", help="Where the keys are, a line each; of parquet, the name of the column.")
@click.option("--vectors", metavar="NAME", help="Tensor or column of the vectors, where there are several.")
@click.option("--skip-bad", is_flag=True, help="Leave bad rows out and count them, instead of stopping.")
def convert(
    space: str,
    output: str,
    source: str | None,
    target: str | None,
    limit: int | None,
    keys: str | None,
    vectors: str | None,
    skip_bad: bool,
) -> None:
    """Read SPACE and write it as OUTPUT.

    Reads .space, word2vec text and binary, GloVe, fastText .vec and .bin, gensim .kv, .npy, .safetensors and .parquet,
    text also as .gz, .xz and .zst. Writes all of these but fastText's .bin, gensim's and .zst. Only .space keeps
    counts and n-grams and opens at once.

    \b
    nearfield space convert glove.6B.300d.txt glove.space
    nearfield space convert words.space words.vec.gz
    nearfield space convert cc.en.300.bin english.space --limit 200000
    """
    require_different({"OUTPUT": output}, {"SPACE": space})
    import nearfield as nf

    with progress_bars() as progress:
        loaded = nf.load_space(
            space, format=source, limit=limit, skip_bad=skip_bad, keys=keys, vectors=vectors, progress=progress
        )
        nf.write_space(loaded, output, format=target, progress=progress)
    if skipped := loaded.about.get("skipped"):
        report_skipped(skipped["count"], tuple(skipped["problems"]))
    if loaded.subwords is not None and not Path(output).is_dir():
        click.echo("left out: the n-grams that make vectors for unseen words; only .space keeps them", err=True)
    click.echo(f"{output}: {len(loaded):,} keys, {loaded.dim} dimensions")
