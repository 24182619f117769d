"""How long work tells whoever is watching how far it has come."""

from collections.abc import Callable
from typing import TypeAlias

Progress: TypeAlias = Callable[[str, int, int | None], None]
"""Called as `progress(what, done, total)`; `total` is None while it is not known."""

NOTE = " · "
"""What follows it in `what` changes while the same work goes on, such as a loss."""


def silent(what: str, done: int, total: int | None) -> None:
    """Tell nobody."""
