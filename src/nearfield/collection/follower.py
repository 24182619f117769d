"""A store kept in line with another one whose vectors are of another space."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace

from nearfield.collection.points import record_of
from nearfield.collection.serving import Serving
from nearfield.data.records import batched
from nearfield.encoders.base import Encoder, check_vectors, item_of
from nearfield.progress import Progress, silent
from nearfield.stores.base import Payload, Point, Store

PAGE = 250
"""Records encoded and written together: what an interruption can cost."""


class Follower:
    """Makes the target hold what the source holds, encoding only what is not there with the same payload.

    Args:
        source: A store; only read.
        serving: What holds the target, a store of another space.
        encoder: Gives the encoder of the target's vectors, which may never be needed.
    """

    def __init__(self, source: Store, serving: Serving, encoder: Callable[[], Encoder]) -> None:
        self._source = source
        self._serving = serving
        self._target = serving.store
        self._encoder = encoder

    def sweep(self, progress: Progress = silent) -> int:
        """Go through all points of both.

        Args:
            progress: Called with the number of the source's points that the target has.

        Returns:
            How many were written or deleted; 0 if the two held the same already.
        """
        changed = done = 0
        begun, total = self._target.count() > 0, self._source.count()
        for page in batched(self._source.scroll(page_size=PAGE), PAGE):
            changed += self._write(page, self._held([point.id for point in page]) if begun else {})
            done += len(page)
            progress("migrating", done, max(done, total))
        for page in batched(self._target.scroll(page_size=PAGE), PAGE):
            changed += self._delete_what_is_gone([point.id for point in page])
        return changed

    def follow(self, ids: Iterable[str]) -> int:
        """Bring some points in line, whether they were written or deleted: how many had to be changed."""
        changed = 0
        for some in batched(ids, PAGE):
            changed += self._write(self._source.get(some), self._held(some)) + self._delete_what_is_gone(some)
        return changed

    def _held(self, ids: Sequence[str]) -> Mapping[str, Payload]:
        return {point.id: point.payload for point in self._target.get(ids)}

    def _write(self, points: Sequence[Point], held: Mapping[str, Payload]) -> int:
        stale = [point for point in points if held.get(point.id) != point.payload]
        if stale:
            encoder = self._encoder()
            items = [item_of(record_of(point), encoder.spec) for point in stale]
            vectors = check_vectors(encoder.encode_document(items), encoder.spec, len(items))
            encoded = [replace(point, vector=vector) for point, vector in zip(stale, vectors, strict=True)]
            self._target.upsert(self._serving.batch_of(encoded))
        return len(stale)

    def _delete_what_is_gone(self, ids: Sequence[str]) -> int:
        there = {point.id for point in self._source.get(ids)}
        gone = [id_ for id_ in ids if id_ not in there]
        return self._target.delete(gone) if gone else 0


def differing(source: Store, target: Store) -> int:
    """Count the points of two stores that are in one only, or have not the same payload."""
    count = 0
    for page in batched(source.scroll(page_size=PAGE), PAGE):
        there = {point.id: point.payload for point in target.get([point.id for point in page])}
        count += sum(there.get(point.id) != point.payload for point in page)
    for page in batched(target.scroll(page_size=PAGE), PAGE):
        count += len(page) - len(source.get([point.id for point in page]))
    return count
