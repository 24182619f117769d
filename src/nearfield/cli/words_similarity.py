"""`nearfield words similarity`: how similar are two words?"""

import click

from nearfield.cli.console import print_json
from nearfield.cli.neighbour_table import json_option, metric_option, space_argument


@click.command(short_help="How similar two words are.")
@space_argument
@click.argument("a")
@click.argument("b")
@metric_option
@json_option
def similarity(space: str, a: str, b: str, metric: str, as_json: bool) -> None:
    """Say how similar A and B are in SPACE; higher is nearer.

    \b
    nearfield words similarity words.space cat dog
    """
    import nearfield as nf
    from nearfield.report.numbers import decimal

    score = nf.load_space(space).similarity(a, b, metric=metric)  # type: ignore[arg-type]  # click has checked it
    if as_json:
        print_json({"a": a, "b": b, "metric": metric, "similarity": score})
    else:
        click.echo(decimal(score))
