"""The pre-LayerNorm transformer that ViT, DINOv2, CLIP and SigLIP share, as part of an ONNX graph.

Dense layers see one `(inputs * tokens, hidden)` matrix, as in `bert_graph`.

References:
    Dosovitskiy et al. (2021), arXiv:2010.11929; Radford et al. (2021), arXiv:2103.00020.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from typing import Any, TypeAlias

from nearfield.encoders.graph import ACTIVATIONS, CONTRIB, Graph
from nearfield.errors import ModelFolderError

Shapes: TypeAlias = Iterator[tuple[str, tuple[int, ...]]]


@dataclass(frozen=True)
class Tower:
    """The shape of a stack of layers, under the names that `config.json` gives it."""

    hidden_size: int
    num_hidden_layers: int
    num_attention_heads: int
    intermediate_size: int
    layer_norm_eps: float
    hidden_act: str

    @classmethod
    def from_json(cls, config: Mapping[str, Any], *, source: str) -> "Tower":
        """Validate what a `config.json` says of a stack of layers.

        Args:
            config: Its content, defaults filled in.
            source: What to call it in an error.

        Returns:
            The fields the graph needs.

        Raises:
            ModelFolderError: If one is missing or makes no sense.
        """
        for field in fields(cls):
            if field.type is int:
                whole_number(config.get(field.name), field.name, source)
        values: dict[str, Any] = {field.name: config.get(field.name) for field in fields(cls)}
        self = cls(**values)
        if not isinstance(self.hidden_act, str) or self.hidden_act not in ACTIVATIONS:
            raise ModelFolderError(f"{source}: hidden_act must be one of {list(ACTIVATIONS)}, got {self.hidden_act!r}")
        epsilon = self.layer_norm_eps
        if isinstance(epsilon, bool) or not isinstance(epsilon, int | float) or not 0 < epsilon < 1:
            raise ModelFolderError(f"{source}: layer_norm_eps must be a number between 0 and 1, got {epsilon!r}")
        if self.hidden_size % self.num_attention_heads:
            raise ModelFolderError(
                f"{source}: hidden_size {self.hidden_size} must be a multiple of "
                f"num_attention_heads {self.num_attention_heads}"
            )
        return self


@dataclass(frozen=True)
class LayerNames:
    """What a family calls the parts of a layer.

    Attributes:
        layers: What stands before the layer's number.
        norm1: The layer norm before the attention.
        query: The attention's projections.
        key: The same.
        value: The same.
        output: The dense layer after the attention.
        norm2: The layer norm before the two dense layers.
        wide: The first of them.
        narrow: The second.
    """

    layers: str
    norm1: str
    query: str
    key: str
    value: str
    output: str
    norm2: str
    wide: str
    narrow: str


def whole_number(value: object, key: str, source: str) -> int:
    """Take a whole number of at least 1 from a `config.json`, or raise a `ModelFolderError`."""
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise ModelFolderError(f"{source}: {key} must be a whole number of at least 1, got {value!r}")
    return value


def dense_shapes(name: str, given: int, made: int) -> Shapes:
    """Name the tensors of a dense layer, with their shapes."""
    yield f"{name}.weight", (made, given)
    yield f"{name}.bias", (made,)


def norm_shapes(name: str, hidden: int) -> Shapes:
    """Name the tensors of a layer norm, with their shapes."""
    yield f"{name}.weight", (hidden,)
    yield f"{name}.bias", (hidden,)


def layer_shapes(tower: Tower, names: LayerNames) -> Shapes:
    """Name each tensor of the layers, with its shape."""
    hidden, wide = tower.hidden_size, tower.intermediate_size
    for number in range(tower.num_hidden_layers):
        layer = f"{names.layers}{number}."
        for name in (names.query, names.key, names.value, names.output):
            yield from dense_shapes(layer + name, hidden, hidden)
        yield from norm_shapes(layer + names.norm1, hidden)
        yield from norm_shapes(layer + names.norm2, hidden)
        yield from dense_shapes(layer + names.wide, hidden, wide)
        yield from dense_shapes(layer + names.narrow, wide, hidden)


def add_layers(graph: Graph, tower: Tower, names: LayerNames, states: str, *, causal: bool = False) -> str:
    """Add all layers.

    Args:
        graph: The graph; its `shape` holds `(inputs, tokens, hidden)`.
        tower: The shape of the layers.
        names: What their tensors are called.
        states: `(inputs * tokens, hidden)`.
        causal: Whether a token attends to itself and those before it only.

    Returns:
        `(inputs * tokens, hidden)`.
    """
    for number in range(tower.num_hidden_layers):
        layer = f"{names.layers}{number}."
        normed = graph.layer_norm(states, layer + names.norm1, tower.layer_norm_eps)
        projected = [
            graph.add("Reshape", graph.dense(normed, layer + part), graph.shape)
            for part in (names.query, names.key, names.value)
        ]
        mixed = attend(graph, *projected, heads=tower.num_attention_heads, unidirectional=int(causal))
        mixed = graph.add("Reshape", mixed, graph.integers(-1, tower.hidden_size))
        states = graph.add("Add", graph.dense(mixed, layer + names.output), states)
        normed = graph.layer_norm(states, layer + names.norm2, tower.layer_norm_eps)
        states = graph.add("Add", add_mlp(graph, tower, normed, layer + names.wide, layer + names.narrow), states)
    return states


def attend(graph: Graph, query: str, key: str, value: str, *, heads: int, unidirectional: int = 0) -> str:
    """Add scaled dot-product attention over projected `(inputs, tokens, hidden)`."""
    return graph.add(
        "MultiHeadAttention", query, key, value, domain=CONTRIB, num_heads=heads, unidirectional=unidirectional
    )


def add_mlp(graph: Graph, tower: Tower, states: str, wide: str, narrow: str) -> str:
    """Add two dense layers with the activation between them."""
    return graph.dense(graph.activation(graph.dense(states, wide), tower.hidden_act), narrow)
