"""What attention adds to a score for how far apart two tokens stand."""

import numpy as np
import numpy.typing as npt

from nearfield.encoders.graphs.builder import GraphBuilder


def bucket_of_offset(buckets: int, farthest: int) -> npt.NDArray[np.int64]:
    """Assign the distance between two tokens to a bucket; near ones have their own, far ones share them.

    Args:
        buckets: Number of buckets; the first half is for tokens before, the second for tokens after.
        farthest: Distance from which all share the last bucket.

    Returns:
        `(2 * farthest + 1,)` buckets of the offsets from `-farthest` to `farthest`.

    References:
        Raffel et al. (2020), arXiv:1910.10683, as in transformers (`_relative_position_bucket`, bidirectional).
    """
    offset = np.arange(-farthest, farthest + 1)
    half = buckets // 2
    near = half // 2
    distance = np.abs(offset)
    # In float32 and in this order, as PyTorch computes it: another rounding would move a distance to another bucket.
    ratio = np.log(np.maximum(distance, 1).astype(np.float32) / np.float32(near)) / np.float32(np.log(farthest / near))
    far = near + (ratio * np.float32(half - near)).astype(np.int64)
    bucket: npt.NDArray[np.int64] = np.where(distance < near, distance, np.minimum(far, half - 1))
    return bucket + np.where(offset > 0, half, 0)


def offset_bias(graph: GraphBuilder, values: npt.NDArray[np.float32]) -> str:
    """Spread what is added for each offset over all pairs of tokens.

    Args:
        graph: What to add nodes to.
        values: `(heads or 1, 2 * farthest + 1)` for the offsets from `-farthest` to `farthest`; what is farther apart
            counts as farthest.

    Returns:
        `(1, heads or 1, tokens, tokens)`: for the token that looks, and the token looked at.
    """
    farthest = values.shape[1] // 2
    numbers = graph.numbers()
    columns = graph.add("Unsqueeze", numbers, graph.integers(0))
    rows = graph.add("Unsqueeze", numbers, graph.integers(1))
    offset = graph.add("Sub", columns, rows)
    offset = graph.add("Clip", offset, graph.integer(-farthest), graph.integer(farthest))
    index = graph.add("Add", offset, graph.integer(farthest))
    bias = graph.add("Gather", graph.floats(values), index, axis=1)
    return graph.add("Unsqueeze", bias, graph.integers(0))
