"""The conditions of Qdrant's two Python engines: the same language, written with other classes.

`qdrant_edge` is the engine in this process, `qdrant_client` speaks to a server. What is asked is put together in
`nearfield.stores.embedded.filters`, once for both.
"""

from collections.abc import Sequence
from typing import Any, Literal, Protocol, TypeAlias

from nearfield.stores.qdrant.connection import client_models

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


class EdgeConditions:
    """Conditions of `qdrant_edge`."""

    def __init__(self) -> None:
        import qdrant_edge

        self._engine = qdrant_edge

    def all_of(self, parts: Sequence[Condition]) -> Condition:
        """Make a filter that holds where each part does; everywhere without any."""
        return self._engine.Filter(must=list(parts))

    def any_of(self, parts: Sequence[Condition]) -> Condition:
        """Make a filter that holds where at least one part does; nowhere without any."""
        # To the engine an empty `should` is true, so what is never true is an id out of none.
        return self._engine.Filter(should=list(parts) or [self._engine.HasIdCondition(set())])

    def none_of(self, parts: Sequence[Condition]) -> Condition:
        """Make a filter that holds where no part does."""
        return self._engine.Filter(must_not=list(parts))

    def has_any(self, key: str, keywords: Sequence[str]) -> Condition:
        """Make the condition that a payload key holds one of the keywords."""
        return self._engine.FieldCondition(key, match=self._engine.MatchAny(list(keywords)))

    def has_part(self, key: str, part: str) -> Condition:
        """Make the condition that a payload key holds a string of which `part` is a part."""
        return self._engine.FieldCondition(key, match=self._engine.MatchSubstring(part))

    def is_bounded(self, key: str, bound: Bound, value: float) -> Condition:
        """Make the condition that a payload key holds a number on this side of a value."""
        return self._engine.FieldCondition(key, range=self._engine.RangeFloat(**{bound: value}))

    def is_empty(self, key: str) -> Condition:
        """Make the condition that a payload key holds nothing."""
        return self._engine.IsEmptyCondition(key)


class ClientConditions:
    """Conditions of `qdrant_client`."""

    def __init__(self) -> None:
        self._models = client_models()

    def all_of(self, parts: Sequence[Condition]) -> Condition:
        """Make a filter that holds where each part does; everywhere without any."""
        return self._models.Filter(must=list(parts))

    def any_of(self, parts: Sequence[Condition]) -> Condition:
        """Make a filter that holds where at least one part does; nowhere without any."""
        # To the server, too, an empty `should` is true.
        return self._models.Filter(should=list(parts) or [self._models.HasIdCondition(has_id=[])])

    def none_of(self, parts: Sequence[Condition]) -> Condition:
        """Make a filter that holds where no part does."""
        return self._models.Filter(must_not=list(parts))

    def has_any(self, key: str, keywords: Sequence[str]) -> Condition:
        """Make the condition that a payload key holds one of the keywords."""
        return self._models.FieldCondition(key=key, match=self._models.MatchAny(any=list(keywords)))

    def has_part(self, key: str, part: str) -> Condition:
        """Make the condition that a payload key holds a string of which `part` is a part."""
        return self._models.FieldCondition(key=key, match=self._models.MatchSubstring(substring=part))

    def is_bounded(self, key: str, bound: Bound, value: float) -> Condition:
        """Make the condition that a payload key holds a number on this side of a value."""
        return self._models.FieldCondition(key=key, range=self._models.Range(**{bound: value}))

    def is_empty(self, key: str) -> Condition:
        """Make the condition that a payload key holds nothing."""
        return self._models.IsEmptyCondition(is_empty=self._models.PayloadField(key=key))
