"""`nearfield train`: make an encoder or word vectors of one's own."""

import click

from nearfield.cli.console import field_options, progress_bars, report_skipped
from nearfield.cli.train_word2vec import word2vec


@click.group(short_help="Make an encoder or word vectors of your own.")
def train() -> None:
    """Make an encoder or word vectors of your own."""


train.add_command(word2vec)


@train.command(short_help="A fast static encoder that agrees with a teacher on your texts.")
@click.argument("teacher")
@click.argument("corpus", type=click.Path(exists=True))
@click.option("-o", "--output", required=True, type=click.Path(file_okay=False), help="Folder to write the encoder to.")
@click.option("--dim", type=click.IntRange(min=1), default=256, show_default=True, help="Dimensions.")
@click.option("--vocabulary", type=click.IntRange(min=1), default=28_000, show_default=True, help="Most tokens.")
@click.option("--epochs", type=click.IntRange(min=1), default=8, show_default=True, help="Times each text is seen.")
@click.option(
    "--dtype",
    type=click.Choice(["int8", "float16", "float32"]),
    default="int8",
    show_default=True,
    help="What the table is stored as; sentence-transformers reads no int8.",
)
@click.option(
    "--work", type=click.Path(file_okay=False), help="Keep the teacher's vectors here, to go on or try again."
)
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Of the order of texts.")
@field_options
def distill(
    teacher: str,
    corpus: str,
    output: str,
    dim: int,
    vocabulary: int,
    epochs: int,
    dtype: str,
    work: str | None,
    seed: int,
    id_field: str | None,
    text_field: str | None,
    title_field: str | None,
    skip_bad: bool,
) -> None:
    """Distil TEACHER into a table of token vectors, fitted on the texts of CORPUS.

    CORPUS is a .txt file with a text a line, or anything `index` reads. The more texts like those to be encoded, the
    better: a hundred thousand are a good start. Encoding them with the teacher takes longest; with --work, the same
    command goes on after an interruption.

    \b
    nearfield train distill all-MiniLM-L6-v2 sentences.txt -o my-encoder --work teacher-vectors
    """
    import nearfield as nf
    from nearfield.report.numbers import size

    records = nf.read_corpus(
        corpus, id_field=id_field, text_field=text_field, title_field=title_field, skip_bad=skip_bad
    )
    texts = [record.content for record in records]
    report_skipped(records.skipped.count, records.skipped.problems)
    options = nf.DistillOptions(dim=dim, vocabulary=vocabulary, epochs=epochs, dtype=dtype, seed=seed)
    with progress_bars() as progress:
        encoder = nf.distill(teacher, texts, output, options=options, work=work, progress=progress)
    click.echo(f"{output}: {encoder.spec.dim} dimensions, {size(encoder.weights_bytes)}, from {len(texts):,} texts")
    click.echo(f"compare it: nearfield compare CORPUS --queries Q --qrels QRELS -e {teacher} -e {output}")
