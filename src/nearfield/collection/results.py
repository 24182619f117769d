"""What a collection answers."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from nearfield.data.records import Json


@dataclass(frozen=True, slots=True)
class Hit:
    """One record found.

    Attributes:
        id: The record's id.
        score: Higher is better; comparable within one answer only.
        text: The record's body.
        title: Its heading.
        meta: Its metadata.
        legs: For each leg that found it, the score it gave.
        image: Path of its image; empty where it has none, or where that was given as bytes.
    """

    id: str
    score: float
    text: str
    title: str = ""
    meta: Mapping[str, Json] = field(default_factory=dict)
    legs: Mapping[str, float] = field(default_factory=dict)
    image: str = ""


@dataclass(frozen=True, slots=True)
class Ranked:
    """One record in a ranking.

    Attributes:
        id: The record's id.
        score: Higher is better; comparable within one ranking only.
        legs: For each leg that found it, the score it gave.
    """

    id: str
    score: float
    legs: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class IngestSummary:
    """What became of the records given to `upsert`.

    Attributes:
        written: Records encoded and stored.
        unchanged: Records stored before with the same content, left alone.
        truncated: Written records longer than the encoder reads; only their beginning is in the dense vector.
    """

    written: int = 0
    unchanged: int = 0
    truncated: int = 0
