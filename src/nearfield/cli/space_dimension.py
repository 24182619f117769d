"""`nearfield space dimension`: how many dimensions are worth keeping?"""

import click

from nearfield.cli.console import OutputPath, progress_bars, show_report


@click.command("dimension", short_help="How many of its dimensions are worth keeping?")
@click.argument("space", type=click.Path(exists=True))
@click.option("--dims", metavar="N,N", help="Numbers of dimensions to try.  [default: usual ones from 8 to 1536]")
@click.option("-k", type=click.IntRange(min=1), default=10, show_default=True, help="Nearest neighbours to keep.")
@click.option(
    "--keep",
    type=click.FloatRange(0, 1, min_open=True),
    default=0.9,
    show_default=True,
    help="Share of the neighbours to keep.",
)
@click.option(
    "--points",
    type=click.IntRange(min=1),
    default=100_000,
    show_default=True,
    help="Most vectors to find neighbours among.",
)
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Of the samples.")
@click.option("--report", "page", type=OutputPath(".html", ".htm"), help="Write a page with plots here.")
@click.option("--json", "as_json", is_flag=True, help="Print the report as JSON.")
def dimension(
    space: str, dims: str | None, k: int, keep: float, points: int, seed: int, page: str | None, as_json: bool
) -> None:
    """Measure what fewer dimensions of SPACE would keep and cost, and say how many are enough.

    \b
    nearfield space dimension words.space --dims 32,64,128 --report dimension.html
    """
    import nearfield as nf

    tried = None if dims is None else _numbers(dims)
    opened = nf.load_space(space)
    with progress_bars() as progress:
        report = nf.measure_dimension(opened, dims=tried, k=k, keep=keep, points=points, seed=seed, progress=progress)
    show_report(report, page=page, as_json=as_json)


def _numbers(text: str) -> list[int]:
    try:
        return [int(part) for part in text.split(",")]
    except ValueError:
        raise click.BadParameter(f"{text!r} must be whole numbers with commas between, such as 32,64") from None
