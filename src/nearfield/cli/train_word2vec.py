"""`nearfield train word2vec`: word vectors from plain text."""

import contextlib
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from nearfield.cli.console import SpacePath, progress_bars
from nearfield.errors import CollectionBusyError, TrainingError


@click.command(short_help="Word vectors from plain text: word2vec, or fastText with --subwords.")
@click.argument("corpus", type=click.Path(exists=True))
@click.option("-o", "--output", required=True, type=SpacePath(), help="Space to write, such as words.space.")
@click.option("--sg", is_flag=True, help="Skip-gram rather than CBOW: slower, better for rare words.")
@click.option("--vector-size", type=int, default=100, show_default=True, help="Dimensions.")
@click.option("--window", type=int, default=5, show_default=True, help="Most words on each side that are context.")
@click.option("--min-count", type=int, default=5, show_default=True, help="Leave out words seen less often.")
@click.option("--epochs", type=int, default=5, show_default=True, help="Times the corpus is gone through.")
@click.option("--negative", type=int, default=5, show_default=True, help="Words each pair is held against.")
@click.option("--hs", is_flag=True, help="Hierarchical softmax instead of those.")
@click.option("--sample", type=float, default=1e-3, show_default=True, help="Thin out words more frequent than this.")
@click.option("--alpha", type=float, help="Learning rate at the start.  [default: 0.05, with --sg 0.04]")
@click.option("--subwords", is_flag=True, help="Learn n-grams too, so that unseen words have vectors.")
@click.option("--min-n", type=int, default=3, show_default=True, help="Fewest characters of an n-gram.")
@click.option("--max-n", type=int, default=6, show_default=True, help="Most characters of an n-gram.")
@click.option("--bucket", type=int, default=2_000_000, show_default=True, help="Rows that n-grams share.")
@click.option("--phrases", type=int, default=0, show_default=True, help="Times to join words such as new_york.")
@click.option("--max-final-vocab", type=int, help="Most words to keep.")
@click.option(
    "--tokenise",
    type=click.Choice(["words", "whitespace"]),
    default="words",
    show_default=True,
    help="words: lower-case letters and digits; whitespace: the text is cut already.",
)
@click.option("--workers", type=click.IntRange(min=1), help="Threads.  [default: all cores]")
@click.option("--seed", type=int, default=1, show_default=True, help="With --workers 1, the same vectors every time.")
@click.option("--work", type=click.Path(file_okay=False), help="Folder of checkpoints.  [default: OUTPUT.work]")
def word2vec(corpus: str, output: str, work: str | None, sg: bool, hs: bool, negative: int, **options: Any) -> None:  # noqa: ANN401  # click's values, named as train_word2vec's parameters
    """Train word vectors on CORPUS: a text file, itself or compressed, or a folder of them; a sentence a line.

    An interrupted training goes on from its last checkpoint when the same command runs again.

    \b
    nearfield train word2vec corpus.txt -o words.space --sg --vector-size 200
    nearfield words similar words.space king
    """
    import nearfield as nf

    if Path(corpus).resolve() in Path(output).resolve().parents:
        raise click.UsageError(f"{output} lies in {corpus}, so it would be read as text; write it elsewhere")
    if options["alpha"] is not None:
        options["min_alpha"] = min(0.0001, options["alpha"])
    with _work_folder(output, work) as folder, progress_bars() as progress:
        space = nf.train_word2vec(
            corpus,
            sg=1 if sg else 0,
            hs=1 if hs else 0,
            negative=0 if hs else negative,
            work=folder,
            progress=progress,
            **options,
        )
        space.save(output)
    losses = ", ".join(f"{loss:.3f}" for loss in space.about["losses"])
    click.echo(f"{output}: {len(space):,} words, {space.dim} dimensions; loss by epoch: {losses}")
    click.echo(f"try it: nearfield words similar {output} {space.keys[min(len(space) - 1, 100)]}")
    click.echo(f"measure it: nearfield words evaluate {output}")


@contextlib.contextmanager
def _work_folder(output: str, work: str | None) -> Iterator[Path]:
    """Give the folder of checkpoints, which goes when nothing in it can be gone on from, unless the user named it."""
    folder = Path(work or f"{output}.work")
    try:
        yield folder
    except CollectionBusyError:  # it is another process's
        raise
    except BaseException as error:
        if work is None and (isinstance(error, TrainingError) or not (folder / "checkpoint.json").exists()):
            shutil.rmtree(folder, ignore_errors=True)
        raise
    if work is None:
        shutil.rmtree(folder, ignore_errors=True)
