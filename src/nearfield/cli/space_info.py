"""`nearfield space info`: what a file of vectors holds."""

import click

from nearfield.cli.console import print_json, progress_bars


@click.command(short_help="Say what a space or a file of vectors holds.")
@click.argument("space", type=click.Path(exists=True))
@click.option("--format", "kind", metavar="FORMAT", help="Format of SPACE.  [default: found by its content]")
@click.option("--keys", metavar="FILE", help="Where the keys are, if not beside or in the file.")
@click.option("--vectors", metavar="NAME", help="Tensor or column of the vectors, where there are several.")
@click.option("--skip-bad", is_flag=True, help="Leave bad rows out and count them, instead of stopping.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def info(space: str, kind: str | None, keys: str | None, vectors: str | None, skip_bad: bool, as_json: bool) -> None:
    """Say how many keys SPACE has, of how many dimensions, how long its vectors are, and where it came from.

    \b
    nearfield space info words.space
    nearfield space info glove.6B.50d.txt --json
    """
    import nearfield as nf
    from nearfield.space.summary import summarise

    with progress_bars() as progress:
        loaded = nf.load_space(space, format=kind, skip_bad=skip_bad, keys=keys, vectors=vectors, progress=progress)
    summary = summarise(loaded)
    if as_json:
        print_json(summary)
    else:
        click.echo(str(summary))
