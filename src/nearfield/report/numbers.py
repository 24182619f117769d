"""Numbers as people read them."""

import math

ABSENT = "–"
"""Shown for a number that is not known."""


def decimal(value: float | None, *, places: int = 3, signed: bool = False) -> str:
    """Write a score, with a true minus sign.

    Args:
        value: The score; None or not finite if it is not known.
        places: Decimals.
        signed: Whether positive numbers get a plus.

    Returns:
        The number; what rounds to zero has no sign.

    Examples:
        >>> decimal(0.7375), decimal(-0.0931, signed=True), decimal(float("nan"))
        ('0.738', '−0.093', '–')
    """
    if value is None or not math.isfinite(value):
        return ABSENT
    text = f"{value:+.{places}f}" if signed else f"{value:.{places}f}"
    if float(text) == 0:
        text = text.lstrip("+-")
    return text.replace("-", "−")


def interval(low: float | None, high: float | None, *, places: int = 3, signed: bool = False) -> str:
    """Write both ends of an interval.

    Args:
        low: Lower end.
        high: Upper end.
        places: Decimals.
        signed: Whether positive numbers get a plus.

    Returns:
        The ends in brackets; nothing if either is not known.

    Examples:
        >>> interval(0.7, 0.77, places=2), interval(None, None)
        ('[0.70, 0.77]', '')
    """
    ends = [decimal(low, places=places, signed=signed), decimal(high, places=places, signed=signed)]
    return "" if ABSENT in ends else f"[{ends[0]}, {ends[1]}]"


def duration(seconds: float) -> str:
    """Write a time.

    Args:
        seconds: At least 0.

    Returns:
        Two digits or whole numbers, in the unit that suits it.

    Examples:
        >>> duration(0.0042), duration(75), duration(9000), duration(0)
        ('4.2 ms', '75 s', '2.5 h', '0 s')
    """
    if not math.isfinite(seconds):
        return ABSENT
    for limit, unit, name in ((1e-3, 1e-6, "µs"), (1, 1e-3, "ms"), (120, 1, "s"), (7200, 60, "min")):
        # 0.99951 s is a second, not 1000 ms.
        if 0 < seconds < limit * 0.9995:
            return f"{_short(seconds / unit)} {name}"
    return f"{_short(seconds / 3600)} h" if seconds else "0 s"


def size(count: float) -> str:
    """Write a number of bytes.

    Args:
        count: At least 0.

    Returns:
        Two digits or whole numbers, in the decimal unit that suits it.

    Examples:
        >>> size(31_400_000), size(812), size(0)
        ('31 MB', '812 B', '0 B')
    """
    for limit, unit, name in ((1e3, 1, "B"), (1e6, 1e3, "kB"), (1e9, 1e6, "MB"), (1e12, 1e9, "GB")):
        if count < limit * 0.9995:
            return f"{_short(count / unit) if unit > 1 else round(count)} {name}"
    return f"{_short(count / 1e12)} TB"


def dollars(amount: float) -> str:
    """Write US dollars.

    Args:
        amount: At least 0.

    Returns:
        Dollars and cents, whole dollars from a thousand on; less than a cent is not written as nothing.

    Examples:
        >>> dollars(0.424), dollars(12_345.6), dollars(0.001), dollars(0)
        ('$0.42', '$12,346', '< $0.01', '$0.00')
    """
    if not math.isfinite(amount):
        return ABSENT
    if 0 < amount < 0.005:
        return "< $0.01"
    return f"${amount:,.2f}" if amount < 1000 else f"${amount:,.0f}"


def counted(count: float, singular: str, plural: str | None = None) -> str:
    """Write how many there are of something.

    Args:
        count: How many.
        singular: What one is called.
        plural: What several are called, if not by adding an s.

    Returns:
        The number and the word.

    Examples:
        >>> counted(1, "query", "queries"), counted(5183, "record")
        ('1 query', '5,183 records')
    """
    return f"{count:,.0f} {singular if count == 1 else plural or singular + 's'}"


def _short(value: float) -> str:
    return f"{value:.1f}" if value < 9.95 else f"{value:,.0f}"
