"""What an encoder is: texts or images in, one float32 row each out, and a spec that says which space they are in."""

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Literal, Protocol, TypeAlias, runtime_checkable

from nearfield.arrays import Metric, Vectors, as_matrix
from nearfield.data.images import Image
from nearfield.data.records import Record
from nearfield.encoders.options import Overflow, Precision
from nearfield.errors import DataError, EncoderError, InvalidInputError
from nearfield.progress import Progress, silent

Role: TypeAlias = Literal["query", "document"]
Modality: TypeAlias = Literal["text", "image", "text+image"]
Item: TypeAlias = str | Image
"""What an encoder takes: a text, or an image if its modality says so."""

_ADDED = {"precision": "float32", "calibration": "", "on_overflow": "truncate"}
_SAME_SPACE = {"error": "truncate"}  # texts that are refused change no vector of the others

NO_LIMIT = 10**9
"""Maximum length, in tokens, of an encoder that reads texts to their end."""

CANARY_TEXTS = (
    "A quick brown fox jumps over the lazy dog.",
    "naïve café, 東京 1234.5 — what does this function return?",
    "The mitochondrion is the powerhouse of the cell; " * 12,
)
"""Fixed strings whose vectors are kept beside a collection: short, not ASCII, and long enough to be cut by some."""


@dataclass(frozen=True)
class EncoderSpec:
    """Everything that decides whether two vectors may be compared.

    Attributes:
        name: What the user calls the encoder; not part of the fingerprint.
        weights: Hash of the weights.
        tokenizer: Hash of the tokeniser.
        dim: Number of dimensions of a vector.
        metric: How two vectors are meant to be compared.
        pooling: How token vectors become one vector (`mean`, `cls`, ...).
        normalise: Whether vectors are scaled to length 1.
        query_prompt: Text put before each query.
        document_prompt: Text put before each document.
        max_tokens: Longest input, in tokens, special tokens included; the rest is cut.
        dtype: Precision the encoder computes in.
        modality: What is encoded: `text`, `image`, or `text+image` where both land in one space.
        precision: What the vectors' values are rounded to.
        calibration: Hash of the ranges they are rounded within, or of the texts these follow from, where there are any.
        on_overflow: What happens to a text longer than `max_tokens`: it is cut, refused, or encoded in chunks.
    """

    name: str
    weights: str
    tokenizer: str
    dim: int
    metric: Metric = "cosine"
    pooling: str = "mean"
    normalise: bool = True
    query_prompt: str = ""
    document_prompt: str = ""
    max_tokens: int = 512
    dtype: str = "float32"
    modality: Modality = "text"
    precision: Precision = "float32"
    calibration: str = ""
    on_overflow: Overflow = "truncate"

    @cached_property
    def fingerprint(self) -> str:
        """32 hexadecimal digits over every attribute but the name: equal means comparable.

        To refuse texts that are too long is the same space as to cut them: the vectors are equal.
        """
        content = {key: value for key, value in asdict(self).items() if key != "name"}
        content["on_overflow"] = _SAME_SPACE.get(self.on_overflow, self.on_overflow)
        for key, default in _ADDED.items():  # at its default, what came later changes no earlier fingerprint
            if content[key] == default:
                del content[key]
        return hashlib.blake2b(json.dumps(content, sort_keys=True).encode(), digest_size=16).hexdigest()


@dataclass(frozen=True)
class TextInspection:
    """What an encoder would do with one text.

    Attributes:
        tokens: Tokens the whole text has, special tokens and prompt included.
        truncated: Whether tokens beyond the encoder's maximum would be cut.
        empty: Whether the text holds nothing but white space.
    """

    tokens: int
    truncated: bool
    empty: bool


class Encoder(Protocol):
    """Turns texts, images or both into vectors, as `spec.modality` says. Every method keeps the order of its input."""

    @property
    def spec(self) -> EncoderSpec:
        """Say which space the vectors are in."""
        ...

    @property
    def weights_bytes(self) -> int:
        """Memory that the weights take; 0 when they are elsewhere."""
        ...

    def encode(self, items: Sequence[Item], /, *, progress: Progress = silent) -> Vectors:
        """Encode texts as they are, without any prompt, or images: `(n, d)` float32."""
        ...

    def encode_query(self, items: Sequence[Item], /, *, progress: Progress = silent) -> Vectors:
        """Encode texts or images as queries: `(n, d)` float32."""
        ...

    def encode_document(self, items: Sequence[Item], /, *, progress: Progress = silent) -> Vectors:
        """Encode texts or images as documents: `(n, d)` float32."""
        ...

    def inspect(self, items: Sequence[Item], /, *, role: Role = "document") -> list[TextInspection]:
        """Say how many tokens each text has, and whether it would be cut or is empty; an image has 0 and is neither."""
        ...


@runtime_checkable
class BatchedEncoder(Protocol):
    """What an encoder has that hands back vectors as they are done, so that none is lost when a later one fails."""

    def encode_document_batches(
        self, texts: Sequence[str], *, progress: Progress = silent
    ) -> Iterator[tuple[range, Vectors]]:
        """Encode texts as documents: positions of some texts and their `(n, d)` float32 vectors, in any order."""
        ...


def check_vectors(vectors: Vectors, spec: EncoderSpec, count: int) -> Vectors:
    """Refuse what an encoder must never give.

    Args:
        vectors: What it gave.
        spec: Its spec.
        count: For how many texts.

    Returns:
        `(count, dim)` float32, all finite.

    Raises:
        EncoderError: If the shape is another, or a value is NaN or infinite.
    """
    try:
        checked = as_matrix(vectors, dim=spec.dim)
    except InvalidInputError as error:
        raise EncoderError(f"encoder {spec.name} gave unusable vectors: {error}") from error
    if len(checked) != count:
        raise EncoderError(f"encoder {spec.name} gave {len(checked)} vectors for {count} texts; one each is needed")
    return checked


def prompt_for(spec: EncoderSpec, role: Role) -> str:
    """Look up the text that is put before each text of a role.

    Args:
        spec: The encoder's.
        role: `query` or `document`.

    Returns:
        The prompt.

    Raises:
        InvalidInputError: If the role is unknown.
    """
    prompts = {"query": spec.query_prompt, "document": spec.document_prompt}
    if role not in prompts:
        raise InvalidInputError(f"role must be one of {list(prompts)}, got {role!r}")
    return prompts[role]


def as_texts(texts: Sequence[Item]) -> list[str]:
    """Validate the texts given to an encoder.

    Args:
        texts: A sequence of strings; a bare string is refused, since each of its letters would be a text.

    Returns:
        The texts as a list.

    Raises:
        InvalidInputError: If `texts` is a string or bytes, or holds anything but strings that UTF-8 can carry.
    """
    if isinstance(texts, str | bytes):
        raise InvalidInputError("texts must be a sequence of strings, got one string; write [text]")
    return [_as_text(text, f"texts[{position}]") for position, text in enumerate(_listed(texts))]


def _as_text(text: object, name: str) -> str:
    if isinstance(text, Image):
        raise InvalidInputError(
            f"{name} is an image, and this encoder reads texts only; take a CLIP or SigLIP model for images and "
            "texts, a ViT or DINOv2 model for images alone"
        )
    if not isinstance(text, str):
        raise InvalidInputError(f"{name} must be a str, got {type(text).__name__}")
    if not text.isascii():
        try:
            text.encode()
        except UnicodeEncodeError as error:
            raise InvalidInputError(f"{name} is not valid Unicode: {error.reason}") from error
    return text


def as_images(images: Sequence[Item]) -> list[Image]:
    """Validate the images given to an encoder; they are not opened yet.

    Args:
        images: A sequence of images.

    Returns:
        The images as a list.

    Raises:
        InvalidInputError: If `images` is no sequence, or holds anything but images.
    """
    listed = _listed(images)
    for position, image in enumerate(listed):
        if isinstance(image, str):
            raise InvalidInputError(
                f"images[{position}] is a text, and this encoder reads images only; take a CLIP or SigLIP model for "
                "images and texts, or write Image(path) if it is the path of one"
            )
        if not isinstance(image, Image):
            raise InvalidInputError(f"images[{position}] must be an Image, got {type(image).__name__}")
    return [image for image in listed if isinstance(image, Image)]


def as_items(items: Sequence[Item]) -> list[Item]:
    """Validate the texts and images given to an encoder of both.

    Args:
        items: A sequence of texts and images.

    Returns:
        The same as a list.

    Raises:
        InvalidInputError: If `items` is no sequence, or holds anything but images and strings that UTF-8 can carry.
    """
    return [
        item if isinstance(item, Image) else _as_text(item, f"items[{position}]")
        for position, item in enumerate(_listed(items))
    ]


def _listed(items: Sequence[Item]) -> list[Item]:
    if isinstance(items, str | bytes | Image):
        raise InvalidInputError("an encoder takes a sequence of texts or images, got one; write [it]")
    return list(items)


def item_of(record: Record, spec: EncoderSpec) -> Item:
    """Choose what of a record an encoder takes: its image if it has one and the encoder reads images, else its text.

    Args:
        record: The record.
        spec: The encoder's spec.

    Returns:
        The image, or title and text.

    Raises:
        DataError: If the record has nothing that the encoder reads.
    """
    if record.image is not None and spec.modality != "text":
        return record.image
    if spec.modality == "image":
        raise DataError(f"record {record.id!r} has no image, and {spec.name} reads images only; leave it out")
    if record.image is not None and not record.content.strip():
        raise DataError(
            f"record {record.id!r} has an image and no text, and {spec.name} reads texts only; take a CLIP, SigLIP, "
            "ViT or DINOv2 model"
        )
    return record.content
