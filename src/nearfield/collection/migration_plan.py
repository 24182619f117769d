"""What a migration will take, before anything is spent."""

import os
import time
from dataclasses import dataclass
from typing import Any

from nearfield.collection.collection import Collection
from nearfield.collection.sample import Reservoir
from nearfield.data.records import Record, batched
from nearfield.encoders.api_batches import ApiEstimate, PricedEncoder
from nearfield.encoders.base import Encoder, item_of
from nearfield.encoders.estimate import estimate
from nearfield.encoders.innermost import innermost
from nearfield.errors import CapabilityError
from nearfield.progress import Progress, silent
from nearfield.report.frozen import to_json
from nearfield.report.numbers import counted, dollars, duration, size
from nearfield.stores.address import Address
from nearfield.stores.base import StoreConfig

SAMPLE = 100
"""Records encoded to measure the time; an encoder at a service is not asked for any."""

_BATCH = 1000
_BYTES_OF_VALUE = {"none": 4.0, "float16": 6.0, "int8": 5.0, "binary": 4.125}


@dataclass(frozen=True)
class MigrationPlan:
    """What a migration will take. Vectors in the cache make it cheaper; a gate adds its queries.

    Attributes:
        collection: Its folder or URL.
        encoder: Name of the new encoder.
        records: Records to encode.
        characters: Of their titles and texts.
        tokens: As the encoder counts them, estimated from the sample; for a service by its own rule, mostly too high.
        requests: Requests to a service; 0 on this machine.
        seconds: Time of encoding here, from the sample; None for a service, whose pace is not known beforehand.
        dollars: What a service will ask for, at list prices; 0 on this machine, None where the price is not known.
        disk_bytes: Room that the new store takes beside the old one, estimated from that one; None where the back
            end does not tell its own.
        sample: Records that were encoded to measure.
    """

    collection: str
    encoder: str
    records: int
    characters: int
    tokens: int
    requests: int
    seconds: float | None
    dollars: float | None
    disk_bytes: int | None
    sample: int

    def to_json(self) -> dict[str, Any]:
        """Write it down as JSON values."""
        return dict(to_json(self))

    def __str__(self) -> str:
        """Say it in words."""
        if self.requests == 0 and self.dollars == 0:
            cost = "at no charge"
        else:
            cost = "at a cost that is not known" if self.dollars is None else f"for about {dollars(self.dollars)}"
        pace = "" if self.seconds is None else f", about {duration(self.seconds)} on this machine"
        requests = f" in {counted(self.requests, 'request')}" if self.requests else ""
        room = "" if self.disk_bytes is None else f"\nroom for the new space: about {size(self.disk_bytes)}"
        work = (
            f"{self.collection} to {self.encoder}: {counted(self.records, 'record')}, "
            f"{counted(self.characters, 'character')}, about {counted(self.tokens, 'token')}{requests}{pace}, {cost}"
        )
        return work + room


def plan_migration(
    address: str | os.PathLike[str] | Address, encoder: Encoder | str, *, seed: int = 0, progress: Progress = silent
) -> MigrationPlan:
    """Say what taking a collection to another encoder will take; nothing is written.

    Args:
        address: The collection's folder or URL; every record is read once.
        encoder: The new encoder, or its name. Unless it is a service, it encodes a sample of the records, to
            measure the time; a service is asked for at most one vector, if its dimensions are not known here.
        seed: Of the sample.
        progress: Called with the number of records read.

    Returns:
        The plan.

    Raises:
        CollectionError: If there is no collection.
        CapabilityError: If it has no dense leg.
        DataError: If a record has nothing that the encoder reads.
    """
    if isinstance(encoder, str):
        from nearfield.encoders.load import load_encoder

        encoder = load_encoder(encoder)
    with Collection.open(address) as collection:
        if collection.manifest.encoder is None:
            raise CapabilityError(f"{collection.address} ranks by {collection.spec.name}, without an encoder")
        priced = isinstance(innermost(encoder), PricedEncoder)
        total, found, sample, characters = (
            collection.count(),
            ApiEstimate(0, 0, 0.0, 0),
            Reservoir[Record](SAMPLE, seed),
            0,
        )
        for batch in batched(collection, _BATCH):
            characters += sum(len(record.content) for record in batch)
            for record in batch:
                sample.add(record)
            found += estimate(encoder, batch) if priced else ApiEstimate(len(batch), 0, 0.0, 0)
            progress("reading", found.texts, max(total, found.texts))
        seconds = None
        if not priced:
            seconds, tokens = _measure(encoder, sample.kept, characters, found.texts)
            found += ApiEstimate(0, tokens, 0.0, 0)
        return MigrationPlan(
            collection=collection.address,
            encoder=encoder.spec.name,
            records=found.texts,
            characters=characters,
            tokens=found.tokens,
            requests=found.requests,
            seconds=seconds,
            dollars=found.dollars,
            disk_bytes=_room(collection, encoder),
            sample=0 if priced else len(sample.kept),
        )


def _measure(encoder: Encoder, sample: list[Record], characters: int, records: int) -> tuple[float, int]:
    """Encode a sample: seconds and tokens of all, in proportion to the characters, or without any to the records."""
    if not sample:
        return 0.0, 0
    items = [item_of(record, encoder.spec) for record in sample]
    encoder.encode_document(items[:1])  # what happens once is not counted
    began = time.perf_counter()
    encoder.encode_document(items)
    seconds = time.perf_counter() - began
    tokens = sum(inspection.tokens for inspection in encoder.inspect(items))
    seen = sum(len(record.content) for record in sample)
    share = characters / seen if seen else records / len(sample)
    return seconds * share, round(tokens * share)


def _room(collection: Collection, encoder: Encoder) -> int | None:
    there = collection.store.allocated_bytes()
    if there is None:
        return None
    config: StoreConfig = collection.store.config
    values = collection.count() * (encoder.spec.dim - (config.dim or 0))
    return max(0, round(there + values * _BYTES_OF_VALUE[config.quantisation]))
