"""`--dry-run`: what encoding will take, before anything is spent."""

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:  # the command line starts without numpy
    from nearfield.data.records import Record
    from nearfield.encoders.api_batches import ApiEstimate
    from nearfield.encoders.base import Encoder, Role

_BATCH = 1000
_CENT = 0.01


def dry_run_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add `--dry-run`."""
    return click.option(
        "--dry-run", is_flag=True, help="Say how many tokens encoding takes and what a service will ask for it; stop."
    )(command)


def show_estimates(
    encoders: "Mapping[str, Encoder]",
    documents: "Iterable[Record | str]",
    queries: "Iterable[Record | str]" = (),
    *,
    as_json: bool = False,
) -> None:
    """Print what encoding will take, for each encoder; nothing is asked of any service.

    Args:
        encoders: The encoders by name.
        documents: Texts, or records of which each encoder takes the text or the image, to encode as documents; gone
            through once.
        queries: The same, to encode as queries.
        as_json: Print JSON.
    """
    import dataclasses

    from nearfield.cli.console import print_json
    from nearfield.data.records import batched
    from nearfield.encoders.api_batches import ApiEstimate
    from nearfield.encoders.api_models import PRICES_READ
    from nearfield.encoders.estimate import estimate

    totals = dict.fromkeys(encoders, ApiEstimate(0, 0, 0.0, 0))
    roles: dict[Role, Iterable[Record | str]] = {"document": documents, "query": queries}
    for role, sources in roles.items():
        for batch in batched(sources, _BATCH):
            for name, encoder in encoders.items():
                totals[name] += estimate(encoder, batch, role)
    if as_json:
        estimates = {name: dataclasses.asdict(total) for name, total in totals.items()}
        print_json({"estimates": estimates, "prices_read": PRICES_READ})
        return
    for name, total in totals.items():
        click.echo(f"{name}: {told(total)}")
    if not totals:
        click.echo("nothing to encode: no encoder is asked for")
    if any(total.requests for total in totals.values()):
        click.echo(
            f"tokens are estimated, mostly too high; list prices read on {PRICES_READ} may have changed; vectors "
            "already in the cache cost nothing"
        )


def told(total: "ApiEstimate") -> str:
    """Say what encoding will take."""
    if total.requests == 0 and total.dollars == 0:
        return f"texts: {total.texts:,}, tokens: {total.tokens:,}, on this machine at no charge"
    if total.dollars is None:
        cost = "not known"
    else:
        cost = f"about ${total.dollars:,.2f}" if total.dollars >= _CENT else "less than a cent"
    return f"texts: {total.texts:,}, tokens: about {total.tokens:,}, requests: {total.requests:,}, cost: {cost}"
