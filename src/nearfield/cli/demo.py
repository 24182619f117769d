"""`nearfield demo`: the whole way, on real data that comes with the package."""

import itertools
import shlex
from pathlib import Path
from typing import TYPE_CHECKING

import click

from nearfield.cli.console import progress_bars, vector_cache
from nearfield.errors import StorageError

if TYPE_CHECKING:  # the command line starts without numpy
    from collections.abc import Set

    from nearfield.data.corpus import Corpus
    from nearfield.encoders.cache import VectorCache

ENCODER = "all-MiniLM-L6-v2"
CANDIDATES = ("tfidf", "bm25", ENCODER, f"hybrid:{ENCODER}", f"bm25+chars+{ENCODER}")
QUESTION = "how to fix a leaking faucet"
RECORDS = 2_000  # encoding all abstracts takes most of five minutes on two cores


@click.command(short_help="See the main job done on real data, offline.")
@click.option(
    "--to",
    "folder",
    default="nearfield-demo",
    show_default=True,
    type=click.Path(file_okay=False),
    help="Where the reports and collections go.",
)
@click.option("--full", is_flag=True, help=f"Take all 5,183 abstracts instead of {RECORDS:,}; takes twice as long.")
def demo(folder: str, full: bool) -> None:
    """Choose a retriever for scientific abstracts, build it, and check the choice on unseen queries.

    The data (SciFact) comes with the package: abstracts, and claims with those that are evidence for or against them.
    The choice is made on the 809 training claims and confirmed on the 300 test claims.
    """
    target = Path(folder)
    try:
        target.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StorageError(f"cannot make the folder {folder} ({error.strerror}); choose another with --to") from error
    with vector_cache() as cache:
        _run(target, cache, full=full)


def _run(target: Path, cache: "VectorCache | None", *, full: bool) -> None:
    import nearfield as nf

    train, test = nf.load_dataset("scifact", "train"), nf.load_dataset("scifact", "test")
    corpus = train.corpus if full else _part(train.corpus, train.judgements.documents | test.judgements.documents)
    click.echo("This takes about three minutes on two cores; a second run, with the vectors kept, less than one.")
    _step("1", "Which retriever fits these scientific abstracts?  nearfield compare …")
    with progress_bars() as progress:
        report = nf.compare(
            corpus,
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
    if report.decision.chosen is None:
        click.echo("The demo goes on with the safe choice, which has to be named when nothing was decided.")
    named = "" if report.decision.chosen else f" --candidate {chosen}"
    folder = target / f"scifact-{chosen.replace(':', '-')}.collection"  # another run may choose another
    _step("2", f"Build the index with {chosen}.  nearfield index … --from {target / 'report.json'}{named}")
    with progress_bars() as progress:
        collection = report.build(folder, corpus, candidate=chosen, cache=cache, progress=progress)
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


def _part(corpus: "Corpus", judged: "Set[str]") -> "Corpus":
    """Take every judged record and the first of the others, in the order of the corpus."""
    import nearfield as nf

    room = max(0, RECORDS - len(judged))
    others = {record.id for record in itertools.islice((r for r in corpus if r.id not in judged), room)}
    return nf.read_corpus([record for record in corpus if record.id in judged or record.id in others])


def _step(number: str, text: str) -> None:
    click.echo("\n" + click.style(f"{number}. {text}", bold=True))
