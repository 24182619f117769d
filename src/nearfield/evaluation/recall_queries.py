"""The queries that recall is measured with: people's own, or stored vectors in their place."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import islice

import numpy as np
import numpy.typing as npt

from nearfield.arrays import Vectors
from nearfield.collection.collection import Collection
from nearfield.encoders.base import check_vectors
from nearfield.errors import CapabilityError, DataError, InvalidInputError
from nearfield.stores.base import Point, Store


@dataclass(frozen=True, eq=False)
class RecallQueries:
    """What is searched for.

    Attributes:
        vectors: `(q, d)` float32.
        own: For each query the id of the point that it is, which is left out of its results; None if it is none.
        told: Where they come from.
    """

    vectors: Vectors
    own: Sequence[str | None]
    told: str


def sample_points(store: Store, size: int, *, seed: int) -> list[Point]:
    """Draw points at random, without their vectors; goes through the store up to the last of them.

    Args:
        store: Where they are.
        size: How many, if there are so many.
        seed: Of the draw.

    Returns:
        Different points, in random order.

    Raises:
        DataError: If the store is empty.
    """
    total = store.count()
    if not total:
        raise DataError("the collection holds no records, so there is nothing to search")
    drawn: list[int] = np.random.default_rng(seed).choice(total, min(size, total), replace=False).tolist()
    last, wanted = max(drawn), set(drawn)
    found = {place: point for place, point in enumerate(islice(store.scroll(), last + 1)) if place in wanted}
    return [found[place] for place in drawn if place in found]  # others may delete meanwhile


def recall_queries(
    source: Collection | Store,
    queries: "Mapping[str, str] | Sequence[str] | npt.ArrayLike | None",
    sampled: Sequence[Point],
) -> RecallQueries:
    """Make vectors of whatever is given as queries.

    Args:
        source: What is asked about.
        queries: Texts, by id or in a list, for the collection's encoder; or `(q, d)` vectors; or None for the
            sampled points.
        sampled: Points that stand in for queries.

    Returns:
        The queries, at least two.

    Raises:
        InvalidInputError: If there are fewer than two, or texts for a store, which has no encoder.
    """
    if queries is None:
        store = source.store if isinstance(source, Collection) else source
        points = [(p.id, p.vector) for p in store.get([p.id for p in sampled], with_vectors=True)]
        stored = [(id_, vector) for id_, vector in points if vector is not None]
        told = f"{len(stored)} stored vectors drawn at random, each left out of its own results"
        found = RecallQueries(np.array([vector for _, vector in stored], np.float32), [id_ for id_, _ in stored], told)
    elif isinstance(queries, Mapping) or _are_texts(queries):
        texts = list(queries.values()) if isinstance(queries, Mapping) else [str(text) for text in np.asarray(queries)]
        vectors = _encoded(source, texts)
        found = RecallQueries(vectors, [None] * len(texts), f"{len(texts)} queries of your own")
    else:
        given = np.asarray(queries, np.float32)
        found = RecallQueries(given, [None] * len(given), f"{len(given)} query vectors of your own")
    if len(found.vectors) < 2:
        raise InvalidInputError(f"recall needs at least 2 queries to say how sure it is, got {len(found.vectors)}")
    return found


def _are_texts(queries: object) -> bool:
    return isinstance(queries, Sequence) and not isinstance(queries, str) and all(isinstance(q, str) for q in queries)


def _encoded(source: Collection | Store, texts: list[str]) -> Vectors:
    if not isinstance(source, Collection) or (encoder := source.encoder) is None:
        raise InvalidInputError("texts as queries need a collection with an encoder; give query vectors")
    return check_vectors(encoder.encode_query(texts), encoder.spec, len(texts))


def check_searchable(store: Store) -> None:
    """Refuse a store whose approximate search cannot be compared with exact search.

    Args:
        store: What is asked about.

    Raises:
        CapabilityError: If it has no dense vectors, no exact or no approximate search.
    """
    if store.config.dim is None:
        raise CapabilityError("the collection has no dense vectors; its words are always searched exactly")
    if not (store.capabilities.exact and store.capabilities.approximate):
        lacking = "exact" if store.capabilities.approximate else "approximate"
        raise CapabilityError(f"this back end has no {lacking} search, so there is nothing to compare")
