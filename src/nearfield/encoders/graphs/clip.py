"""CLIP and SigLIP as two ONNX graphs, built from `config.json` and `model.safetensors` without PyTorch.

References:
    CLIP: Radford et al. (2021), arXiv:2103.00020. SigLIP: Zhai et al. (2023), arXiv:2303.15343.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from onnx import TensorProto

from nearfield.encoders.graphs.build import VECTORS_OUTPUT
from nearfield.encoders.graphs.builder import GraphBuilder, Weights
from nearfield.encoders.graphs.settings import Settings
from nearfield.encoders.graphs.shapes import LayerNames, Shapes, parameters
from nearfield.encoders.graphs.tower import Tower
from nearfield.encoders.graphs.vision import IMAGE_OUTPUT, VisionConfig, embed_patches
from nearfield.encoders.graphs.weights import read_tensors
from nearfield.encoders.json_files import whole_number
from nearfield.errors import ModelFolderError

# Published files name only what differs from these.
_CLIP = {"num_hidden_layers": 12, "hidden_act": "quick_gelu", "layer_norm_eps": 1e-5}
_SIGLIP = {"num_hidden_layers": 12, "hidden_act": "gelu_pytorch_tanh", "layer_norm_eps": 1e-6}
_BASE_VISION = {"hidden_size": 768, "intermediate_size": 3072, "num_attention_heads": 12, "image_size": 224}
_TEXT_DEFAULTS: dict[str, dict[str, Any]] = {
    "clip": _CLIP
    | {"hidden_size": 512, "intermediate_size": 2048, "num_attention_heads": 8}
    | {"vocab_size": 49408, "max_position_embeddings": 77, "eos_token_id": 49407},
    "siglip": _SIGLIP
    | {"hidden_size": 768, "intermediate_size": 3072, "num_attention_heads": 12}
    | {"vocab_size": 32000, "max_position_embeddings": 64, "pad_token_id": 1},
}
_VISION_DEFAULTS: dict[str, dict[str, Any]] = {
    "clip": _CLIP | _BASE_VISION | {"patch_size": 32},
    "siglip": _SIGLIP | _BASE_VISION | {"patch_size": 16},
}


_NAMES = LayerNames(
    query="self_attn.q_proj",
    key="self_attn.k_proj",
    value="self_attn.v_proj",
    mix="self_attn.out_proj",
    attention_norm="layer_norm1",
    widen="mlp.fc1",
    narrow="mlp.fc2",
    norm="layer_norm2",
)
_TEXT, _VISION = "text_model.encoder.layers", "vision_model.encoder.layers"
_HEAD = "vision_model.head"


@dataclass(frozen=True)
class DualConfig:
    """The shape of a dual encoder.

    Attributes:
        family: `clip` or `siglip`.
        text: The layers for texts.
        vision: Those for images.
        dim: Number of dimensions of both's vectors.
        vocabulary: Number of tokens known.
        positions: Most tokens of a text.
        end: Id of the token that ends a text; CLIP only.
        padding: Id of the token that fills a text up; SigLIP only.
    """

    family: str
    text: Tower
    vision: VisionConfig
    dim: int
    vocabulary: int
    positions: int
    end: int
    padding: int

    @classmethod
    def from_json(cls, config: Mapping[str, Any], *, source: str) -> "DualConfig":
        """Validate a `config.json`.

        Args:
            config: Its content.
            source: What to call it in an error.

        Returns:
            The shape.

        Raises:
            ModelFolderError: If it is of a kind not supported, or makes no sense.
        """
        family = config["model_type"]
        text = _TEXT_DEFAULTS[family] | _section(config, "text_config", source)
        vision = _VISION_DEFAULTS[family] | _section(config, "vision_config", source)
        text_tower = Tower.from_settings(Settings(text, source))
        vision_config = VisionConfig.from_json(family, vision, source=source)
        if family == "siglip":
            dim = whole_number(text.get("projection_size") or text_tower.hidden_size, "projection_size", source)
            if dim != vision_config.tower.hidden_size or not vision.get("vision_use_head", True):
                raise ModelFolderError(f"{source}: texts get {dim} dimensions, images other ones; they share no space")
        else:
            dim = whole_number(config.get("projection_dim", 512), "projection_dim", source)
        return cls(
            family=family,
            text=text_tower,
            vision=vision_config,
            dim=dim,
            vocabulary=whole_number(text["vocab_size"], "vocab_size", source),
            positions=whole_number(text["max_position_embeddings"], "max_position_embeddings", source),
            end=_token(text.get("eos_token_id"), "eos_token_id", source) if family == "clip" else -1,
            padding=_token(text.get("pad_token_id"), "pad_token_id", source) if family == "siglip" else -1,
        )


def _section(config: Mapping[str, Any], name: str, source: str) -> dict[str, Any]:
    # Where an old file has the second, transformers lets it decide.
    section = config.get(f"{name}_dict")
    section = config.get(name, {}) if section is None else section
    if not isinstance(section, dict):
        raise ModelFolderError(f"{source}: {name} must be an object, got {type(section).__name__}")
    return {key: value for key, value in section.items() if value is not None}


def _token(value: object, key: str, source: str) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise ModelFolderError(f"{source}: {key} must be the id of a token, got {value!r}")
    return value


def build_text(config: DualConfig, weights: Path) -> tuple[bytes, Weights]:
    """Build the graph from token ids to vectors of length 1.

    CLIP takes the state of the first token that ends the text, which has seen all before it; SigLIP that of the last
    of all tokens, padding included.

    Args:
        config: The shape.
        weights: `model.safetensors`.

    Returns:
        The serialised model, with input `input_ids` `(texts, tokens)` int64 and output `sentence_embedding`
        `(texts, dim)` float32, and the initializers to hand to the session beside it.

    Raises:
        ModelFolderError: If the weights are damaged or others than the configuration's.
    """
    tower, hidden = config.text, config.text.hidden_size
    shapes = _text_shapes(config)
    graph = GraphBuilder(read_tensors(weights, shapes, stack=(_TEXT, tower.num_hidden_layers)))
    words = graph.add("Gather", "text_model.embeddings.token_embedding.weight", "input_ids")
    tokens = graph.add("Shape", "input_ids", start=1)
    places = graph.add("Slice", "text_model.embeddings.position_embedding.weight", graph.integers(0), tokens)
    states = graph.by_token(graph.add("Add", words, places), hidden)
    states = tower.build(graph, _NAMES, _TEXT, states, causal=config.family == "clip")
    states = graph.by_text(states, hidden)
    if config.family == "clip":
        states = graph.add("GatherND", states, _first_end(graph, config.end), batch_dims=1)
    else:
        states = graph.token(states, -1)
    states = graph.layer_norm(states, "text_model.final_layer_norm", tower.layer_norm_eps)
    vectors = graph.dense(states, "text_projection" if config.family == "clip" else "text_model.head")
    vectors = graph.add("LpNormalization", vectors, axis=-1, p=2)
    return graph.serialise({VECTORS_OUTPUT: vectors}, [("texts", config.dim)]), graph.weights


def _first_end(graph: GraphBuilder, end: int) -> str:
    """Find where each text ends: `(texts, 1)`."""
    marks = "input_ids"
    if end != 2:
        marks = graph.add("Equal", "input_ids", graph.integers(end))
    # The first published files name 2 by mistake; the true one has the highest id of all.
    return graph.add("ArgMax", graph.add("Cast", marks, to=TensorProto.INT32), axis=1, keepdims=1)


def build_vision(config: DualConfig, weights: Path, *, pixels: tuple[int, int], source: str) -> tuple[bytes, Weights]:
    """Build the graph from pixels to vectors of length 1.

    CLIP takes the class token's state; SigLIP lets a learnt query attend to all patches.

    Args:
        config: The shape.
        weights: `model.safetensors`.
        pixels: Height and width of the images, which must be those the model was trained on.
        source: What to call the configuration in an error.

    Returns:
        The serialised model, with input `pixel_values` `(images, 3, height, width)` float32 and output `image_embeds`
        `(images, dim)` float32, and the initializers to hand to the session beside it.

    Raises:
        ModelFolderError: If the weights are damaged or others than the configuration's.
    """
    shape, tower, clip = config.vision, config.vision.tower, config.family == "clip"
    shape.require_size(pixels, source)
    tensors = read_tensors(weights, _vision_shapes(config), stack=(_VISION, tower.num_hidden_layers))
    positions = tensors.pop("vision_model.embeddings.position_embedding.weight")
    if clip:
        positions[0] += tensors.pop("vision_model.embeddings.class_embedding")
    graph = GraphBuilder(tensors, tokens=len(positions))
    states = embed_patches(graph, shape, "vision_model.embeddings.patch_embedding", positions, pixels)
    if clip:
        states = graph.layer_norm(states, "vision_model.pre_layrnorm", tower.layer_norm_eps)
    states = tower.build(graph, _NAMES, _VISION, states)
    if clip:
        states = graph.token(graph.by_text(states, tower.hidden_size), 0)
        states = graph.layer_norm(states, "vision_model.post_layernorm", tower.layer_norm_eps)
        vectors = graph.dense(states, "visual_projection")
    else:
        states = graph.layer_norm(states, "vision_model.post_layernorm", tower.layer_norm_eps)
        vectors = _attention_pool(graph, tower, states)
    vectors = graph.add("LpNormalization", vectors, axis=-1, p=2)
    return graph.serialise({IMAGE_OUTPUT: vectors}, [("images", config.dim)], pixels=pixels), graph.weights


def _attention_pool(graph: GraphBuilder, tower: Tower, states: str) -> str:
    """Reduce (images * patches, hidden) to (images, hidden)."""
    hidden, weights = tower.hidden_size, graph.weights
    joined = weights.pop(f"{_HEAD}.attention.in_proj_weight"), weights.pop(f"{_HEAD}.attention.in_proj_bias")
    for part, (weight, bias) in zip(("q", "k", "v"), zip(*(np.split(t, 3) for t in joined), strict=True), strict=True):
        weights[f"{part}.weight"], weights[f"{part}.bias"] = weight, bias
    # What the query attends with depends on no image.
    probe = weights.pop(f"{_HEAD}.probe")[0]
    weights["probe"] = (probe @ weights.pop("q.weight").T + weights.pop("q.bias"))[None]
    images = graph.add("Shape", "pixel_values", start=0, end=1)
    query = graph.add("Expand", "probe", graph.add("Concat", images, graph.integers(1, hidden), axis=0))
    key, value = (graph.by_text(graph.dense(states, part), hidden) for part in ("k", "v"))
    pooled = graph.by_token(graph.attention(query, key, value, heads=tower.num_attention_heads), hidden)
    pooled = graph.dense(pooled, f"{_HEAD}.attention.out_proj")
    normed = graph.layer_norm(pooled, f"{_HEAD}.layernorm", tower.layer_norm_eps)
    return graph.add("Add", tower.feed_forward(graph, normed, f"{_HEAD}.mlp.fc1", f"{_HEAD}.mlp.fc2"), pooled)


def _text_shapes(config: DualConfig) -> Shapes:
    hidden = config.text.hidden_size
    yield "text_model.embeddings.token_embedding.weight", (config.vocabulary, hidden)
    yield "text_model.embeddings.position_embedding.weight", (config.positions, hidden)
    yield from config.text.shapes(_NAMES, _TEXT)
    yield from parameters("text_model.final_layer_norm", hidden)
    if config.family == "clip":
        yield from parameters("text_projection", config.dim, hidden, bias=False)
    else:
        yield from parameters("text_model.head", config.dim, hidden)


def _vision_shapes(config: DualConfig) -> Shapes:
    tower, (rows, columns) = config.vision.tower, config.vision.grid(*config.vision.image)
    hidden, clip = tower.hidden_size, config.family == "clip"
    yield from parameters("vision_model.embeddings.patch_embedding", hidden, 3, *config.vision.patch, bias=not clip)
    yield "vision_model.embeddings.position_embedding.weight", (rows * columns + clip, hidden)
    yield from tower.shapes(_NAMES, _VISION)
    yield from parameters("vision_model.post_layernorm", hidden)
    if clip:
        yield "vision_model.embeddings.class_embedding", (hidden,)
        yield from parameters("vision_model.pre_layrnorm", hidden)
        yield from parameters("visual_projection", config.dim, hidden, bias=False)
        return
    yield f"{_HEAD}.probe", (1, 1, hidden)
    yield f"{_HEAD}.attention.in_proj_weight", (3 * hidden, hidden)
    yield f"{_HEAD}.attention.in_proj_bias", (3 * hidden,)
    yield from parameters(f"{_HEAD}.attention.out_proj", hidden, hidden)
    yield from parameters(f"{_HEAD}.layernorm", hidden)
    yield from parameters(f"{_HEAD}.mlp.fc1", tower.intermediate_size, hidden)
    yield from parameters(f"{_HEAD}.mlp.fc2", hidden, tower.intermediate_size)
