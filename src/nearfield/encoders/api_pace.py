"""How fast a service is asked: within its limits, and again after it refused, but not all at once."""

import email.utils
import math
import threading
import time
from collections.abc import Callable, Mapping

LONGEST_WAIT = 300.0
"""Seconds: a service that asks for a longer wait is not waited for."""

_FIRST_BACKOFF = 0.5
_LONGEST_BACKOFF = 30.0
_DOUBLINGS = 6  # until the longest is reached


class Pace:
    """Spaces requests so that no minute holds more than the limits; shared by all threads that ask.

    Requests are spread evenly rather than let through in bursts, since services count in windows shorter than a
    minute too.

    Args:
        requests_per_minute: Most requests; None for no limit.
        tokens_per_minute: Most tokens; None for no limit.
        clock: Seconds that only grow.
    """

    def __init__(
        self,
        *,
        requests_per_minute: float | None = None,
        tokens_per_minute: float | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._seconds_per_request = 60 / requests_per_minute if requests_per_minute else 0.0
        self._seconds_per_token = 60 / tokens_per_minute if tokens_per_minute else 0.0
        self._clock = clock
        self._lock = threading.Lock()
        self._next = -math.inf

    def turn(self, tokens: int) -> float:
        """Take the next turn for a request of so many tokens: in how many seconds it may be sent."""
        with self._lock:
            now = self._clock()
            turn = max(now, self._next)
            self._next = turn + max(self._seconds_per_request, self._seconds_per_token * tokens)
        return turn - now

    def hold(self, seconds: float) -> None:
        """Give no turn for so many seconds."""
        with self._lock:
            self._next = max(self._next, self._clock() + seconds)


def backoff(attempt: int, jitter: float) -> float:
    """Say how long to wait before asking again: exponential, with full jitter.

    Args:
        attempt: How often the service has failed before this time.
        jitter: A random number in [0, 1).

    Returns:
        Seconds in [0, 30).

    References:
        Brooker (2015), *Exponential Backoff And Jitter*, AWS Architecture Blog: "full jitter".
    """
    return jitter * min(_LONGEST_BACKOFF, _FIRST_BACKOFF * 2.0 ** min(attempt, _DOUBLINGS))


def retry_after(headers: Mapping[str, str], now: float) -> float | None:
    """Read how long a service asks to be left alone.

    Args:
        headers: Of its answer: `retry-after-ms`, or `retry-after` as seconds or as an HTTP date (RFC 9110, 10.2.3).
        now: Seconds since 1970, to compare the date with.

    Returns:
        Seconds, at least 0; None where the headers say nothing or nothing that can be understood.
    """
    for name, scale in (("retry-after-ms", 1e-3), ("retry-after", 1.0)):
        text = headers.get(name, "")
        try:
            seconds = float(text) * scale
        except ValueError:
            continue
        if math.isfinite(seconds):
            return max(0.0, seconds)
    try:
        return max(0.0, email.utils.parsedate_to_datetime(headers.get("retry-after", "")).timestamp() - now)
    except (ValueError, OverflowError):
        return None
