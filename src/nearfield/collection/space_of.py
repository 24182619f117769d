"""The vectors of a collection as a space, for everything that asks about the geometry of one."""

from itertools import islice

import numpy as np

from nearfield.collection.serving import Serving
from nearfield.errors import CapabilityError, DataError
from nearfield.progress import Progress
from nearfield.space.space import Space

_PROGRESS_EVERY = 1000


def space_of(serving: Serving, *, name: str, address: str, progress: Progress) -> Space:
    """Read the vectors of all records into a space; see `Collection.to_space`."""
    encoder, store = serving.manifest.encoder, serving.store
    if encoder is None:
        raise CapabilityError(f"{address} ranks by {serving.spec.name}, without any vectors; index with an encoder")
    total = store.count()
    if not total:
        raise DataError("holds no records, so no vectors", source=address)
    # Another thread may write meanwhile: what is more than the count is left out, what is less is cut off.
    ids: list[str] = []
    vectors = np.empty((total, encoder.dim), np.float32)
    for row, point in enumerate(islice(store.scroll(with_vectors=True), total)):
        ids.append(point.id)
        vectors[row] = point.vector
        if row % _PROGRESS_EVERY == 0 or row + 1 == total:
            progress("reading", row + 1, total)
    about = {"collection": name, "encoder": encoder.name, "fingerprint": encoder.fingerprint}
    return Space(ids, vectors[: len(ids)], about=about)
