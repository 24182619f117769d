"""A retriever one can write to: encoder, store and lexical legs under one manifest."""

import os
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace
from functools import partial
from types import TracebackType
from typing import Literal, Self, TypeVar

from nearfield.collection.home import Home
from nearfield.collection.manifest import Manifest, encode_canaries
from nearfield.collection.points import record_of, with_meta
from nearfield.collection.ranking import rank, search
from nearfield.collection.results import Hit, IngestSummary, Ranked
from nearfield.collection.serving import Serving
from nearfield.collection.space_of import space_of
from nearfield.collection.watched_store import WatchedStore
from nearfield.data.corpus import Corpus, read_corpus
from nearfield.data.records import Json, Record, batched
from nearfield.data.rows import Source
from nearfield.encoders.base import Encoder, Item
from nearfield.encoders.cache import VectorCache
from nearfield.errors import SpaceMismatchError, StorageError, StoreReplacedError
from nearfield.progress import Progress, silent
from nearfield.retrieval.lexical import Lexicon
from nearfield.retrieval.spec import RetrieverSpec
from nearfield.space.space import Space
from nearfield.stores.address import Address
from nearfield.stores.base import Effort, Facet, Store, StoreConfig, Where
from nearfield.stores.database import Lock

T = TypeVar("T")

BATCH_SIZE = 1000
"""Records written and synced together: what an interruption can cost."""


class Collection:
    """Records one can search by meaning, by words, or both. Made by `create` or `open`; use it in a `with` block.

    One process holds a collection in a folder at a time, any number one on a server; inside a process, any thread may
    search while another writes.

    Args:
        home: Where it is.
        serving: What it answers with.
        lock: What keeps other processes out.

    Attributes:
        home: Where its documents and stores are, for what works on those: migrations.
        serving: What it answers with; a migration puts another in its place, by `switch`.
        retired: Stores of other generations that are still open, as readers may be in them; closed with it.
        changing: Held while a document is written.
    """

    home: Home
    serving: Serving
    retired: dict[int, Store]
    changing: threading.RLock

    def __init__(self, home: Home, serving: Serving, lock: Lock) -> None:
        self.home = home
        self.serving = serving
        self.retired = {}
        self.changing = threading.RLock()
        self._lock = lock

    def __repr__(self) -> str:
        """Name it and how it ranks, without a password."""
        return f"<{type(self).__name__} {self.address}, ranked by {self.spec.name}>"

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
        with ExitStack() as undo:
            home = Home.find(address)
            undo.callback(home.close)
            config = home.config_for(manifest, store)
            manifest = replace(manifest, store=config, state="building", generation=1)
            lock = home.claim()
            undo.callback(lock.release)
            points = home.create_store(manifest)
            undo.callback(points.close)
            home.save(manifest)  # last: a manifest makes it a collection
            undo.pop_all()
        return cls(home, Serving(manifest, WatchedStore(points), encoder), lock)

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
        with ExitStack() as undo:
            home = Home.find(address)
            undo.callback(home.close)
            lock = home.hold()
            undo.callback(lock.release)
            manifest = home.manifest()
            if encoder is not None:
                manifest.check_encoder(encoder)
            points = home.open_store(manifest)
            undo.pop_all()
        return cls(home, Serving(manifest, WatchedStore(points), encoder), lock)

    @property
    def address(self) -> str:
        """Its folder or URL, without a password."""
        return str(self.home.address)

    @property
    def name(self) -> str:
        """Its name: the last part of the folder or URL."""
        return self.home.address.name

    @property
    def manifest(self) -> Manifest:
        """What it is made of."""
        return self.serving.manifest

    @property
    def store(self) -> WatchedStore:
        """Where its points are."""
        return self.serving.store

    @property
    def spec(self) -> RetrieverSpec:
        """How the collection ranks."""
        return self.serving.spec

    @property
    def encoder(self) -> Encoder | None:
        """The encoder of the dense leg, loaded and checked when first asked for; None without a dense leg."""
        return self.serving.encoder

    def use(self, encoder: Encoder) -> None:
        """Take an encoder that is loaded already for that of the dense leg.

        Args:
            encoder: The encoder.

        Raises:
            SpaceMismatchError: If it is of another space.
        """
        with self.changing:
            self.manifest.check_encoder(encoder)
            self.serving = self.serving.encoded_by(encoder)

    def ask_by(self, asker: Encoder | None) -> None:
        """Encode queries otherwise until the next migration cuts over, as by an adapter.

        Args:
            asker: Encodes queries into the space of the collection's encoder; None for that encoder again.

        Raises:
            SpaceMismatchError: If it is of another space.
        """
        with self.changing:
            there = self.manifest.encoder
            if asker is not None and (there is None or asker.spec.fingerprint != there.fingerprint):
                raise SpaceMismatchError(f"{asker.spec.name} gives no queries for the vectors of {self.address}")
            self.serving = self.serving.asked_by(asker)

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
        seen = written = truncated = 0
        for batch in batched(records, BATCH_SIZE):
            tell = _counted_from(seen, progress)
            try:
                fresh, cut = self._write(partial(Serving.write, batch=batch, cache=cache, progress=tell))
            except StorageError as error:
                error.add_note(f"the {seen:,} records before are stored; the same call goes on from there")
                raise
            seen, written, truncated = seen + len(batch), written + fresh, truncated + cut
            progress("indexing", seen, None)
        return IngestSummary(written, seen - written, truncated)

    def _write(self, write: Callable[[Serving], T]) -> T:
        """Write with what serves; and again, in the other space, if a migration has replaced it meanwhile."""
        while True:
            serving = self.serving
            try:
                return write(serving)
            except StoreReplacedError:
                if serving is self.serving:
                    raise

    def begin(self) -> None:
        """Mark the collection as incomplete, until `finish`."""
        self._mark("building")

    def finish(self) -> None:
        """Build the index over what was written and mark the collection as complete.

        Raises:
            SpaceMismatchError: If the encoder has changed since the collection was made.
            StorageError: If the disk refuses.
        """
        serving = self.serving
        if serving.loaded_encoder is not None:
            serving.manifest.check_encoder(serving.loaded_encoder)
        serving.store.optimise()
        self._mark("ready")

    def set_effort(self, effort: Effort) -> None:
        """Set how hard searches try that do not say so, from when the collection is next opened.

        Args:
            effort: Such as `measure_recall` recommends.

        Raises:
            StoreReplacedError: If another process has migrated the collection meanwhile.
            StorageError: If the disk or the server refuses.
        """
        with self.changing:
            store = replace(self.manifest.store, ef=effort.ef, oversampling=effort.oversampling)
            self._describe(replace(self.manifest, store=store))

    def _mark(self, state: Literal["building", "ready"]) -> None:
        with self.changing:
            if self.manifest.state != state:
                self._describe(self.manifest.in_state(state))

    def _describe(self, manifest: Manifest) -> None:
        """Replace the manifest, unless another process has put another store in the place of this one."""
        if self.home.manifest().generation != manifest.generation:
            raise StoreReplacedError(f"{self.address} was migrated by another process; open it again")
        self.home.save(manifest)
        self.serving = self.serving.described_by(manifest)

    def switch(self, serving: Serving) -> None:
        """Answer with another store from now on; whoever reads the one before finishes reading it.

        Args:
            serving: The other one, of a generation that the manifest on the disk or the server names already.
        """
        before, self.serving = self.serving, serving
        before.store.replace()
        self.retired.pop(serving.manifest.generation, None)
        self.retired[before.manifest.generation] = before.store.inner

    def seen_through(self, serving: Serving) -> "Collection":
        """Give the collection as it would answer with another store; it is for searching, and not to be closed."""
        return Collection(self.home, serving, self._lock)

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
        return rank(self.serving, query, k=k, where=where)

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
        return search(self.serving, query, k=k, where=where)

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
        return space_of(self.serving, name=self.name, address=self.address, progress=progress)

    def update(self, metas: Mapping[str, Mapping[str, Json]]) -> int:
        """Replace the metadata of records, and nothing else: no text is encoded again.

        Args:
            metas: For each id, the new metadata, whole; ids that do not exist are left out.

        Returns:
            How many there were; synced.

        Raises:
            InvalidInputError: If metadata cannot be stored; none of it is then.
        """

        def write(serving: Serving) -> int:
            with serving.store.paused():  # else a text written between reading and writing would be undone
                points = serving.store.get(list(metas))
                payloads = [with_meta(point, metas[point.id]) for point in points]
                return serving.store.update([point.id for point in points], payloads)

        return self._write(write)

    def delete(self, ids: Sequence[str]) -> int:
        """Remove records; synced when it returns how many there were. `store.compact()` frees their bytes."""
        return self._write(lambda serving: serving.store.delete(ids))

    def delete_where(self, where: Where) -> int:
        """Remove the records that match, all of them by `{}`; synced when it returns how many there were."""
        return self._write(lambda serving: serving.store.delete_where(where))

    def facets(self, name: str, *, where: Where | None = None, limit: int = 100) -> list[Facet]:
        """Count the values of a metadata field over the records that match: at most `limit`, most frequent first."""
        return self.store.facets(name, where=where, limit=limit)

    def count(self, where: Where | None = None) -> int:
        """Count the records that match."""
        return self.store.count(where)

    def close(self) -> None:
        """Sync, and let other processes in; closing twice is harmless."""
        with ExitStack() as last_to_first:
            last_to_first.callback(self.home.close)
            last_to_first.callback(self._lock.release)
            for store in (*self.retired.values(), self.store):
                last_to_first.callback(store.close)

    def drop(self) -> None:
        """Close the collection and remove it with all its records."""
        for store in (self.store, *self.retired.values()):
            store.close()
        self._lock.release()
        try:
            self.home.drop()
        finally:
            self.home.close()

    def __enter__(self) -> Self:
        """Return the collection itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Close the collection."""
        self.close()


def _counted_from(done: int, progress: Progress) -> Progress:
    return lambda what, more, _: progress(what, done + more, None)


def _encoder_for(spec: RetrieverSpec, encoder: Encoder | None) -> Encoder | None:
    if spec.encoder is None:
        return None
    if encoder is not None:
        return encoder
    from nearfield.encoders.load import load_encoder

    return load_encoder(spec.encoder)
