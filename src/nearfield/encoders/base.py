"""What an encoder is: texts in, one float32 row each out, and a spec that says which space they are in."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Literal, Protocol, TypeAlias

from nearfield.arrays import Metric, Vectors, as_matrix
from nearfield.encoders.options import Overflow, Precision
from nearfield.errors import EncoderError, InvalidInputError
from nearfield.progress import Progress, silent

Role: TypeAlias = Literal["query", "document"]
Modality: TypeAlias = Literal["text", "image", "text+image"]

_ADDED = {"precision": "float32", "calibration": "", "on_overflow": "truncate"}
_SAME_SPACE = {"error": "truncate"}  # texts that are refused change no vector of the others

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
    """Turns texts into vectors. Every method takes a sequence of texts and keeps its order."""

    @property
    def spec(self) -> EncoderSpec:
        """Say which space the vectors are in."""
        ...

    @property
    def weights_bytes(self) -> int:
        """Memory that the weights take; 0 when they are elsewhere."""
        ...

    def encode(self, texts: Sequence[str], *, progress: Progress = silent) -> Vectors:
        """Encode texts as they are, without any prompt: `(n, d)` float32."""
        ...

    def encode_query(self, texts: Sequence[str], *, progress: Progress = silent) -> Vectors:
        """Encode texts as queries: `(n, d)` float32."""
        ...

    def encode_document(self, texts: Sequence[str], *, progress: Progress = silent) -> Vectors:
        """Encode texts as documents: `(n, d)` float32."""
        ...

    def inspect(self, texts: Sequence[str], *, role: Role = "document") -> list[TextInspection]:
        """Say how many tokens each text has, and whether it would be cut or is empty."""
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


def as_texts(texts: Sequence[str]) -> list[str]:
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
    texts = list(texts)
    for position, text in enumerate(texts):
        if not isinstance(text, str):
            raise InvalidInputError(f"texts[{position}] must be a str, got {type(text).__name__}")
        if not text.isascii():
            try:
                text.encode()
            except UnicodeEncodeError as error:
                raise InvalidInputError(f"texts[{position}] is not valid Unicode: {error.reason}") from error
    return texts
