"""The BERT encoder as an ONNX graph, built from `config.json` and `model.safetensors` without PyTorch.

All texts of one run have the same number of tokens, so the graph has no mask and computes nothing for padding.
Dense layers see one `(texts * tokens, hidden)` matrix; on a CPU they run at its peak in float32, and the choice of
the other operators keeps what is left small.
"""

from collections.abc import Iterator
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from nearfield.encoders.folder import Pooling
from nearfield.encoders.graph import ACTIVATIONS, CONTRIB, Graph, graph_input
from nearfield.encoders.tensors import Weights, read_tensors
from nearfield.errors import ModelFolderError


@dataclass(frozen=True)
class BertConfig:
    """The shape of a BERT encoder, under the names that `config.json` gives it."""

    hidden_size: int
    num_hidden_layers: int
    num_attention_heads: int
    intermediate_size: int
    vocab_size: int
    max_position_embeddings: int
    type_vocab_size: int
    layer_norm_eps: float = 1e-12
    hidden_act: str = "gelu"

    @classmethod
    def from_json(cls, config: dict[str, Any], *, source: str) -> "BertConfig":
        """Validate a `config.json`.

        Args:
            config: Its content.
            source: What to call it in an error.

        Returns:
            The fields the graph needs.

        Raises:
            ModelFolderError: If it is not a BERT encoder of a supported kind.
        """
        kind = config.get("model_type")
        if kind != "bert":
            raise ModelFolderError(
                f"{source}: model_type must be bert, got {kind!r}; "
                "any other model works when the folder holds it as onnx/model.onnx"
            )
        for key, allowed in (("position_embedding_type", "absolute"), ("is_decoder", False)):
            if config.get(key, allowed) != allowed:
                raise ModelFolderError(f"{source}: {key} must be {allowed}, got {config[key]!r}")
        for field in fields(cls):
            value = config.get(field.name)
            if field.type is int and (not isinstance(value, int) or value < 1):
                raise ModelFolderError(f"{source}: {field.name} must be a whole number of at least 1, got {value!r}")
        self = cls(**{field.name: config[field.name] for field in fields(cls) if field.name in config})
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

    def shapes(self) -> Iterator[tuple[str, tuple[int, ...]]]:
        """Name each tensor the graph needs, with its shape."""
        hidden, wide = self.hidden_size, self.intermediate_size
        yield "embeddings.word_embeddings.weight", (self.vocab_size, hidden)
        yield "embeddings.position_embeddings.weight", (self.max_position_embeddings, hidden)
        yield "embeddings.token_type_embeddings.weight", (self.type_vocab_size, hidden)
        yield from _layer_norm_shapes("embeddings.LayerNorm", hidden)
        for number in range(self.num_hidden_layers):
            layer = f"encoder.layer.{number}"
            for name in ("self.query", "self.key", "self.value", "output.dense"):
                yield f"{layer}.attention.{name}.weight", (hidden, hidden)
                yield f"{layer}.attention.{name}.bias", (hidden,)
            yield from _layer_norm_shapes(f"{layer}.attention.output.LayerNorm", hidden)
            yield f"{layer}.intermediate.dense.weight", (wide, hidden)
            yield f"{layer}.intermediate.dense.bias", (wide,)
            yield f"{layer}.output.dense.weight", (hidden, wide)
            yield f"{layer}.output.dense.bias", (hidden,)
            yield from _layer_norm_shapes(f"{layer}.output.LayerNorm", hidden)


def _layer_norm_shapes(name: str, hidden: int) -> Iterator[tuple[str, tuple[int, ...]]]:
    yield f"{name}.weight", (hidden,)
    yield f"{name}.bias", (hidden,)


def read_weights(path: Path, config: BertConfig) -> Weights:
    """Read the tensors a BERT graph needs, as float32.

    Args:
        path: A safetensors file in float32, float16 or bfloat16; names with or without the prefix `bert.`.
        config: What the shapes are checked against.

    Returns:
        The tensors under their names in `BertConfig.shapes`.

    Raises:
        ModelFolderError: If the file is damaged, or a tensor is missing or of another shape or type.
    """
    return read_tensors(
        path, config.shapes(), rename=_published_name, layers=("encoder.layer.", config.num_hidden_layers)
    )


def _published_name(name: str) -> str:
    # Old checkpoints call the scale and shift of a layer norm gamma and beta.
    name = name.removeprefix("bert.")
    return name.replace("LayerNorm.gamma", "LayerNorm.weight").replace("LayerNorm.beta", "LayerNorm.bias")


def build_bert(config: BertConfig, weights: Weights, *, pooling: Pooling, normalise: bool) -> tuple[bytes, Weights]:
    """Build the graph from token ids to pooled vectors.

    The weights stay outside the graph, so that they exist once in memory and the 2 GB limit of an ONNX file does
    not apply.

    Args:
        config: The shape of the encoder.
        weights: What `read_weights` gave.
        pooling: How token vectors become one vector.
        normalise: Whether to scale vectors to length 1; a zero vector stays zero.

    Returns:
        The serialised model, with input `input_ids` `(texts, tokens)` int64 without padding and output
        `sentence_embedding` `(texts, hidden)` float32, and the initializers to hand to the session beside it.
    """
    graph = Graph(weights)
    states = _embed(graph, config)
    for number in range(config.num_hidden_layers):
        states = _layer(graph, config, f"encoder.layer.{number}", states)
    states = graph.add("Reshape", states, graph.shape)
    vectors = _pool(graph, states, pooling)
    if normalise:
        vectors = graph.add("LpNormalization", vectors, axis=-1, p=2)
    ids = graph_input("input_ids", "int64", ["texts", "tokens"])
    return graph.serialise(ids, vectors, "sentence_embedding", config.hidden_size), graph.weights


def _embed(graph: Graph, config: BertConfig) -> str:
    # One text is always the first segment, so its segment vector is part of every position's.
    segments = graph.weights.pop("embeddings.token_type_embeddings.weight")
    graph.weights["embeddings.position_embeddings.weight"] = (
        graph.weights["embeddings.position_embeddings.weight"] + segments[0]
    )
    words = graph.add("Gather", "embeddings.word_embeddings.weight", "input_ids")
    texts_and_tokens = graph.add("Shape", "input_ids")
    graph.shape = graph.add("Concat", texts_and_tokens, graph.integers(config.hidden_size), axis=0)
    tokens = graph.add("Shape", "input_ids", start=1)
    positions = graph.add("Slice", "embeddings.position_embeddings.weight", graph.integers(0), tokens)
    states = graph.layer_norm(graph.add("Add", words, positions), "embeddings.LayerNorm", config.layer_norm_eps)
    return graph.add("Reshape", states, graph.integers(-1, config.hidden_size))


def _layer(graph: Graph, config: BertConfig, name: str, states: str) -> str:
    attention = f"{name}.attention"
    # Three dense layers cost no more than one of three times the width, which would need a Split and a second copy
    # of the weights.
    projected = [
        graph.add("Reshape", graph.dense(states, f"{attention}.self.{part}"), graph.shape)
        for part in ("query", "key", "value")
    ]
    mixed = graph.add("MultiHeadAttention", *projected, domain=CONTRIB, num_heads=config.num_attention_heads)
    mixed = graph.add("Reshape", mixed, graph.integers(-1, config.hidden_size))
    # Not SkipLayerNormalization: ONNX Runtime's takes five times as long on a CPU as an Add and a LayerNormalization.
    mixed = graph.add("Add", graph.dense(mixed, f"{attention}.output.dense"), states)
    states = graph.layer_norm(mixed, f"{attention}.output.LayerNorm", config.layer_norm_eps)
    wide = graph.activation(graph.dense(states, f"{name}.intermediate.dense"), config.hidden_act)
    wide = graph.add("Add", graph.dense(wide, f"{name}.output.dense"), states)
    return graph.layer_norm(wide, f"{name}.output.LayerNorm", config.layer_norm_eps)


def _pool(graph: Graph, states: str, pooling: Pooling) -> str:
    """Reduce (texts, tokens, hidden) to (texts, hidden)."""
    if pooling == "mean":
        return graph.add("ReduceMean", states, graph.integers(1), keepdims=0)
    if pooling == "max":
        return graph.add("ReduceMax", states, graph.integers(1), keepdims=0)
    position = graph.integers(0 if pooling == "cls" else -1)
    return graph.add("Squeeze", graph.add("Gather", states, position, axis=1), graph.integers(1))
