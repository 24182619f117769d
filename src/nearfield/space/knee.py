"""Where a curve that rises ever more slowly bends: how much is enough.

References:
    Satopää, Albrecht, Irwin & Raghavan (2011), "Finding a 'Kneedle' in a Haystack", doi:10.1109/ICDCSW.2011.20.
"""

from collections.abc import Sequence

import numpy as np

from nearfield.errors import InvalidInputError


def knee(costs: Sequence[float], values: Sequence[float]) -> int | None:
    """Find the point farthest above the line from the first point to the last.

    Args:
        costs: Ascending.
        values: What each cost buys, one for each.

    Returns:
        Its position; None if there are fewer than three points, or none lies above the line.

    Raises:
        InvalidInputError: If there is not one value for each cost.

    Examples:
        >>> knee([0, 1, 2, 3, 4], [0, 0.8, 0.9, 0.95, 1])
        1
        >>> knee([0, 1, 2], [0, 0.5, 1]) is None
        True
    """
    if len(costs) != len(values):
        raise InvalidInputError(f"each cost needs one value, got {len(costs)} costs and {len(values)} values")
    if len(costs) < 3 or costs[-1] == costs[0]:
        return None
    x, y = np.asarray(costs, np.float64), np.asarray(values, np.float64)
    # Distances to one line are proportional to the differences in height.
    above = y - (y[0] + (y[-1] - y[0]) * (x - x[0]) / (x[-1] - x[0]))
    best = int(above.argmax())
    return best if above[best] > 1e-9 else None
