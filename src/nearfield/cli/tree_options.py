"""Options of the commands that build trees."""

import click

linkage_option = click.option(
    "--linkage",
    type=click.Choice(["average", "complete", "ward"]),
    default="average",
    show_default=True,
    help="How far apart two clusters are.",
)
distance_option = click.option(
    "--metric", type=click.Choice(["cosine", "l2"]), default="cosine", show_default=True, help="Distance of two keys."
)
