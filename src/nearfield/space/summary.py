"""What a space holds, at a glance."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from nearfield.report.numbers import size
from nearfield.space.space import Space

_SHOWN_KEYS = 8


@dataclass(frozen=True)
class SpaceSummary:
    """What a space holds.

    Attributes:
        keys: Number of keys.
        dim: Number of dimensions.
        bytes: Size of the vectors, in bytes.
        first_keys: The first few keys.
        shortest: Least Euclidean length of a vector; 0 where there is none.
        median_length: Median length.
        longest: Greatest length.
        total_count: How often all keys were seen together; None where it is not known.
        subwords: Buckets of character n-grams and the n-grams' least and greatest number of characters, if any.
        about: Where the space came from.
    """

    keys: int
    dim: int
    bytes: int
    first_keys: tuple[str, ...]
    shortest: float
    median_length: float
    longest: float
    total_count: int | None
    subwords: Mapping[str, int] | None
    about: Mapping[str, Any]

    def __str__(self) -> str:
        """Write it as a few lines."""
        lengths = f"{self.shortest:.3g} to {self.longest:.3g}, median {self.median_length:.3g}"
        shown = [*map(repr, self.first_keys), *["…"] * (self.keys > len(self.first_keys))]
        lines = {
            "keys": ": ".join([f"{self.keys:,}", *[", ".join(shown)] * bool(shown)]),
            "dimensions": f"{self.dim:,}",
            "vectors": f"{size(self.bytes)}, float32",
            "lengths": "all 1" if abs(self.shortest - 1) < 1e-4 and abs(self.longest - 1) < 1e-4 else lengths,
            "counts": "none" if self.total_count is None else f"{self.total_count:,} in all",
            "subwords": "none",
        }
        if (ngrams := self.subwords) is not None:
            lines["subwords"] = f"{ngrams['min_n']} to {ngrams['max_n']} characters, {ngrams['buckets']:,} buckets"
        # "skipped" holds whole messages, which the reader was shown.
        about = {name: value for name, value in self.about.items() if name != "skipped"}
        lines |= {name: value if isinstance(value, str) else json.dumps(value) for name, value in about.items()}
        width = max(map(len, lines))
        return "\n".join(f"{name:<{width}}  {value}" for name, value in lines.items())


def summarise(space: Space) -> SpaceSummary:
    """Say what a space holds.

    Args:
        space: Any space, also an empty one.

    Returns:
        The summary.
    """
    norms = space.norms if len(space) else np.zeros(1)
    ngrams = space.subwords
    return SpaceSummary(
        keys=len(space),
        dim=space.dim,
        bytes=space.vectors.nbytes,
        first_keys=tuple(key if len(key) <= 40 else f"{key[:39]}…" for key in space.keys[:_SHOWN_KEYS]),
        shortest=float(norms.min()),
        median_length=float(np.median(norms)),
        longest=float(norms.max()),
        total_count=None if space.counts is None else int(space.counts.sum()),
        subwords=None
        if ngrams is None
        else {"min_n": ngrams.min_n, "max_n": ngrams.max_n, "buckets": len(ngrams.table)},
        about=space.about,
    )
