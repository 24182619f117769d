"""What goes in: one thing with an id, its text and its metadata."""

import hashlib
import itertools
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TypeAlias, TypeVar

from nearfield.data.images import Image

Item = TypeVar("Item")
Json: TypeAlias = "str | int | float | bool | list[Json] | dict[str, Json] | None"

MAX_ID_BYTES = 1024
MAX_DEPTH = 64
"""How deep the values of metadata may be nested."""


@dataclass(frozen=True, slots=True)
class Record:
    """One thing to embed, index and find again.

    Attributes:
        id: The caller's own string, any unicode, 1 to 1,024 bytes of UTF-8.
        text: The body.
        title: A heading; kept apart so that BEIR folders survive a round trip.
        meta: JSON values to filter by and to show.
        image: An image, which an encoder of images takes instead of the text; a record with one needs no text.
    """

    id: str
    text: str
    title: str = ""
    meta: Mapping[str, Json] = field(default_factory=lambda: MappingProxyType({}))
    image: Image | None = None

    @property
    def content(self) -> str:
        """What is encoded and indexed: title and text joined by a space, as BEIR and MTEB do."""
        return f"{self.title} {self.text}".strip() if self.title else self.text

    @property
    def digest(self) -> str:
        """Hash of everything but the id, of an image its content and its path: 32 hexadecimal digits."""
        content: list[object] = [self.title, self.text, dict(self.meta)]
        if self.image is not None:
            content += [self.image.digest, self.image.path]
        return hashlib.blake2b(json.dumps(content, sort_keys=True).encode(), digest_size=16).hexdigest()


def batched(items: Iterable[Item], size: int) -> Iterator[list[Item]]:
    """Cut a stream into lists of `size`, the last one shorter."""
    iterator = iter(items)
    while batch := list(itertools.islice(iterator, size)):
        yield batch
