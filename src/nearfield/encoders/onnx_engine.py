"""ONNX Runtime: from a model folder to a function from token ids to vectors."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
import onnxruntime
from onnxruntime.capi import onnxruntime_pybind11_state as ort_errors

from nearfield.arrays import Vectors, normalise
from nearfield.encoders.folder import ModelFolder
from nearfield.encoders.graphs.build import VECTORS_OUTPUT, build_encoder, build_states, read_head
from nearfield.encoders.graphs.builder import Weights
from nearfield.errors import CapabilityError, ModelFolderError

TokenIds: TypeAlias = npt.NDArray[np.int64]
Run: TypeAlias = Callable[[TokenIds], Vectors]
"""Turns `(texts, tokens)` ids without padding into `(texts, dim)` vectors; called from several threads at once."""
SkippingRun: TypeAlias = Callable[[TokenIds, int], Vectors]
"""Turns such ids into vectors, leaving as many leading tokens out of the pooling; called from several threads."""
StatesRun: TypeAlias = Callable[[TokenIds], list[npt.NDArray[np.float32]]]
"""Turns such ids into one `(texts, tokens, hidden)` for each layer asked for; called from several threads at once."""

ENGINE_ERRORS: tuple[type[Exception], ...] = (
    ort_errors.Fail,
    ort_errors.InvalidArgument,
    ort_errors.InvalidGraph,
    ort_errors.InvalidProtobuf,
    ort_errors.NoSuchFile,
    ort_errors.NotImplemented,
    ort_errors.RuntimeException,
)
_KNOWN_INPUTS = ("input_ids", "attention_mask", "token_type_ids", "position_ids")
_TOKEN_OUTPUTS = ("last_hidden_state", "token_embeddings")


def open_run(folder: ModelFolder) -> tuple[Run, str]:
    """Make a model folder runnable: from its ONNX file when it has one, else from a graph built over its weights.

    Args:
        folder: The model folder.

    Returns:
        What turns token ids into vectors, and the precision it computes in.

    Raises:
        ModelFolderError: If the weights are damaged or of a kind not supported.
    """
    if folder.is_onnx:
        return _onnx_run(folder)
    states = _graph_run(*build_encoder(folder), folder.weights)
    return lambda ids: states(ids)[0], "float32"


def open_skipping_run(folder: ModelFolder) -> tuple[SkippingRun, str]:
    """Make a model folder runnable that leaves the prompt's tokens out of the pooling.

    Args:
        folder: The model folder.

    Returns:
        What turns token ids into vectors, and the precision it computes in.

    Raises:
        ModelFolderError: If the weights are damaged or of a kind not supported.
    """
    states, dtype = open_states(folder)
    head = read_head(folder)
    return lambda ids, skip: head(states(ids)[0], skip=skip), dtype


def open_states(folder: ModelFolder, *, layers: Sequence[int] = (-1,)) -> tuple[StatesRun, str]:
    """Make a model folder runnable up to its token vectors.

    Args:
        folder: The model folder.
        layers: Which layers to give, as in `build_states`; an ONNX file has only its last.

    Returns:
        What turns token ids into token vectors, and the precision it computes in.

    Raises:
        InvalidInputError: If there is no layer of a number.
        CapabilityError: If an ONNX file is asked for another layer than its last.
        ModelFolderError: If the weights are damaged or of a kind not supported.
    """
    if not folder.is_onnx:
        return _graph_run(*build_states(folder, layers=layers), folder.weights), "float32"
    if any(layer != -1 for layer in layers):
        raise CapabilityError(
            f"{folder.weights} gives the token vectors of its last layer only, asked for {list(layers)}; "
            "use layers=(-1,), or a folder with model.safetensors and no ONNX file"
        )
    run, outputs, source = _open_onnx(folder)
    output = _choose(outputs, _TOKEN_OUTPUTS, source)
    return lambda ids: [run(ids, output)] * len(layers), _precision(outputs[output])


def open_session(model: bytes | str, weights: Weights, source: Path) -> onnxruntime.InferenceSession:
    """Open an ONNX model.

    Args:
        model: The serialised model or its path.
        weights: Initializers that lie outside it; they must outlive the session.
        source: What to call it in an error.

    Returns:
        The session, on one core.

    Raises:
        ModelFolderError: If it cannot be loaded.
    """
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4  # an error is raised as well; warnings are about the model's author's choices
    # Cores work on different batches, which needs no waiting inside an operator.
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    values = [onnxruntime.OrtValue.ortvalue_from_numpy(tensor) for tensor in weights.values()]
    options.add_external_initializers(list(weights), values)
    try:
        return onnxruntime.InferenceSession(
            model,
            options,
            providers=["CPUExecutionProvider"],
            disabled_optimizers=["SkipLayerNormFusion"],  # slower on a CPU than what it fuses; see graphs/post_norm
        )
    except ENGINE_ERRORS as error:
        raise ModelFolderError(f"{source} cannot be loaded ({error}); download the model again") from error


def _graph_run(model: bytes, weights: Weights, source: Path) -> StatesRun:
    session = open_session(model, weights, source)

    def run(ids: TokenIds, _keep: Weights = weights) -> list[npt.NDArray[np.float32]]:
        # The session reads the weights where they lie.
        found: list[npt.NDArray[np.float32]] = session.run(None, {"input_ids": ids})
        return found

    return run


def _onnx_run(folder: ModelFolder) -> tuple[Run, str]:
    run, outputs, source = _open_onnx(folder)
    output = _choose(outputs, (VECTORS_OUTPUT, *_TOKEN_OUTPUTS), source)
    head = read_head(folder)

    def vectors(ids: TokenIds) -> Vectors:
        found = run(ids, output)
        if output != VECTORS_OUTPUT:
            return head(found)
        return normalise(found) if folder.normalise else found

    return vectors, _precision(outputs[output])


def _open_onnx(folder: ModelFolder) -> tuple[Callable[[TokenIds, str], npt.NDArray[np.float32]], dict[str, str], str]:
    """Open an ONNX file: what computes one output from ids, the outputs' types, and how to describe the file."""
    session = open_session(str(folder.weights), {}, folder.weights)
    inputs = [entry.name for entry in session.get_inputs()]
    outputs = {entry.name: entry.type for entry in session.get_outputs()}
    source = f"{folder.weights} has inputs {inputs} and outputs {list(outputs)}"
    if set(inputs) - set(_KNOWN_INPUTS):
        raise ModelFolderError(f"{source}; supported are inputs {list(_KNOWN_INPUTS)}")

    def run(ids: TokenIds, output: str) -> npt.NDArray[np.float32]:
        feed = {
            "input_ids": ids,
            "attention_mask": np.ones_like(ids),
            "token_type_ids": np.zeros_like(ids),
            "position_ids": np.broadcast_to(np.arange(ids.shape[1]), ids.shape),
        }
        found: npt.NDArray[np.float32] = session.run([output], {name: feed[name] for name in inputs})[0]
        return found.astype(np.float32, copy=False)

    return run, outputs, source


def _choose(outputs: dict[str, str], known: Sequence[str], source: str) -> str:
    output = next((name for name in known if name in outputs), None)
    if output is None:
        raise ModelFolderError(f"{source}; supported is an output that is one of {list(known)}")
    return output


def _precision(kind: str) -> str:
    return "float16" if "float16" in kind else "float32"
