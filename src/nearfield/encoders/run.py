"""From a model folder to functions from token ids to vectors, whatever engine computes it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from nearfield.arrays import Vectors, normalise
from nearfield.encoders.engines import open_program
from nearfield.encoders.folder import ModelFolder
from nearfield.encoders.graphs.build import STATES_OUTPUT, VECTORS_OUTPUT, build_encoder, build_states, read_head
from nearfield.encoders.options import DEFAULT_RUNTIME, Runtime
from nearfield.encoders.program import Model, Program, TokenIds
from nearfield.errors import CapabilityError, ModelFolderError

Run: TypeAlias = Callable[[TokenIds], Vectors]
"""Turns `(texts, tokens)` ids without padding into `(texts, dim)` vectors; called from several threads at once."""
SkippingRun: TypeAlias = Callable[[TokenIds, int], Vectors]
"""Turns such ids into vectors, leaving as many leading tokens out of the pooling; called from several threads."""
StatesRun: TypeAlias = Callable[[TokenIds], list[npt.NDArray[np.float32]]]
"""Turns such ids into one `(texts, tokens, hidden)` for each layer asked for; called from several threads at once."""

_KNOWN_INPUTS = ("input_ids", "attention_mask", "token_type_ids", "position_ids")
_TOKEN_OUTPUTS = ("last_hidden_state", "token_embeddings")


@dataclass(frozen=True, eq=False)
class OpenRun:
    """A model folder made runnable, with one copy of its weights in memory.

    Attributes:
        run: Turns token ids into vectors; raises `EncoderError` if that fails.
        skipping: The same without some leading tokens, where a prompt's tokens are not pooled; else None.
        dtype: Precision it computes in, as the spec names it.
        batch_tokens: About how many tokens to give it at once.
    """

    run: Run
    skipping: SkippingRun | None
    dtype: str
    batch_tokens: int


def open_run(folder: ModelFolder, runtime: Runtime) -> OpenRun:
    """Make a model folder runnable: from a graph built over its weights, or from its ONNX file.

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
    if not folder.pools_prompts:
        states, program = _open_states(folder, (-1,), runtime)
        head = read_head(folder)

        def skipping(ids: TokenIds, skip: int) -> Vectors:
            return head(states(ids)[0], skip=skip)

        return OpenRun(lambda ids: skipping(ids, 0), skipping, program.dtype, program.batch_tokens)
    program = open_program(build_model(folder), runtime, folder.family)
    output = _choose(program, (VECTORS_OUTPUT, *_TOKEN_OUTPUTS), folder)
    pool = None if output == VECTORS_OUTPUT else read_head(folder)
    normalises = folder.is_onnx and folder.normalise  # a graph that is built does it itself

    def run(ids: TokenIds) -> Vectors:
        (found,) = _compute(program, ids, (output,))
        if pool is not None:
            return pool(found)
        return normalise(found) if normalises else found

    return OpenRun(run, None, program.dtype, program.batch_tokens)


def open_states(folder: ModelFolder, *, layers: Sequence[int] = (-1,), runtime: Runtime = DEFAULT_RUNTIME) -> StatesRun:
    """Make a model folder runnable up to its token vectors.

    Args:
        folder: The model folder.
        layers: Which layers to give, as in `build_states`; an ONNX file has only its last.
        runtime: Which engine computes it, and where.

    Returns:
        What turns token ids into token vectors.

    Raises:
        InvalidInputError: If there is no layer of a number.
        CapabilityError: If an ONNX file is asked for another layer than its last, or the engine cannot run here.
        ModelFolderError: If the weights are damaged or of a kind not supported.
    """
    return _open_states(folder, layers, runtime)[0]


def build_model(folder: ModelFolder) -> Model:
    """Find or build the ONNX model of a folder.

    Args:
        folder: The model folder.

    Returns:
        A graph whose output is pooled and, if the folder says so, normalised; or the path of its ONNX file, where
        `read_folder` chose that.

    Raises:
        ModelFolderError: If the weights are damaged or of a kind not supported.
    """
    if folder.is_onnx:
        return Model(folder.weights, {}, folder.weights)
    return Model(*build_encoder(folder), folder.weights)


def _open_states(folder: ModelFolder, layers: Sequence[int], runtime: Runtime) -> tuple[StatesRun, Program]:
    if folder.is_onnx:
        if any(layer != -1 for layer in layers):
            raise CapabilityError(
                f"{folder.weights} gives the token vectors of its last layer only, asked for {list(layers)}; "
                "use layers=(-1,), or a model of a family that is built here, with its model.safetensors"
            )
        program = open_program(build_model(folder), runtime, folder.family)
        output = _choose(program, _TOKEN_OUTPUTS, folder)
        return lambda ids: _compute(program, ids, (output,)) * len(layers), program
    program = open_program(Model(*build_states(folder, layers=layers), folder.weights), runtime, folder.family)
    outputs = [f"{STATES_OUTPUT}_{position}" for position in range(len(layers))]
    return lambda ids: _compute(program, ids, outputs), program


def _compute(program: Program, ids: TokenIds, outputs: Sequence[str]) -> list[npt.NDArray[np.float32]]:
    feed = {
        "input_ids": ids,
        "attention_mask": np.ones_like(ids),
        "token_type_ids": np.zeros_like(ids),
        "position_ids": np.broadcast_to(np.arange(ids.shape[1]), ids.shape),
    }
    found = program.compute({name: feed[name] for name in program.inputs}, outputs)
    return [values.astype(np.float32, copy=False) for values in found]


def _choose(program: Program, known: Sequence[str], folder: ModelFolder) -> str:
    output = next((name for name in known if name in program.outputs), None)
    source = f"{folder.weights} has inputs {list(program.inputs)} and outputs {list(program.outputs)}"
    if set(program.inputs) - set(_KNOWN_INPUTS):
        raise ModelFolderError(f"{source}; supported are inputs {list(_KNOWN_INPUTS)}")
    if output is None:
        raise ModelFolderError(f"{source}; supported is an output that is one of {list(known)}")
    return output
