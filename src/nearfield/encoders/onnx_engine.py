"""ONNX Runtime: from a model folder to a function from token ids to vectors."""

from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
import onnxruntime
from onnxruntime.capi import onnxruntime_pybind11_state as ort_errors

from nearfield.arrays import Vectors, normalise
from nearfield.encoders.bert_graph import BertConfig, build_bert, read_weights
from nearfield.encoders.folder import ModelFolder, Pooling
from nearfield.encoders.tensors import Weights
from nearfield.errors import ModelFolderError

TokenIds: TypeAlias = npt.NDArray[np.int64]
Run: TypeAlias = Callable[[TokenIds], Vectors]
"""Turns `(texts, tokens)` ids without padding into `(texts, dim)` vectors; called from several threads at once."""

ENGINE_ERRORS: tuple[type[Exception], ...] = (
    ort_errors.Fail,
    ort_errors.InvalidArgument,
    ort_errors.InvalidGraph,
    ort_errors.InvalidProtobuf,
    ort_errors.NoSuchFile,
    ort_errors.NotImplemented,
    ort_errors.RuntimeException,
)
_KNOWN_INPUTS = ("input_ids", "attention_mask", "token_type_ids")
_POOLED_OUTPUT = "sentence_embedding"
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
    return _onnx_run(folder) if folder.is_onnx else (_bert_run(folder), "float32")


def open_session(model: bytes | str, weights: Weights, source: Path) -> onnxruntime.InferenceSession:
    """Load a graph for one core.

    Args:
        model: A serialised graph, or the path of an ONNX file.
        weights: Tensors that the graph declares and does not hold; the session reads them where they lie, so they
            must live as long as it does.
        source: What to call the model in an error.

    Returns:
        The session; it may be run from several threads at once.

    Raises:
        ModelFolderError: If ONNX Runtime refuses the graph.
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
            disabled_optimizers=["SkipLayerNormFusion"],  # slower on a CPU than what it fuses; see bert_graph
        )
    except ENGINE_ERRORS as error:
        raise ModelFolderError(f"{source} cannot be loaded ({error}); download the model again") from error


def _bert_run(folder: ModelFolder) -> Run:
    config = BertConfig.from_json(folder.config, source=str(folder.root / "config.json"))
    model, weights = build_bert(
        config, read_weights(folder.weights, config), pooling=folder.pooling, normalise=folder.normalise
    )
    session = open_session(model, weights, folder.weights)

    def run(ids: TokenIds, _keep: Weights = weights) -> Vectors:  # the session reads the arrays where they lie
        vectors: Vectors = session.run(None, {"input_ids": ids})[0]
        return vectors

    return run


def _onnx_run(folder: ModelFolder) -> tuple[Run, str]:
    session = open_session(str(folder.weights), {}, folder.weights)
    inputs = [entry.name for entry in session.get_inputs()]
    outputs = {entry.name: entry.type for entry in session.get_outputs()}
    unknown = set(inputs) - set(_KNOWN_INPUTS)
    output = next((name for name in (_POOLED_OUTPUT, *_TOKEN_OUTPUTS) if name in outputs), None)
    if unknown or output is None:
        raise ModelFolderError(
            f"{folder.weights} has inputs {inputs} and outputs {list(outputs)}; supported are inputs "
            f"{list(_KNOWN_INPUTS)} and an output {_POOLED_OUTPUT} or one of {list(_TOKEN_OUTPUTS)}"
        )

    def run(ids: TokenIds) -> Vectors:
        feed = {"input_ids": ids, "attention_mask": np.ones_like(ids), "token_type_ids": np.zeros_like(ids)}
        found = session.run([output], {name: feed[name] for name in inputs})[0].astype(np.float32)
        vectors = found if output == _POOLED_OUTPUT else _pool(found, folder.pooling)
        return normalise(vectors) if folder.normalise else vectors

    return run, "float16" if "float16" in outputs[output] else "float32"


def _pool(states: npt.NDArray[np.float32], pooling: Pooling) -> Vectors:
    """Reduce (texts, tokens, hidden) to (texts, hidden)."""
    if pooling in ("cls", "lasttoken"):
        return states[:, 0 if pooling == "cls" else -1]
    vectors: Vectors = states.mean(axis=1) if pooling == "mean" else states.max(axis=1)
    return vectors
