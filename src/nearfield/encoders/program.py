"""What engines share: a model goes in, a program that computes it comes out."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from nearfield.encoders.graphs.builder import Weights

TokenIds: TypeAlias = npt.NDArray[np.int64]

CPU_BATCH_TOKENS = 384
"""About the number of tokens whose activations stay in a core's own cache; fewer leave dense layers too narrow."""


@dataclass(frozen=True, eq=False)
class Model:
    """An ONNX model that no engine has opened yet.

    Attributes:
        content: The serialised graph, or the path of an ONNX file.
        weights: The tensors that the graph declares as external, by name; they lie beside it so that they exist once in
            memory and the 2 GB limit of a serialised graph does not apply. Empty for a file, which names its own.
        source: Where the weights come from, for errors.
    """

    content: bytes | Path
    weights: Weights
    source: Path


@dataclass(frozen=True, eq=False)
class Program:
    """A model that an engine made ready to compute.

    Attributes:
        inputs: Names of the inputs, each `(texts, tokens)` int64.
        outputs: Names of the outputs, with the type of their values.
        compute: From inputs by name, and names of outputs, to those outputs. Called from several threads at once,
            each of which is to keep one core busy. Raises `EncoderError` if the engine fails.
        dtype: Precision that names the space: `float32` for whatever agrees with it, else what it is rounded to.
        batch_tokens: About how many tokens to compute at once.
    """

    inputs: tuple[str, ...]
    outputs: Mapping[str, str]
    compute: Callable[[Mapping[str, TokenIds], Sequence[str]], list[npt.NDArray[Any]]]
    dtype: str = "float32"
    batch_tokens: int = CPU_BATCH_TOKENS
