"""One namespace of a Pinecone index: requests within the service's limits, and reads that see earlier writes.

The service makes a write visible a little after it acknowledges it. It numbers the writes to a namespace, and says with
each answer to a query up to which of them the answer counts. So a read here, if something was written through the same
object, first waits until a query has caught up with that: bulk loading waits for nothing. What others write is seen
when the service shows it.
"""

import logging
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from nearfield.extras import import_extra
from nearfield.stores.pinecone.filters import EVERY, TOKENS, Condition
from nearfield.stores.retries import ServerCalls

MAX_TOP_K = 10_000
"""The most matches that one query gives."""

PATIENCE = 30.0
"""Seconds to wait until what was written can be read."""

_MAX_RECORDS, _MAX_BYTES = 1000, 2_000_000
_MAX_DELETED = 1000
_MAX_FETCHED, _MAX_URL = 100, 4_000
_PAGE_BYTES, _USUAL_METADATA, _FLOAT_BYTES = 4_000_000, 2_000, 12
_FIRST_WAIT, _LONGEST_WAIT = 0.005, 1.0
_NOBODY = "%none"

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Record:
    """What is written under one id.

    Attributes:
        id: The id at Pinecone: 1 to 512 ASCII characters.
        values: Makes the vector's components, when they are sent.
        metadata: Flat metadata.
        size: Bytes that the record takes in a request, at most.
    """

    id: str
    values: Callable[[], list[float]]
    metadata: Mapping[str, Any]
    size: int


class Namespace:
    """A namespace, which need not exist before something is written to it.

    Args:
        index: The vendor's client of the index.
        name: The namespace.
        dim: Dimensions of the index's vectors.
        calls: How the server is asked.
        is_dedicated: Whether the index is read by nodes of its own, which can be told how hard to search.
    """

    def __init__(
        self,
        index: Any,  # noqa: ANN401  # the vendor's classes are imported only when they are used
        name: str,
        *,
        dim: int,
        calls: ServerCalls,
        is_dedicated: bool = False,
    ) -> None:
        self._index = index
        self.name = name
        self.dim = dim
        self._calls = calls
        self._is_dedicated = is_dedicated
        self._missing = import_extra("pinecone", extra="pinecone").NotFoundError
        self._turn = threading.Lock()
        self._written: int | None = None

    def write(self, records: Sequence[Record], what: str) -> None:
        """Write records, replacing those with the same ids.

        Args:
            records: Any number; each fits a request.
            what: What to call them in an error message, such as "points".

        Raises:
            StorageError: If the server refuses; it says how many are stored.
        """
        stored = 0
        for group in _requests(records):
            vectors = [{"id": each.id, "values": each.values(), "metadata": each.metadata} for each in group]
            doing = f"writing {what} ({stored:,} of {len(records):,} are stored)"
            self._note(self._ask(doing, self._index.upsert, vectors=vectors))
            stored += len(group)

    def fetch(self, ids: Sequence[str], doing: str) -> dict[str, Any]:
        """Read the records that exist among `ids`, by id, each with `values` and `metadata`."""
        if ids:
            self._settle()
        found: dict[str, Any] = {}
        for group in _url_groups(ids):
            answer = self._ask(doing, self._index.fetch, ids=group)
            found.update(answer.vectors)
        return found

    def query(
        self,
        vector: list[float],
        limit: int,
        condition: Condition | None,
        *,
        with_metadata: bool,
        candidates: int | None = None,
    ) -> list[Any]:
        """Ask for the nearest records.

        Args:
            vector: Components, not all zero.
            limit: At most `MAX_TOP_K`.
            condition: What they must satisfy; None for all.
            with_metadata: Whether to bring their metadata.
            candidates: How many a dedicated node looks at before it chooses; others decide themselves.

        Returns:
            Matches with `id`, `score` and `metadata`, best first.
        """
        self._settle()
        options: dict[str, Any] = {} if condition is None else {"filter": condition.filter}
        if candidates is not None and self._is_dedicated:
            options["max_candidates"] = max(limit, candidates)
        return list(
            self._ask(
                "searching", self._index.query, vector=vector, top_k=limit, include_metadata=with_metadata, **options
            ).matches
        )

    def pages(self, condition: Condition | None, limit: int, doing: str) -> Iterator[list[Any]]:
        """Go through the records that satisfy a condition, each once.

        Args:
            condition: None for all.
            limit: Records in a page, at most; fewer where they may be large.
            doing: For an error message.

        Yields:
            Records with `id`, `values` and `metadata`.
        """
        self._settle()
        size = max(1, min(limit, _MAX_RECORDS, _PAGE_BYTES // (_FLOAT_BYTES * self.dim + _USUAL_METADATA)))
        for page in self._paged(doing, self._index.fetch_by_metadata, filter=(condition or EVERY).filter, limit=size):
            yield list(page.vectors.values())

    def ids(self, prefix: str) -> Iterator[str]:
        """List the ids that begin so."""
        self._settle()
        for page in self._paged("listing", self._index.list_paginated, prefix=prefix):
            yield from (item.id for item in page.vectors)

    def count(self, condition: Condition | None) -> int:
        """Count the records that satisfy a condition."""
        self._settle()
        # An update that is not carried out says how many it would reach.
        update, change = self._if_there(self._index.update), {"counted": True}
        answer = self._ask("counting", update, filter=(condition or EVERY).filter, set_metadata=change, dry_run=True)
        return 0 if answer is None else int(answer.matched_records or 0)

    def delete(self, ids: Sequence[str], what: str) -> None:
        """Remove records."""
        for start in range(0, len(ids), _MAX_DELETED):
            doing = f"deleting {what} ({start:,} of {len(ids):,} are deleted)"
            self._ask(doing, self._if_there(self._index.delete), ids=list(ids[start : start + _MAX_DELETED]))
        if ids:
            self._note_deletion()

    def clear(self) -> None:
        """Remove all records."""
        self._ask("deleting all points", self._if_there(self._index.delete), delete_all=True)
        self._note_deletion()

    def drop(self) -> None:
        """Remove the namespace; harmless when there is none."""
        drop = self._if_there(self._index.delete_namespace)
        self._calls.ask("removing a namespace", lambda: drop(name=self.name))

    def _ask(self, doing: str, operation: Callable[..., Any], **arguments: Any) -> Any:  # noqa: ANN401  # the vendor's
        return self._calls.ask(doing, lambda: operation(namespace=self.name, **arguments))

    def _paged(self, doing: str, operation: Callable[..., Any], **arguments: Any) -> Iterator[Any]:  # noqa: ANN401
        token: str | None = None
        while True:
            page = self._ask(doing, operation, pagination_token=token, **arguments)
            yield page
            token = None if page.pagination is None else page.pagination.next
            if not token:
                return

    def _if_there(self, operation: Callable[..., Any]) -> Callable[..., Any]:
        """Let an operation do nothing in a namespace that has had no record yet, where the service answers 404."""

        def run(**arguments: Any) -> Any:  # noqa: ANN401
            try:
                return operation(**arguments)
            except self._missing:
                return None

        return run

    def _note(self, answer: Any) -> None:  # noqa: ANN401  # the vendor's answers to an upsert or an update
        number = None if answer is None or answer.response_info is None else answer.response_info.lsn_committed
        if number is not None:
            with self._turn:
                self._written = number if self._written is None else max(self._written, number)

    def _note_deletion(self) -> None:
        # The client does not hand out the number of a deletion. An update that reaches nothing has a later one.
        update = self._if_there(self._index.update)
        self._note(self._ask("deleting points", update, id=_NOBODY, set_metadata={TOKENS: [_NOBODY]}))

    def _settle(self) -> None:
        """Wait until what was written through this object can be read."""
        awaited = self._written
        if awaited is None:
            return
        probe = [1.0] + [0.0] * (self.dim - 1)
        deadline, wait = time.monotonic() + PATIENCE, _FIRST_WAIT
        while True:
            info = self._ask("waiting for what was written", self._index.query, vector=probe, top_k=1).response_info
            if info is None or info.lsn_reconciled is None or info.is_reconciled(awaited):
                break  # a server that tells no numbers has none to wait for
            if time.monotonic() > deadline:
                _log.warning("what was written to %s cannot be read after %g s; reading goes on", self.name, PATIENCE)
                break
            time.sleep(wait)
            wait = min(2 * wait, _LONGEST_WAIT)
        with self._turn:
            if self._written == awaited:
                self._written = None


def _requests(records: Iterable[Record]) -> Iterator[list[Record]]:
    group: list[Record] = []
    size = 0
    for record in records:
        if group and (len(group) == _MAX_RECORDS or size + record.size > _MAX_BYTES):
            yield group
            group, size = [], 0
        group.append(record)
        size += record.size
    if group:
        yield group


def _url_groups(ids: Iterable[str]) -> Iterator[list[str]]:
    """Cut ids into groups whose requests, which name them in the URL, are short enough for any proxy."""
    group: list[str] = []
    length = 0
    for id in ids:
        if group and (len(group) == _MAX_FETCHED or length + len(id) > _MAX_URL):
            yield group
            group, length = [], 0
        group.append(id)
        length += len(id)
    if group:
        yield group
