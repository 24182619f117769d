"""Do two stores hold the same? Checksums that no order changes, and vectors compared in pairs."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from hashlib import blake2b
from itertools import islice

import numpy as np

from nearfield.arrays import Scores, row_norms
from nearfield.data.records import batched
from nearfield.progress import Progress, silent
from nearfield.stores.base import Point, Store

VECTOR_TOLERANCE = 1e-6
"""How far, as a share of its length, a vector may be from its copy. A back end that keeps directions and lengths apart
rounds each component to float32 twice, which moves a vector by a share of about 1e-7."""

PAGE = 1000
_SHOWN = 5


class Checksum:
    """A checksum of a set of things that does not depend on the order in which they come.

    It is the sum of their hashes modulo 2**128: it finds accidents, not forgeries.

    References:
        Clarke, Devadas, van Dijk, Gassend & Suh (2003), doi:10.1007/978-3-540-40061-5_12 (MSet-Add-Hash).

    Examples:
        >>> one, other = Checksum(), Checksum()
        >>> one.add(b"a"), one.add(b"b"), other.add(b"b"), other.add(b"a")
        (None, None, None, None)
        >>> str(one) == str(other)
        True
    """

    def __init__(self) -> None:
        self._sum = 0

    def add(self, content: bytes) -> None:
        """Add one thing."""
        self._sum = (self._sum + int.from_bytes(blake2b(content, digest_size=16).digest(), "big")) % (1 << 128)

    def __str__(self) -> str:
        """Write it as 32 hexadecimal digits."""
        return f"{self._sum:032x}"


@dataclass
class Comparison:
    """What comparing two stores found.

    Attributes:
        records: Points of the second that were compared.
        contents: Of ids and payloads, the same for both where nothing differs.
        vectors: Of ids and the vectors' bytes as each store gives them: the same only if they agree bit for bit.
        deviation: The largest distance between a vector and its copy, as a share of its length; 0 bit for bit.
        differing: The first ids under which the two hold different things.
        surplus: The first ids that only the second has.
        missing: The first ids that only the first has.
    """

    records: int = 0
    contents: tuple[Checksum, Checksum] = field(default_factory=lambda: (Checksum(), Checksum()))
    vectors: tuple[Checksum, Checksum] = field(default_factory=lambda: (Checksum(), Checksum()))
    deviation: float = 0.0
    differing: list[str] = field(default_factory=list)
    surplus: list[str] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)

    @property
    def same(self) -> bool:
        """Whether both hold the same, vectors to float32 rounding."""
        return not (self.differing or self.surplus or self.missing)

    def __str__(self) -> str:
        """Name the first ids that are not the same on both sides."""
        kinds = {
            "different": self.differing,
            "only in the target": self.surplus,
            "only in the source": self.missing,
        }
        return "; ".join(f"{kind}: {', '.join(map(repr, ids))}" for kind, ids in kinds.items() if ids)


def compare_stores(first: Store, second: Store, *, progress: Progress = silent) -> Comparison:
    """Compare every point of two stores: ids, payloads, and dense vectors in pairs.

    Sparse vectors, which no store gives back, are not compared.

    Args:
        first: A store.
        second: What should hold the same.
        progress: Called with the number of points compared.

    Returns:
        What was found; as long as nothing differs, every point was looked at.
    """
    found, total = Comparison(), first.count()
    for page in batched(second.scroll(with_vectors=True, page_size=PAGE), PAGE):
        there = {point.id: point for point in first.get([point.id for point in page], with_vectors=True)}
        pairs = [(there[point.id], point) for point in page if point.id in there]
        _note(found.surplus, (point.id for point in page if point.id not in there))
        deviations = relative_deviations(*zip(*pairs, strict=True)) if pairs else np.empty(0)
        _note(
            found.differing,
            (one.id for (one, other), far in zip(pairs, deviations, strict=True) if _differ(one, other, far)),
        )
        found.deviation = max(found.deviation, float(deviations.max(initial=0.0)))
        for pair in pairs:
            for point, contents, vectors in zip(pair, found.contents, found.vectors, strict=True):
                contents.add(content_of(point))
                if point.vector is not None:
                    vectors.add(point.id.encode() + b"\0" + point.vector.astype("<f4").tobytes())
        found.records += len(page)
        progress("checking", found.records, max(total, found.records))
    if found.records != first.count():
        _note(found.missing, missing_ids(first, second))
    return found


def missing_ids(first: Store, second: Store) -> "Iterable[str]":
    """Go through the ids that the second of two stores lacks."""
    for page in batched(first.scroll(page_size=PAGE), PAGE):
        ids = [point.id for point in page]
        there = {point.id for point in second.get(ids)}
        yield from (id_ for id_ in ids if id_ not in there)


def same_point(one: Point, other: Point) -> bool:
    """Say whether two points are the same, their vectors to float32 rounding."""
    return not _differ(one, other, float(relative_deviations([one], [other])[0]))


def _differ(one: Point, other: Point, deviation: float) -> bool:
    return one.payload != other.payload or deviation > VECTOR_TOLERANCE


def relative_deviations(ones: Sequence[Point], others: Sequence[Point]) -> Scores:
    """Measure how far vectors are from each other, in pairs.

    Args:
        ones: `n` points with vectors, or all without.
        others: `n` points likewise.

    Returns:
        `(n,)` float64 Euclidean distances as a share of the first vector's length; 0 where neither has a vector, and
        infinite where just one has, or just one is zero.
    """
    if all(point.vector is None for point in (*ones, *others)):
        return np.zeros(len(ones))
    if any(point.vector is None for point in (*ones, *others)):
        return np.full(len(ones), np.inf)
    first, second = (np.stack([point.vector for point in points]) for points in (ones, others))  # type: ignore[misc]  # none is None, as just checked
    distances = np.sqrt(np.square(first.astype(np.float64) - second).sum(axis=1))
    lengths = row_norms(first)
    shares = np.where(distances > 0, np.inf, 0.0)
    np.divide(distances, lengths, out=shares, where=lengths > 0)
    return shares


def content_of(point: Point) -> bytes:
    """Write down id and payload, in one form however a back end orders the keys of metadata."""
    payload = point.payload
    content = [point.id, payload.text, payload.title, payload.digest, payload.image, dict(payload.meta)]
    return json.dumps(content, sort_keys=True, separators=(",", ":")).encode()


def _note(ids: list[str], more: "Iterable[str]") -> None:
    ids.extend(islice(more, max(0, _SHOWN - len(ids))))
