"""`nearfield space axis`: words between two poles."""

import click

from nearfield.cli.console import OutputPath, print_json


@click.command("axis", short_help="Place words between two poles, such as male and female.")
@click.argument("space", type=click.Path(exists=True))
@click.argument("words", nargs=-1, metavar="[WORD]...")
@click.option("--pair", "pairs", multiple=True, metavar="A:B", help="Words that differ by the axis; repeat it.")
@click.option("--example", metavar="NAME", help="Use an example's pairs: gender, royalty, size, sentiment, age ….")
@click.option("--name", help="What to call the axis.")
@click.option(
    "--method",
    type=click.Choice(["mean", "principal"]),
    default="mean",
    show_default=True,
    help="Of the pairs' differences: their mean or their first principal component.",
)
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Of the random pairings.")
@click.option("--report", type=OutputPath(".html", ".htm"), help="Write a page here.")
@click.option("--json", "as_json", is_flag=True, help="Print the axis and the positions as JSON.")
def axis(
    space: str,
    words: tuple[str, ...],
    pairs: tuple[str, ...],
    example: str | None,
    name: str | None,
    method: str,
    seed: int,
    report: str | None,
    as_json: bool,
) -> None:
    """Find the direction that pairs of words in SPACE share, test that they share one, and place each WORD on it.

    \b
    nearfield space axis words.space --pair man:woman --pair king:queen nurse engineer
    nearfield space axis words.space --example size ant mouse dog elephant
    """
    import nearfield as nf
    from nearfield.space.axis_report import axis_text

    if bool(pairs) == bool(example):
        raise click.UsageError("give the pairs, as in --pair man:woman, or the name of an --example")
    split = [tuple(pair.split(":", 1)) for pair in pairs]
    if bad := next((pair for pair in split if len(pair) < 2 or not all(pair)), None):
        raise click.UsageError(f"--pair must be two words with a colon between, as man:woman, got {':'.join(bad)!r}")
    found = nf.fit_axis(nf.load_space(space), example or split, name=name, method=method, seed=seed)  # type: ignore[arg-type]  # checked above
    if report:
        found.export(report, words)
        click.echo(f"wrote {report}", err=True)
    if as_json:
        positions = found.project(words).tolist() if words else []
        print_json({**found.to_json(), "positions": dict(zip(words, positions, strict=True))})
    else:
        click.echo(axis_text(found, words))
