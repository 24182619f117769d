"""Reading a Weaviate collection: what a filter lets through, counted and gone through."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar
from uuid import UUID

from nearfield.errors import StorageError
from nearfield.extras import import_extra
from nearfield.stores.base import Payload, Point, Where
from nearfield.stores.filters import Filter, matches, parse_where
from nearfield.stores.retries import ServerCalls
from nearfield.stores.weaviate.config import WeaviateConfig
from nearfield.stores.weaviate.filters import Condition, condition_of
from nearfield.stores.weaviate.points import WITH_ALL, WITH_META, object_id, read_point, read_stored
from nearfield.stores.weaviate.slices import ALL_SLOTS, visit, within

T = TypeVar("T")

PAGE = 1000


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a filter means, to Weaviate and here.

    Attributes:
        condition: What Weaviate is asked; None for everything.
        rest: The filter, where Weaviate lets through more than it means; None where what it lets through is meant.
    """

    condition: Condition | None = None
    rest: Filter | None = None

    @classmethod
    def of(cls, where: Where | None) -> "Wanted":
        """Translate a filter; None means everything."""
        return cls() if where is None else cls.of_tree(parse_where(where))

    @classmethod
    def of_tree(cls, tree: Filter) -> "Wanted":
        """Translate a filter that is parsed already."""
        condition, exact = condition_of(tree)
        return cls(condition, None if exact else tree)

    def keeps(self, payload: Payload) -> bool:
        """Say whether a point that Weaviate let through is meant."""
        return self.rest is None or matches(self.rest, payload.meta)


class Reads:
    """A class on the server, asked with one level of consistency, until it is closed.

    `collection` is the client's.

    Args:
        collection: The client's.
        calls: How to call it.
        config: What it holds.
    """

    def __init__(self, collection: Any, calls: ServerCalls, config: WeaviateConfig) -> None:  # noqa: ANN401
        levels = import_extra("weaviate.classes.config", extra="weaviate").ConsistencyLevel
        self.collection = collection.with_consistency_level(levels[config.consistency.upper()])
        self._calls = calls
        self._closed = False

    def ask(self, doing: str, call: Callable[[], T]) -> T:
        """Call the server, and again while it is gone; a closed store is a `StorageError`."""
        if self._closed:
            raise StorageError("the store is closed; open it again")
        return self._calls.ask(doing, call)

    def close(self) -> None:
        """Ask no more."""
        self._closed = True

    def count(self, wanted: Wanted) -> int:
        """Count the points that are meant."""
        if wanted.rest is None:
            return self.count_in(ALL_SLOTS, wanted.condition)
        return sum(1 for _ in self.objects(wanted, WITH_META))

    def count_in(self, slots: range, condition: Condition | None) -> int:
        """Count what Weaviate lets through in a range of slots."""
        aggregate = self.collection.aggregate
        found = self.ask("counting", lambda: aggregate.over_all(filters=within(slots, condition), total_count=True))
        return int(found.total_count)

    def by_ids(self, ids: Iterable[str], *, vectors: bool = False) -> Iterator[Point]:
        """Read the points that exist among `ids`, each once, in any order."""
        query = self.collection.query
        for chunk in chunks(ids):
            found = self.ask(
                "reading points",
                partial(
                    query.fetch_objects_by_ids,
                    chunk,
                    limit=len(chunk),
                    include_vector=vectors,
                    return_properties=WITH_ALL,
                ),
            )
            yield from map(read_point, found.objects)

    def objects(
        self, wanted: Wanted, properties: Sequence[str], *, vectors: bool = False, page_size: int = PAGE
    ) -> Iterator[Any]:
        """Go through the points that are meant, each once.

        Args:
            wanted: Which; where there is a rest to check, `properties` must hold the metadata.
            properties: What to read of each.
            vectors: Whether to read their vectors too.
            page_size: About how many to read at a time, at least 1.

        Yields:
            The client's objects.
        """
        query = self.collection.query

        def fetch(slots: range, limit: int) -> list[Any]:
            condition = within(slots, wanted.condition)
            found = self.ask(
                "reading points",
                lambda: query.fetch_objects(
                    limit=limit, filters=condition, include_vector=vectors, return_properties=list(properties)
                ),
            )
            return list(found.objects)

        expected = self.count_in(ALL_SLOTS, wanted.condition)
        for found in visit(fetch, expected, page_size):
            if wanted.rest is None or wanted.keeps(read_stored(found)):
                yield found


def chunks(ids: Iterable[str]) -> Iterator[list[UUID]]:
    """Map ids to the server's, each once, as many at a time as a request may name."""
    uuids = list(dict.fromkeys(map(object_id, ids)))
    for start in range(0, len(uuids), PAGE):
        yield uuids[start : start + PAGE]
