"""`nearfield space`: look at the geometry of any space."""

import click

from nearfield.cli.space_dimension import dimension


@click.group(short_help="Look at the geometry of a space: dimension, clusters, tree, map.")
def space() -> None:
    """Look at the geometry of a space: dimension, clusters, tree, map."""


space.add_command(dimension)
