"""`nearfield cache`: what is kept between runs?"""

import contextlib

import click

from nearfield.cli.console import print_json


@click.group(invoke_without_command=True, short_help="What vectors are kept between runs?")
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
@click.pass_context
def cache(ctx: click.Context, as_json: bool) -> None:
    """Show where computed vectors are kept, how much they take, and of which encoders they are.

    The folder is the environment variable NEARFIELD_CACHE, else the user's cache folder.

    \b
    nearfield cache
    nearfield cache purge --older-than 90
    """
    if ctx.invoked_subcommand is not None:
        if as_json:
            raise click.UsageError(f"--json goes after {ctx.invoked_subcommand}")
        return
    from datetime import date

    from nearfield.encoders.cache import VectorCache
    from nearfield.report.numbers import size

    with contextlib.closing(VectorCache()) as kept:
        spaces, disk = kept.contents(), kept.disk_bytes()
    path, bound, vectors = str(kept.path), kept.max_bytes, sum(space.vectors for space in spaces)
    if as_json:
        print_json({"path": path, "disk_bytes": disk, "max_bytes": bound, "vectors": vectors, "encoders": spaces})
        return
    click.echo(f"{path}: {vectors:,} vectors, {size(disk)} of at most {size(bound)}")
    for space in spaces:
        first, last = (date.fromtimestamp(time).isoformat() for time in (space.oldest, space.newest))
        click.echo(
            f"  {space.name} ({space.fingerprint[:8]}): {space.vectors:,} of {space.dim} dimensions, "
            f"{size(space.vector_bytes)}, computed {first if first == last else f'{first} to {last}'}"
        )


@cache.command(short_help="Remove vectors that are kept.")
@click.option("--encoder", metavar="NAME", help="Those of one encoder, by name or by the first digits of its space.")
@click.option("--older-than", type=click.FloatRange(min=0), metavar="DAYS", help="Those computed longer ago.")
@click.option("--all", "everything", is_flag=True, help="All, and what earlier versions kept.")
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
def purge(encoder: str | None, older_than: float | None, everything: bool, as_json: bool) -> None:
    """Remove kept vectors and give their bytes back to the disk; they are computed again when needed.

    \b
    nearfield cache purge --encoder all-MiniLM-L6-v2 --older-than 30
    """
    if everything == (encoder is not None or older_than is not None):
        raise click.UsageError("give --encoder, --older-than or both, or else --all")
    from nearfield.encoders.cache import VectorCache
    from nearfield.report.numbers import size

    with contextlib.closing(VectorCache()) as kept:
        before = kept.disk_bytes()
        removed = kept.purge(encoder=encoder, older_than_days=older_than)
        freed = max(0, before - kept.disk_bytes())  # another process may have written meanwhile
        if everything:
            kept.remove_old_files()
    if as_json:
        print_json({"removed": removed, "freed_bytes": freed})
    else:
        click.echo(f"{removed:,} vectors removed, {size(freed)} freed")
