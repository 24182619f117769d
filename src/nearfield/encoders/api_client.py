"""Asking a service over HTTP: with the key, until it answers or has refused too often."""

import functools
import json
import logging
import os
import random
import ssl
import threading
import time
import urllib.parse
import weakref
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from nearfield.encoders.api_address import check_base_url
from nearfield.encoders.api_failures import Failure, printable, refusal, shorten, words
from nearfield.encoders.api_options import ServiceOptions
from nearfield.encoders.api_pace import LONGEST_WAIT, Pace, backoff, retry_after
from nearfield.encoders.api_services import Service
from nearfield.errors import EncoderError, MissingExtraError, ServiceAccessError, ServiceError

if TYPE_CHECKING:
    import httpx

logger = logging.getLogger(__name__)

_CONNECT_SECONDS = 10.0


class InterruptedRequestError(EncoderError):
    """Say that a request was given up because another has failed."""


class ApiClient:
    """Asks one service; threads may share it.

    The key is read from the environment when a request is signed, and kept nowhere.

    Args:
        service: Whom to ask.
        model: The model's name there.
        options: How to ask.

    Attributes:
        base_url: Where requests go.
        pace: The limits they keep.
        wait: Waits so many seconds, or until it is told to stop.

    Raises:
        InvalidInputError: If the base URL is none, or would carry the key in the clear.
        MissingExtraError: If the HTTP client is not installed.
    """

    base_url: str
    pace: Pace
    wait: Callable[[threading.Event, float], object]
    _http: "httpx.Client"

    def __init__(self, service: Service, model: str, options: ServiceOptions) -> None:
        httpx = _httpx()
        given = options.base_url or os.environ.get(service.url_variable) or service.base_url
        self.base_url, self._local = check_base_url(given)
        self.pace = options.pace()
        self.wait = threading.Event.wait
        self._service = service
        self._model = model
        self._options = options
        self._url = self.base_url + service.path.format(model=model)
        self._http = httpx.Client(
            auth=functools.partial(_sign, service),
            verify=_tls(),
            timeout=httpx.Timeout(options.timeout, connect=min(_CONNECT_SECONDS, options.timeout)),
            # A redirect would carry the key elsewhere, and turn the request into another.
            follow_redirects=False,
            # Nor does a proxy see what goes to this machine over plain HTTP.
            trust_env=not self._local,
        )
        weakref.finalize(self, self._http.close)

    def ask(self, body: dict[str, Any], *, tokens: int, stop: threading.Event) -> object | Failure:
        """Send a request, again and again if need be.

        Args:
            body: What to send.
            tokens: How many tokens it holds, for the limits.
            stop: When set, nothing more is sent.

        Returns:
            The parsed answer, or a failure that fewer or shorter texts may help against.

        Raises:
            EncoderError: For every other failure that asking again does not help against, or did not.
            InterruptedRequestError: If it was told to stop.
        """
        self.check_key()
        attempt = 0
        while True:
            self.wait(stop, self.pace.turn(tokens))
            if stop.is_set():
                raise InterruptedRequestError(f"{self._service.name} was not asked, as another request failed")
            answer = self._send(body)
            if not isinstance(answer, Failure) or answer.too_long:
                return answer
            delay = _delay(answer, attempt)
            attempt += 1
            if not answer.transient or attempt > self._options.retries or delay > LONGEST_WAIT:
                tries = f" after {attempt} tries" if attempt > 1 else ""
                raise answer.kind(
                    f"{self._service.name}:{self._model} failed{tries} ({answer.problem}); {answer.advice}"
                )
            logger.info("%s: %s; asking again in %.1f s", self._service.name, answer.problem, delay)
            if answer.limited:
                self.pace.hold(delay)  # the limit is everybody's
            else:
                self.wait(stop, delay)

    def check_key(self) -> None:
        """Refuse to begin without a key.

        Raises:
            ServiceAccessError: If no variable holds one, or what it holds can be none.
        """
        if problem := _key_problem(self._service, needed=not self._local):
            raise ServiceAccessError(f"{self._service.name}:{self._model} needs a key: {problem}")

    def _send(self, body: dict[str, Any]) -> object | Failure:
        httpx = _httpx()
        deadline = time.monotonic() + self._options.timeout
        content = json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()
        try:
            with self._http.stream(
                "POST", self._url, content=content, headers={"Content-Type": "application/json"}
            ) as response:
                pieces = []
                for piece in response.iter_bytes():
                    pieces.append(piece)
                    if time.monotonic() > deadline:  # the client's own timeout begins anew with each piece
                        raise httpx.ReadTimeout("too slow")
        except httpx.TimeoutException:
            problem = f"no answer within {self._options.timeout:g} s"
        except httpx.RequestError as error:
            problem = f"{type(error).__name__}: {self._clean(str(error))}"
        else:
            return self._understand(response, b"".join(pieces))
        # Raised outside of the handler, an error does not drag the request along, which holds the key.
        return Failure(
            problem, f"check the network and {self._service.url_variable}, or try again later", ServiceError, True
        )

    def _understand(self, response: "httpx.Response", content: bytes) -> object | Failure:
        status = response.status_code
        if 300 <= status < 400:
            target = urllib.parse.urlsplit(response.headers.get("location", "")).netloc.rpartition("@")[2]
            return Failure(
                f"HTTP {status}: redirected to {self._clean(target) or 'nowhere'}, which is not followed",
                f"check {self._service.url_variable}",
            )
        if not 200 <= status < 300:
            after = retry_after(response.headers, time.time())
            return refusal(self._service, self._model, status, self._clean(words(content)), after)
        try:
            answer: object = json.loads(content)
        except (ValueError, RecursionError):
            beginning = self._clean(content[:60].decode(errors="replace"))
            return Failure(
                f"the answer is no JSON, or was cut off; it begins {beginning!r}",
                f"check {self._service.url_variable}, and what stands between here and there",
            )
        return answer

    def _clean(self, text: str) -> str:
        """Make what a service said fit for an error: printable, short, and without the key."""
        key = _key(self._service)
        text = printable(text)
        return shorten(text.replace(key, "[key]") if key else text)


def _httpx() -> Any:  # noqa: ANN401  # a module
    try:
        import httpx
    except ImportError as error:
        raise MissingExtraError("encoding at a service needs an HTTP client: pip install 'nearfield[api]'") from error
    return httpx


@functools.cache
def _tls() -> ssl.SSLContext:
    """Read the certificates once for all clients, which takes longer than a request."""
    context: ssl.SSLContext = _httpx().create_ssl_context()
    return context


def _key(service: Service) -> str:
    return next((key for name in service.key_variables if (key := os.environ.get(name, "").strip())), "")


def _key_problem(service: Service, *, needed: bool) -> str:
    # The frame of whoever raises does not hold the key, as some tools show the variables of frames.
    key, variables = _key(service), " or ".join(service.key_variables)
    if not key:
        return f"set the environment variable {variables}" if needed else ""
    if not (key.isascii() and key.isprintable()) or " " in key:  # the HTTP client would put it into its error
        return f"what {variables} holds is none, as it has spaces, line breaks or characters outside ASCII"
    return ""


def _sign(service: Service, request: "httpx.Request") -> "httpx.Request":
    if key := _key(service):
        request.headers[service.key_header] = service.key_prefix + key
    return request


def _delay(failure: Failure, attempt: int) -> float:
    # Jitter is added to what the service asks for, so that everyone it told the same does not come back at once.
    wait = backoff(attempt, random.random())
    return wait if failure.after is None else failure.after + wait
