"""What a service's refusal means, and what to do about it."""

import json
import re
from dataclasses import dataclass

from nearfield.encoders.api_services import Service
from nearfield.errors import EncoderError, ServiceAccessError, ServiceError, UnknownEncoderError

_TRANSIENT = {408, 409, 425, 429}
_TOO_LONG = re.compile(r"token|too (long|large|many)|context length|max\w* (length|size|batch)", re.IGNORECASE)
_LONGEST_MESSAGE = 300


@dataclass(frozen=True)
class Failure:
    """A request that brought no vectors.

    Attributes:
        problem: What happened.
        advice: What to do about it.
        kind: The error to raise.
        transient: Whether asking again may help.
        too_long: Whether fewer or shorter texts may help.
        after: Seconds that the service asks to be left alone.
        limited: Whether the service was asked too fast.
    """

    problem: str
    advice: str
    kind: type[EncoderError] = EncoderError
    transient: bool = False
    too_long: bool = False
    after: float | None = None
    limited: bool = False


def refusal(service: Service, model: str, status: int, said: str, after: float | None) -> Failure:
    """Understand an answer that is no success.

    Args:
        service: Who answered.
        model: The model that was asked.
        status: HTTP status.
        said: The service's own words, without the key.
        after: Seconds that it asks to be left alone.

    Returns:
        What failed.
    """
    problem = f"HTTP {status}{f': {said}' if said else ''}{f', asks to wait {after:g} s' if after else ''}"
    if status in (401, 403) or (status == 400 and "api key" in said.lower()):  # Gemini's way to say 401
        # Services echo parts of a key here, so their words are not repeated.
        variables = " or ".join(service.key_variables)
        return Failure(
            f"{service.name} refused the key (HTTP {status})",
            f"check {variables}, and that its account may use {model}",
            ServiceAccessError,
        )
    if status == 404:
        return Failure(problem, f"check the model's name, {model!r}, and {service.url_variable}", UnknownEncoderError)
    if status == 402 or (status == 429 and "insufficient_quota" in said):
        return Failure(problem, f"the account at {service.name} has no credit left; top it up", ServiceAccessError)
    if status in _TRANSIENT or status >= 500:
        return Failure(
            problem,
            f"try again later{', or ask slower: NEARFIELD_REQUESTS_PER_MINUTE' if status == 429 else ''}",
            ServiceError,
            transient=True,
            after=after,
            limited=status == 429,
        )
    if status == 413 or (status in (400, 422) and _TOO_LONG.search(said)):
        return Failure(problem, "make the text shorter, or split it", too_long=True)
    return Failure(problem, f"check the model's name, {model!r}, and its options")


def words(content: bytes) -> str:
    """Take a service's own words out of the body of a refusal.

    Args:
        content: The body: JSON of one of the services' shapes, or anything.

    Returns:
        One printable line; long ones are not yet cut, so that a key can be found in them first.
    """
    text = content.decode(errors="replace")
    try:
        body = json.loads(text)
    except (ValueError, RecursionError):
        return printable(text)
    if isinstance(body, dict):
        body = body.get("error", body)
    if not isinstance(body, dict):
        return printable(str(body))
    said = next((str(body[key]) for key in ("message", "detail", "msg") if body.get(key)), str(body))
    code = body.get("code") or body.get("type")
    return printable(f"{said} ({code})" if isinstance(code, str) else said)


def printable(text: str) -> str:
    """Put text on one line without control characters, which a terminal would obey."""
    return " ".join("".join(letter if letter.isprintable() else " " for letter in text).split())


def shorten(text: str) -> str:
    """Cut a message to what fits in an error."""
    return text if len(text) <= _LONGEST_MESSAGE else f"{text[:_LONGEST_MESSAGE]}…"
