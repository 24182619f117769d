"""Rotary position embeddings: each pair of a head's numbers is turned by an angle that grows with the position."""

from dataclasses import dataclass

import numpy as np

from nearfield.encoders.graphs.builder import GraphBuilder


@dataclass(frozen=True)
class Rotation:
    """The angles of one run, as tensors of a graph.

    Attributes:
        cosine: `(tokens, 1, size / 2)`.
        sine: `(tokens, 1, size / 2)`.
    """

    cosine: str
    sine: str


def rotation(graph: GraphBuilder, size: int, theta: float) -> Rotation:
    """Compute the angles for each position.

    Args:
        graph: What to add nodes to.
        size: Width of a head, even.
        theta: Base of the wavelengths.

    Returns:
        The angles' cosines and sines.

    References:
        Su et al. (2021), arXiv:2104.09864; the first half of a head pairs with the second, as in transformers.
    """
    # In float32 and in this order, as transformers computes it: at a late position a rounding is a large angle.
    exponents = np.arange(0, size, 2, dtype=np.float32) / np.float32(size)
    frequencies = np.float32(1) / np.power(np.float32(theta), exponents)
    numbers = graph.add("Unsqueeze", graph.as_floats(graph.numbers()), graph.integers(1, 2))
    angles = graph.add("Mul", numbers, graph.floats(frequencies[None, None]))
    return Rotation(graph.add("Cos", angles), graph.add("Sin", angles))


def rotate(graph: GraphBuilder, heads: str, by: Rotation) -> str:
    """Turn queries or keys: `(texts, tokens, heads, size)` in and out."""
    first, second = graph.add_many("Split", heads, count=2, axis=-1, num_outputs=2)
    turned_first = graph.add("Sub", graph.add("Mul", first, by.cosine), graph.add("Mul", second, by.sine))
    turned_second = graph.add("Add", graph.add("Mul", second, by.cosine), graph.add("Mul", first, by.sine))
    return graph.add("Concat", turned_first, turned_second, axis=-1)
