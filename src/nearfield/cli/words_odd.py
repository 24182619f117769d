"""`nearfield words odd`: which word does not belong?"""

import click

from nearfield.cli.console import print_json
from nearfield.cli.neighbour_table import json_option, space_argument


@click.command(short_help="The word that fits the others least.")
@space_argument
@click.argument("words", metavar="WORD WORD WORD...", nargs=-1, required=True)
@json_option
def odd(space: str, words: tuple[str, ...], as_json: bool) -> None:
    """Find the WORD that fits the others least: the farthest from the mean of their directions.

    \b
    nearfield words odd words.space breakfast lunch dinner screwdriver
    """
    import nearfield as nf

    found = nf.load_space(space).doesnt_match(words)
    if as_json:
        print_json({"words": words, "odd": found})
    else:
        click.echo(found)
