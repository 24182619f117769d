"""`nearfield space`: look at the geometry of any space."""

import click

from nearfield.cli.space_axis import axis
from nearfield.cli.space_clusters import clusters
from nearfield.cli.space_map import space_map


@click.group(short_help="Look at the geometry of a space: dimension, clusters, tree, map.")
def space() -> None:
    """Look at the geometry of a space: dimension, clusters, tree, map."""


for command in (axis, clusters, space_map):
    space.add_command(command)
