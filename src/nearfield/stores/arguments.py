"""What reads are asked with, checked before anything is read."""

import operator
from typing import SupportsIndex

from nearfield.errors import CapabilityError, InvalidInputError
from nearfield.stores.base import StoreConfig


def check_count(name: str, value: int) -> int:
    """Check a number of things that are asked for.

    Args:
        name: Of the argument, such as `k`.
        value: What the caller gave.

    Returns:
        It, as an int.

    Raises:
        InvalidInputError: If it is not a whole number of at least 1.
    """
    if isinstance(value, bool) or not isinstance(value, SupportsIndex) or (whole := operator.index(value)) < 1:
        raise InvalidInputError(f"{name} must be a whole number of at least 1, got {value!r}")
    return whole


def check_k(k: int) -> int:
    """Check how many results are asked for; see `check_count`."""
    return check_count("k", k)


def check_leg(leg: str, config: StoreConfig) -> str:
    """Check that a store has a sparse leg.

    Args:
        leg: Its name.
        config: What the store holds.

    Returns:
        The name.

    Raises:
        CapabilityError: If it has none of that name.
    """
    if leg not in config.sparse:
        raise CapabilityError(f"the store has no sparse leg {leg!r}; it has {list(config.sparse)}")
    return leg
