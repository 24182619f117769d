"""A collection's stores beside the one that counts: what a migration builds, and what it left to go back to.

Which store counts is said by the `manifest` alone, so replacing it is one write. The other two documents only say what
else is kept: `previous` the store before, `migration` the one that is being built, in the state `building`. While it is
gone back to the one before, which takes two writes, `migration` names that one, in the state `ready`. A store that none
of them names is what an interruption left. Whatever it left is put in order by the next that changes anything here.
"""

from nearfield.collection.collection import Collection
from nearfield.collection.manifest import Manifest
from nearfield.errors import CollectionError
from nearfield.stores.base import Store
from nearfield.stores.database import Document


def pending_manifest(collection: Collection) -> Manifest | None:
    """Read what a migration under way is building; None without one."""
    return _read(collection, "migration")


def previous_manifest(collection: Collection) -> Manifest | None:
    """Read what the collection was before the last migration; None if there was none, or it is dropped."""
    return _read(collection, "previous")


def _read(collection: Collection, document: Document) -> Manifest | None:
    if collection.home.read(document) is None:
        return None
    found = collection.home.manifest(document)
    # One that names the store that counts is what an interrupted cut-over left: begun, or all but done.
    return None if found.generation == collection.manifest.generation else found


def settle(collection: Collection) -> None:
    """Put in order what an interruption left: nothing that may be asked for again is removed."""
    home, pending = collection.home, pending_manifest(collection)
    if pending is not None and pending.state == "ready":
        home.save(pending, "previous")
        pending = None
    if pending is None and home.read("migration") is not None:
        home.write("migration", None)
    previous = previous_manifest(collection)
    kept = {manifest.generation for manifest in (collection.manifest, pending, previous) if manifest is not None}
    for generation in home.generations():
        if generation not in kept:
            _drop(collection, generation)


def announce_return(collection: Collection, previous: Manifest) -> None:
    """Say that the collection is about to go back, so that an interruption leaves the way open."""
    collection.home.save(previous.in_state("ready"), "migration")


def open_store_of(collection: Collection, manifest: Manifest) -> Store:
    """Open the store that a manifest describes, or take it over if it is still open after a cut-over."""
    return collection.retired.pop(manifest.generation, None) or collection.home.open_store(manifest)


def abandon_migration(collection: Collection) -> Manifest:
    """Give up a migration that was begun and is not run at the moment, and remove what it has built.

    Args:
        collection: Open.

    Returns:
        What was being built.

    Raises:
        CollectionError: If no migration is under way.
        StorageError: If the disk or the server refuses; what is left is removed when the next migration begins.
    """
    settle(collection)
    pending = pending_manifest(collection)
    if pending is None:
        raise CollectionError(f"no migration of {collection.address} is under way")
    collection.home.write("migration", None)
    settle(collection)
    return pending


def drop_previous(collection: Collection) -> Manifest:
    """Remove the store from before the last migration, which cannot be gone back to from then on.

    Args:
        collection: Open. A scroll through the store that goes on in another thread ends with an error.

    Returns:
        What was removed.

    Raises:
        CollectionError: If there is no such store.
        StorageError: If the disk or the server refuses; what is left is removed when the next migration begins.
    """
    settle(collection)
    previous = previous_manifest(collection)
    if previous is None:
        raise CollectionError(f"{collection.address} keeps nothing from before a migration")
    collection.home.write("previous", None)
    settle(collection)
    return previous


def _drop(collection: Collection, generation: int) -> None:
    if (store := collection.retired.pop(generation, None)) is not None:
        store.close()
    collection.home.drop_store(generation)
