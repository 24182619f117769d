"""`nearfield space`: look at the geometry of any space."""

import click

from nearfield.cli.space_align import align
from nearfield.cli.space_axis import axis
from nearfield.cli.space_clusters import clusters
from nearfield.cli.space_convert import convert
from nearfield.cli.space_dimension import dimension
from nearfield.cli.space_encode import encode
from nearfield.cli.space_info import info
from nearfield.cli.space_map import space_map
from nearfield.cli.space_taxonomy import taxonomy
from nearfield.cli.space_transform import transform
from nearfield.cli.space_tree import tree


@click.group(short_help="Look at the geometry of a space: dimension, clusters, tree, map.")
def space() -> None:
    """Look at the geometry of a space: dimension, clusters, tree, map."""


for command in (
    info,
    encode,
    convert,
    dimension,
    transform,
    align,
    axis,
    clusters,
    tree,
    taxonomy,
    space_map,
):
    space.add_command(command)
