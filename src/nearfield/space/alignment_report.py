"""The result of aligning two spaces: the map, how well it fits, and which keys it does not fit."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from nearfield.report.characters import elided, one_line
from nearfield.report.frozen import to_json
from nearfield.report.numbers import counted, decimal, interval
from nearfield.report.table import Column, text_table
from nearfield.space.linear_map import LinearMap
from nearfield.space.space import Space
from nearfield.statistics import Interval

_KEY_WIDTH = 36  # of a key in a table, so that two columns of them fit a terminal


class KeyChange(NamedTuple):
    """Two keys that are paired and how near their vectors come.

    Attributes:
        source: The key in the source.
        target: The key in the target.
        cosine: Between the mapped vector and the target's, by a map that was fitted without this key.
    """

    source: str
    target: str
    cosine: float


@dataclass(frozen=True, eq=False)
class Alignment:
    """The source turned so that paired keys come as near as can be to those of the target.

    Attributes:
        map: From the source's dimensions to the target's, fitted on all pairs.
        aligned: The source, mapped; comparable with the target by cosine.
        missing: Pairs left out because a space lacks their key.
        residual: Root of the mean squared distance of the mapped from the target's vectors, over all pairs; of vectors
            at length 1 from 0 to 2.
        changes: All pairs, most changed first.
        k: Neighbours that the overlap compares.
        overlap: Mean over keys of the k nearest neighbours in both spaces over those in either, among the paired keys,
            and its 95 % interval. The map does not matter to it.
        held_out: Keys that the precision was measured with, by a map fitted without them.
        candidates: Keys of the target among which their partners were looked for.
        precision: Share of them whose partner is the nearest (`@1`) or among the five nearest (`@5`), by `cosine` and
            by `csls`, with 95 % intervals.
    """

    map: LinearMap
    aligned: Space
    missing: int
    residual: float
    changes: tuple[KeyChange, ...]
    k: int
    overlap: Interval
    held_out: int
    candidates: int
    precision: Mapping[str, Interval]

    @property
    def mean_cosine(self) -> float:
        """Mean of the pairs' cosines, each by a map fitted without its key."""
        return sum(change.cosine for change in self.changes) / len(self.changes)

    def to_json(self, *, show: int | None = None) -> dict[str, Any]:
        """Write all but the vectors down as JSON values.

        Args:
            show: How many of the most and least changed keys to give; all by default, in `most_changed`.

        Returns:
            JSON values.
        """
        least = [] if show is None else [change._asdict() for change in self.changes[::-1][:show]]
        return {
            "pairs": len(self.changes),
            "missing": self.missing,
            "residual": self.residual,
            "mean_cosine": self.mean_cosine,
            "k": self.k,
            "overlap": to_json(self.overlap),
            "held_out": self.held_out,
            "candidates": self.candidates,
            "precision": to_json(self.precision),
            "most_changed": [change._asdict() for change in self.changes[:show]],
            "least_changed": least,
        }

    def to_text(self, *, show: int = 10) -> str:
        """Render for the terminal, with so many of the most and least changed keys."""
        left = f"; {counted(self.missing, 'pair')} left out, whose key a space lacks" if self.missing else ""
        head = f"{counted(len(self.changes), 'pair')} of keys{left}"
        rows = [
            ["mean cosine", decimal(self.mean_cosine), "", "of paired keys, each by a map fitted without it"],
            ["residual", decimal(self.residual), "", "root mean squared distance after mapping"],
            ["overlap", *_mean(self.overlap), f"Jaccard of the {self.k} nearest among the paired keys, in both spaces"],
            *([f"precision{name}", *_mean(found), self._precision_note()] for name, found in self.precision.items()),
        ]
        columns = [Column("measure"), Column("value", "right"), Column("95 % interval"), Column("of what")]
        ends = zip(self.changes[:show], self.changes[::-1][:show], strict=True)
        changed = [[_pair(one), decimal(one.cosine), _pair(other), decimal(other.cosine)] for one, other in ends]
        titles = [Column("most changed"), Column("cosine", "right"), Column("least changed"), Column("cosine", "right")]
        return "\n\n".join([head, text_table(columns, rows), text_table(titles, changed)])

    def _precision_note(self) -> str:
        return f"{self.held_out:,} keys held out, partners among {self.candidates:,}"

    def __str__(self) -> str:
        """Render for the terminal."""
        return self.to_text()


def _mean(found: Interval) -> tuple[str, str]:
    return decimal(found.mean), interval(found.low, found.high)


def _pair(change: KeyChange) -> str:
    both = change.source if change.source == change.target else f"{change.source} → {change.target}"
    return elided(one_line(both), _KEY_WIDTH)
