"""A payload as one JSON text, which every back end can keep beside its own columns."""

import json
from json.encoder import encode_basestring

from nearfield.errors import CollectionError
from nearfield.stores.base import Payload

_DECODE = json.JSONDecoder().raw_decode


def write_payload(payload: Payload, meta: str) -> str:
    """Write a payload down.

    Args:
        payload: A checked payload.
        meta: Its metadata as JSON, which checking it wrote already.

    Returns:
        JSON text from which `read_payload` makes an equal payload, numbers of the same type included.
    """
    # Only where there is an image: so the format of records without one stays as it was. The strings are quoted one by
    # one, which takes a tenth of the time of an encoder that is asked for the list.
    image = f",{encode_basestring(payload.image)}" if payload.image else ""
    text, title, digest = map(encode_basestring, (payload.text, payload.title, payload.digest))
    return f"[[{text},{title},{digest}{image}],{meta}]"


def read_payload(body: str) -> Payload:
    """Read what `write_payload` wrote.

    Args:
        body: The JSON text.

    Returns:
        The payload.

    Raises:
        CollectionError: If it is anything else.
    """
    try:
        (strings, meta), end = _DECODE(body)
        text, title, digest, image = strings if len(strings) == 4 else (*strings, "")
        if end != len(body):
            raise ValueError(f"{len(body) - end} more characters")
    except (TypeError, ValueError) as error:
        raise CollectionError(f"a stored record is damaged ({error}); restore the store from a copy") from error
    return Payload(text, title, meta, digest, image)
