"""An encoder that looks vectors up before it computes them."""

import hashlib
import time
from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from nearfield.arrays import Vectors
from nearfield.data.images import Image
from nearfield.encoders.base import (
    BatchedEncoder,
    Encoder,
    EncoderSpec,
    Item,
    Role,
    TextInspection,
    as_items,
    as_texts,
    check_vectors,
)
from nearfield.encoders.cache import Kept, VectorCache
from nearfield.encoders.options import split_name
from nearfield.encoders.overflow import RefusingEncoder
from nearfield.encoders.reduced import ReducedEncoder
from nearfield.progress import Progress, silent

_CHUNK = 1024  # texts looked up and encoded between two commits: what a kill can cost
_IMAGE_LENGTH = 1000  # an image takes about as long as so many characters


def vector_key(fingerprint: str, item: Item) -> bytes:
    """Make the key of a document's vector, of an image by its content.

    Args:
        fingerprint: Of the encoder's space, prompts included, so that vectors of one space never meet another; and
            whatever else sets apart what is kept.
        item: The text, without the prompt, or the image.

    Returns:
        16 bytes.
    """
    role, content = ("image", item.digest) if isinstance(item, Image) else ("document", item)
    digest = hashlib.blake2b(f"{fingerprint}\0{role}\0".encode(), digest_size=16)
    digest.update(content.encode())
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

    def encode(self, items: Sequence[Item], *, progress: Progress = silent) -> Vectors:
        """Encode texts as they are, without any prompt, or images: `(n, d)` float32."""
        return self.encoder.encode(items, progress=progress)

    def encode_query(self, items: Sequence[Item], *, progress: Progress = silent) -> Vectors:
        """Encode texts or images as queries: `(n, d)` float32."""
        return self.encoder.encode_query(items, progress=progress)

    def encode_document(self, items: Sequence[Item], *, progress: Progress = silent) -> Vectors:
        """Encode texts or images as documents: `(n, d)` float32, computing only those not kept yet."""
        checked = as_items(items)
        vectors = np.empty((len(checked), self.spec.dim), dtype=np.float32)
        of = self._kept_of.spec
        kept_as = _kept_as(of)
        if isinstance(self._kept_of, RefusingEncoder):
            # What may be found is of the same space, yet of an encoder that cut the text.
            self._kept_of.check(checked, "document")
        for start in range(0, len(checked), _CHUNK):
            chunk = checked[start : start + _CHUNK]
            keys = [vector_key(kept_as, item) for item in chunk]
            kept = self.cache.get(keys, of.dim)
            missing = {key: item for key, item in zip(keys, chunk, strict=True) if key not in kept}
            if missing:
                known = start + len(chunk) - len(missing)
                kept |= self._compute(missing, lambda what, done, _: progress(what, known + done, len(checked)))  # noqa: B023  # called before the next chunk
            full = np.stack([kept[key].vector for key in keys])
            vectors[start : start + len(chunk)] = (
                self.encoder.reduce(full) if isinstance(self.encoder, ReducedEncoder) else full
            )
            self.seconds += sum(kept[key].seconds for key in keys)
            progress("encoding", start + len(chunk), len(checked))
        return vectors

    def _compute(self, items: Mapping[bytes, Item], progress: Progress) -> dict[bytes, Kept]:
        """Encode items and keep them, each batch as soon as it is there."""
        keys, contents = list(items), list(items.values())
        computed: dict[bytes, Kept] = {}
        began = time.perf_counter()
        for rows, found in self._batches(contents, progress):
            # Checked before it is kept: a damaged vector would come back for ever.
            vectors = check_vectors(found, self._kept_of.spec, len(rows))
            share = (time.perf_counter() - began) / max(1, sum(_length(contents[row]) for row in rows))
            fresh = {
                keys[row]: Kept(vector, share * _length(contents[row]))
                for row, vector in zip(rows, vectors, strict=True)
            }
            self.cache.put(fresh, self._kept_of.spec)
            computed |= fresh
            began = time.perf_counter()
        return computed

    def _batches(self, items: list[Item], progress: Progress) -> Iterator[tuple[range, Vectors]]:
        if isinstance(self._kept_of, BatchedEncoder):
            yield from self._kept_of.encode_document_batches(as_texts(items), progress=progress)
        else:
            yield range(len(items)), self._kept_of.encode_document(items, progress=progress)

    def inspect(self, items: Sequence[Item], *, role: Role = "document") -> list[TextInspection]:
        """Say how many tokens each text has, and whether it would be cut or is empty."""
        return self.encoder.inspect(items, role=role)


def _kept_as(spec: EncoderSpec) -> str:
    """Name what vectors are kept under: their space, and the engine where one was asked for.

    Engines of one space give comparable vectors, but what computing them took is what they are compared by.
    """
    engine = split_name(spec.name)[2].engine
    return spec.fingerprint if engine == "auto" else f"{spec.fingerprint} {engine}"


def _length(item: Item) -> int:
    return _IMAGE_LENGTH if isinstance(item, Image) else len(item)
