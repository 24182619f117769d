"""Neighbours as commands print them: a table for people, or JSON values."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:  # the command line starts without numpy
    from nearfield.space.neighbours import Neighbour

space_argument = click.argument("space", type=click.Path(exists=True))
k_option = click.option("-k", default=10, show_default=True, type=click.IntRange(min=1), help="How many neighbours.")
json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON.")
metric_option = click.option(
    "--metric",
    type=click.Choice(["cosine", "dot", "l2"]),
    default="cosine",
    show_default=True,
    help="How nearness is measured; the score of l2 is the negative distance.",
)


def print_neighbours(neighbours: "Sequence[Neighbour]", *, score: str) -> None:
    """Print a table of neighbours, best first.

    Args:
        neighbours: The neighbours.
        score: What to call their scores.
    """
    from nearfield.report.numbers import decimal
    from nearfield.report.table import Column, text_table

    if not neighbours:
        click.echo("the space has no other words")
        return
    rows = [(str(rank), neighbour.key, decimal(neighbour.score)) for rank, neighbour in enumerate(neighbours, start=1)]
    click.echo(text_table([Column("#", "right"), Column("word"), Column(score, "right")], rows))


def neighbour_values(neighbours: "Sequence[Neighbour]") -> list[dict[str, Any]]:
    """Give neighbours as JSON values."""
    return [neighbour._asdict() for neighbour in neighbours]
