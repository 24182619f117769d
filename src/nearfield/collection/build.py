"""From a corpus to a finished collection, resumable at any point."""

import itertools
import os
from dataclasses import replace

from nearfield.collection.collection import Collection
from nearfield.collection.listing import collection_exists
from nearfield.collection.results import IngestSummary
from nearfield.data.corpus import Corpus, read_corpus
from nearfield.data.records import Record
from nearfield.data.rows import Source
from nearfield.encoders.base import Encoder
from nearfield.encoders.cache import VectorCache
from nearfield.errors import SpaceMismatchError, StorageError
from nearfield.progress import Progress, silent
from nearfield.retrieval.spec import RetrieverSpec
from nearfield.stores.address import Address
from nearfield.stores.base import StoreConfig

SAMPLE_SIZE = 10_000
"""Records looked at for the average document length, when the spec does not state one."""


def build_collection(
    address: str | os.PathLike[str] | Address,
    corpus: "Source | Corpus",
    retriever: RetrieverSpec | str,
    *,
    encoder: Encoder | None = None,
    cache: VectorCache | None = None,
    store: StoreConfig | None = None,
    progress: Progress = silent,
) -> tuple[Collection, IngestSummary]:
    """Index a corpus into a collection, or go on with one that was interrupted.

    Records that are there already with the same content are left alone, changed ones replaced, and records that the
    corpus does not mention kept.

    Args:
        address: The collection's folder or URL.
        corpus: What `read_corpus` reads; gone through once.
        retriever: How the collection ranks; must be the same when it exists already.
        encoder: The encoder of the dense leg; loaded by name otherwise.
        cache: Where vectors are looked up before they are computed.
        store: Options of the store; must be the same when the collection exists already.
        progress: Called with the number of records that are safe.

    Returns:
        The collection, open and complete, and what was done.

    Raises:
        SpaceMismatchError: If the folder holds a collection that ranks or stores otherwise.
        DataError: If a record is not fit to be stored; the batches before it are.
    """
    spec = RetrieverSpec.parse(retriever) if isinstance(retriever, str) else retriever
    records = iter(read_corpus(corpus))
    if collection_exists(address):
        collection = Collection.open(address, encoder=encoder)
        try:
            check_same_retriever(collection, spec)
            check_same_store(collection, store)
            collection.begin()
        except BaseException:
            collection.close()
            raise
    else:
        beginning: list[Record] = []
        if any(leg.average_length is None for leg in spec.lexical.values()):
            beginning = list(itertools.islice(records, SAMPLE_SIZE))
            records = itertools.chain(beginning, records)
        sample = (record.content for record in beginning)
        collection = Collection.create(address, spec, encoder=encoder, sample=sample, store=store)
    try:
        summary = collection.ingest(records, cache=cache, progress=progress)
        progress("building the index", 0, None)
        try:
            collection.finish()
        except StorageError as error:
            error.add_note(f"all {summary.written + summary.unchanged:,} records are stored; the same call goes on")
            raise
    except BaseException:
        collection.close()
        raise
    return collection, summary


def check_same_retriever(collection: Collection, spec: RetrieverSpec) -> None:
    """Refuse to go on with a collection that ranks otherwise than asked for.

    Args:
        collection: The one that is there.
        spec: What was asked for; an average length it leaves open is the collection's.

    Raises:
        SpaceMismatchError: If they differ.
    """
    there = collection.spec
    lexical = {
        name: replace(leg, average_length=there.lexical[name].average_length)
        if leg.average_length is None and name in there.lexical
        else leg
        for name, leg in spec.lexical.items()
    }
    if replace(spec, name=there.name, lexical=lexical) != there:
        raise SpaceMismatchError(
            f"{collection.address} ranks by {there.name}, not by {spec.name} with these options; index elsewhere"
        )


def check_same_store(collection: Collection, store: StoreConfig | None) -> None:
    """Refuse to go on with a collection whose store has other options than asked for.

    Args:
        collection: The one that is there.
        store: What was asked for; None for whatever is there. How hard searches try is not compared where it is left
            at the default, as it may have been tuned since.

    Raises:
        SpaceMismatchError: If they differ.
    """
    there = collection.manifest.store
    if store is None:
        return
    asked = replace(store, dim=there.dim, metric=there.metric, sparse=there.sparse, text=there.text)
    if asked.effort == type(store)().effort:
        asked = replace(asked, ef=there.ef, oversampling=there.oversampling)
    if asked != there:
        raise SpaceMismatchError(
            f"{collection.address} keeps its vectors with {there}, not with {store}; index elsewhere, or leave the "
            "options out"
        )
