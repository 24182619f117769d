"""`nearfield demo`: the whole way, on real data that comes with the package."""

import shlex
from pathlib import Path
from typing import TYPE_CHECKING

import click

from nearfield.cli.console import progress_bars, vector_cache
from nearfield.errors import StorageError

if TYPE_CHECKING:  # the command line starts without numpy
    from nearfield.encoders.cache import VectorCache

ENCODER = "all-MiniLM-L6-v2"
CANDIDATES = ("tfidf", "bm25", ENCODER, f"hybrid:{ENCODER}", f"bm25+chars+{ENCODER}")
QUESTION = "how to fix a leaking faucet"


@click.command(short_help="See the main job done on real data, offline.")
@click.option(
    "--to",
    "folder",
    default="nearfield-demo",
    show_default=True,
    type=click.Path(file_okay=False),
    help="Where the reports and collections go.",
)
def demo(folder: str) -> None:
    """Choose a retriever for 5,183 scientific abstracts, build it, and check the choice on unseen queries.

    The data (SciFact) comes with the package. The choice is made on its 809 training claims and confirmed on its 300
    test claims.
    """
    target = Path(folder)
    try:
        target.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StorageError(f"cannot make the folder {folder} ({error.strerror}); choose another with --to") from error
    with vector_cache() as cache:
        _run(target, cache)


def _run(target: Path, cache: "VectorCache | None") -> None:
    import nearfield as nf

    train, test = nf.load_dataset("scifact", "train"), nf.load_dataset("scifact", "test")
    _step("1", "Which retriever fits these 5,183 abstracts?  nearfield compare …")
    with progress_bars() as progress:
        report = nf.compare(
            train.corpus,
            CANDIDATES,
            queries=train.judgements.queries,
            qrels=train.judgements.qrels,
            cache=cache,
            progress=progress,
        )
    click.echo(str(report))
    report.save(target / "report.json")
    report.export(target / "report.html")
    click.echo(f"wrote {target / 'report.html'} (open it in a browser) and {target / 'report.json'}")

    chosen = report.decision.provisional
    folder = target / f"scifact-{chosen.replace(':', '-')}.collection"  # another run may choose another
    _step("2", f"Build the index with {chosen}.  nearfield index … --from {target / 'report.json'}")
    with progress_bars() as progress:
        collection = report.build(folder, train.corpus, candidate=chosen, cache=cache, progress=progress)
    with collection:
        click.echo(f"{folder}: {collection.count():,} records")
        _step("3", "Does the choice hold on 300 claims it was not made on?  nearfield evaluate …")
        with progress_bars() as progress:
            evaluation = nf.evaluate(collection, test.judgements, progress=progress)
        click.echo(str(evaluation))
    _step("4", f'Search by meaning: "{QUESTION}"')
    howto = nf.load_dataset("howto")
    for name in ("tfidf", ENCODER):
        collection, _ = nf.build_collection(target / f"howto-{name}.collection", howto.corpus, name, cache=cache)
        with collection:
            hits = collection.search(QUESTION, k=3)
            click.echo(f"{name:>18}: " + "; ".join(hit.title or hit.id for hit in hits))
    click.echo(f'\nTry it: nearfield search {shlex.quote(str(folder))} "does vitamin D prevent cancer?"')


def _step(number: str, text: str) -> None:
    click.echo("\n" + click.style(f"{number}. {text}", bold=True))
