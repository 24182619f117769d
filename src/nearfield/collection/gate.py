"""What decides whether a migration may go through: any function from two collections to a verdict."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from nearfield.collection.collection import Collection
from nearfield.data.records import Json


@dataclass(frozen=True)
class GateResult:
    """Whether a migration may go through, and why.

    Attributes:
        passed: The verdict.
        gate: What was asked, in a word or two.
        found: The answer in plain words.
        figures: The numbers behind it.
    """

    passed: bool
    gate: str
    found: str
    figures: Mapping[str, Json] = field(default_factory=dict)

    def __str__(self) -> str:
        """Say it in words."""
        return f"{self.gate}: {'passed' if self.passed else 'FAILED'}; {self.found}"


Gate: TypeAlias = Callable[[Collection, Collection], GateResult]
"""Called with the collection as it serves and as it would serve; it only searches them. If the collection is asked by
an adapter (`Collection.ask_by`), so is the first of the two, which finds less than by its own encoder."""
