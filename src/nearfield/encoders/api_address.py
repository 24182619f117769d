"""Where a key and texts may be sent."""

import ipaddress
import urllib.parse

from nearfield.errors import InvalidInputError


def check_base_url(url: str) -> tuple[str, bool]:
    """Refuse addresses that a key must not be sent to.

    Args:
        url: The address that paths are put after.

    Returns:
        The address without a slash at its end, and whether it is this machine.

    Raises:
        InvalidInputError: If it is no address, holds a user, a query or a fragment, or is `http://` and not this
            machine.
    """
    problem = ""
    try:
        parts = urllib.parse.urlsplit(url)
        host, _ = parts.hostname or "", parts.port
    except ValueError:
        raise InvalidInputError("the base URL is no address; write it as https://host/v1") from None
    if "@" in parts.netloc or parts.query or parts.fragment:
        # It is not repeated, as it may hold a secret.
        raise InvalidInputError("the base URL must hold no user, password, query or fragment; write https://host/v1")
    if not url.isascii() or not url.isprintable() or any(letter in url for letter in ' \\"<>{}'):
        problem = "holds characters that no address has"
    elif parts.scheme not in ("http", "https") or not host:
        problem = "is not of the form https://host/v1"
    elif parts.scheme == "http" and not _is_loopback(host):
        problem = "would send texts and key in the clear; use https://, or http:// for this machine only"
    if problem:
        raise InvalidInputError(f"the base URL {url[:100]!r} {problem}")
    return url.rstrip("/"), parts.scheme == "http"


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
