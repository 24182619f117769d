"""A store on its way to take the place of the one that serves: it follows that one, then replaces it in one step."""

from dataclasses import replace

from nearfield.collection.collection import Collection
from nearfield.collection.follower import PAGE, Follower
from nearfield.collection.generations import settle
from nearfield.collection.serving import Serving
from nearfield.collection.visibility import await_count
from nearfield.encoders.base import Encoder
from nearfield.encoders.cache import VectorCache
from nearfield.encoders.cached import CachedEncoder
from nearfield.errors import CapabilityError, CollectionError, StoreReplacedError
from nearfield.progress import Progress, silent

_ROUNDS = 20
"""How often to follow what was written meanwhile before writers have to wait for the rest."""
_SWEEPS = 10
"""How often to compare all points where other processes may write."""


class Successor:
    """Brings a store in line with the one that serves, while that is read and written, and then takes its place.

    Writes through this process are remembered and followed. Where other processes may write too, both stores are
    compared until nothing differs.

    Args:
        collection: What serves.
        serving: What is to take over; of another generation. Its store is closed by whoever opened it, until then.
        cache: Where vectors are looked up before they are computed.
    """

    def __init__(self, collection: Collection, serving: Serving, *, cache: VectorCache | None = None) -> None:
        self._collection = collection
        self._serving = serving
        self._cache = cache
        self._watched = collection.serving.store
        self._follower = Follower(self._watched, serving, self._encoder)
        self._watched.watch()

    def catch_up(self, progress: Progress = silent) -> int:
        """Compare all points, and write those that differ.

        Args:
            progress: Called with the number of records that both hold.

        Returns:
            How many differed.

        Raises:
            CollectionError: If other processes write faster than this one follows.
        """
        return self._follower.sweep(progress) + self.keep_up()

    def keep_up(self) -> int:
        """Write what was written since `catch_up`.

        Returns:
            How many points had to be changed.

        Raises:
            CollectionError: If other processes write faster than this one follows.
        """
        changed = 0
        for _ in range(_SWEEPS):
            changed += self._follow_writes()
            if self._watched.capabilities.concurrency == "one process" or not (more := self._follower.sweep()):
                return changed
            changed += more
        raise CollectionError(
            f"other processes write to {self._collection.address} faster than this one follows; let them pause, and "
            "run the same command again"
        )

    def take_over(self, *, follow: bool = True) -> None:
        """Take the place of the one that serves; writers wait meanwhile, readers do not notice.

        Args:
            follow: Whether to bring over what was written since `catch_up`.

        Raises:
            CollectionError: If the two do not hold the same number of records, or somebody else was faster.
            StorageError: If the disk or the server refuses; the one that its manifest names serves.
        """
        collection, store = self._collection, self._serving.store
        if follow:
            self._follow_writes()
        with collection.changing, self._watched.paused():
            if collection.home.manifest().generation != collection.manifest.generation:
                raise StoreReplacedError(f"{collection.address} was migrated by another process; open it again")
            if follow:
                self._follower.follow(self._watched.take_written())
                await_count(store, self._watched.count())
                if (mine := store.count()) != (theirs := self._watched.count()):
                    raise CollectionError(
                        f"the new store of {collection.address} holds {mine:,} records, the old one {theirs:,}: "
                        "another process has written meanwhile; run the same command again"
                    )
            collection.home.save(collection.manifest, "previous")
            self._commit()
        settle(collection)

    def close(self) -> None:
        """Follow no more; harmless when it took over."""
        self._watched.unwatch()

    def _follow_writes(self) -> int:
        changed = 0
        for _ in range(_ROUNDS):
            written = self._watched.take_written()
            changed += self._follower.follow(written)
            if len(written) < PAGE:
                break
        return changed

    def _commit(self) -> None:
        """Write the manifest that names the new store, and serve whichever is named in the end.

        An error may come late, when the manifest is written and only not certain to survive a power cut.
        """
        collection, serving = self._collection, self._serving
        described = serving.described_by(replace(serving.manifest, state=collection.manifest.state))
        try:
            collection.home.save(described.manifest)
        finally:
            if collection.home.manifest().generation == described.manifest.generation:
                collection.switch(described)

    def _encoder(self) -> Encoder:
        encoder = self._serving.encoder
        if encoder is None:
            raise CapabilityError(f"{self._serving.spec.name} has no dense leg, so no vectors to follow with")
        return encoder if self._cache is None else CachedEncoder(encoder, self._cache)
