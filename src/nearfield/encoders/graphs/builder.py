"""Collects the nodes of an ONNX graph from token ids, or the pixels of images, to vectors.

All inputs of one run have the same number of tokens, so the graph has no mask and computes nothing for padding.
Dense layers see one `(texts * tokens, width)` matrix; on a CPU they run at its peak in float32, and the choice of
the other operators keeps what is left small. Where an image is encoded it takes a text's place.
"""

from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import onnx
from onnx import TensorProto, helper, numpy_helper

Weights: TypeAlias = dict[str, npt.NDArray[np.float32]]

_CONTRIB = "com.microsoft"  # domain of ONNX Runtime's own operators
_OPERATORS: dict[str, tuple[str, dict[str, Any]]] = {
    "gelu": ("Gelu", {}),
    "gelu_new": ("Gelu", {"approximate": "tanh"}),
    "gelu_pytorch_tanh": ("Gelu", {"approximate": "tanh"}),
    "relu": ("Relu", {}),
    "quick_gelu": ("QuickGelu", {"alpha": 1.702, "domain": _CONTRIB}),
    "tanh": ("Tanh", {}),
}
ACTIVATIONS = ("gelu", "gelu_new", "gelu_pytorch_tanh", "relu", "silu", "quick_gelu")
"""What a feed-forward layer may use, under the names that `config.json` gives it."""


class GraphBuilder:
    """Collects the nodes of a graph; a tensor is known by its name.

    Args:
        weights: Tensors that nodes refer to by name; may be added to while building.
        tokens: Number of tokens of an input; None where it is known only at run time, from `input_ids`.

    Attributes:
        weights: The tensors so far.
    """

    weights: Weights

    def __init__(self, weights: Weights, *, tokens: int | None = None) -> None:
        self.weights = dict(weights)
        self._tokens = tokens
        self._nodes: list[onnx.NodeProto] = []
        self._constants: list[onnx.TensorProto] = []
        self._shapes: dict[int, str] = {}

    def add(self, kind: str, *inputs: str, domain: str = "", **attributes: Any) -> str:  # noqa: ANN401  (as make_node takes them)
        """Add a node of one output, and name that."""
        return self.add_many(kind, *inputs, count=1, domain=domain, **attributes)[0]

    def add_many(self, kind: str, *inputs: str, count: int, domain: str = "", **attributes: Any) -> list[str]:  # noqa: ANN401  (as make_node takes them)
        """Add a node of several outputs, and name them."""
        name = f"{kind}_{len(self._nodes)}"
        outputs = [name, *(f"{name}_{number}" for number in range(1, count))]
        self._nodes.append(helper.make_node(kind, inputs, outputs, name=name, domain=domain, **attributes))
        return outputs

    def integers(self, *values: int) -> str:
        """Add a constant vector of int64."""
        return self._constant(np.array(values, dtype=np.int64))

    def integer(self, value: int) -> str:
        """Add a constant int64 without dimensions."""
        return self._constant(np.array(value, dtype=np.int64))

    def floats(self, values: npt.ArrayLike) -> str:
        """Add a constant float32 array."""
        return self._constant(np.array(values, dtype=np.float32))

    def by_text(self, states: str, width: int) -> str:
        """Reshape `(texts * tokens, width)` to `(texts, tokens, width)`."""
        if width not in self._shapes:
            self._shapes[width] = self._shape(width)
        return self.add("Reshape", states, self._shapes[width])

    def by_token(self, states: str, width: int) -> str:
        """Reshape `(texts, tokens, width)` to `(texts * tokens, width)`."""
        return self.add("Reshape", states, self.integers(-1, width))

    def by_head(self, states: str, heads: int, size: int) -> str:
        """Reshape `(texts, tokens, heads * size)` to `(texts, tokens, heads, size)`."""
        return self.add("Reshape", states, self.integers(0, 0, heads, size))  # 0 keeps a dimension

    def join_heads(self, states: str, width: int) -> str:
        """Reshape `(texts, tokens, heads, size)` to `(texts, tokens, width)`."""
        return self.add("Reshape", states, self.integers(0, 0, width))

    def token(self, states: str, place: int) -> str:
        """Pick one token of each text, the last being -1: `(texts, tokens, width)` to `(texts, width)`."""
        return self.add("Squeeze", self.add("Gather", states, self.integers(place), axis=1), self.integers(1))

    def numbers(self) -> str:
        """Count the tokens of a text: `(tokens,)` int64 from 0."""
        tokens = self.add("Squeeze", self.add("Shape", "input_ids", start=1), self.integers(0))
        return self.add("Range", self.integer(0), tokens, self.integer(1))

    def as_integers(self, values: str) -> str:
        """Turn truth values into int64."""
        return self.add("Cast", values, to=TensorProto.INT64)

    def as_floats(self, values: str) -> str:
        """Turn integers into float32."""
        return self.add("Cast", values, to=TensorProto.FLOAT)

    def parameters(self, layer: str) -> list[str]:
        """Name a layer's weight and, if it has one, its bias."""
        return [f"{layer}.weight", *([f"{layer}.bias"] if f"{layer}.bias" in self.weights else [])]

    def dense(self, states: str, layer: str) -> str:
        """Multiply by a layer's weight, as PyTorch stores it, and add its bias if it has one."""
        return self.add("Gemm", states, *self.parameters(layer), transB=1)

    def activation(self, kind: str, states: str) -> str:
        """Apply one of `ACTIVATIONS`, or `tanh`."""
        if kind == "silu":
            return self.add("Mul", states, self.add("Sigmoid", states))
        operator, attributes = _OPERATORS[kind]
        return self.add(operator, states, **attributes)

    def layer_norm(self, states: str, layer: str, epsilon: float) -> str:
        """Normalise each token to mean 0 and variance 1, scale, and shift by the bias if there is one."""
        return self.add("LayerNormalization", states, *self.parameters(layer), axis=-1, epsilon=epsilon)

    def rms_norm(self, states: str, layer: str, epsilon: float) -> str:
        """Divide by the root mean square over the last axis, and scale."""
        # ONNX Runtime's own operator, under the standard's domain; RMSNormalization came only with opset 23.
        return self.add("SimplifiedLayerNormalization", states, f"{layer}.weight", axis=-1, epsilon=epsilon)

    def attention(
        self, query: str, key: str, value: str, *, heads: int, bias: str = "", **attributes: float | int
    ) -> str:
        """Mix the tokens of each text: `(texts, tokens, heads * size)` each, in and out.

        Args:
            query: What looks.
            key: What is looked at.
            value: What is taken.
            heads: Number of heads.
            bias: What to add to the scores: `(1, heads or 1, tokens, tokens)`.
            **attributes: `scale` of the scores, 1/sqrt(size) if not given; `unidirectional=1` to look only back.

        Returns:
            What each token takes.
        """
        inputs = [query, key, value, *(["", "", bias] if bias else [])]
        return self.add("MultiHeadAttention", *inputs, domain=_CONTRIB, num_heads=heads, **attributes)

    def serialise(
        self,
        outputs: Mapping[str, str],
        shapes: Sequence[Sequence[str | int]],
        *,
        pixels: tuple[int, int] | None = None,
    ) -> bytes:
        """Close the graph.

        Args:
            outputs: The tensor that each output of the model is.
            shapes: Their shapes, in the same order; a string names a dimension known only at run time.
            pixels: Height and width of images, if the input is `pixel_values` `(images, 3, height, width)` float32
                and not `input_ids` `(texts, tokens)` int64.

        Returns:
            The model, whose weights are declared but lie outside it.
        """
        if pixels is None:
            given = helper.make_tensor_value_info("input_ids", TensorProto.INT64, ["texts", "tokens"])
        else:
            given = helper.make_tensor_value_info("pixel_values", TensorProto.FLOAT, ["images", 3, *pixels])
        infos = [
            helper.make_tensor_value_info(name, TensorProto.FLOAT, list(shape))
            for name, shape in zip(outputs, shapes, strict=True)
        ]
        for name, tensor in outputs.items():
            self._nodes.append(helper.make_node("Identity", [tensor], [name]))
        initializers = [*self._constants, *(_external(name, tensor.shape) for name, tensor in self.weights.items())]
        graph = helper.make_graph(self._nodes, "encoder", [given], infos, initializers)
        opsets = [helper.make_opsetid("", 20), helper.make_opsetid(_CONTRIB, 1)]
        model: bytes = helper.make_model(graph, opset_imports=opsets, ir_version=9).SerializeToString()
        return model

    def _shape(self, width: int) -> str:
        if self._tokens is not None:
            return self.integers(-1, self._tokens, width)
        return self.add("Concat", self.add("Shape", "input_ids"), self.integers(width), axis=0)

    def _constant(self, values: npt.NDArray[np.int64] | npt.NDArray[np.float32]) -> str:
        name = f"constant_{len(self._constants)}"
        self._constants.append(numpy_helper.from_array(values, name))
        return name


def _external(name: str, shape: tuple[int, ...]) -> onnx.TensorProto:
    """Declare a tensor that the session is given beside the graph; the location is required and never opened."""
    tensor = TensorProto(name=name, data_type=TensorProto.FLOAT, dims=shape, data_location=TensorProto.EXTERNAL)
    tensor.external_data.add(key="location", value="memory")
    return tensor
