"""Sentences by their words: the weighted mean of a space's word vectors, as an encoder.

References:
    Arora, Liang & Ma (2017), https://openreview.net/forum?id=SyK00v5xx.
"""

import hashlib
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path

import numpy as np
from tokenizers.pre_tokenizers import Whitespace

from nearfield.arrays import Vectors, normalise
from nearfield.encoders.base import NO_LIMIT, EncoderSpec, Item, Role, TextInspection, as_texts, prompt_for
from nearfield.encoders.static_folder import write_static_folder
from nearfield.errors import InvalidInputError
from nearfield.progress import Progress, silent
from nearfield.space.space import Space
from nearfield.space.word_tokenizer import is_lower_case, word_tokenizer
from nearfield.space.word_weights import SMOOTHING, Weighting, word_weights

_TEXTS_AT_ONCE = 1_024
_KEPT_PIECES = 500_000


class SpaceEncoder:
    """Encodes texts by the words of a space; made by `space_encoder`. Satisfies the `Encoder` protocol.

    Args:
        space: The words.
        weights: `(n,)` float32, how much each counts.
        name: What to call the encoder.
    """

    def __init__(self, space: Space, weights: Vectors, *, name: str) -> None:
        self._space = space
        self._weights = weights
        self._name = name
        self._lower_case = is_lower_case(space.keys)
        self._cut = Whitespace()
        # What stands between two spaces, cut once: rows of its known words, vectors of unseen ones, number of words.
        self._pieces: dict[str, tuple[list[int], list[Vectors], int]] = {}

    @cached_property
    def spec(self) -> EncoderSpec:
        """Say which space the vectors are in; the first time, all vectors are read for their hash."""
        digest = hashlib.sha256(np.ascontiguousarray(self._space.vectors).data)
        digest.update(self._weights.tobytes())
        if (subwords := self._space.subwords) is not None:
            digest.update(f"{subwords.min_n} {subwords.max_n}".encode())
            digest.update(np.ascontiguousarray(subwords.table).data)
        cutting = f"Whitespace {self._lower_case}\n".encode() + bytes(self._space.keys)
        return EncoderSpec(
            name=self._name,
            weights=digest.hexdigest(),
            tokenizer=hashlib.sha256(cutting).hexdigest(),
            dim=self._space.dim,
            max_tokens=NO_LIMIT,
        )

    @property
    def weights_bytes(self) -> int:
        """Memory that the vectors take, n-grams' included."""
        subwords = self._space.subwords
        return self._space.vectors.nbytes + (0 if subwords is None else subwords.table.nbytes)

    def encode(self, items: Sequence[Item], /, *, progress: Progress = silent) -> Vectors:
        """Encode texts.

        Args:
            items: Any number of texts of any length.
            progress: Called with `"encoding"` after each batch.

        Returns:
            `(n, d)` float32 of length 1. A text without any known word gets the direction of the mean of all words.

        Raises:
            InvalidInputError: If they are not a sequence of strings.
        """
        texts = as_texts(items)
        vectors = np.empty((len(texts), self._space.dim), np.float32)
        progress("encoding", 0, len(texts))
        for start in range(0, len(texts), _TEXTS_AT_ONCE):
            for row, text in enumerate(texts[start : start + _TEXTS_AT_ONCE], start):
                vectors[row] = self._mean(text)
            progress("encoding", min(start + _TEXTS_AT_ONCE, len(texts)), len(texts))
        return normalise(vectors)

    def encode_query(self, items: Sequence[Item], /, *, progress: Progress = silent) -> Vectors:
        """Encode texts as queries: the same as `encode`."""
        return self.encode(items, progress=progress)

    def encode_document(self, items: Sequence[Item], /, *, progress: Progress = silent) -> Vectors:
        """Encode texts as documents: the same as `encode`."""
        return self.encode(items, progress=progress)

    def inspect(self, items: Sequence[Item], /, *, role: Role = "document") -> list[TextInspection]:
        """Count the words of each text, known or not."""
        prompt_for(self.spec, role)  # refuses an unknown role
        return [
            TextInspection(sum(self._piece(piece)[2] for piece in text.split()), False, not text.strip())
            for text in as_texts(items)
        ]

    @cached_property
    def _nothing(self) -> Vectors:
        mean: Vectors = self._weights @ self._space.vectors
        return mean

    def _mean(self, text: str) -> Vectors:
        pieces = [self._piece(piece) for piece in text.split()]
        rows = [row for known, _, _ in pieces for row in known]
        unseen = [vector for _, made, _ in pieces for vector in made]
        if not rows and not unseen:
            return self._nothing
        total: Vectors = self._weights[rows] @ self._space.vectors[rows]
        return np.add(total, sum(unseen), dtype=np.float32) if unseen else total

    def _piece(self, piece: str) -> tuple[list[int], list[Vectors], int]:
        found = self._pieces.get(piece)
        if found is None:
            text = piece.lower() if self._lower_case else piece
            words = [word for word, _ in self._cut.pre_tokenize_str(text)]
            rows = self._space.keys.positions(words).tolist()
            unseen = [word for word, row in zip(words, rows, strict=True) if row < 0]
            found = [row for row in rows if row >= 0], self._compose(unseen), len(words)
            if len(self._pieces) >= _KEPT_PIECES:
                self._pieces = {}
            self._pieces[piece] = found
        return found

    def _compose(self, words: list[str]) -> list[Vectors]:
        """Make the vectors of unseen words, which count as the rarest do, where there are n-grams."""
        if self._space.subwords is None:
            return []
        made = [self._space.subwords.compose(word) for word in words]
        return [vector for vector in made if vector is not None]


def space_encoder(
    space: Space, *, weighting: Weighting = "auto", smoothing: float = SMOOTHING, name: str | None = None
) -> SpaceEncoder:
    """Use a space of words as an encoder of sentences: the weighted mean of a text's words, of length 1.

    Texts are cut at white space and around punctuation, and lower-cased where no key has an upper-case letter. Unseen
    words get vectors of their n-grams where the space has subwords, and else count for nothing.

    Args:
        space: The words.
        weighting: How much each word counts; see `nearfield.space.word_weights`.
        smoothing: The frequency at which a word counts half.
        name: What to call the encoder.

    Returns:
        An encoder for `compare`, `build_collection` and whatever else takes one.

    Raises:
        InvalidInputError: If the space is empty, or the weighting is not for it.
    """
    if not len(space):
        raise InvalidInputError("the space is empty, so no text could be encoded with it")
    weights = word_weights(space, weighting=weighting, smoothing=smoothing)
    return SpaceEncoder(space, weights, name=name or str(space.about.get("source", "words")))


def save_encoder(
    space: Space,
    folder: str | Path,
    *,
    weighting: Weighting = "auto",
    smoothing: float = SMOOTHING,
    dtype: str = "float32",
) -> None:
    """Write a space of words as the folder of a static encoder, which `load_encoder`, `compare -e` and `index -e` take.

    It encodes as `space_encoder` does, only that unseen words count for nothing: such a folder holds no n-grams.

    Args:
        space: The words.
        folder: Made if it does not exist.
        weighting: How much each word counts; see `nearfield.space.word_weights`.
        smoothing: The frequency at which a word counts half.
        dtype: What the vectors are stored as: `float32`, `float16` or `int8`.

    Raises:
        InvalidInputError: If the space is empty, the weighting is not for it, or there is no such dtype.
        StorageError: If the disk refuses.
    """
    if not len(space):
        raise InvalidInputError("the space is empty, so no text could be encoded with it")
    if dtype not in ("float32", "float16", "int8"):
        raise InvalidInputError(f"dtype must be float32, float16 or int8, got {dtype!r}")
    table = np.zeros((len(space) + 1, space.dim), np.float32)  # the last is the unknown word's
    np.multiply(space.vectors, word_weights(space, weighting=weighting, smoothing=smoothing)[:, None], out=table[:-1])
    tokenizer = word_tokenizer(space.keys, lower_case=is_lower_case(space.keys))
    # JSON values only, such as where the words came from.
    write_static_folder(Path(folder), tokenizer, table, dtype=dtype, config={"words": dict(space.about)})
