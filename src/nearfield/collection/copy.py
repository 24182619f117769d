"""A collection from one place to another, whatever keeps it there: streamed, resumable, and compared at the end."""

import os
from collections.abc import Iterator
from contextlib import ExitStack, closing
from dataclasses import dataclass

from nearfield.collection.build import check_same_store
from nearfield.collection.collection import Collection
from nearfield.collection.home import Home
from nearfield.collection.manifest import Manifest
from nearfield.collection.sameness import PAGE, compare_stores, same_point
from nearfield.collection.visibility import await_count
from nearfield.data.records import batched
from nearfield.errors import CollectionError, InvalidInputError, SpaceMismatchError
from nearfield.progress import Progress, silent
from nearfield.stores.address import Address
from nearfield.stores.base import Point, Store, StoreConfig

_LEADING = ("host", "hostaddr", "port", "dbname", "service", "schema")
"""Options of a URL that lead to another place."""


@dataclass(frozen=True)
class CopySummary:
    """What copying a collection did, and how far both sides were found to agree.

    `checksum` covers ids, texts, titles, metadata, digests and images; it is equal on both sides, or copying would
    have failed. Vectors are compared in pairs, each with its copy: a back end that keeps cosine vectors as directions
    and lengths gives them back to float32 rounding, so equal bytes cannot be asked of all of them. Where the two
    checksums of the vectors are equal, all vectors are equal bit for bit.

    Attributes:
        source: Address of the source.
        target: Address of the target.
        records: How many both hold.
        written: Records written now.
        unchanged: Records that an interrupted copy had written already.
        checksum: Of ids and payloads, on both sides.
        source_vectors: Of ids and vectors' bytes as the source gives them.
        target_vectors: The same as the target gives them.
        deviation: The largest distance between a vector and its copy, as a share of its length; 0 if all are equal.
        computed: Sparse legs whose weights were computed from the texts again, as no store gives them back.
    """

    source: str
    target: str
    records: int
    written: int
    unchanged: int
    checksum: str
    source_vectors: str
    target_vectors: str
    deviation: float
    computed: tuple[str, ...]


def copy_collection(
    source: str | os.PathLike[str] | Address,
    target: str | os.PathLike[str] | Address,
    *,
    store: StoreConfig | None = None,
    progress: Progress = silent,
) -> CopySummary:
    """Copy a collection to another folder or database, or go on with a copy that was interrupted.

    Records, metadata and dense vectors are taken as they are, so no encoder is needed. The weights of sparse legs are
    computed again from the texts, which gives the same ones. Records are written in batches, each safe when `progress`
    reports it; the target is marked as complete after everything has been compared. Where other processes write to the
    source meanwhile, what they wrote late may be missing, which is an error: copy again.

    Args:
        source: Folder or URL of a collection; it is only read.
        target: Folder or URL of the copy: nothing yet, or what an earlier call with the same source began or made.
        store: Options of the target's store; by default those of the source if it is of the same kind, else the
            target's own defaults. Dimensions, metric and legs are filled in.
        progress: Called with the number of records that are safe, then with the number compared.

    Returns:
        What was done.

    Raises:
        InvalidInputError: If both addresses are the same, or `store` is of another kind than the target's.
        CollectionError: If there is no source, or the target holds something else, or the two differ in the end; the
            message names the first ids that do.
        CapabilityError: If the target cannot hold what the source has.
        CollectionBusyError: If another process holds one of them.
        StorageError: If a disk or server refuses; what `progress` reported is safe.
    """
    with ExitStack() as held:
        origin = held.enter_context(Collection.open(source))
        copy = held.enter_context(_open_target(target, origin, store))
        written, unchanged = _transfer(origin, copy, progress)
        await_count(copy.store, written + unchanged)
        found = compare_stores(origin.store, copy.store, progress=progress)
        if not found.same:
            raise CollectionError(
                f"{copy.address} is not the same as {origin.address} ({found}); if the source was written to "
                "meanwhile, run the same copy again; what only the target has must be deleted there first"
            )
        if origin.complete:
            progress("building the index", 0, None)
            copy.finish()
        return CopySummary(
            source=origin.address,
            target=copy.address,
            records=found.records,
            written=written,
            unchanged=unchanged,
            checksum=str(found.contents[1]),
            source_vectors=str(found.vectors[0]),
            target_vectors=str(found.vectors[1]),
            deviation=found.deviation,
            computed=tuple(origin.spec.lexical),
        )


def _open_target(
    address: str | os.PathLike[str] | Address, origin: Collection, store: StoreConfig | None
) -> Collection:
    with closing(Home.find(address)) as home:
        if _place(home.address) == _place(origin.home.address):
            raise InvalidInputError(f"{origin.address} cannot be copied to itself; give another target")
        exists = home.read("manifest") is not None
        alike = origin.manifest.store if type(origin.manifest.store) is home.config_type else None
    if not exists:
        return Collection.create_alike(address, origin.manifest, store=store or alike)
    there = Collection.open(address)
    try:
        _check_is_copy(there, origin.manifest)
        check_same_store(there, store)
        there.begin()
    except BaseException:
        there.close()
        raise
    return there


def _place(address: Address) -> tuple[object, ...]:
    """Say where an address leads, whoever goes there."""
    if not address.scheme:
        return (os.path.realpath(str(address)),)
    leading = [address.options.get(name) for name in _LEADING]
    return address.scheme, address.host, address.port, address.path, address.name, *leading


def _check_is_copy(there: Collection, wanted: Manifest) -> None:
    """Refuse to write into a collection that cannot be what this copy began."""
    found = there.manifest
    spaces = {None if manifest.encoder is None else manifest.encoder.fingerprint for manifest in (found, wanted)}
    if found.retriever != wanted.retriever or len(spaces) > 1:
        raise SpaceMismatchError(
            f"{there.address} is a collection of its own, which ranks by {found.retriever.name}; copy elsewhere, or "
            "remove it first"
        )


def _transfer(origin: Collection, copy: Collection, progress: Progress) -> tuple[int, int]:
    """Write what the copy does not hold yet: how many records that was, and how many it held."""
    begun = copy.store.count() > 0
    total, written, unchanged = origin.store.count(), 0, 0
    for page in batched(origin.store.scroll(with_vectors=True, page_size=PAGE), PAGE):
        wanted = list(_lacking(page, copy.store)) if begun else page
        if wanted:
            copy.store.upsert(copy.serving.batch_of(wanted))
        written += len(wanted)
        unchanged += len(page) - len(wanted)
        progress("copying", written + unchanged, max(total, written + unchanged))
    return written, unchanged


def _lacking(page: list[Point], store: Store) -> Iterator[Point]:
    there = {point.id: point for point in store.get([point.id for point in page], with_vectors=True)}
    for point in page:
        if point.id not in there or not same_point(point, there[point.id]):
            yield point
