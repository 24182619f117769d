"""From one encoder to the next, while the collection serves."""

import os
from dataclasses import dataclass, replace
from types import TracebackType
from typing import Self

from nearfield.collection.collection import Collection
from nearfield.collection.gate import Gate, GateResult
from nearfield.collection.generations import abandon_migration, pending_manifest, settle
from nearfield.collection.manifest import Manifest, encode_canaries
from nearfield.collection.serving import Serving
from nearfield.collection.successor import Successor
from nearfield.collection.watched_store import WatchedStore
from nearfield.encoders.base import Encoder
from nearfield.encoders.cache import VectorCache
from nearfield.errors import CapabilityError, InvalidInputError, SpaceMismatchError
from nearfield.progress import Progress, silent
from nearfield.stores.address import Address
from nearfield.stores.base import Store, StoreConfig


@dataclass(frozen=True)
class MigrationSummary:
    """What became of a migration.

    Attributes:
        collection: Its folder or URL.
        retriever: How it ranks now, by name.
        encoder: Name of the new encoder.
        records: How many it holds.
        changed: Records encoded, or removed again, in this run; those of an interrupted run are not counted.
        gate: What the gate found; None without one.
        cut_over: Whether the new encoder serves. If not, the old one does, and what was built is kept.
    """

    collection: str
    retriever: str
    encoder: str
    records: int
    changed: int
    gate: GateResult | None
    cut_over: bool


class Migration:
    """A collection's records in the space of another encoder, built beside those that serve. Use it in a `with` block.

    While it runs in one thread, any others search the collection and write to it as always; what they write reaches
    both spaces. When all is there and the gate is passed, the collection object itself changes over in one step, and so
    does what the next process opens. The old space is kept, to roll back to, until `drop_previous`.

    Killed at any moment, the collection opens with either the old space or the new one, whole, and the same call goes
    on where it stopped. One migration at a time; on a server, other processes that hold the collection open go on with
    the old space until they open it again, so let them pause their writing at the end.

    Args:
        collection: What is migrated.
        serving: What is built.
        cache: Where vectors are looked up before they are computed.
    """

    def __init__(self, collection: Collection, serving: Serving, *, cache: VectorCache | None = None) -> None:
        self._collection = collection
        self._serving = serving
        self._successor = Successor(collection, serving, cache=cache)
        self._open = True

    @classmethod
    def begin(
        cls,
        collection: Collection,
        encoder: Encoder,
        *,
        store: StoreConfig | None = None,
        cache: VectorCache | None = None,
    ) -> "Migration":
        """Begin a migration, or go on with an interrupted one.

        Args:
            collection: Open; stays open.
            encoder: The new encoder.
            store: Options of the new store; those of the old one by default. Dimensions and metric are filled in.
            cache: Where vectors are looked up before they are computed.

        Returns:
            The migration; `run` it.

        Raises:
            CapabilityError: If the collection has no dense leg, or the back end lacks the new encoder's metric.
            InvalidInputError: If the collection is in this encoder's space already.
            CollectionBusyError: If one runs in this process already.
            SpaceMismatchError: If a migration to another encoder, or with other options, is under way.
            StorageError: If the disk or the server refuses.
        """
        old = collection.manifest
        if old.encoder is None:
            raise CapabilityError(
                f"{collection.address} ranks by {old.retriever.name}, without an encoder; index anew to use one"
            )
        if old.encoder.fingerprint == encoder.spec.fingerprint:
            raise InvalidInputError(f"{collection.address} holds vectors of {encoder.spec.name} already")
        settle(collection)
        if (pending := pending_manifest(collection)) is None:
            pending, points = _create(collection, encoder, store)
        else:
            _check_same(collection, pending, encoder, store)
            points = collection.home.open_store(pending)
        try:
            return cls(collection, Serving(pending, WatchedStore(points), encoder), cache=cache)
        except BaseException:
            points.close()
            raise

    @property
    def shadow(self) -> Collection:
        """The collection as it would serve, to be searched; do not close it."""
        collection, serving = self._collection, self._serving
        return collection.seen_through(serving)

    def run(self, *, gate: Gate | None = None, progress: Progress = silent) -> MigrationSummary:
        """Build what is missing, ask the gate, and change over if it passes.

        Args:
            gate: Decides, while the old space serves; see `nearfield.evaluation.migration_gate`. None changes over
                whenever all is there.
            progress: Called with the number of records done.

        Returns:
            What became of it. If the gate failed, nothing has changed: run again, perhaps with another gate, or
            `abandon`.

        Raises:
            DataError: If a record has nothing that the new encoder reads.
            EncoderError: If an encoder fails, or is not the same as when the migration began.
            CollectionError: If other processes write faster than this one follows.
            StorageError: If the disk or the server refuses.
        """
        changed = self._successor.catch_up(progress)
        progress("building the index", 0, None)
        self._serving.store.optimise()
        if (encoder := self._serving.loaded_encoder) is not None:
            self._serving.manifest.check_encoder(encoder)
        result = None
        if gate is not None:
            result = gate(self._collection, self.shadow)
            if result.passed:
                changed += self._successor.keep_up()  # what was written while the gate searched
        cut_over = result is None or result.passed
        if cut_over:
            self._successor.take_over()
            self._open = False
        return MigrationSummary(
            collection=self._collection.address,
            retriever=self._collection.spec.name,
            encoder=self._serving.spec.encoder or "",
            records=self._collection.count(),
            changed=changed,
            gate=result,
            cut_over=cut_over,
        )

    def abandon(self) -> None:
        """Give up: remove what was built. The collection stays as it is."""
        self.close()
        abandon_migration(self._collection)

    def close(self) -> None:
        """Stop; what was built is kept for the next `begin`, unless it serves. Closing twice is harmless."""
        self._successor.close()
        if self._open:
            self._open = False
            self._serving.store.close()

    def __enter__(self) -> Self:
        """Return the migration itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Close it."""
        self.close()


def migrate(
    address: str | os.PathLike[str] | Address,
    encoder: Encoder | str,
    *,
    gate: Gate | None = None,
    old_encoder: Encoder | None = None,
    store: StoreConfig | None = None,
    cache: VectorCache | None = None,
    progress: Progress = silent,
) -> MigrationSummary:
    """Take a collection from its encoder to another one, or go on with an interrupted migration.

    To go on searching and writing meanwhile, in this process, open the collection and use `Migration`.

    Args:
        address: The collection's folder or URL.
        encoder: The new encoder, or its name.
        gate: Decides whether the new one may serve; see `nearfield.evaluation.migration_gate`. None changes over
            whatever search is like then.
        old_encoder: The encoder until now, for the gate; loaded by name otherwise.
        store: Options of the new store; those of the old one by default.
        cache: Where vectors are looked up before they are computed.
        progress: Called with the number of records done.

    Returns:
        What became of it; nothing is done if the collection is in the encoder's space already.

    Raises:
        CollectionError: If there is no collection, or it cannot be migrated now.
        CapabilityError: If it has no dense leg, or its database lacks what the new encoder needs.
        DataError: If a record has nothing that the new encoder reads.
        StorageError: If the disk or the server refuses; what `progress` reported is safe.
    """
    if isinstance(encoder, str):
        from nearfield.encoders.load import load_encoder

        encoder = load_encoder(encoder)
    with Collection.open(address) as collection:
        there = collection.manifest.encoder
        if there is not None and there.fingerprint == encoder.spec.fingerprint:
            settle(collection)
            name = collection.spec.encoder or ""
            return MigrationSummary(collection.address, collection.spec.name, name, collection.count(), 0, None, True)
        if old_encoder is not None:
            collection.use(old_encoder)
        with Migration.begin(collection, encoder, store=store, cache=cache) as migration:
            return migration.run(gate=gate, progress=progress)


def _create(collection: Collection, encoder: Encoder, store: StoreConfig | None) -> tuple[Manifest, Store]:
    """Make an empty store of the next generation, then the document that names it."""
    home, old = collection.home, collection.manifest
    manifest = Manifest(
        retriever=old.retriever.with_encoder(encoder.spec.name),
        store=old.store,
        encoder=encoder.spec,
        canaries=encode_canaries(encoder),
        generation=max(old.generation, *home.generations()) + 1,
    )
    manifest = replace(manifest, store=home.config_for(manifest, store or old.store))
    points = home.create_store(manifest)
    try:
        home.save(manifest, "migration")
    except BaseException:
        points.close()
        raise
    return manifest, points


def _check_same(collection: Collection, pending: Manifest, encoder: Encoder, store: StoreConfig | None) -> None:
    if pending.encoder is None or pending.encoder.fingerprint != encoder.spec.fingerprint:
        name = "another encoder" if pending.encoder is None else pending.encoder.name
        raise SpaceMismatchError(
            f"a migration of {collection.address} to {name} is under way, not to {encoder.spec.name}; go on with that "
            "one, or abandon it first"
        )
    pending.check_encoder(encoder)
    if store is not None and collection.home.config_for(pending, store) != pending.store:
        raise SpaceMismatchError(
            f"a migration of {collection.address} with other options of the store is under way ({pending.store}); "
            "leave the options out, or abandon it first"
        )
