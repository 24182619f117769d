"""What is to woman as king is to man: neighbours of sums and differences.

With unit vectors a, b and c of "a is to b as c is to x", rows are ordered by

- 3CosAdd: cos(x, b - a + c), for any number of positive and negative terms;
- 3CosMul: cos(x, b) cos(x, c) / (cos(x, a) + 0.000001), cosines moved to [0, 1]; any number of terms, but one positive;
- PairDirection: cos(x - c, b - a), for just these three; 0 for an x equal to c.

They agree with gensim's `most_similar` and `most_similar_cosmul`, but a vector among the terms is scaled to length 1
as those of keys are.

References:
    Mikolov, Yih & Zweig (2013), https://aclanthology.org/N13-1090 (3CosAdd, PairDirection);
    Levy & Goldberg (2014), doi:10.3115/v1/W14-1618 (3CosMul).
"""

from typing import Literal, TypeAlias, get_args

import numpy as np

from nearfield.arrays import Scores
from nearfield.errors import InvalidInputError
from nearfield.space.asked import Terms
from nearfield.space.candidates import Numbers, best_of, possible_rows
from nearfield.space.keys import Positions
from nearfield.space.nearest import RowSearch
from nearfield.space.neighbours import require_k

AnalogyMethod: TypeAlias = Literal["3CosAdd", "3CosMul", "PairDirection"]
COSMUL_EPSILON = 1e-6  # gensim's; Levy & Goldberg take 0.001

_CANCELLED = 1e-9  # length of a sum of unit vectors that is nothing but rounding
_SAME = 1e-12  # distance of unit vectors that are equal but for rounding


def require_method(method: str) -> None:
    """Raise `InvalidInputError` unless there is such a method."""
    if method not in get_args(AnalogyMethod):
        raise InvalidInputError(f"method must be one of {', '.join(get_args(AnalogyMethod))}, got {method!r}")


def solve(search: RowSearch, terms: Terms, *, k: int, method: AnalogyMethod) -> tuple[Positions, Scores]:
    """Find the rows that fit terms best; see `Space.most_similar`.

    Args:
        search: The rows.
        terms: At least one.
        k: How many.
        method: See this module.

    Returns:
        Up to `k` rows and their scores, best first, of equal ones the earlier row first.

    Raises:
        InvalidInputError: If `k` is below 1, there is no such method, it does not fit the terms, or they cancel out.
    """
    require_k(k)
    require_method(method)
    if method == "3CosAdd":
        target = _direction(terms.positive.sum(axis=0) - terms.negative.sum(axis=0))
        return search.nearest(target, k=k, metric="cosine", excluded=terms.excluded)
    if method == "3CosMul":
        return _solve_products(search, terms, k=k)
    return _solve_direction(search, terms, k=k)


def _direction(total: Scores) -> Scores:
    length = np.linalg.norm(total)
    if length < _CANCELLED:
        raise InvalidInputError(
            "positive and negative cancel out, so there is no direction to search in; ask with others"
        )
    direction: Scores = total / length
    return direction


def _solve_products(search: RowSearch, terms: Terms, *, k: int) -> tuple[Positions, Scores]:
    if not len(terms.positive):
        raise InvalidInputError("3CosMul needs at least one positive key, got none; 3CosAdd does without")
    asked, split = np.concatenate([terms.positive, terms.negative]), len(terms.positive)
    cosines, slack = search.cosines(asked)

    def combined(cosines: Numbers, sign: int, slack: float) -> Scores:
        near = np.maximum((1 + cosines[:split].astype(np.float64) + sign * slack) / 2, 0)
        far = np.maximum((1 + cosines[split:].astype(np.float64) - sign * slack) / 2, 0)
        scores: Scores = near.prod(axis=0) / (far.prod(axis=0) + COSMUL_EPSILON)
        return scores

    def score(rows: Positions) -> Scores:
        return combined(_exact_cosines(search, rows, asked), 1, 0)

    rows = possible_rows(combined(cosines, -1, slack), combined(cosines, 1, slack), k=k, excluded=terms.excluded)
    return best_of(rows, score, k=k)


def _exact_cosines(search: RowSearch, rows: Positions, asked: Scores) -> Scores:
    found = np.empty((len(asked), len(rows)))
    for part, units in search.unit_rows(rows):
        for cosines, one in zip(found, asked, strict=True):
            cosines[part] = (units * one).sum(axis=1)
    return found


def _solve_direction(search: RowSearch, terms: Terms, *, k: int) -> tuple[Positions, Scores]:
    if (len(terms.positive), len(terms.negative)) != (2, 1):
        raise InvalidInputError(
            "PairDirection needs positive [b, c] and negative [a], of 'a is to b as c is to x'; "
            f"got {len(terms.positive)} positive and {len(terms.negative)} negative"
        )
    (b, c), (a,) = terms.positive, terms.negative
    direction = _direction(b - a)

    def score(rows: Positions) -> Scores:
        scores = np.zeros(len(rows))
        for part, units in search.unit_rows(rows):
            away = units - c
            lengths = np.sqrt((away**2).sum(axis=1))
            np.divide((away * direction).sum(axis=1), lengths, out=scores[part], where=lengths > _SAME)
        return np.clip(scores, -1, 1)

    (along, near), slack = search.cosines(np.stack([direction, c]))
    ahead, squared = along.astype(np.float64) - direction @ c, 2 - 2 * near.astype(np.float64)
    shortest = np.sqrt(np.maximum(squared - 2 * slack, 0))
    longest = np.sqrt(np.maximum(squared + 2 * slack, 0))
    upper = _highest_quotient(ahead + slack, shortest, longest)
    lower = -_highest_quotient(slack - ahead, shortest, longest)
    return best_of(possible_rows(lower, upper, k=k, excluded=terms.excluded), score, k=k)


def _highest_quotient(ahead: Scores, shortest: Scores, longest: Scores) -> Scores:
    """Divide by whichever length makes more of it; a cosine is at most 1, and anything over nothing may be that."""
    length = np.where(ahead > 0, shortest, longest)
    return np.minimum(np.divide(ahead, length, out=np.ones_like(ahead), where=length > 0), 1)
