"""What makes one vector of a text's token vectors: pooling, dense layers, normalisation."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeAlias, get_args

import numpy as np
import numpy.typing as npt

from nearfield.arrays import Vectors, normalise

Pooling: TypeAlias = Literal["mean", "cls", "max", "lasttoken", "mean_sqrt_len_tokens", "weightedmean"]
Activation: TypeAlias = Literal["identity", "tanh"]

POOLINGS: tuple[Pooling, ...] = get_args(Pooling)
ACTIVATIONS: tuple[Activation, ...] = get_args(Activation)


@dataclass(frozen=True)
class Dense:
    """A dense layer over pooled vectors, as a folder describes it; its weights are not read yet.

    Attributes:
        weights: Its `model.safetensors`.
        into: Dimensions of the vectors it takes.
        out: Dimensions of the vectors it gives.
        bias: Whether it adds a bias.
        activation: What follows it.
    """

    weights: Path
    into: int
    out: int
    bias: bool
    activation: Activation

    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Name each of its tensors, with its shape."""
        shapes: dict[str, tuple[int, ...]] = {"linear.weight": (self.out, self.into)}
        if self.bias:
            shapes["linear.bias"] = (self.out,)
        return shapes


@dataclass(frozen=True, eq=False)
class DenseWeights:
    """A dense layer ready to be computed.

    Attributes:
        weight: `(out, into)` float32.
        bias: `(out,)` float32, or None.
        activation: What follows it.
    """

    weight: npt.NDArray[np.float32]
    bias: npt.NDArray[np.float32] | None
    activation: Activation


@dataclass(frozen=True)
class Head:
    """Turns token vectors into text vectors, in NumPy; used where the graph does not end in them.

    Attributes:
        pooling: How token vectors become one vector.
        dense: Layers after it.
        normalise: Whether vectors are scaled to length 1 in the end.
    """

    pooling: Pooling
    dense: tuple[DenseWeights, ...]
    normalise: bool

    def __call__(self, states: npt.NDArray[np.float32], *, skip: int = 0) -> Vectors:
        """Pool, apply the dense layers, normalise.

        Args:
            states: `(texts, tokens, hidden)` float32, without padding.
            skip: Leading tokens to leave out of the pooling, fewer than there are.

        Returns:
            `(texts, dim)` float32, C-contiguous.
        """
        vectors = _pool(states[:, skip:], self.pooling, first=skip)
        for layer in self.dense:
            vectors = vectors @ layer.weight.T
            if layer.bias is not None:
                vectors += layer.bias
            if layer.activation == "tanh":
                vectors = np.tanh(vectors)
        vectors = np.ascontiguousarray(vectors, dtype=np.float32)
        return normalise(vectors) if self.normalise else vectors


def _pool(states: npt.NDArray[np.float32], pooling: Pooling, *, first: int) -> Vectors:
    """Reduce `(texts, tokens, hidden)` to `(texts, hidden)`; the first token stands at position `first`."""
    if pooling in ("cls", "lasttoken"):
        return states[:, 0 if pooling == "cls" else -1]
    if pooling == "max":
        largest: Vectors = states.max(axis=1)
        return largest
    if pooling == "weightedmean":
        # Muennighoff (2022), arXiv:2202.08904: the weight of a token is its position, counted from 1.
        weights = np.arange(first + 1, first + 1 + states.shape[1], dtype=np.float32)
        weighted: Vectors = np.einsum("ntd,t->nd", states, weights / weights.sum())
        return weighted
    mean: Vectors = states.mean(axis=1)
    return mean if pooling == "mean" else mean * np.float32(np.sqrt(states.shape[1]))
