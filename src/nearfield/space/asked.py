"""What a space is asked with: keys or vectors, as directions, and the rows that are therefore no answer."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from nearfield.arrays import Metric, Scores, Vectors, as_matrix
from nearfield.errors import InvalidInputError
from nearfield.space.keys import Positions

if TYPE_CHECKING:
    from nearfield.space.space import Space

Term: TypeAlias = str | Vectors
Asked: TypeAlias = Term | Sequence[Term]


@dataclass(frozen=True, eq=False)
class Terms:
    """What rows are to be near to and far from.

    Attributes:
        positive: `(p, d)` float64 of length 1.
        negative: `(q, d)` float64 of length 1.
        excluded: `(e,)` rows that are no answer, as they were asked with; may repeat.
    """

    positive: Scores
    negative: Scores
    excluded: Positions


def terms_of(space: "Space", positive: Asked, negative: Asked) -> Terms:
    """Look up what `Space.most_similar` is asked with, and check it as that promises."""
    near, far = _listed(positive), _listed(negative)
    asked = [*near, *far]
    if not asked:
        raise InvalidInputError("most_similar needs at least one key, got none")
    vectors = np.array([_vector(space, term) for term in asked], np.float64)
    units = vectors / np.sqrt((vectors**2).sum(axis=1))[:, None]
    rows = space.keys.positions([term for term in asked if isinstance(term, str)])
    return Terms(units[: len(near)], units[len(near) :], rows[rows >= 0])


def queries_of(space: "Space", queries: Sequence[str] | Vectors, *, metric: Metric) -> tuple[Scores, Positions]:
    """Look up what `Space.neighbours_of` is asked with: `(m, d)` float64, and `(m, 1)` their own rows or -1."""
    if isinstance(queries, np.ndarray):
        vectors = as_matrix(queries, dim=space.dim, what="queries")
        zero = ~vectors.any(axis=1)
        if metric == "cosine" and zero.any():
            raise InvalidInputError(f"row {int(np.argmax(zero))} of the queries is zero, so it has no direction")
        return vectors.astype(np.float64), np.full((len(vectors), 1), -1)
    return space.vectors_of(queries).astype(np.float64), space.keys.positions(queries)[:, None]


def _listed(asked: Asked) -> list[Term]:
    if isinstance(asked, str) or (isinstance(asked, np.ndarray) and asked.ndim == 1 and asked.dtype.kind in "fiu"):
        return [asked]
    return list(asked)


def _vector(space: "Space", term: Term) -> Vectors:
    if isinstance(term, str):
        return space.vector(term)
    if not isinstance(term, np.ndarray):
        raise InvalidInputError(f"ask with keys or vectors, got {type(term).__name__}: {term!r:.80}")
    vector: Vectors = as_matrix(term[None], dim=space.dim, what="the vector asked with")[0]
    if not vector.any():
        raise InvalidInputError("the vector asked with is zero, so it has no direction")
    return vector
