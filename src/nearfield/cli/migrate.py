"""`nearfield migrate`: from one encoder to the next."""

from collections.abc import Callable
from typing import Any

import click

from nearfield.cli.completion import complete_encoder
from nearfield.cli.console import CollectionAddress, OutputPath, print_json

EXIT_GATE = 3

_FILE = click.Path(exists=True, dir_okay=False)


def _ways_back(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options that end a migration in another way."""
    for option in (
        click.option("--force", is_flag=True, help="With --rollback: leave behind what was written since."),
        click.option("--abandon", "action", flag_value="abandon", help="Give up the migration under way."),
        click.option(
            "--finish",
            "action",
            flag_value="finish",
            help="Remove the space from before the migration: no way back, less room.",
        ),
        click.option("--rollback", "action", flag_value="rollback", help="Serve again as before the migration."),
    ):
        command = option(command)
    return command


def _gates(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options that say what decides."""
    for option in (
        click.option("--no-gate", is_flag=True, help="Change over whatever search is like then."),
        click.option(
            "--agreement",
            type=click.FloatRange(0, 1),
            default=0.4,
            show_default=True,
            help="Without --qrels: share of the first ten results that must stay the same.",
        ),
        click.option("--margin", type=float, default=0.01, show_default=True, help="How much worse still passes."),
        click.option("--metric", default="ndcg@10", show_default=True, help="The metric that decides."),
        click.option("--qrels", type=_FILE, help="Judgements of the queries, which make the better gate."),
        click.option("--queries", type=_FILE, help="Queries to compare both by.  [default: titles of records]"),
    ):
        command = option(command)
    return command


@click.command(short_help="Take a collection to another encoder while it serves; roll back.")
@click.argument("collection", type=CollectionAddress())
@click.option("--encoder", metavar="NEW", shell_complete=complete_encoder, help="The new encoder.")
@click.option("--old-encoder", metavar="NAME", help="Where the old encoder is now, if its folder has moved.")
@_gates
@_ways_back
@click.option("--dry-run", is_flag=True, help="Say what it will take, from a sample, and stop.")
@click.option(
    "--adapter",
    type=OutputPath(".npz"),
    help="Fit a map of new queries to the old vectors, say what it loses, write it to this file, and stop.",
)
@click.option("--no-cache", is_flag=True, help="Do not keep vectors between runs.")
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
@click.pass_context
def migrate(
    ctx: click.Context,
    /,
    collection: str,
    encoder: str | None,
    old_encoder: str | None,
    action: str | None,
    force: bool,
    dry_run: bool,
    adapter: str | None,
    no_cache: bool,
    as_json: bool,
    **gate: Any,  # noqa: ANN401  # what `_gates` adds
) -> None:
    """Encode all records of COLLECTION again with another encoder, and change over if search is no worse.

    The old space serves until then and is kept for --rollback, until --finish or the next migration. Killed or
    interrupted, the same command goes on where it stopped. Exit code 3: the gate failed, and the old space serves as
    before.

    \b
    nearfield migrate tickets.collection --encoder e5-small-v2 --dry-run
    nearfield migrate tickets.collection --encoder e5-small-v2 --queries q.jsonl --qrels qrels.tsv
    nearfield migrate tickets.collection --rollback
    """
    if (encoder is None) == (action is None):
        raise click.UsageError("give either --encoder NEW or one of --rollback, --finish and --abandon")
    if force and action != "rollback":
        raise click.UsageError("--force goes with --rollback")
    if action is not None and (dry_run or adapter is not None):
        raise click.UsageError("--dry-run and --adapter go with --encoder")
    if dry_run and adapter is not None:
        raise click.UsageError("give either --dry-run or --adapter")
    from nearfield.cli import migration_actions as actions

    if action is not None or encoder is None:
        shown = {
            "rollback": lambda: actions.roll_back(collection, old_encoder, force=force, use_cache=not no_cache),
            "finish": lambda: actions.finish(collection),
            "abandon": lambda: actions.abandon(collection),
        }[str(action)]()
    elif dry_run:
        shown = actions.plan(collection, encoder)
    elif adapter is not None:
        shown = actions.fit(collection, encoder, old_encoder, adapter)
    else:
        shown = actions.run(collection, encoder, old_encoder, gate, use_cache=not no_cache)
    if as_json:
        print_json(shown.values)
    else:
        click.echo(shown.text)
    if shown.failed:
        ctx.exit(EXIT_GATE)
