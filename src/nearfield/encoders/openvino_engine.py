"""OpenVINO, in float32, or in bfloat16 on processors that compute in it. Extra `fast`."""

import importlib
import math
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
from onnx import TensorProto, helper

from nearfield.encoders.graphs.builder import Weights
from nearfield.encoders.onnx_files import dtype_of
from nearfield.encoders.options import Device
from nearfield.encoders.program import Model, Program, TokenIds
from nearfield.errors import EncoderError, MissingExtraError, ModelFolderError

_TELEMETRY = "openvino_telemetry"


def open_openvino(model: Model, *, device: Device = "cpu", threads: int = 1) -> Program:
    """Open a model with OpenVINO in float32.

    Args:
        model: The model.
        device: Not used: OpenVINO is used on the processor only.
        threads: How many callers compute at once, each on a core of its own.

    Returns:
        The program; its dtype is `float16` if the model's output is.

    Raises:
        ModelFolderError: If OpenVINO cannot load the model.
        MissingExtraError: If OpenVINO is not installed.
    """
    return _open(model, "f32", threads)


def open_openvino_bf16(model: Model, *, device: Device = "cpu", threads: int = 1) -> Program:
    """Open a model with OpenVINO in bfloat16; see `open_openvino`.

    Its vectors agree with float32's to a cosine of 0.999, so they count as the same space.
    """
    return _open(model, "bf16", threads)


def import_openvino() -> ModuleType:
    """Import OpenVINO without its telemetry, which would report the import to its vendor.

    OpenVINO reports through the package `openvino_telemetry`, and does without where that is missing. There is no
    other switch but a file in the user's home, which is not ours to write; so for the import, it is missing.

    Returns:
        The module.

    Raises:
        MissingExtraError: If OpenVINO is not installed.
    """
    known = sys.modules.get(_TELEMETRY)
    if known is None:
        sys.modules[_TELEMETRY] = None  # type: ignore[assignment]  # the import system's own mark for "not there"
    try:
        return importlib.import_module("openvino")
    except ImportError as error:
        raise MissingExtraError(f"OpenVINO cannot be imported ({error}): pip install 'nearfield[fast]'") from error
    finally:
        if known is None:
            del sys.modules[_TELEMETRY]


def _open(model: Model, precision: str, threads: int) -> Program:
    opened, compiled = _compiled(model, precision, threads)
    known_tokens = _vocabulary(opened)
    idle = [compiled.create_infer_request()]

    def compute(feed: Mapping[str, TokenIds], outputs: Sequence[str], _keep: Model = model) -> list[npt.NDArray[Any]]:
        # OpenVINO embeds a token that it has no row for as zeros, which would go unnoticed.
        if (highest := feed["input_ids"].max()) >= known_tokens:
            raise EncoderError(f"token {highest} is out of bounds: the model embeds {known_tokens} tokens")
        # Taking from a list and putting back are atomic; there are never more requests than callers at once.
        try:
            request = idle.pop()
        except IndexError:
            request = compiled.create_infer_request()
        try:
            request.infer(dict(feed), share_inputs=True)
            return [np.array(request.get_tensor(output).data) for output in outputs]
        except RuntimeError as error:
            raise EncoderError(str(error)) from error
        finally:
            idle.append(request)

    outputs = {name: entry.get_element_type().to_dtype().name for entry in compiled.outputs for name in entry.names}
    inputs = tuple(entry.get_any_name() for entry in compiled.inputs)
    return Program(inputs, outputs, compute, dtype=dtype_of(outputs))


def _compiled(model: Model, precision: str, threads: int) -> tuple[Any, Any]:
    """Read a model and compile it for so many callers at once; gives both."""
    openvino = import_openvino()
    core = openvino.Core()
    settings = {
        "INFERENCE_PRECISION_HINT": precision,
        # Each caller's batch runs on one core, as in ONNX Runtime.
        "NUM_STREAMS": str(threads),
        "INFERENCE_NUM_THREADS": str(threads),
    }
    try:
        if isinstance(model.content, Path):
            opened = core.read_model(model.content)
        else:
            opened = _with_weights(openvino, core, model.content, model.weights)
        return opened, core.compile_model(opened, "CPU", settings)
    except RuntimeError as error:
        raise ModelFolderError(f"{model.source} cannot be loaded ({error}); download the model again") from error


def _with_weights(openvino: ModuleType, core: Any, content: bytes, weights: Weights) -> Any:  # noqa: ANN401  # untyped
    """Read a graph whose weights lie beside it.

    They are declared as inputs, which need no values, and then replaced by constants that share the arrays' memory.
    """
    proto = onnx.load_from_string(content)
    inside = [tensor for tensor in proto.graph.initializer if tensor.name not in weights]
    del proto.graph.initializer[:]
    proto.graph.initializer.extend(inside)
    proto.graph.input.extend(
        helper.make_tensor_value_info(name, TensorProto.FLOAT, tensor.shape) for name, tensor in weights.items()
    )
    model = core.read_model(proto.SerializeToString())
    for parameter in model.get_parameters():
        name = parameter.output(0).get_any_name()
        if name in weights:
            constant = openvino.op.Constant(weights[name], shared_memory=True)
            for target in parameter.output(0).get_target_inputs():
                target.replace_source_output(constant.output(0))
            model.remove_parameter(parameter)
    return model


def _vocabulary(model: Any) -> float:  # noqa: ANN401  # untyped
    """Find out how many tokens a model embeds; infinity where the graph does not tell."""
    for node in model.get_ops():
        if node.get_type_name() == "Gather" and _origin(node.input_value(1).get_node()) == "input_ids":
            rows = node.input_value(0).get_partial_shape()[0]
            return rows.get_length() if rows.is_static else math.inf
    return math.inf


def _origin(node: Any) -> str:  # noqa: ANN401  # untyped
    """Name the input that a node passes on, through nothing but conversions of type; empty if it is computed."""
    while node.get_type_name() == "Convert":
        node = node.input_value(0).get_node()
    return str(node.get_friendly_name()) if node.get_type_name() == "Parameter" else ""
