"""Temporary copies of a store's vectors, to measure what must not be tried on the store itself."""

import math
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import replace
from itertools import islice

import numpy as np

from nearfield.collection.collection import Collection
from nearfield.collection.visibility import await_count
from nearfield.errors import CapabilityError, StorageError
from nearfield.evaluation.recall_filters import ShareFilter
from nearfield.progress import Progress
from nearfield.stores.base import Batch, Payload, Quantisation, Store, StoreConfig
from nearfield.stores.embedded.store import EmbeddedStore

RANK = "_nearfield_rank"
"""Metadata field of a copy's points: each has another number, from 0 on, that has nothing to do with the point."""

_PAGE = 5000
_CODE_BITS = {"none": 32, "float16": 16, "int8": 8, "binary": 1}


@contextmanager
def temporary_copy(source: Collection | Store, quantisation: Quantisation, *, progress: Progress) -> Iterator[Store]:
    """Copy ids and vectors into a store of the same kind, with its index built, that is removed in the end.

    The copy of a folder is a temporary folder; that of a collection on a server stands beside it, under a name that
    begins with `temporary_`.

    Args:
        source: What is copied; a bare store must be an embedded one, as others do not tell where they are.
        quantisation: How the copy keeps its vectors for searching.
        progress: Called with the number of points copied.

    Yields:
        The copy, whose points have a `RANK` as their only metadata, and neither texts nor words.

    Raises:
        CapabilityError: If the back end has no such quantisation, or none of its stores can be made.
        StorageError: If the disk or the server refuses.
    """
    store = source.store if isinstance(source, Collection) else source
    if quantisation not in store.capabilities.quantisation:
        offered = ", ".join(sorted(store.capabilities.quantisation))
        raise CapabilityError(f"this back end has no {quantisation} quantisation; it has {offered}")
    with _empty_store(source, replace(store.config, quantisation=quantisation, sparse=())) as copy:
        _fill(copy, store, progress)
        yield copy


@contextmanager
def _empty_store(source: Collection | Store, config: StoreConfig) -> Iterator[Store]:
    if isinstance(source, Collection):
        with source.home.temporary_store(config) as store:
            yield store
    elif isinstance(source, EmbeddedStore):
        with (
            tempfile.TemporaryDirectory(prefix="nearfield-") as folder,
            closing(EmbeddedStore.create(f"{folder}/points", config)) as store,
        ):
            yield store
    else:
        raise CapabilityError("a bare store does not tell where a copy of it could be made; give its collection")


def _fill(copy: Store, store: Store, progress: Progress) -> None:
    total = store.count()
    ranks = iter(np.random.default_rng(0).permutation(total).tolist())
    points = islice(store.scroll(with_vectors=True), total)
    copied = 0
    while page := list(islice(points, _PAGE)):
        payloads = [Payload(meta={RANK: next(ranks)}) for _ in page]
        copy.upsert(Batch([point.id for point in page], payloads, np.array([p.vector for p in page], np.float32)))
        copied += len(page)
        progress("copying", copied, total)
    settle(copy, copied)
    progress("building the index", 0, None)
    copy.optimise()


def settle(store: Store, expected: int) -> None:
    """Wait until a store shows all that was written to it.

    Args:
        store: One whose writes may take a while to be visible.
        expected: How many points it is to show.

    Raises:
        StorageError: If it does not within a minute.
    """
    await_count(store, expected)
    if (seen := store.count()) != expected:
        raise StorageError(f"the copy shows {seen:,} points, {expected:,} were written; try again later")


def delete_share(copy: Store, share: float, *, seed: int) -> None:
    """Delete points of a copy at random.

    Args:
        copy: What `temporary_copy` made.
        share: Of the points, above 0 and below 1.
        seed: Of the draw.
    """
    ids = sorted(point.id for point in copy.scroll())
    chosen = np.random.default_rng(seed).choice(len(ids), math.floor(share * len(ids)), replace=False)
    copy.delete([ids[row] for row in chosen])
    settle(copy, len(ids) - len(chosen))


def rank_filters(copy: Store, shares: Sequence[float], ranks: int) -> list[ShareFilter]:
    """Make filters that keep given shares of a copy's points, whatever their vectors.

    Args:
        copy: What `temporary_copy` made.
        shares: Above 0 and at most 1.
        ranks: How many points it was made with.

    Returns:
        A filter for each share that keeps at least one point.
    """
    filters = [(share, None if share == 1 else {RANK: {"$lt": max(1, round(share * ranks))}}) for share in shares]
    counted = [ShareFilter(share, where, copy.count(where)) for share, where in filters]
    return [one for one in counted if one.kept]


def search_memory(config: StoreConfig, records: int) -> int:
    """Compute what searching keeps at hand: the vectors as they are compared first, and the graph.

    Args:
        config: What the store holds.
        records: How many points.

    Returns:
        Bytes: a code for each vector, and `2 m` edges of 4 bytes for each point where there is a graph. Full vectors
        that rescore are not in it, nor what an engine keeps of ids and payloads.
    """
    codes = -(-(config.dim or 0) * _CODE_BITS[config.quantisation] // 8)
    return records * (codes + (8 * config.m if records > config.index_above else 0))
