"""ONNX Runtime with dense layers in 8-bit integers: their weights are rounded once, their inputs as they come.

A weight matrix has a scale for each output, so that a large row does not coarsen the others. An input has a scale for
each token, so that a text's vector does not depend on the texts beside it; a scale for the whole batch would be 10 %
faster. Weights are rounded to 7 bits: on processors without VNNI the product of 8-bit weights and inputs overflows the
16 bits that it is added up in, and the same weights everywhere keep the vectors comparable everywhere.

The scheme is dynamic quantisation, symmetric, per channel and per token (ZeroQuant, Yao et al. 2022, arXiv:2206.01861).
"""

from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
from onnx import helper, numpy_helper

from nearfield.encoders.graphs.builder import Weights
from nearfield.encoders.onnx_engine import open_onnx
from nearfield.encoders.options import Device
from nearfield.encoders.program import Model, Program
from nearfield.errors import CapabilityError

INT8_DTYPE = "int8-w7-token"
"""What the space is called: weights of 7 bits, a scale for each token. Another way of rounding needs another name."""

_CONTRIB = "com.microsoft"
_WEIGHT_TOP = 63  # 7 bits: 2 products of at most 255 * 64 fit into 16 bits
_INPUT_TOP = 127
_ZERO = 128  # what 0 is rounded to in an input, which is unsigned
_SMALLEST = 1e-20  # an input of zeros is scaled by this, not by 0
_CONSTANTS: dict[str, npt.NDArray[Any]] = {
    "int8.one": np.array(1, np.float32),
    "int8.zero": np.array(_ZERO, np.uint8),
    "int8.step": np.array(1 / _INPUT_TOP, np.float32),
    "int8.smallest": np.array(_SMALLEST, np.float32),
    "int8.last": np.array([1], np.int64),
}


def open_int8(model: Model, *, device: Device = "cpu", threads: int = 1) -> Program:
    """Open a model with ONNX Runtime, its dense layers in 8-bit integers.

    Args:
        model: The model, as a graph with its weights beside it.
        device: Not used: it computes on the processor.
        threads: Not used; see `open_onnx`.

    Returns:
        The program, of dtype `INT8_DTYPE`.

    Raises:
        CapabilityError: If the model is an ONNX file.
    """
    if not isinstance(model.content, bytes):
        raise CapabilityError(
            f"{model.source} is an ONNX file, which is run as it is; engine='onnxruntime-int8' rounds the weights of "
            "model.safetensors only, of models that are built here. Leave the engine out, or use such a model"
        )
    content, weights = quantise(model.content, model.weights)
    program = open_onnx(Model(content, weights, model.source))
    return Program(program.inputs, program.outputs, program.compute, dtype=INT8_DTYPE)


def quantise(content: bytes, weights: Weights) -> tuple[bytes, Weights]:
    """Replace the dense layers of a graph by ones of 8-bit integers.

    Args:
        content: A serialised graph whose dense layers are `Gemm` nodes over a matrix of tokens.
        weights: Its tensors.

    Returns:
        The graph, which holds the rounded weights, and the tensors that stay in float32 beside it: embeddings, biases,
        layer norms.
    """
    proto = onnx.load_from_string(content)
    nodes: list[onnx.NodeProto] = []
    rounded = dict(_CONSTANTS)
    inputs: set[str] = set()
    dense: set[str] = set()
    for node in proto.graph.node:
        if node.op_type != "Gemm" or node.input[1] not in weights:
            nodes.append(node)
            continue
        states, weight = node.input[:2]
        if states not in inputs:  # query, key and value layers read the same
            nodes.extend(_round_input(states))
            inputs.add(states)
        dense.add(weight)
        rounded[f"{weight}.int8"], rounded[f"{weight}.scale"] = round_weight(weights[weight], _is_transposed(node))
        nodes.extend(_multiply(node))
    kept = {name: tensor for name, tensor in weights.items() if name not in dense}
    initializers = [tensor for tensor in proto.graph.initializer if tensor.name not in dense]
    initializers += [numpy_helper.from_array(array, name) for name, array in rounded.items()]
    for field, values in ((proto.graph.node, nodes), (proto.graph.initializer, initializers)):
        del field[:]
        field.extend(values)
    return proto.SerializeToString(), kept


def round_weight(
    weight: npt.NDArray[np.float32], transposed: bool
) -> tuple[npt.NDArray[np.int8], npt.NDArray[np.float32]]:
    """Round a dense layer's weights to 7 bits, with a scale for each output.

    Args:
        weight: `(outputs, inputs)` if transposed, else `(inputs, outputs)`.
        transposed: Which of these it is.

    Returns:
        `(inputs, outputs)` int8 in [-63, 63], and the `(outputs,)` float32 scales that it is to be multiplied by. An
        output whose weights are all 0, or next to it, has scale 1.
    """
    matrix = weight.T if transposed else weight
    largest = np.abs(matrix).max(axis=0)
    # Below the smallest normal number a scale has too few digits to divide by.
    scale = np.where(largest > _WEIGHT_TOP * np.finfo(np.float32).tiny, largest / _WEIGHT_TOP, 1).astype(np.float32)
    return np.ascontiguousarray(np.rint(matrix / scale), dtype=np.int8), scale


def _is_transposed(node: onnx.NodeProto) -> bool:
    return any(attribute.name == "transB" and attribute.i for attribute in node.attribute)


def _round_input(states: str) -> Iterator[onnx.NodeProto]:
    """Round `(tokens, inputs)` to unsigned 8 bits, with a scale for each token."""

    def node(kind: str, inputs: list[str], output: str, **attributes: Any) -> onnx.NodeProto:  # noqa: ANN401  # onnx's own
        return helper.make_node(kind, inputs, [f"{states}.{output}"], **attributes)

    yield node("Abs", [states], "size")
    yield node("ReduceMax", [f"{states}.size", "int8.last"], "largest", keepdims=0)
    yield node("Max", [f"{states}.largest", "int8.smallest"], "positive")
    yield node("Mul", [f"{states}.positive", "int8.step"], "scale")
    yield node("Shape", [f"{states}.scale"], "tokens")
    yield node("Expand", ["int8.zero", f"{states}.tokens"], "zeros")
    yield node("QuantizeLinear", [states, f"{states}.scale", f"{states}.zeros"], "int8", axis=0)
    yield node("Unsqueeze", [f"{states}.scale", "int8.last"], "column")


def _multiply(node: onnx.NodeProto) -> Iterator[onnx.NodeProto]:
    states, weight, *bias = node.input
    output = node.output[0]
    # Its scale of inputs is one number, so it gets 1, and the scale of each token follows.
    product = [f"{states}.int8", f"{weight}.int8", "int8.one", f"{weight}.scale", "int8.zero"]
    yield helper.make_node("MatMulIntegerToFloat", product, [f"{output}.sum"], domain=_CONTRIB)
    scaled = f"{output}.scaled" if bias else output
    yield helper.make_node("Mul", [f"{output}.sum", f"{states}.column"], [scaled])
    if bias:
        yield helper.make_node("Add", [scaled, bias[0]], [output])
