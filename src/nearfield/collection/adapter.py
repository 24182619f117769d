"""New queries to old vectors: a linear map between the spaces of two encoders, for the time of a migration."""

import json
import os
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Literal, TypeAlias

import numpy as np

from nearfield.arrays import Vectors, normalise
from nearfield.collection.collection import Collection
from nearfield.collection.sample import draw_records, query_of
from nearfield.data.records import Record
from nearfield.encoders.base import Encoder, EncoderSpec, Item, Role, TextInspection, check_vectors
from nearfield.errors import CapabilityError, DataError, InvalidInputError, SpaceMismatchError
from nearfield.files import replaced_file
from nearfield.progress import Progress, silent
from nearfield.report.frozen import from_json, to_json
from nearfield.report.numbers import counted, decimal, interval
from nearfield.space.linear_map import LinearMap
from nearfield.space.procrustes import fit_procrustes
from nearfield.statistics import Interval, bootstrap_interval
from nearfield.stores.base import Store

Method: TypeAlias = Literal["ridge", "rotation"]

FORMAT_VERSION = 1
_RIDGES = (1e-4, 1e-3, 1e-2, 1e-1)


@dataclass(frozen=True, eq=False)
class Adapter:
    """A map of query vectors of one encoder into the space of another, and what it loses.

    Attributes:
        map: The map.
        method: `ridge` for a ridge regression, `rotation` for a Procrustes map; whichever did better on texts that it
            was not fitted on.
        source: The encoder whose queries are mapped.
        target: The encoder into whose space they are mapped.
        fitted_on: Texts that it was fitted on.
        held_out: Queries, of other records, that it is measured by.
        k: Results compared of each.
        overlap: Share of the target encoder's own first `k` results that the mapped query finds among its first `k`;
            mean over the queries, with its 95 % interval. What is missing to 1 is the loss.
    """

    map: LinearMap
    method: Method
    source: EncoderSpec
    target: EncoderSpec
    fitted_on: int
    held_out: int
    k: int
    overlap: Interval

    def asker(self, encoder: Encoder) -> "AdaptedEncoder":
        """Encode queries with the source's encoder, into the target's space.

        Args:
            encoder: The encoder of `source`.

        Returns:
            An encoder of queries, for `Collection.ask_by`.

        Raises:
            SpaceMismatchError: If it is another encoder.
        """
        if encoder.spec.fingerprint != self.source.fingerprint:
            raise SpaceMismatchError(f"this adapter maps queries of {self.source.name}, not of {encoder.spec.name}")
        return AdaptedEncoder(encoder, self)

    def to_json(self) -> dict[str, Any]:
        """Write down all but the map as JSON values."""
        fields = {"method": self.method, "fitted_on": self.fitted_on, "held_out": self.held_out, "k": self.k}
        return {
            **fields,
            "overlap": to_json(self.overlap),
            "source": asdict(self.source),
            "target": asdict(self.target),
        }

    def __str__(self) -> str:
        """Say in words what it loses."""
        found = self.overlap
        return (
            f"queries of {self.source.name} find {decimal(found.mean)} {interval(found.low, found.high)} of the first "
            f"{self.k} results of {self.target.name}, over {counted(self.held_out, 'query', 'queries')} held out; a "
            f"{self.method} fitted on {counted(self.fitted_on, 'text')}"
        )

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the adapter to a `.npz` file, all of it or none."""
        about = json.dumps({"format_version": FORMAT_VERSION, **self.to_json()})
        with replaced_file(Path(path)) as file:
            np.savez(file, mean=self.map.mean, matrix=self.map.matrix, about=np.array(about))

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> "Adapter":
        """Read what `save` wrote.

        Args:
            path: The file.

        Returns:
            The adapter.

        Raises:
            DataError: If the file is missing, damaged, or of a format that is not known here.
        """
        try:
            with Path(path).open("rb") as content, np.load(content, allow_pickle=False) as file:
                about = json.loads(str(file["about"]))
                if about.pop("format_version") != FORMAT_VERSION:
                    raise ValueError("another format version")
                kinds: dict[str, type] = {"source": EncoderSpec, "target": EncoderSpec, "overlap": Interval}
                parts: dict[str, Any] = {key: from_json(kind, about.pop(key)) for key, kind in kinds.items()}
                return cls(map=LinearMap(file["mean"], file["matrix"]), **about, **parts)
        except (OSError, EOFError, ValueError, KeyError, TypeError, zipfile.BadZipFile) as error:
            raise DataError(f"is no adapter that can be read here ({error})", source=os.fspath(path)) from error


class AdaptedEncoder:
    """Encodes queries into the space of another encoder; satisfies the `Encoder` protocol, for queries only.

    Args:
        encoder: What encodes.
        adapter: What maps.
    """

    def __init__(self, encoder: Encoder, adapter: Adapter) -> None:
        self.encoder = encoder
        self._adapter = adapter
        self.spec = replace(adapter.target, name=f"{encoder.spec.name} as {adapter.target.name}")

    @property
    def weights_bytes(self) -> int:
        """Memory that the weights and the map take."""
        return self.encoder.weights_bytes + self._adapter.map.matrix.nbytes

    def encode(self, items: Sequence[Item], *, progress: Progress = silent) -> Vectors:
        """Refuse: only queries are mapped."""
        raise CapabilityError(f"{self.spec.name} encodes queries only; documents need {self._adapter.target.name}")

    def encode_document(self, items: Sequence[Item], *, progress: Progress = silent) -> Vectors:
        """Refuse: only queries are mapped."""
        return self.encode(items)

    def encode_query(self, items: Sequence[Item], *, progress: Progress = silent) -> Vectors:
        """Encode texts or images as queries and map them: `(n, d)` float32."""
        mapped = self._adapter.map.apply(self.encoder.encode_query(items, progress=progress))
        return normalise(mapped) if self.spec.normalise else mapped

    def inspect(self, items: Sequence[Item], *, role: Role = "document") -> list[TextInspection]:
        """Say how many tokens each text has, and whether it would be cut or is empty."""
        return self.encoder.inspect(items, role=role)


def fit_adapter(
    collection: Collection,
    encoder: Encoder,
    *,
    sample: int = 1000,
    held_out: int = 200,
    k: int = 10,
    seed: int = 0,
    progress: Progress = silent,
) -> Adapter:
    """Learn to ask a collection with another encoder than its own, until it is migrated.

    Titles, or first words, and whole texts of some records are encoded as queries by both encoders, which is enough to
    fit a map; the titles of others measure it, by what the collection's own encoder finds for them in the dense leg.
    The record that a title belongs to is left out, as any query finds it.

    Args:
        collection: Open; its encoder is needed for this, and not any more when the adapter is used.
        encoder: The other encoder.
        sample: Records to fit on, at least 10; more than the encoder's dimensions are needed for a good map.
        held_out: Records to measure by, at least 2.
        k: Results to compare, at least 1.
        seed: Of the draw and the resampling.
        progress: Called while records are read and encoded.

    Returns:
        The adapter.

    Raises:
        CapabilityError: If the collection has no dense leg.
        InvalidInputError: If an option is out of range, or there are too few records with a text.
    """
    serving = collection.serving  # one for all of it, as a migration may put another in its place
    own = serving.encoder
    if own is None:
        raise CapabilityError(f"{collection.address} ranks by {collection.spec.name}, without an encoder to map to")
    if sample < 10 or held_out < 2 or k < 1:
        raise InvalidInputError(
            f"sample must be at least 10, held_out 2 and k 1, got {sample}, {held_out} and {k}; take more"
        )
    drawn = draw_records(collection, sample + held_out, seed)
    if len(drawn) < held_out + 10:
        raise InvalidInputError(
            f"{collection.address} has {len(drawn):,} records with a text, needed are {held_out + 10:,} at least; hold "
            "out fewer"
        )
    asked, taught = drawn[:held_out], drawn[held_out:]
    texts = [text for record in taught for text in dict.fromkeys((query_of(record), record.content))]
    given, wanted = (
        check_vectors(model.encode_query(texts, progress=progress), model.spec, len(texts)) for model in (encoder, own)
    )
    method, fitted = _fit(given, wanted, seed)
    adapter = Adapter(fitted, method, encoder.spec, own.spec, len(texts), len(asked), k, Interval(0, 0, 0))
    overlaps = list(_overlaps(serving.store, own, adapter.asker(encoder), asked, k))
    return replace(adapter, overlap=bootstrap_interval(overlaps, seed=seed))


def _fit(given: Vectors, wanted: Vectors, seed: int) -> tuple[Method, LinearMap]:
    """Choose the kind of map on a fifth of the texts, fitted on the others; then fit it on all."""
    order = np.random.default_rng(seed).permutation(len(given))
    tested, fitted = np.split(order, [len(order) // 5])

    def quality(choice: float | None) -> float:
        mapped = normalise(_map(given[fitted], wanted[fitted], choice).apply(given[tested]))
        return float(np.einsum("nd,nd->n", mapped, normalise(wanted[tested])).mean())

    best = max((None, *_RIDGES), key=quality)
    return "rotation" if best is None else "ridge", _map(given, wanted, best)


def _map(given: Vectors, wanted: Vectors, ridge: float | None) -> LinearMap:
    """Fit a rotation, or a ridge regression whose penalty is a share of the mean of the eigenvalues."""
    if ridge is None:
        return fit_procrustes(given, wanted)
    wide = given.astype(np.float64)
    squares = wide.T @ wide
    penalty = ridge * float(np.trace(squares)) / len(squares)
    matrix = np.linalg.solve(squares + penalty * np.eye(len(squares)), wide.T @ wanted.astype(np.float64))
    return LinearMap(np.zeros(len(squares)), np.asarray(matrix, np.float64))


def _overlaps(store: Store, own: Encoder, asker: Encoder, records: Sequence[Record], k: int) -> Iterator[float]:
    titles = [query_of(record) for record in records]
    vectors = [model.encode_query(titles) for model in (own, asker)]
    answers = [store.query_batch(asked, k=k + 1, with_payload=False) for asked in vectors]
    for record, *both in zip(records, *answers, strict=True):
        one, other = ({match.id for match in [m for m in matches if m.id != record.id][:k]} for matches in both)
        yield len(one & other) / max(1, len(one))
