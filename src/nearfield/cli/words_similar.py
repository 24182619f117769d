"""`nearfield words similar`: which words are nearest?"""

import click

from nearfield.cli.console import print_json
from nearfield.cli.neighbour_table import (
    json_option,
    k_option,
    metric_option,
    neighbour_values,
    print_neighbours,
    space_argument,
)
from nearfield.report.characters import one_line


@click.command(short_help="The nearest words of each WORD.")
@space_argument
@click.argument("words", metavar="WORD...", nargs=-1, required=True)
@k_option
@metric_option
@json_option
def similar(space: str, words: tuple[str, ...], k: int, metric: str, as_json: bool) -> None:
    """Find the words of SPACE that are nearest to each WORD.

    A word that the space has not seen is made of its parts, if the space was trained with them.

    \b
    nearfield words similar words.space paris banana -k 5
    """
    import nearfield as nf

    opened = nf.load_space(space)
    found = opened.neighbours_of(words, k=k, metric=metric)  # type: ignore[arg-type]  # click has checked it
    if as_json:
        pairs = zip(words, found, strict=True)
        print_json([{"word": word, "neighbours": neighbour_values(near)} for word, near in pairs])
        return
    for number, (word, near) in enumerate(zip(words, found, strict=True)):
        if number:
            click.echo()
        if len(words) > 1 or word not in opened:
            unseen = "" if word in opened else " (unseen, made of its parts)"
            click.echo(click.style(one_line(word), bold=True) + unseen)
        print_neighbours(near, score=metric)
