"""Rows on their way from a file into a space: checked, counted, and kept in one matrix that grows in place."""

import math
from array import array
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from nearfield.arrays import Scores, Vectors, row_norms
from nearfield.data.corpus import Skipped
from nearfield.errors import DataError, InvalidInputError
from nearfield.progress import Progress, silent
from nearfield.space.keys import Keys
from nearfield.space.space import Space
from nearfield.space.subwords import Subwords

Unit = Literal["line", "byte", "row"]


@dataclass(frozen=True)
class ReadOptions:
    """How a file of vectors is to be read.

    Attributes:
        limit: Most rows to keep, the first ones; all if None.
        skip_bad: Whether bad rows are left out and counted; else the first one is an error.
        keys: Where the keys are if not beside the vectors: a file, a column's name, or the keys themselves.
        vectors: Name of the tensor or column that holds the vectors.
        progress: Called with `"reading"` and the rows read.
    """

    limit: int | None = None
    skip_bad: bool = False
    keys: "str | Path | Sequence[str] | None" = None
    vectors: str | None = None
    progress: Progress = silent

    def __post_init__(self) -> None:
        """Refuse a limit that keeps nothing."""
        if self.limit is not None and self.limit < 1:
            raise InvalidInputError(f"limit must be at least 1, got {self.limit}")


class RowCollector:
    """Takes rows as they are read; refuses or leaves out what no space may hold.

    A row is bad if its vector is zero or not finite, or its key was there before.

    Args:
        path: The file they come from.
        dim: Dimensions of a row.
        options: How to read.
        unit: What the place of a row is counted in.
        total: Rows that there will be, if known.

    Attributes:
        places: Where each row kept begins.
    """

    places: "array[int]"

    def __init__(self, path: Path, dim: int, options: ReadOptions, *, unit: Unit, total: int | None = None) -> None:
        self._path, self._options, self._unit = path, options, unit
        self._total = total if options.limit is None or total is None else min(total, options.limit)
        self._row_of: dict[str, int] = {}
        self.places = array("q")
        self._vectors: Vectors = np.empty((0, dim), np.float32)
        self._norms: list[Scores] = []
        self._skipped = Skipped()

    def __len__(self) -> int:
        """Count the rows kept."""
        return len(self._row_of)

    @property
    def dim(self) -> int:
        """Dimensions of a row."""
        return int(self._vectors.shape[1])

    @property
    def seen(self) -> int:
        """Rows taken or left out so far."""
        return len(self) + self._skipped.count

    @property
    def full(self) -> bool:
        """Whether as many rows were kept as were asked for."""
        return self._options.limit is not None and len(self) >= self._options.limit

    def error(self, problem: str, place: int | None = None) -> DataError:
        """Make an error that says where in the file it is."""
        if place is None or self._unit == "line":
            return DataError(problem, source=str(self._path), line=place)
        return DataError(f"{self._unit} {place}: {problem}", source=str(self._path))

    def refuse(self, problem: str, place: int) -> None:
        """Leave a bad row out, or raise what is wrong with it."""
        error = self.error(problem, place)
        if not self._options.skip_bad:
            raise DataError(f"{error}; skip_bad leaves such rows out")
        self._skipped = self._skipped.plus(error)

    def add(self, keys: Sequence[str], vectors: Vectors, places: Sequence[int]) -> None:
        """Take rows; those beyond the limit are not looked at.

        Args:
            keys: `m` keys.
            vectors: `(m, d)` float32, whatever is in it.
            places: Where each row begins.

        Raises:
            DataError: If a row is bad, unless bad ones are left out.
        """
        with np.errstate(all="ignore"):
            norms = row_norms(vectors)
        start, room = len(self), len(keys) if self._options.limit is None else self._options.limit - len(self)
        if len(keys) <= room and self._all_good(keys, norms):
            self._row_of.update(zip(keys, range(start, start + len(keys)), strict=True))
            self.places.extend(places)
        else:
            rows = zip(keys, norms.tolist(), places, strict=True)
            good = [row for row, (key, norm, place) in enumerate(rows) if self._takes(key, norm, place)]
            vectors, norms = vectors[good], norms[good]
        self._norms.append(norms)
        if len(self) > len(self._vectors):
            self._resize(max(len(self), min(2 * len(self._vectors), self._total or 2**62)))
        self._vectors[start : len(self)] = vectors
        self._options.progress("reading", len(self), self._total)

    def space(self, *, format: str, subwords: Subwords | None = None, counts: npt.ArrayLike | None = None) -> Space:
        """Make the space of all rows taken.

        Args:
            format: Name of the file's format.
            subwords: N-grams, if the file has them.
            counts: `(n,)` how often each key was seen, if the file says.

        Returns:
            The space; its `about` tells the source and what was left out.

        Raises:
            DataError: If there is no row.
        """
        if not len(self):
            problem = "holds no vectors"
            if self._skipped.count:
                problem = f"all {self._skipped.count:,} rows are bad; the first: {self._skipped.problems[0]}"
            raise DataError(problem, source=str(self._path))
        self._resize(len(self))
        self._options.progress("reading", len(self), len(self))
        return Space._trusted(
            Keys.of(self._row_of),
            self._vectors,
            norms=np.concatenate(self._norms),
            subwords=subwords,
            counts=counts,
            about=self._about(format),
        )

    def _about(self, format: str) -> dict[str, Any]:
        about: dict[str, Any] = {"source": self._path.name, "format": format}
        if self._skipped.count:
            about["skipped"] = {"count": self._skipped.count, "problems": list(self._skipped.problems)}
        return about

    def _all_good(self, keys: Sequence[str], norms: Scores) -> bool:
        return bool(
            norms.all()
            and np.isfinite(norms).all()
            and len(set(keys)) == len(keys)
            and self._row_of.keys().isdisjoint(keys)
        )

    def _takes(self, key: str, norm: float, place: int) -> bool:
        """Note a row if it is good and wanted."""
        if self.full:
            return False
        if (earlier := self._row_of.get(key)) is not None:
            self.refuse(
                f"{key!r:.80} stands at {self._unit} {self.places[earlier]} already; keys must be unique", place
            )
            return False
        if not norm or not math.isfinite(norm):
            what = "is zero, so it has no direction" if norm == 0 else "holds NaN or infinity"
            self.refuse(f"the vector of {key!r:.80} {what}", place)
            return False
        self._row_of[key] = len(self._row_of)
        self.places.append(place)
        return True

    def _resize(self, rows: int) -> None:
        # The system moves pages rather than copying them: a matrix of gigabytes grows without being held twice.
        self._vectors.resize((rows, self._vectors.shape[1]), refcheck=False)
