"""Is a collection sound? Every record is read; nothing is changed."""

from array import array
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

import numpy as np
import numpy.typing as npt

from nearfield.collection.collection import Collection
from nearfield.collection.manifest import Manifest
from nearfield.collection.points import record_of
from nearfield.collection.sample import Reservoir
from nearfield.collection.serving import Serving
from nearfield.errors import EncoderError, HubUnavailableError, MissingExtraError, SpaceMismatchError
from nearfield.progress import Progress, silent
from nearfield.report.frozen import to_json
from nearfield.report.table import Column, text_table
from nearfield.stores.base import Point

State: TypeAlias = Literal["passed", "failed", "note", "skipped"]

UNIT_TOLERANCE = 1e-3
"""How far from 1 the length of a vector may be whose encoder normalises."""

_EXAMPLES = 5
_SELF_HITS = 100
_PROGRESS_EVERY = 1000


@dataclass(frozen=True)
class Check:
    """One question asked of a collection.

    Attributes:
        name: What was checked.
        state: `failed` if the collection is not sound; `note` for what is worth knowing and may be meant.
        found: The answer, in a few words.
        examples: Ids that show it.
    """

    name: str
    state: State
    found: str
    examples: tuple[str, ...] = ()


@dataclass(frozen=True)
class VerificationReport:
    """What `verify_collection` found.

    Attributes:
        collection: Its folder or URL.
        records: How many were read.
        checks: One for each question.
    """

    collection: str
    records: int
    checks: tuple[Check, ...]

    @property
    def sound(self) -> bool:
        """Whether no check failed."""
        return all(check.state != "failed" for check in self.checks)

    def to_json(self) -> dict[str, Any]:
        """Write the report down as JSON values."""
        return {**to_json(self), "sound": self.sound}

    def __str__(self) -> str:
        """Render a table for the terminal."""
        rows = [
            [check.name, check.state, check.found + (f": {', '.join(check.examples)}" if check.examples else "")]
            for check in self.checks
        ]
        verdict = "sound" if self.sound else "NOT SOUND"
        head = f"{self.collection}: {self.records:,} records, {verdict}"
        return "\n".join([head, "", text_table([Column("check"), Column("state"), Column("found")], rows)])


def verify_collection(collection: Collection, *, progress: Progress = silent) -> VerificationReport:
    """Read every record of a collection and look for what should not be.

    Args:
        collection: Open; nothing in it is changed. Where others write meanwhile, what is counted may not be what is
            listed.
        progress: Called with the number of records read.

    Returns:
        The report: whether indexing finished; whether the encoder is still the same, by canaries; whether the store
        counts as many records as it lists, each once; records without a vector, with NaN, with a length that the
        encoder does not give; texts that are not those written; records of the same content, or the same vector,
        under different ids; whether records find themselves.

    Raises:
        StorageError: If the store cannot be read.
    """
    serving = collection.serving
    survey = _Survey(serving.manifest)
    total = serving.store.count()
    for number, point in enumerate(serving.store.scroll(with_vectors=True), start=1):
        survey.add(point)
        if number % _PROGRESS_EVERY == 0:
            progress("reading", number, total)
    progress("reading", survey.records, total)
    checks = [_complete(serving), _canaries(serving), *survey.checks(total), _self_hits(serving, survey)]
    return VerificationReport(collection.address, survey.records, tuple(check for check in checks if check))


@dataclass
class _Findings:
    """How many records have a fault, and the first of them."""

    count: int = 0
    examples: list[str] = field(default_factory=list)

    def add(self, id: str) -> None:
        self.count += 1
        if len(self.examples) < _EXAMPLES:
            self.examples.append(id)

    def check(self, name: str, *, sound: str, fault: str) -> Check:
        if not self.count:
            return Check(name, "passed", sound)
        return Check(name, "failed", f"{self.count:,} {fault}", tuple(self.examples))


class _Survey:
    """What one pass over the points tells; of each, about 100 bytes are kept."""

    def __init__(self, manifest: Manifest) -> None:
        encoder = manifest.encoder
        self._dim = None if encoder is None else encoder.dim
        # Rounding to fewer bits changes lengths.
        self._unit = encoder is not None and encoder.normalise and encoder.precision == "float32"
        self._twice, self._without, self._unsound = _Findings(), _Findings(), _Findings()
        self._long, self._altered = _Findings(), _Findings()
        self._ids: set[int] = set()
        self._contents, self._vectors = array("q"), array("q")
        self.records = 0
        self.sample = Reservoir[Point](_SELF_HITS)

    def add(self, point: Point) -> None:
        self.records += 1
        if (key := hash(point.id)) in self._ids:
            self._twice.add(point.id)
        self._ids.add(key)
        record = record_of(point)
        # What an image holds may change under its path; that is no fault of the collection.
        if record.image is None and point.payload.digest and record.digest != point.payload.digest:
            self._altered.add(point.id)
        self._contents.append(hash((record.content, point.payload.image)))
        if self._dim is not None:
            self._add_vector(point)

    def _add_vector(self, point: Point) -> None:
        vector = point.vector
        if vector is None or vector.shape != (self._dim,):
            self._without.add(point.id)
            return
        norm = float(np.linalg.norm(vector.astype(np.float64)))
        if not np.isfinite(norm):
            self._unsound.add(point.id)
            return
        if self._unit and abs(norm - 1) > UNIT_TOLERANCE:
            self._long.add(point.id)
        self._vectors.append(hash(vector.tobytes()))
        self.sample.add(point)

    def checks(self, total: int) -> Iterator[Check]:
        counted = f"counts {total:,}, lists {self.records:,}"
        yield Check("count", "passed" if total == self.records else "failed", counted)
        yield self._twice.check("ids", sound="each once", fault="are there twice")
        yield self._altered.check("content", sound="as it was written", fault="are not as they were written")
        yield _repeated("duplicate content", self._contents)
        if self._dim is not None:
            yield self._without.check(
                "vectors", sound=f"each of {self._dim} dimensions", fault=f"have no vector of {self._dim} dimensions"
            )
            yield self._unsound.check("finite", sound="all numbers are", fault="hold NaN or infinity")
            if self._unit:
                yield self._long.check("length", sound="all 1", fault="are not of length 1, as the encoder gives them")
            yield _repeated("duplicate vectors", self._vectors)


def _repeated(name: str, hashes: "array[int]") -> Check:
    repeated: npt.NDArray[np.int64] = np.unique(np.asarray(hashes), return_counts=True)[1]
    extra = int((repeated - 1).sum())
    if not extra:
        return Check(name, "passed", "none")
    return Check(name, "note", f"{extra:,} records repeat another; the largest group has {int(repeated.max()):,}")


def _complete(serving: Serving) -> Check:
    if serving.manifest.state == "ready":
        return Check("complete", "passed", "indexing finished")
    return Check("complete", "failed", "indexing was interrupted; run the same `nearfield index` again")


def _canaries(serving: Serving) -> Check | None:
    if serving.manifest.encoder is None:
        return None
    name = "encoder"
    try:
        encoder = serving.encoder  # loading it checks it
        if encoder is not None:
            serving.manifest.check_encoder(encoder)
    except SpaceMismatchError as error:
        return Check(name, "failed", str(error))
    except (EncoderError, HubUnavailableError, MissingExtraError) as error:
        return Check(name, "skipped", f"cannot be loaded here: {error}")
    return Check(name, "passed", f"{serving.manifest.encoder.name} gives the vectors it gave")


def _self_hits(serving: Serving, survey: _Survey) -> Check | None:
    """Ask for a sample of the vectors themselves: a damaged index loses what an exact search finds."""
    metric = serving.manifest.store.metric
    if not survey.sample.kept or metric == "dot":  # under the dot product a longer vector may be nearer than itself
        return None
    missed = _Findings()
    vectors = np.stack([point.vector for point in survey.sample.kept if point.vector is not None])
    for point, matches in zip(
        survey.sample.kept, serving.store.query_batch(vectors, k=10, with_payload=False), strict=True
    ):
        # As near as itself may be others, of the same vector, before it and perhaps all ten.
        nearest = [match.id for match in matches if match.score == matches[0].score]
        if point.id not in nearest and (not matches or len(nearest) < len(matches)):
            missed.add(point.id)
    return missed.check(
        "search",
        sound=f"{len(survey.sample.kept)} sampled records find themselves",
        fault=f"of {len(survey.sample.kept)} sampled records do not find themselves",
    )
