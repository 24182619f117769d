"""Conditions of the engine in this process."""

from collections.abc import Sequence

from nearfield.stores.condition_models import Bound, Condition


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
