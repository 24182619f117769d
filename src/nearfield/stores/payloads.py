"""A payload as one JSON text, which every back end can keep beside its own columns."""

import json

from nearfield.stores.base import Payload
from nearfield.stores.batches import TO_JSON


def write_payload(payload: Payload, meta: str) -> str:
    """Write a payload down.

    Args:
        payload: A checked payload.
        meta: Its metadata as JSON, which checking it wrote already.

    Returns:
        JSON text from which `read_payload` makes an equal payload, numbers of the same type included.
    """
    # Only where there is an image: so the format of records without one stays as it was.
    image = [payload.image] if payload.image else []
    return f"[{TO_JSON([payload.text, payload.title, payload.digest, *image])},{meta}]"


def read_payload(body: str) -> Payload:
    """Read what `write_payload` wrote."""
    (text, title, digest, *image), meta = json.loads(body)
    return Payload(text=text, title=title, meta=meta, digest=digest, image=image[0] if image else "")
