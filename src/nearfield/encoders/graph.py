"""Writing an ONNX graph node by node; the weights stay outside it.

So they exist once in memory, and the 2 GB limit of an ONNX file does not apply.
"""

from typing import Any, Literal

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from nearfield.encoders.tensors import Weights

CONTRIB = "com.microsoft"
"""Domain of ONNX Runtime's own operators."""

ACTIVATIONS: dict[str, tuple[str, dict[str, Any]]] = {
    "gelu": ("Gelu", {}),
    "gelu_new": ("Gelu", {"approximate": "tanh"}),
    "gelu_pytorch_tanh": ("Gelu", {"approximate": "tanh"}),
    "relu": ("Relu", {}),
    "quick_gelu": ("QuickGelu", {"alpha": 1.702, "domain": CONTRIB}),
}
"""Activations as a `config.json` names them, and the operator of each."""

_TYPES = {"int64": TensorProto.INT64, "float32": TensorProto.FLOAT}


class Graph:
    """Collects the nodes of a graph; a tensor is known by its name.

    Args:
        weights: Tensors by name; a dense layer or layer norm `x` has `x.weight` and `x.bias`.

    Attributes:
        weights: What to hand to the session beside the graph.
        shape: The tensor that holds `(texts, tokens, hidden)` at run time.
    """

    weights: Weights
    shape: str

    def __init__(self, weights: Weights) -> None:
        self.weights = dict(weights)
        self.shape = ""
        self._nodes: list[onnx.NodeProto] = []
        self._constants: list[onnx.TensorProto] = []

    def add(self, kind: str, *inputs: str, domain: str = "", **attributes: Any) -> str:  # noqa: ANN401  (as make_node takes them)
        """Add a node; returns the name of its first output."""
        output = f"{kind}_{len(self._nodes)}"
        self._nodes.append(helper.make_node(kind, inputs, [output], name=output, domain=domain, **attributes))
        return output

    def integers(self, *values: int) -> str:
        """Add a constant vector of int64."""
        name = f"integers_{len(self._constants)}"
        self._constants.append(numpy_helper.from_array(np.array(values, dtype=np.int64), name))
        return name

    def dense(self, states: str, layer: str) -> str:
        """Multiply a matrix by the layer's weights and add its bias."""
        return self.add("Gemm", states, f"{layer}.weight", f"{layer}.bias", transB=1)

    def layer_norm(self, states: str, layer: str, epsilon: float) -> str:
        """Normalise the last axis, then scale and shift it."""
        return self.add("LayerNormalization", states, f"{layer}.weight", f"{layer}.bias", axis=-1, epsilon=epsilon)

    def activation(self, states: str, name: str) -> str:
        """Apply an activation by its name in `config.json`."""
        kind, attributes = ACTIVATIONS[name]
        return self.add(kind, states, **attributes)

    def serialise(self, given: onnx.ValueInfoProto, output: str, output_name: str, dim: int) -> bytes:
        """Write the model.

        Args:
            given: Its input, as `graph_input` makes it.
            output: The tensor that holds the vectors, `(n, dim)` float32.
            output_name: What to call them.
            dim: Number of dimensions of a vector.

        Returns:
            The serialised model, which declares the weights and does not hold them.
        """
        vectors = helper.make_tensor_value_info(output_name, TensorProto.FLOAT, ["n", dim])
        nodes = [*self._nodes, helper.make_node("Identity", [output], [output_name])]
        initializers = [*self._constants, *(_external(name, tensor.shape) for name, tensor in self.weights.items())]
        graph = helper.make_graph(nodes, "encoder", [given], [vectors], initializers)
        opsets = [helper.make_opsetid("", 20), helper.make_opsetid(CONTRIB, 1)]
        model: bytes = helper.make_model(graph, opset_imports=opsets, ir_version=9).SerializeToString()
        return model


def graph_input(name: str, dtype: Literal["int64", "float32"], shape: list[str | int]) -> onnx.ValueInfoProto:
    """Declare a graph's input; a name in its shape is an axis of any length."""
    return helper.make_tensor_value_info(name, _TYPES[dtype], shape)


def _external(name: str, shape: tuple[int, ...]) -> onnx.TensorProto:
    """Declare a tensor that the session is given beside the graph; the location is required and never opened."""
    tensor = TensorProto(name=name, data_type=TensorProto.FLOAT, dims=shape, data_location=TensorProto.EXTERNAL)
    tensor.external_data.add(key="location", value="memory")
    return tensor
