"""How texts are put into requests, and what they will cost: counted without the services' tokenisers."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from nearfield.encoders.base import Role

_ASCII_BYTES_PER_TOKEN = 3
_OTHER_BYTES_PER_TOKEN = 2


@dataclass(frozen=True)
class ApiEstimate:
    """What encoding texts at a service will take.

    Attributes:
        texts: How many.
        tokens: Estimated tokens; see `estimate_tokens`.
        dollars: Estimated cost in US dollars; None where the price is not known.
        requests: Requests that carry them.
    """

    texts: int
    tokens: int
    dollars: float | None
    requests: int

    def __add__(self, other: "ApiEstimate") -> "ApiEstimate":
        """Add what more texts take."""
        known = self.dollars is not None and other.dollars is not None
        return ApiEstimate(
            self.texts + other.texts,
            self.tokens + other.tokens,
            (self.dollars or 0) + (other.dollars or 0) if known else None,
            self.requests + other.requests,
        )


@runtime_checkable
class PricedEncoder(Protocol):
    """What an encoder has that costs money: it says how much before it is spent."""

    def estimate(self, texts: Sequence[str], *, role: Role = "document") -> ApiEstimate:
        """Estimate what encoding texts will take."""
        ...


def estimate_tokens(text: str) -> int:
    """Estimate how many tokens a service will count, meant to err upwards.

    Services do not ship their tokenisers, so bytes of UTF-8 are counted: three of ASCII to a token, two of anything
    else. Against the tokeniser of `text-embedding-3` that is 1.6 times the truth on English prose, 1.2 on German and
    Chinese, 1.9 on Russian, 1.1 on Python code. It is too low, down to half, for scripts that the tokeniser hardly
    knows, such as Armenian and Amharic.

    Args:
        text: Any text.

    Returns:
        At least 1.

    Examples:
        >>> estimate_tokens("a leaking tap"), estimate_tokens("漏水")
        (5, 3)
    """
    if text.isascii():
        return max(1, math.ceil(len(text) / _ASCII_BYTES_PER_TOKEN))
    plain = sum(map(str.isascii, text))
    other = len(text.encode()) - plain
    return max(1, math.ceil(plain / _ASCII_BYTES_PER_TOKEN + other / _OTHER_BYTES_PER_TOKEN))


def batches(tokens: Sequence[int], *, max_texts: int, max_tokens: int) -> Iterator[range]:
    """Cut a sequence of texts into requests, in order.

    Args:
        tokens: Tokens of each text.
        max_texts: Most texts in a request, at least 1.
        max_tokens: Most tokens in a request; a longer text is a request of its own.

    Yields:
        Positions of the texts of one request, never none.
    """
    start = total = 0
    for position, count in enumerate(tokens):
        if position > start and (position - start == max_texts or total + count > max_tokens):
            yield range(start, position)
            start, total = position, 0
        total += count
    if start < len(tokens):
        yield range(start, len(tokens))
