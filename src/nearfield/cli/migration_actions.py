"""What `nearfield migrate` does, each way that it can be asked."""

import shlex
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import click

import nearfield as nf
from nearfield.cli.console import progress_bars, vector_cache
from nearfield.collection.gate import Gate
from nearfield.progress import Progress
from nearfield.report.frozen import to_json
from nearfield.report.numbers import counted


@dataclass(frozen=True)
class Shown:
    """What a command shows.

    Attributes:
        text: For people.
        values: The same as JSON values.
        failed: Whether a gate failed.
    """

    text: str
    values: Any
    failed: bool = False


def run(address: str, encoder: str, old_encoder: str | None, options: Mapping[str, Any], *, use_cache: bool) -> Shown:
    """Migrate."""
    if options["qrels"] and not options["queries"]:
        raise click.UsageError("--qrels goes with --queries")
    with vector_cache(use=use_cache) as cache, progress_bars() as progress:
        summary = nf.migrate(
            address,
            nf.load_encoder(encoder),
            gate=_gate(options, progress),
            old_encoder=_loaded(old_encoder),
            cache=cache,
            progress=progress,
        )
    return Shown("\n".join(_told(summary)), to_json(summary), failed=not summary.cut_over)


def _told(summary: nf.MigrationSummary) -> list[str]:
    lines = [str(summary.gate)] if summary.gate is not None else []
    name, records = summary.collection, counted(summary.records, "record")
    if summary.cut_over and not summary.changed and summary.gate is None:
        return [f"{name}: {records}, in the space of {summary.encoder} already"]
    if summary.cut_over:
        command = f"nearfield migrate {shlex.quote(name)}"
        lines += [
            f"{name}: {records}, ranked by {summary.retriever} now; {summary.changed:,} encoded in this run",
            f"back again: {command} --rollback; to free the room of the old space: {command} --finish",
        ]
    else:
        lines.append(
            f"{name}: {records}, ranked by {summary.retriever} as before; the new space is kept. Run again with "
            "another gate, or give it up with --abandon"
        )
    return lines


def _gate(options: Mapping[str, Any], progress: Progress) -> Gate | None:
    if options["no_gate"]:
        return None
    if options["qrels"]:
        judgements = nf.read_judgements(options["queries"], options["qrels"])
        return nf.JudgedGate(judgements, metric=options["metric"], margin=options["margin"], progress=progress)
    queries = list(nf.read_queries(options["queries"]).values()) if options["queries"] else None
    return nf.AgreementGate(queries, least=options["agreement"], progress=progress)


def plan(address: str, encoder: str) -> Shown:
    """Say what a migration will take."""
    with progress_bars() as progress:
        found = nf.plan_migration(address, nf.load_encoder(encoder), progress=progress)
    return Shown(str(found), found.to_json())


def fit(address: str, encoder: str, old_encoder: str | None, path: str) -> Shown:
    """Fit an adapter and write it."""
    with nf.Collection.open(address, encoder=_loaded(old_encoder)) as collection, progress_bars() as progress:
        adapter = nf.fit_adapter(collection, nf.load_encoder(encoder), progress=progress)
    adapter.save(path)
    return Shown(f"{adapter}\nwrote {path}", {**adapter.to_json(), "path": path})


def roll_back(address: str, old_encoder: str | None, *, force: bool, use_cache: bool) -> Shown:
    """Go back."""
    with (
        nf.Collection.open(address) as collection,
        vector_cache(use=use_cache) as cache,
        progress_bars() as progress,
    ):
        summary = nf.roll_back(collection, encoder=_loaded(old_encoder), force=force, cache=cache, progress=progress)
    lines = [f"{summary.collection}: {counted(summary.records, 'record')}, ranked by {summary.retriever} again"]
    if summary.differing:
        fate = "left behind in the space that was left" if summary.left_behind else "brought back"
        lines.append(f"{counted(summary.differing, 'record')} written, changed or deleted since: {fate}")
    return Shown("\n".join(lines), to_json(summary))


def finish(address: str) -> Shown:
    """Remove the space from before."""
    return _removed(address, nf.drop_previous, "the space from before the migration")


def abandon(address: str) -> Shown:
    """Give up a migration."""
    return _removed(address, nf.abandon_migration, "what the migration had built")


def _removed(address: str, remove: Callable[[nf.Collection], Any], what: str) -> Shown:
    with nf.Collection.open(address) as collection:
        removed = remove(collection).retriever.name
        serving, name = collection.spec.name, collection.address
    values = {"collection": name, "removed": removed, "retriever": serving}
    return Shown(f"{name}: {what} is removed ({removed}); it ranks by {serving}", values)


def _loaded(name: str | None) -> nf.Encoder | None:
    return nf.load_encoder(name) if name else None
