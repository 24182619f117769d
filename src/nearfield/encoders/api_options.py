"""How a service is asked."""

import dataclasses
import os

from nearfield.encoders.api_pace import Pace
from nearfield.errors import InvalidInputError


@dataclasses.dataclass(frozen=True)
class ServiceOptions:
    """How a service is asked; none of it changes the vectors, but for the base URL.

    Attributes:
        base_url: Another address that speaks the service's protocol, such as `http://localhost:11434/v1`; by default
            `<NAME>_BASE_URL` of the environment, else the service's own. It is not kept in names, collections or
            reports: whoever wrote those could have the key sent to an address of theirs.
        concurrency: Most requests at once.
        requests_per_minute: Most requests in a minute; by default `NEARFIELD_REQUESTS_PER_MINUTE`, else no limit.
        tokens_per_minute: Most tokens in a minute; by default `NEARFIELD_TOKENS_PER_MINUTE`, else no limit.
        timeout: Seconds that an answer may take.
        retries: How often to ask again after a failure that may pass.
    """

    base_url: str | None = None
    concurrency: int = 4
    requests_per_minute: float | None = None
    tokens_per_minute: float | None = None
    timeout: float = 60.0
    retries: int = 6

    def __post_init__(self) -> None:
        """Refuse what cannot be meant."""
        for name in ("concurrency", "requests_per_minute", "tokens_per_minute", "timeout"):
            value = getattr(self, name)
            if value is not None and not value > 0:
                raise InvalidInputError(f"{name} must be greater than 0, got {value!r}")
        if self.retries < 0:
            raise InvalidInputError(f"retries must be at least 0, got {self.retries}")

    def pace(self) -> Pace:
        """Make the limits, taking from the environment what is not given."""
        return Pace(
            requests_per_minute=self.requests_per_minute or _limit("NEARFIELD_REQUESTS_PER_MINUTE"),
            tokens_per_minute=self.tokens_per_minute or _limit("NEARFIELD_TOKENS_PER_MINUTE"),
        )


def _limit(variable: str) -> float | None:
    text = os.environ.get(variable)
    if not text:
        return None
    try:
        limit = float(text)
    except ValueError:
        limit = 0
    if not limit > 0:
        raise InvalidInputError(f"{variable} must be a number greater than 0, got {text!r}")
    return limit
