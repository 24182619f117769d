"""What a collection answers and writes with: one manifest, the store it describes, the encoder of its vectors."""

import threading
from collections.abc import Sequence

import numpy as np

from nearfield.arrays import Vectors
from nearfield.collection.manifest import Manifest
from nearfield.collection.points import record_of
from nearfield.collection.watched_store import WatchedStore
from nearfield.data.records import Record
from nearfield.encoders.base import Encoder, check_vectors, item_of
from nearfield.encoders.cache import VectorCache
from nearfield.encoders.cached import CachedEncoder
from nearfield.progress import Progress
from nearfield.retrieval.lexical import Lexicon
from nearfield.retrieval.spec import RetrieverSpec
from nearfield.stores.base import Batch, Payload, Point, SparseVector


class Serving:
    """Three things that belong together; a collection has one at a time.

    A migration puts another in its place in one step. Whoever began to read with one finishes with it; whoever writes
    with one that was replaced gets a `StoreReplacedError`, as its vectors would be of the wrong space.

    Args:
        manifest: What describes it.
        store: Its points.
        encoder: The encoder of the vectors; loaded by name when first needed otherwise.
        asker: What encodes queries instead of the encoder, into the same space.
    """

    def __init__(
        self, manifest: Manifest, store: WatchedStore, encoder: Encoder | None, *, asker: Encoder | None = None
    ) -> None:
        self.manifest = manifest
        self.store = store
        self.lexicons = {name: Lexicon(leg) for name, leg in manifest.retriever.lexical.items()}
        self._encoder = encoder
        self._asker = asker
        self._loading = threading.Lock()

    def described_by(self, manifest: Manifest) -> "Serving":
        """Give the same with another manifest, such as one in another state."""
        return Serving(manifest, self.store, self._encoder, asker=self._asker)

    def encoded_by(self, encoder: Encoder) -> "Serving":
        """Give the same with an encoder that is loaded and checked already."""
        return Serving(self.manifest, self.store, encoder, asker=self._asker)

    def asked_by(self, asker: Encoder | None) -> "Serving":
        """Give the same with queries encoded otherwise."""
        return Serving(self.manifest, self.store, self._encoder, asker=asker)

    @property
    def spec(self) -> RetrieverSpec:
        """How it ranks."""
        return self.manifest.retriever

    @property
    def loaded_encoder(self) -> Encoder | None:
        """The encoder, if it is loaded."""
        return self._encoder

    @property
    def encoder(self) -> Encoder | None:
        """The encoder of the dense leg, loaded and checked when first asked for; None without a dense leg."""
        if self._encoder is None and self.spec.encoder is not None:
            from nearfield.encoders.load import load_encoder

            with self._loading:  # threads that search at the same time load one encoder, not one each
                if self._encoder is None:
                    encoder = load_encoder(self.spec.encoder)
                    self.manifest.check_encoder(encoder)
                    self._encoder = encoder
        return self._encoder

    @property
    def asker(self) -> Encoder | None:
        """What encodes queries; None without a dense leg."""
        return self._asker or self.encoder

    def write(self, batch: Sequence[Record], cache: VectorCache | None, progress: Progress) -> tuple[int, int]:
        """Encode and store those of some records whose content is not stored yet.

        Args:
            batch: Records with different ids.
            cache: Where vectors are looked up before they are computed.
            progress: Called while they are encoded.

        Returns:
            How many were written, and how many of these are longer than the encoder reads.
        """
        changed = self._changed(batch)
        if not changed:
            return 0, 0
        texts = [record.content for record, _ in changed]
        vectors: Vectors | None = None
        truncated = 0
        if (encoder := self.encoder) is not None:
            if cache is not None:
                encoder = CachedEncoder(encoder, cache)
            items = [item_of(record, encoder.spec) for record, _ in changed]
            vectors = check_vectors(encoder.encode_document(items, progress=progress), encoder.spec, len(items))
            truncated = sum(inspection.truncated for inspection in encoder.inspect(items))
        payloads = [_payload(record, digest) for record, digest in changed]
        self.store.upsert(Batch([record.id for record, _ in changed], payloads, vectors, self._weigh(texts)))
        return len(changed), truncated

    def batch_of(self, points: Sequence[Point]) -> Batch:
        """Turn points of a store that ranks alike into a batch that writes the same points.

        Args:
            points: With their vectors, where there is a dense leg.

        Returns:
            The batch. The weights of words depend on nothing but the text, so they are computed again rather than read.
        """
        vectors: Vectors | None = None
        if self.spec.encoder is not None:
            vectors = np.stack([point.vector for point in points if point.vector is not None])
        sparse = self._weigh([record_of(point).content for point in points])
        return Batch([point.id for point in points], [point.payload for point in points], vectors, sparse)

    def _weigh(self, texts: Sequence[str]) -> dict[str, Sequence[SparseVector]]:
        return {name: [lexicon.document(text) for text in texts] for name, lexicon in self.lexicons.items()}

    def _changed(self, batch: Sequence[Record]) -> list[tuple[Record, str]]:
        """Pick the records whose content is not stored yet, each with its digest, which is computed once."""
        known = {point.id: point.payload.digest for point in self.store.get([record.id for record in batch])}
        digests = ((record, record.digest) for record in batch)
        return [(record, digest) for record, digest in digests if known.get(record.id) != digest]


def _payload(record: Record, digest: str) -> Payload:
    image = "" if record.image is None else record.image.path
    return Payload(record.text, record.title, record.meta, digest, image)
