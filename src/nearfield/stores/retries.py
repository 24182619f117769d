"""Asking a server again: a bounded number of times, and only where asking again may help and cannot harm."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TypeVar
from urllib.parse import quote

from nearfield.errors import NearfieldError, StorageError, StoreAccessError

T = TypeVar("T")

WAITS: Sequence[float] = (0.1, 0.4, 1.0, 2.0, 4.0)
"""Seconds before each further attempt."""


@dataclass(frozen=True)
class ServerCalls:
    """Calls of one vendor's client, with its exceptions turned into nearfield's.

    Everything asked through this may be asked twice: reads, and writes that replace.

    Attributes:
        server: What to call the server in a message, such as its address without a password.
        is_transient: Whether asking again may help after an exception, such as a refused connection.
        is_denial: Whether an exception says that this user is refused.
        secret: Password or key that no message may contain; empty without one.
        waits: Seconds before each further attempt.
    """

    server: str
    is_transient: Callable[[Exception], bool]
    is_denial: Callable[[Exception], bool]
    secret: str = field(default="", repr=False)
    waits: Sequence[float] = WAITS

    def ask(self, doing: str, call: Callable[[], T]) -> T:
        """Call the server, and again while it is gone.

        Args:
            doing: What is being done, for a message: "writing points", or with what was done before it, as in
                "writing points (2,000 of 10,000 are stored)".
            call: Asks the server; called once for each attempt.

        Returns:
            What `call` returned.

        Raises:
            StoreAccessError: If the server refuses this user; at once.
            StorageError: If it cannot be reached in any attempt, or refuses what was asked.
        """
        for wait in (*self.waits, None):
            try:
                return call()
            except NearfieldError:
                raise
            except Exception as error:  # vendors' clients raise exceptions of many unrelated kinds
                if self.is_denial(error):
                    raise StoreAccessError(
                        f"{self.server} refuses this user; check the user name and the password or key"
                    ) from None
                if wait is None or not self.is_transient(error):
                    raise StorageError(f"{doing} failed at {self.server}: {self._told(error)}") from None
            time.sleep(wait)
        raise AssertionError("the last attempt returns or raises")

    def _told(self, error: Exception) -> str:
        """Give what an exception says, in one line and without the secret that some clients repeat."""
        text = str(error)
        for spelling in filter(None, (self.secret, quote(self.secret, safe=""))):
            text = text.replace(spelling, "***")  # before the text is cut, and blanks in it are joined
        return " ".join(text.split())[:500] or type(error).__name__
