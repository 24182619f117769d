"""Waiting for a back end that shows writes late."""

import time

from nearfield.stores.base import Store

PATIENCE_SECONDS = 60.0


def await_count(store: Store, count: int) -> None:
    """Wait until a store shows as many points as it was given; where writes are seen at once, there is no waiting.

    Args:
        store: Nobody else writes to it.
        count: How many points it should show. If it does not after a minute, whoever counts next finds out.
    """
    if store.capabilities.visibility == "immediate":
        return
    until = time.monotonic() + PATIENCE_SECONDS
    while store.count() != count and time.monotonic() < until:
        time.sleep(0.5)
