"""A real encoder without a model: words hashed onto random directions, for tests and the memory benchmark."""

import zlib
from collections.abc import Sequence

import numpy as np

from nearfield.arrays import Vectors, normalise
from nearfield.encoders.base import EncoderSpec, Role, TextInspection, as_texts
from nearfield.progress import Progress, silent


class HashEncoder:
    """Sums a fixed random direction for each word; texts that share words are near each other."""

    weights_bytes = 0

    def __init__(self, dim: int = 16, *, seed: int = 0, max_tokens: int = 64) -> None:
        self.spec = EncoderSpec("hash", f"seed {seed}", "split", dim, max_tokens=max_tokens)
        self._seed = seed
        self._directions = np.random.default_rng(seed).normal(size=(4096, dim)).astype(np.float32)
        self.encoded = 0

    def encode(self, texts: Sequence[str], *, progress: Progress = silent) -> Vectors:
        texts = as_texts(texts)
        self.encoded += len(texts)
        vectors = np.ones((len(texts), self.spec.dim), dtype=np.float32) * 1e-3
        for row, text in zip(vectors, texts, strict=True):
            for word in text.lower().split()[: self.spec.max_tokens]:
                row += self._directions[zlib.crc32(word.encode()) % 4096]
        progress("encoding", len(texts), len(texts))
        return normalise(vectors)

    encode_query = encode
    encode_document = encode

    def inspect(self, texts: Sequence[str], *, role: Role = "document") -> list[TextInspection]:
        lengths = [len(text.split()) for text in as_texts(texts)]
        return [TextInspection(n, n > self.spec.max_tokens, n == 0) for n in lengths]
