"""Conditions of the client that speaks to a Qdrant server."""

from collections.abc import Sequence

from nearfield.stores.condition_models import Bound, Condition
from nearfield.stores.qdrant.connection import client_models


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
