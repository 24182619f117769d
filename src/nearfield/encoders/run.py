"""From a model folder to a function from token ids to vectors, whatever engine computes it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from nearfield.arrays import Vectors, normalise
from nearfield.encoders.bert_graph import BertConfig, build_bert, read_weights
from nearfield.encoders.engines import open_program
from nearfield.encoders.folder import ModelFolder, Pooling
from nearfield.encoders.options import Runtime
from nearfield.encoders.program import Model, Program, TokenIds
from nearfield.errors import ModelFolderError

Run: TypeAlias = Callable[[TokenIds], Vectors]
"""Turns `(texts, tokens)` ids without padding into `(texts, dim)` vectors; called from several threads at once."""

_KNOWN_INPUTS = ("input_ids", "attention_mask", "token_type_ids")
_POOLED_OUTPUT = "sentence_embedding"
_TOKEN_OUTPUTS = ("last_hidden_state", "token_embeddings")


@dataclass(frozen=True, eq=False)
class OpenRun:
    """A model folder made runnable.

    Attributes:
        run: Turns token ids into vectors; raises `EncoderError` if that fails.
        dtype: Precision it computes in, as the spec names it.
        batch_tokens: About how many tokens to give it at once.
    """

    run: Run
    dtype: str
    batch_tokens: int


def open_run(folder: ModelFolder, runtime: Runtime) -> OpenRun:
    """Make a model folder runnable: from its ONNX file when it has one, else from a graph built over its weights.

    Args:
        folder: The model folder.
        runtime: Which engine computes it, and where.

    Returns:
        What turns token ids into vectors.

    Raises:
        ModelFolderError: If the weights are damaged or of a kind not supported.
        CapabilityError: If the engine cannot run here, or not this model.
        MissingExtraError: If the engine is not installed.
    """
    program = open_program(build_model(folder), runtime)
    output = _output(program, folder)
    pools, normalises = output != _POOLED_OUTPUT, folder.is_onnx and folder.normalise

    def run(ids: TokenIds) -> Vectors:
        feed = {"input_ids": ids, "attention_mask": np.ones_like(ids), "token_type_ids": np.zeros_like(ids)}
        found = program.compute({name: feed[name] for name in program.inputs}, output).astype(np.float32, copy=False)
        vectors = _pool(found, folder.pooling) if pools else found
        return normalise(vectors) if normalises else vectors

    return OpenRun(run, program.dtype, program.batch_tokens)


def build_model(folder: ModelFolder) -> Model:
    """Find or build the ONNX model of a folder.

    Args:
        folder: The model folder.

    Returns:
        The path of its ONNX file when it has one; else a graph whose output is pooled and, if the folder says so,
        normalised.

    Raises:
        ModelFolderError: If the weights are damaged or of a kind not supported.
    """
    if folder.is_onnx:
        return Model(folder.weights, {}, folder.weights)
    config = BertConfig.from_json(folder.config, source=str(folder.root / "config.json"))
    content, weights = build_bert(
        config, read_weights(folder.weights, config), pooling=folder.pooling, normalise=folder.normalise
    )
    return Model(content, weights, folder.weights)


def _output(program: Program, folder: ModelFolder) -> str:
    output = next((name for name in (_POOLED_OUTPUT, *_TOKEN_OUTPUTS) if name in program.outputs), None)
    if set(program.inputs) - set(_KNOWN_INPUTS) or output is None:
        raise ModelFolderError(
            f"{folder.weights} has inputs {list(program.inputs)} and outputs {list(program.outputs)}; supported are "
            f"inputs {list(_KNOWN_INPUTS)} and an output {_POOLED_OUTPUT} or one of {list(_TOKEN_OUTPUTS)}"
        )
    return output


def _pool(states: npt.NDArray[np.float32], pooling: Pooling) -> Vectors:
    """Reduce (texts, tokens, hidden) to (texts, hidden)."""
    if pooling in ("cls", "lasttoken"):
        return states[:, 0 if pooling == "cls" else -1]
    vectors: Vectors = states.mean(axis=1) if pooling == "mean" else states.max(axis=1)
    return vectors
