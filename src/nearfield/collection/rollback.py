"""Back to the encoder before the last migration, without losing what was written since."""

from dataclasses import dataclass

from nearfield.collection.collection import Collection
from nearfield.collection.follower import differing
from nearfield.collection.generations import announce_return, open_store_of, pending_manifest, previous_manifest, settle
from nearfield.collection.serving import Serving
from nearfield.collection.successor import Successor
from nearfield.collection.watched_store import WatchedStore
from nearfield.encoders.base import Encoder
from nearfield.encoders.cache import VectorCache
from nearfield.errors import CollectionError, EncoderError, HubUnavailableError, MissingExtraError
from nearfield.progress import Progress, silent


@dataclass(frozen=True)
class RollbackSummary:
    """What going back did.

    Attributes:
        collection: Its folder or URL.
        retriever: How it ranks now, by name.
        records: How many it holds.
        differing: Records that were written, changed or deleted since the migration.
        left_behind: Whether these were not brought back; they are in the space that was left.
    """

    collection: str
    retriever: str
    records: int
    differing: int
    left_behind: bool


def roll_back(
    collection: Collection,
    *,
    encoder: Encoder | None = None,
    force: bool = False,
    cache: VectorCache | None = None,
    progress: Progress = silent,
) -> RollbackSummary:
    """Serve again with what was before the last migration.

    Records that were written, changed or deleted since are brought into the old space first, which takes the old
    encoder; without any, it is not needed. What is left becomes the previous one, so rolling back again goes forward.

    Args:
        collection: Open; it changes over in one step.
        encoder: The old encoder; loaded by name otherwise, if it is needed.
        force: Whether to leave behind what was written since. It stays in the space that is left, from which it
            vanishes with `drop_previous`, with the next migration, and with a second rolling back.
        cache: Where vectors are looked up before they are computed.
        progress: Called with the number of records done.

    Returns:
        What was done.

    Raises:
        CollectionError: If there is nothing to go back to, a migration is under way, or records were written since
            and the old encoder cannot be loaded.
        SpaceMismatchError: If the encoder is another one.
        StorageError: If the disk or the server refuses.
    """
    settle(collection)
    if pending_manifest(collection) is not None:
        raise CollectionError(
            f"a migration of {collection.address} is under way and has not changed over; run it to its end, or give "
            "it up with --abandon, first"
        )
    previous = previous_manifest(collection)
    if previous is None:
        raise CollectionError(f"{collection.address} keeps nothing from before a migration, so there is no way back")
    if encoder is not None:
        previous.check_encoder(encoder)
    store = open_store_of(collection, previous)
    # If anything fails, it stays with the collection, which closes it.
    collection.retired[previous.generation] = store
    serving = Serving(previous, WatchedStore(store), encoder)
    successor = Successor(collection, serving, cache=cache)
    try:
        count = differing(collection.store, store)
        if count and not force:
            _require_encoder(serving, count)
            successor.catch_up(progress)
        announce_return(collection, previous)
        successor.take_over(follow=not force)
    finally:
        successor.close()
    return RollbackSummary(collection.address, collection.spec.name, collection.count(), count, bool(count) and force)


def _require_encoder(serving: Serving, count: int) -> None:
    try:
        _ = serving.encoder
    except (EncoderError, HubUnavailableError, MissingExtraError) as error:
        raise CollectionError(
            f"{count:,} records were written, changed or deleted since the migration, and bringing them back needs "
            f"{serving.spec.encoder}, which cannot be loaded: {error}. Say where it is, or force it, which leaves them "
            "behind"
        ) from error
