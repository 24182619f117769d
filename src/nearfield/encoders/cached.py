"""An encoder that looks vectors up before it computes them."""

import hashlib
import time
from collections.abc import Mapping, Sequence

import numpy as np

from nearfield.arrays import Vectors
from nearfield.encoders.base import Encoder, EncoderSpec, Role, TextInspection, as_texts, check_vectors
from nearfield.encoders.cache import Kept, VectorCache
from nearfield.encoders.overflow import RefusingEncoder
from nearfield.encoders.reduced import ReducedEncoder
from nearfield.progress import Progress, silent

_CHUNK = 1024  # texts looked up and encoded between two commits: what a kill can cost


def vector_key(fingerprint: str, text: str) -> bytes:
    """Make the key of a document's vector.

    Args:
        fingerprint: Of the encoder's space, prompts included, so that vectors of one space never meet another.
        text: Without the prompt.

    Returns:
        16 bytes.
    """
    digest = hashlib.blake2b(f"{fingerprint}\0document\0".encode(), digest_size=16)
    digest.update(text.encode())
    return digest.digest()


class CachedEncoder:
    """An encoder that looks a document's vector up before it computes it.

    Queries are few and timed, so only documents are kept. Of a reduced encoder the full vectors are kept, so that all
    its reductions share them. Satisfies the `Encoder` protocol.

    Args:
        encoder: What computes.
        cache: What keeps.

    Attributes:
        encoder: What computes.
        cache: What keeps.
        seconds: What computing all the documents asked for so far took, now or when they were first met.
    """

    encoder: Encoder
    cache: VectorCache
    seconds: float

    def __init__(self, encoder: Encoder, cache: VectorCache) -> None:
        self.encoder = encoder
        self.cache = cache
        self.seconds = 0.0
        self._kept_of = encoder.encoder if isinstance(encoder, ReducedEncoder) else encoder

    @property
    def spec(self) -> EncoderSpec:
        """Say which space the vectors are in."""
        return self.encoder.spec

    @property
    def weights_bytes(self) -> int:
        """Memory that the weights take."""
        return self.encoder.weights_bytes

    def encode(self, texts: Sequence[str], *, progress: Progress = silent) -> Vectors:
        """Encode texts as they are, without any prompt: `(n, d)` float32."""
        return self.encoder.encode(texts, progress=progress)

    def encode_query(self, texts: Sequence[str], *, progress: Progress = silent) -> Vectors:
        """Encode texts as queries: `(n, d)` float32."""
        return self.encoder.encode_query(texts, progress=progress)

    def encode_document(self, texts: Sequence[str], *, progress: Progress = silent) -> Vectors:
        """Encode texts as documents: `(n, d)` float32, computing only those not kept yet."""
        texts = as_texts(texts)
        vectors = np.empty((len(texts), self.spec.dim), dtype=np.float32)
        of = self._kept_of.spec
        if isinstance(self._kept_of, RefusingEncoder):
            # What may be found is of the same space, yet of an encoder that cut the text.
            self._kept_of.check(texts, "document")
        for start in range(0, len(texts), _CHUNK):
            chunk = texts[start : start + _CHUNK]
            keys = [vector_key(of.fingerprint, text) for text in chunk]
            kept = self.cache.get(keys, of.dim)
            missing = {key: text for key, text in zip(keys, chunk, strict=True) if key not in kept}
            if missing:
                known = start + len(chunk) - len(missing)
                fresh = self._compute(missing, lambda what, done, _: progress(what, known + done, len(texts)))  # noqa: B023  # called before the next chunk
                self.cache.put(fresh, of)
                kept |= fresh
            full = np.stack([kept[key].vector for key in keys])
            vectors[start : start + len(chunk)] = (
                self.encoder.reduce(full) if isinstance(self.encoder, ReducedEncoder) else full
            )
            self.seconds += sum(kept[key].seconds for key in keys)
            progress("encoding", start + len(chunk), len(texts))
        return vectors

    def _compute(self, texts: Mapping[bytes, str], progress: Progress) -> dict[bytes, Kept]:
        began = time.perf_counter()
        computed = self._kept_of.encode_document(list(texts.values()), progress=progress)
        # Checked before it is kept: a damaged vector would come back for ever.
        vectors = check_vectors(computed, self._kept_of.spec, len(texts))
        share = (time.perf_counter() - began) / max(1, sum(map(len, texts.values())))
        return {
            key: Kept(vector, share * len(text)) for (key, text), vector in zip(texts.items(), vectors, strict=True)
        }

    def inspect(self, texts: Sequence[str], *, role: Role = "document") -> list[TextInspection]:
        """Say how many tokens each text has, and whether it would be cut or is empty."""
        return self.encoder.inspect(texts, role=role)
