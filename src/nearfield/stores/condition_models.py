"""The conditions of Qdrant's two Python engines: the same language, written with other classes.

`qdrant_edge` is the engine in this process, whose classes are in `nearfield.stores.embedded.conditions`;
`qdrant_client` speaks to a server, its classes are in `nearfield.stores.qdrant.conditions`. What is asked is put
together in `nearfield.stores.embedded.filters`, once for both.
"""

from collections.abc import Sequence
from typing import Any, Literal, Protocol, TypeAlias

Condition: TypeAlias = Any
"""A condition or filter of the engine in question, whose types have no common ground."""

Bound: TypeAlias = Literal["gt", "gte", "lt", "lte"]


class ConditionModel(Protocol):
    """Make conditions of one engine; a filter is a condition too."""

    def all_of(self, parts: Sequence[Condition]) -> Condition:
        """Make a filter that holds where each part does; everywhere without any."""
        ...

    def any_of(self, parts: Sequence[Condition]) -> Condition:
        """Make a filter that holds where at least one part does; nowhere without any."""
        ...

    def none_of(self, parts: Sequence[Condition]) -> Condition:
        """Make a filter that holds where no part does."""
        ...

    def has_any(self, key: str, keywords: Sequence[str]) -> Condition:
        """Make the condition that a payload key holds one of the keywords."""
        ...

    def has_part(self, key: str, part: str) -> Condition:
        """Make the condition that a payload key holds a string of which `part` is a part."""
        ...

    def is_bounded(self, key: str, bound: Bound, value: float) -> Condition:
        """Make the condition that a payload key holds a number on this side of a value."""
        ...

    def is_empty(self, key: str) -> Condition:
        """Make the condition that a payload key holds nothing."""
        ...
