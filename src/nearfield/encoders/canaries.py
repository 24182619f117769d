"""Fixed inputs whose vectors are kept beside a collection, to tell when an encoder is no longer the same."""

import struct
import zlib

from nearfield.data.images import Image
from nearfield.encoders.base import CANARY_TEXTS, Item, Modality


def canary_items(modality: Modality) -> tuple[Item, ...]:
    """Choose the inputs for an encoder of a modality.

    Args:
        modality: What it takes.

    Returns:
        Texts, images or both.
    """
    images = (_png(64, 48, red=7, green=3), _png(31, 97, red=1, green=29))
    items: dict[Modality, tuple[Item, ...]] = {
        "text": CANARY_TEXTS,
        "image": images,
        "text+image": (*CANARY_TEXTS, *images),
    }
    return items[modality]


def _png(width: int, height: int, *, red: int, green: int) -> Image:
    """Paint a pattern: lossless, so that it is the same whichever decoder reads it."""
    rows = (bytes(value % 256 for x in range(width) for value in (x * red, y * green, x * y)) for y in range(height))
    chunks = (
        (b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)),
        (b"IDAT", zlib.compress(b"".join(b"\0" + row for row in rows))),
        (b"IEND", b""),
    )
    framed = (
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data)) for kind, data in chunks
    )
    return Image(b"\x89PNG\r\n\x1a\n" + b"".join(framed))
