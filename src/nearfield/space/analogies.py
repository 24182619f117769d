"""What is to woman as king is to man: neighbours of sums and differences.

References:
    Mikolov, Yih & Zweig (2013), https://aclanthology.org/N13-1090 (3CosAdd, PairDirection);
    Levy & Goldberg (2014), doi:10.3115/v1/W14-1618 (3CosMul).
"""

from typing import TYPE_CHECKING, Literal, TypeAlias, get_args

import numpy as np

from nearfield.arrays import normalise
from nearfield.errors import InvalidInputError
from nearfield.space.neighbours import Neighbour, top_rows

if TYPE_CHECKING:
    from nearfield.space.space import Space

AnalogyMethod: TypeAlias = Literal["3CosAdd", "3CosMul", "PairDirection"]
COSMUL_EPSILON = 1e-6  # gensim's; Levy & Goldberg take 0.001


def require_method(method: str) -> None:
    """Raise `InvalidInputError` unless there is such a method."""
    if method not in get_args(AnalogyMethod):
        raise InvalidInputError(f"method must be one of {', '.join(get_args(AnalogyMethod))}, got {method!r}")


def solve_analogy(
    space: "Space", positive: list[str], negative: list[str], *, k: int, method: AnalogyMethod
) -> list[Neighbour]:
    """Find what `Space.most_similar` promises."""
    if not positive and not negative:
        raise InvalidInputError("most_similar needs at least one key, got none")
    if k < 1:
        raise InvalidInputError(f"k must be at least 1, got {k}")
    require_method(method)
    asked = normalise(space.vectors_of([*positive, *negative]))
    signs = np.repeat([1.0, -1.0], [len(positive), len(negative)]).astype(np.float32)
    target = normalise((signs @ asked)[None])[0]
    scores = (space.vectors @ target) / space.norms
    rows = space.keys.positions([*positive, *negative])
    scores[rows[rows >= 0]] = -np.inf
    best = top_rows(scores, min(k, len(space) - len(set(rows[rows >= 0].tolist()))))
    return [Neighbour(space.keys[int(row)], float(scores[row])) for row in best]
