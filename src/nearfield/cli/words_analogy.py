"""`nearfield words analogy`: A is to B as C is to what?"""

import click

from nearfield.cli.console import print_json
from nearfield.cli.neighbour_table import json_option, k_option, neighbour_values, print_neighbours, space_argument
from nearfield.report.characters import one_line


@click.command(short_help="A is to B as C is to what?")
@space_argument
@click.argument("a")
@click.argument("b")
@click.argument("c")
@k_option
@click.option(
    "--method",
    type=click.Choice(["3CosAdd", "3CosMul", "PairDirection"]),
    default="3CosAdd",
    show_default=True,
    help="What the answer must be near to: B - A + C; B and C but not A, multiplied; C in the direction from A to B.",
)
@json_option
def analogy(space: str, a: str, b: str, c: str, k: int, method: str, as_json: bool) -> None:
    """Find the words of SPACE that are to C as B is to A.

    \b
    nearfield words analogy words.space man king woman
    """
    import nearfield as nf

    opened = nf.load_space(space)
    found = opened.most_similar([b, c], [a], k=k, method=method)  # type: ignore[arg-type]  # click has checked it
    if as_json:
        print_json({"a": a, "b": b, "c": c, "method": method, "answers": neighbour_values(found)})
        return
    click.echo(f"{one_line(a)} is to {one_line(b)} as {one_line(c)} is to")
    print_neighbours(found, score=method)
