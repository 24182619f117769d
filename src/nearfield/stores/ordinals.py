"""Floats as integers in the same order, which an engine compares exactly where it rounds floats."""

import struct

MIDDLE = 1 << 63
"""The ordinal of 0: those of negative numbers are below it."""


def ordinal_of(value: float) -> int:
    """Map a float64 to 64 bits whose unsigned order is the float's order.

    Args:
        value: Any number but NaN.

    Returns:
        An integer in [0, 2**64).

    Examples:
        >>> ordinal_of(-1.0) < ordinal_of(0.0) < ordinal_of(5e-324) < ordinal_of(1.0)
        True
    """
    bits: int = struct.unpack("<Q", struct.pack("<d", value))[0]
    return bits ^ (2 * MIDDLE - 1) if bits & MIDDLE else bits | MIDDLE


def float_of(ordinal: int) -> float:
    """Undo `ordinal_of`."""
    bits = ordinal ^ MIDDLE if ordinal & MIDDLE else ordinal ^ (2 * MIDDLE - 1)
    value: float = struct.unpack("<d", struct.pack("<Q", bits))[0]
    return value
