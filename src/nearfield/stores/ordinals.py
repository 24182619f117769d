"""Float64 numbers as integers in the same order, for back ends that compare integers or texts exactly."""

import struct

SIGN = 1 << 63
"""The ordinal of zero: those of negative numbers are below."""

_ALL = 2 * SIGN - 1


def ordinal(value: float) -> int:
    """Map a float64 to the 64 bits whose unsigned order is the floats' order.

    Args:
        value: Any number but NaN; the two zeros differ.

    Returns:
        0 to 2**64 - 1: the bits of a negative number inverted, those of the others with the sign set.

    Examples:
        >>> ordinal(-1.0) < ordinal(0.0) < ordinal(5e-324) < ordinal(1.0)
        True
    """
    bits: int = struct.unpack("<Q", struct.pack("<d", value))[0]
    return bits ^ _ALL if bits & SIGN else bits | SIGN


def float_of(number: int) -> float:
    """Undo `ordinal`."""
    bits = number ^ SIGN if number & SIGN else number ^ _ALL
    value: float = struct.unpack("<d", struct.pack("<Q", bits))[0]
    return value


def ordinal_digits(value: float) -> str:
    """Write an ordinal as 16 hexadecimal digits, whose order as texts is the floats' order."""
    return f"{ordinal(value):016x}"
