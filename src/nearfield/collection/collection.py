"""A retriever one can write to: encoder, store and lexical legs under one manifest."""

import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from functools import partial
from itertools import islice
from types import TracebackType
from typing import Literal, Self

import numpy as np

from nearfield.arrays import Vectors
from nearfield.collection.home import Home
from nearfield.collection.manifest import Manifest, encode_canaries
from nearfield.collection.points import record_of
from nearfield.collection.results import Hit, IngestSummary, Ranked
from nearfield.data.corpus import Corpus, read_corpus
from nearfield.data.images import Image
from nearfield.data.records import Json, Record, batched
from nearfield.data.rows import Source
from nearfield.encoders.base import Encoder, Item, check_vectors, item_of
from nearfield.encoders.cache import VectorCache
from nearfield.encoders.cached import CachedEncoder
from nearfield.errors import CapabilityError, DataError, InvalidInputError
from nearfield.progress import Progress, silent
from nearfield.retrieval.fusion import fuse
from nearfield.retrieval.lexical import Lexicon
from nearfield.retrieval.spec import RetrieverSpec
from nearfield.space.space import Space
from nearfield.stores.address import Address
from nearfield.stores.base import Batch, Effort, Facet, Match, Payload, Point, SparseVector, Store, StoreConfig, Where
from nearfield.stores.database import Lock

BATCH_SIZE = 1000
"""Records written and synced together: what an interruption can cost."""


@dataclass(frozen=True)
class _Leg:
    """One leg's question to the store; `ask` takes the number of candidates as `k`."""

    name: str
    ask: Callable[..., list[Match]]
    lexical: bool


class Collection:
    """Records one can search by meaning, by words, or both. Made by `create` or `open`; use it in a `with` block.

    One process holds a collection in a folder at a time, any number one on a server; inside a process, any thread may
    search while another writes.
    """

    def __init__(self, home: "Home", manifest: Manifest, store: Store, lock: Lock, encoder: Encoder | None) -> None:
        self._home = home
        self.manifest = manifest
        self.store = store
        self._lock = lock
        self._encoder = encoder
        self._lexicons = {name: Lexicon(spec) for name, spec in manifest.retriever.lexical.items()}

    @classmethod
    def create(
        cls,
        address: str | os.PathLike[str] | Address,
        retriever: RetrieverSpec | str,
        *,
        encoder: Encoder | None = None,
        sample: Iterable[str] = (),
        store: StoreConfig | None = None,
    ) -> "Collection":
        """Make an empty collection.

        Args:
            address: A folder that does not exist yet or is empty, or a URL such as
                `postgresql://user@host/database#faq`; see `nearfield.stores.address`.
            retriever: How it shall rank, such as `hybrid:all-MiniLM-L6-v2`.
            encoder: The encoder of the dense leg; loaded by its name in the retriever otherwise.
            sample: Texts of some documents, for the average length that BM25 legs need unless the spec states it.
            store: Options of the store; dimensions, metric and legs are filled in. For a server, of its own kind.

        Returns:
            The collection, open.

        Raises:
            CollectionError: If there is something already.
            CollectionBusyError: If another process holds it.
            InvalidInputError: If the retriever makes no sense, or a BM25 leg has no sample to measure.
            CapabilityError: If the back end cannot hold what the retriever needs.
            StorageError: If the disk or the server refuses.
        """
        spec = RetrieverSpec.parse(retriever) if isinstance(retriever, str) else retriever
        encoder = _encoder_for(spec, encoder)
        texts = list(sample)
        spec = replace(spec, lexical={name: Lexicon(leg).fitted(texts).spec for name, leg in spec.lexical.items()})
        manifest = Manifest(
            retriever=spec,
            store=store or StoreConfig(),
            encoder=None if encoder is None else encoder.spec,
            canaries=None if encoder is None else encode_canaries(encoder),
        )
        return cls.create_alike(address, manifest, store=store, encoder=encoder)

    @classmethod
    def create_alike(
        cls,
        address: str | os.PathLike[str] | Address,
        manifest: Manifest,
        *,
        store: StoreConfig | None = None,
        encoder: Encoder | None = None,
    ) -> "Collection":
        """Make an empty collection that ranks as another does, here or in another database.

        Args:
            address: As for `create`.
            manifest: The other's: its retriever, encoder and canaries.
            store: Options of the store, as for `create`; not the other's, which may be of another kind.
            encoder: The encoder, if it is loaded already.

        Returns:
            The collection, open.

        Raises:
            CollectionError: If there is something already.
            CollectionBusyError: If another process holds it.
            CapabilityError: If the back end cannot hold what the retriever needs.
            StorageError: If the disk or the server refuses.
        """
        home = Home.find(address)
        try:
            config = _config_for(home, manifest, store)
            manifest = replace(manifest, store=config, state="building", generation=1)
            lock = home.claim()
            try:
                points = home.create_store(manifest)
                try:
                    home.save(manifest)  # last: a manifest makes it a collection
                except BaseException:
                    points.close()
                    raise
            except BaseException:
                lock.release()
                raise
        except BaseException:
            home.close()
            raise
        return cls(home, manifest, points, lock, encoder)

    @classmethod
    def open(cls, address: str | os.PathLike[str] | Address, *, encoder: Encoder | None = None) -> "Collection":
        """Open a collection.

        Args:
            address: Its folder or URL.
            encoder: The encoder it was built with; loaded by name when first needed otherwise.

        Returns:
            The collection.

        Raises:
            CollectionError: If there is no collection, or it is damaged.
            CollectionBusyError: If another process holds it.
            SpaceMismatchError: If `encoder` is of another space.
            StorageError: If the disk or the server refuses.
        """
        home = Home.find(address)
        try:
            lock = home.hold()
            try:
                manifest = home.manifest()
                if encoder is not None:
                    manifest.check_encoder(encoder)
                return cls(home, manifest, home.open_store(manifest), lock, encoder)
            except BaseException:
                lock.release()
                raise
        except BaseException:
            home.close()
            raise

    @property
    def address(self) -> str:
        """Its folder or URL, without a password."""
        return str(self._home.address)

    @property
    def name(self) -> str:
        """Its name: the last part of the folder or URL."""
        return self._home.address.name

    @property
    def spec(self) -> RetrieverSpec:
        """How the collection ranks."""
        return self.manifest.retriever

    @property
    def encoder(self) -> Encoder | None:
        """The encoder of the dense leg, loaded and checked when first asked for; None without a dense leg."""
        if self._encoder is None:
            encoder = _encoder_for(self.spec, None)
            if encoder is not None:
                self.manifest.check_encoder(encoder)
            self._encoder = encoder
        return self._encoder

    def upsert(
        self,
        records: "Source | Corpus",
        *,
        cache: VectorCache | None = None,
        progress: Progress = silent,
    ) -> IngestSummary:
        """Write records, replacing those with the same ids; those whose content has not changed are left alone.

        Records are synced in batches: when `progress` reports a number, so many are safe. Interrupted, the same call
        goes on where it stopped.

        Args:
            records: What `read_corpus` reads.
            cache: Where vectors are looked up before they are computed.
            progress: Called with the number of records done.

        Returns:
            What was done.

        Raises:
            DataError: If a record is not fit to be stored; the batches before it are.
            StorageError: If the disk refuses; the batches before are stored.
        """
        return self.ingest(read_corpus(records), cache=cache, progress=progress)

    def ingest(
        self, records: Iterable[Record], *, cache: VectorCache | None = None, progress: Progress = silent
    ) -> IngestSummary:
        """Write records that were checked already, as those of a `Corpus` are; else as `upsert`.

        Args:
            records: Any stream.
            cache: Where vectors are looked up before they are computed.
            progress: Called with the number of records done.

        Returns:
            What was done.
        """
        encoder: Encoder | None = self.encoder
        if encoder is not None and cache is not None:
            encoder = CachedEncoder(encoder, cache)
        written = unchanged = truncated = 0
        for batch in batched(records, BATCH_SIZE):
            done, changed = written + unchanged, self._changed(batch)
            truncated += self._write(changed, encoder, lambda what, n, _: progress(what, done + n, None))  # noqa: B023  # called before the next batch
            written += len(changed)
            unchanged += len(batch) - len(changed)
            progress("indexing", written + unchanged, None)
        return IngestSummary(written, unchanged, truncated)

    def begin(self) -> None:
        """Mark the collection as incomplete, until `finish`."""
        self._mark("building")

    def finish(self) -> None:
        """Build the index over what was written and mark the collection as complete.

        Raises:
            SpaceMismatchError: If the encoder has changed since the collection was made.
            StorageError: If the disk refuses.
        """
        if self._encoder is not None:
            self.manifest.check_encoder(self._encoder)
        self.store.optimise()
        self._mark("ready")

    def set_effort(self, effort: Effort) -> None:
        """Set how hard searches try that do not say so, from when the collection is next opened.

        Args:
            effort: Such as `measure_recall` recommends.

        Raises:
            StorageError: If the disk or the server refuses.
        """
        store = replace(self.manifest.store, ef=effort.ef, oversampling=effort.oversampling)
        self.manifest = replace(self.manifest, store=store)
        self._home.save(self.manifest)

    def temporary_store(self, config: StoreConfig) -> AbstractContextManager[Store]:
        """Make a store in the same kind of place that belongs to no collection and is removed in the end."""
        return self._home.temporary_store(config)

    def _mark(self, state: Literal["building", "ready"]) -> None:
        if self.manifest.state != state:
            self.manifest = self.manifest.in_state(state)
            self._home.save(self.manifest)

    def rank(self, query: Item, *, k: int, where: Where | None = None) -> list[Ranked]:
        """Rank records by a query: what `compare` measures and `search` shows.

        Every leg is asked for the same number of candidates, whatever `k` is, so that a shorter answer is the
        beginning of a longer one.

        Args:
            query: Any text, or an image; lexical legs, which find words, have no part in the answer to an image.
            k: How many, at least 1. Fused legs return no more than their candidates (`spec.depth` each).
            where: A filter; see `nearfield.stores.filters`.

        Returns:
            At most `k` records, best first.

        Raises:
            InvalidInputError: If the query is empty or `k` less than 1, or the encoder cannot read such a query.
            DataError: If the query is an image that cannot be read.
        """
        self._check_query(query)
        if not isinstance(k, int) or k < 1:
            raise InvalidInputError(f"k must be a whole number of at least 1, got {k!r}")
        legs = self._legs(query, where)
        fused = len(legs) > 1
        depth = self.spec.depth if fused else max(k, self.spec.depth)
        scores: dict[str, dict[str, float]] = {}
        floors: list[float | None] = []
        for leg in legs:
            matches = leg.ask(k=depth)
            scores[leg.name] = {match.id: match.score for match in matches}
            # Of a lexical leg, all that share a word were returned.
            floors.append(0.0 if leg.lexical and len(matches) < depth else None)
        if fused:
            order = fuse(list(scores.values()), floors=floors, weights=self.spec.weights, method=self.spec.fusion)
        else:
            order = list(next(iter(scores.values())).items())
        return [
            Ranked(id_, score, {leg: found[id_] for leg, found in scores.items() if id_ in found})
            for id_, score in order[:k]
        ]

    def _legs(self, query: Item, where: Where | None) -> list["_Leg"]:
        """Prepare what each leg asks the store."""
        legs: list[_Leg] = []
        if isinstance(query, str):
            for name, lexicon in self._lexicons.items():
                ask = partial(self.store.query_sparse, name, lexicon.query(query), where=where, with_payload=False)
                legs.append(_Leg(name, ask, lexical=True))
            if self.spec.engine is not None:
                ask = partial(self.store.query_text, query, where=where, with_payload=False)
                legs.append(_Leg(self.spec.engine, ask, lexical=True))
        if (encoder := self.encoder) is not None:
            vector = check_vectors(encoder.encode_query([query]), encoder.spec, 1)[0]
            ask = partial(self.store.query, vector, where=where, with_payload=False)
            legs.append(_Leg(self.spec.legs[-1], ask, lexical=False))
        return legs

    def _check_query(self, query: Item) -> None:
        if isinstance(query, Image):
            if self.spec.encoder is None:
                raise InvalidInputError(
                    f"{self.spec.name} searches by words only; ask it with a text, or index with a CLIP, SigLIP, ViT "
                    "or DINOv2 model to search by image"
                )
        elif not isinstance(query, str) or not query.strip():
            raise InvalidInputError(f"the query is empty or no text, got {query!r:.40}; give it at least one word")

    def search(self, query: Item, *, k: int = 10, where: Where | None = None) -> list[Hit]:
        """Find the records that answer a query best.

        Args:
            query: Any text; or an image, if the encoder reads images, which finds records by image and, where it reads
                texts too, by text.
            k: How many, at least 1.
            where: A filter, such as `{"year": {"$gte": 2020}}`; see `nearfield.stores.filters`.

        Returns:
            At most `k` hits, best first.

        Raises:
            InvalidInputError: If the query is empty, `k` less than 1, the filter malformed, or the encoder cannot read
                such a query.
            DataError: If the query is an image that cannot be read.
        """
        ranking = self.rank(query, k=k, where=where)
        points = {point.id: point.payload for point in self.store.get([found.id for found in ranking])}
        # A record deleted by another thread between the two steps is no hit any more.
        return [
            Hit(found.id, found.score, payload.text, payload.title, payload.meta, found.legs, payload.image)
            for found in ranking
            if (payload := points.get(found.id)) is not None
        ]

    @property
    def complete(self) -> bool:
        """Whether everything that was to be indexed is."""
        return self.manifest.state == "ready"

    def get(self, ids: Sequence[str]) -> list[Record]:
        """Read the records that exist among `ids`, in their order."""
        return [record_of(point) for point in self.store.get(ids)]

    def __iter__(self) -> Iterator[Record]:
        """Go through all records, each once, in the store's order."""
        return (record_of(point) for point in self.store.scroll())

    def to_space(self, *, progress: Progress = silent) -> Space:
        """Read the vectors of all records into a space.

        Args:
            progress: Called with `"reading"` and the number of records read.

        Returns:
            Ids and dense vectors, in the store's order, in memory; its `about` holds the encoder's name and
            fingerprint.

        Raises:
            CapabilityError: If the collection has no dense leg, so no vectors.
            DataError: If it holds no records.
        """
        encoder = self.manifest.encoder
        if encoder is None:
            raise CapabilityError(
                f"{self.address} ranks by {self.spec.name}, without any vectors; index with an encoder"
            )
        total = self.store.count()
        if not total:
            raise DataError("holds no records, so no vectors", source=self.address)
        # Another thread may write meanwhile: what is more than the count is left out, what is less is cut off.
        ids: list[str] = []
        vectors = np.empty((total, encoder.dim), np.float32)
        for row, point in enumerate(islice(self.store.scroll(with_vectors=True), total)):
            ids.append(point.id)
            vectors[row] = point.vector
            if row % BATCH_SIZE == 0 or row + 1 == total:
                progress("reading", row + 1, total)
        about = {"collection": self.name, "encoder": encoder.name, "fingerprint": encoder.fingerprint}
        return Space(ids, vectors[: len(ids)], about=about)

    def update(self, metas: Mapping[str, Mapping[str, Json]]) -> int:
        """Replace the metadata of records, and nothing else: no text is encoded again.

        Args:
            metas: For each id, the new metadata, whole; ids that do not exist are left out.

        Returns:
            How many there were; synced.

        Raises:
            InvalidInputError: If metadata cannot be stored; none of it is then.
        """
        points = self.store.get(list(metas))
        payloads = [_with_meta(point, metas[point.id]) for point in points]
        return self.store.update([point.id for point in points], payloads)

    def delete(self, ids: Sequence[str]) -> int:
        """Remove records; synced when it returns how many there were. `store.compact()` frees their bytes."""
        return self.store.delete(ids)

    def delete_where(self, where: Where) -> int:
        """Remove the records that match; synced when it returns how many there were."""
        return self.store.delete_where(where)

    def facets(self, name: str, *, where: Where | None = None, limit: int = 100) -> list[Facet]:
        """Count the values of a metadata field over the records that match: at most `limit`, most frequent first."""
        return self.store.facets(name, where=where, limit=limit)

    def count(self, where: Where | None = None) -> int:
        """Count the records that match."""
        return self.store.count(where)

    def close(self) -> None:
        """Sync, and let other processes in; closing twice is harmless."""
        try:
            self.store.close()
        finally:
            self._lock.release()
            self._home.close()

    def drop(self) -> None:
        """Close the collection and remove it with all its records."""
        self.store.close()
        self._lock.release()
        try:
            self._home.drop()
        finally:
            self._home.close()

    def __enter__(self) -> Self:
        """Return the collection itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Close the collection."""
        self.close()

    def _changed(self, batch: list[Record]) -> list[tuple[Record, str]]:
        """Pick the records whose content is not stored yet, each with its digest, which is computed once."""
        known = {point.id: point.payload.digest for point in self.store.get([record.id for record in batch])}
        digests = ((record, record.digest) for record in batch)
        return [(record, digest) for record, digest in digests if known.get(record.id) != digest]

    def _write(self, changed: list[tuple[Record, str]], encoder: Encoder | None, progress: Progress) -> int:
        if not changed:
            return 0
        texts = [record.content for record, _ in changed]
        vectors: Vectors | None = None
        truncated = 0
        if encoder is not None:
            items = [item_of(record, encoder.spec) for record, _ in changed]
            vectors = check_vectors(encoder.encode_document(items, progress=progress), encoder.spec, len(items))
            truncated = sum(inspection.truncated for inspection in encoder.inspect(items))
        sparse: dict[str, Sequence[SparseVector]] = {
            name: [lexicon.document(text) for text in texts] for name, lexicon in self._lexicons.items()
        }
        payloads = [_payload(record, digest) for record, digest in changed]
        self.store.upsert(Batch([record.id for record, _ in changed], payloads, vectors, sparse))
        return truncated


def _payload(record: Record, digest: str) -> Payload:
    image = "" if record.image is None else record.image.path
    return Payload(record.text, record.title, record.meta, digest, image)


def _with_meta(point: Point, meta: Mapping[str, Json]) -> Payload:
    """Replace a payload's metadata, and its digest, by which a later `upsert` sees whether anything has changed."""
    record = replace(record_of(point), meta=meta)
    # An image is not read for this: where there is one, a later upsert encodes it again.
    return replace(point.payload, meta=meta, digest="" if record.image else record.digest)


def _config_for(home: Home, manifest: Manifest, given: StoreConfig | None) -> StoreConfig:
    """Fill in what the retriever decides of a store's configuration, and see that there can be such a store."""
    spec, encoder, can = manifest.retriever, manifest.encoder, home.capabilities
    if spec.engine not in (None, can.text):
        own = f"its own is {can.text}" if can.text else "it has none of its own"
        raise CapabilityError(f"{home.address} has no lexical search {spec.engine}; {own}")
    if spec.lexical and not can.sparse:
        instead = f"{can.text}, which is its own, or " if can.text else ""
        raise CapabilityError(
            f"{home.address} keeps no words, so no {' or '.join(spec.lexical)}; use {instead}another database for them"
        )
    kind = home.config_type
    if given is not None and not isinstance(given, kind):
        raise InvalidInputError(f"{home.address} takes a {kind.__name__}, got a {type(given).__name__}")
    return replace(
        given or kind(),
        dim=None if encoder is None else encoder.dim,
        metric="cosine" if encoder is None else encoder.metric,
        sparse=tuple(spec.lexical),
    )


def _encoder_for(spec: RetrieverSpec, encoder: Encoder | None) -> Encoder | None:
    if spec.encoder is None:
        return None
    if encoder is not None:
        return encoder
    from nearfield.encoders.load import load_encoder

    return load_encoder(spec.encoder)
