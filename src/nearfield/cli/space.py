"""`nearfield space`: look at the geometry of any space."""

import click

from nearfield.cli.space_align import align
from nearfield.cli.space_dimension import dimension
from nearfield.cli.space_taxonomy import taxonomy
from nearfield.cli.space_transform import transform
from nearfield.cli.space_tree import tree


@click.group(short_help="Look at the geometry of a space: dimension, clusters, tree, map.")
def space() -> None:
    """Look at the geometry of a space: dimension, clusters, tree, map."""


space.add_command(align)
space.add_command(dimension)
space.add_command(taxonomy)
space.add_command(transform)
space.add_command(tree)
