"""`nearfield words sets`: by what can a space of words be measured?"""

import click

from nearfield.cli.console import print_json


@click.command(short_help="Which test sets of words are there?")
@click.option("--json", "as_json", is_flag=True, help="Print the entries as JSON.")
def sets(as_json: bool) -> None:
    """List test sets of words: those that come with nearfield, and where to get others.

    What does not come with nearfield is given to `nearfield words evaluate --set` as a file.
    """
    from nearfield.data.word_sets import word_sets
    from nearfield.report.table import Column, text_table

    entries = word_sets()
    if as_json:
        print_json([{**vars(entry), "bundled": entry.bundled} for entry in entries])
        return
    columns = [Column("set"), Column("kind"), Column("items", "right"), Column("licence"), Column("where")]
    rows = [
        (entry.name, entry.kind, f"{entry.size:,}", entry.licence, "here" if entry.bundled else entry.url)
        for entry in entries
    ]
    click.echo(text_table(columns, rows, width=120))
    click.echo("\nOf the others no licence is known that lets them be handed on; give evaluate --set the file's path.")
