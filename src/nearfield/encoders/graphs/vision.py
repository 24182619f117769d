"""Vision transformers as ONNX graphs, built from `config.json` and `model.safetensors` without PyTorch.

All images of one run have the same size, so their number of patches is a constant of the graph.

References:
    ViT: Dosovitskiy et al. (2021), arXiv:2010.11929. DINOv2: Oquab et al. (2023), arXiv:2304.07193.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from nearfield.encoders.graphs.builder import GraphBuilder, Weights
from nearfield.encoders.graphs.settings import Settings
from nearfield.encoders.graphs.shapes import LayerNames, Shapes, parameters
from nearfield.encoders.graphs.tower import Tower
from nearfield.encoders.graphs.weights import read_tensors
from nearfield.encoders.json_files import whole_number
from nearfield.errors import ModelFolderError

IMAGE_OUTPUT = "image_embeds"
"""What the graph of an encoder of images calls its vectors."""

_DEFAULTS: dict[str, dict[str, Any]] = {
    "vit": {"intermediate_size": 3072, "layer_norm_eps": 1e-12, "patch_size": 16},
    "dinov2": {"mlp_ratio": 4, "layer_norm_eps": 1e-6, "patch_size": 14},
}
_BASE = {"hidden_size": 768, "num_hidden_layers": 12, "num_attention_heads": 12, "hidden_act": "gelu"}
_STACK = "encoder.layer"
_ATTENTION = {
    "query": "attention.attention.query",
    "key": "attention.attention.key",
    "value": "attention.attention.value",
    "mix": "attention.output.dense",
}
_NAMES = {
    "vit": LayerNames(
        **_ATTENTION,
        attention_norm="layernorm_before",
        norm="layernorm_after",
        widen="intermediate.dense",
        narrow="output.dense",
    ),
    "dinov2": LayerNames(**_ATTENTION, attention_norm="norm1", norm="norm2", widen="mlp.fc1", narrow="mlp.fc2"),
}


@dataclass(frozen=True)
class VisionConfig:
    """The shape of a vision transformer.

    Attributes:
        family: Value of `model_type`.
        tower: Its layers.
        image: Height and width of the images it was trained on, in pixels.
        patch: Height and width of a patch.
    """

    family: str
    tower: Tower
    image: tuple[int, int]
    patch: tuple[int, int]

    @classmethod
    def from_json(cls, family: str, config: Mapping[str, Any], *, source: str) -> "VisionConfig":
        """Validate what a `config.json` says of a vision transformer.

        Args:
            family: Value of `model_type`.
            config: Its content, defaults filled in.
            source: What to call it in an error.

        Returns:
            The shape.

        Raises:
            ModelFolderError: If it is of a kind not supported, or makes no sense.
        """
        for key, allowed in (("num_channels", 3), ("qkv_bias", True), ("use_swiglu_ffn", False)):
            if config.get(key, allowed) != allowed:
                raise ModelFolderError(
                    f"{source}: {key} must be {allowed}, got {config[key]!r}; "
                    "any other model works when the folder holds it as onnx/model.onnx"
                )
        image, patch = (_pair(config.get(key), key, source) for key in ("image_size", "patch_size"))
        if image[0] < patch[0] or image[1] < patch[1]:
            raise ModelFolderError(f"{source}: patch_size {patch} must fit into image_size {image}")
        return cls(family, Tower.from_settings(Settings(config, source)), image, patch)

    def grid(self, height: int, width: int) -> tuple[int, int]:
        """Count the patches from top to bottom and from left to right; what is left over is not seen."""
        return height // self.patch[0], width // self.patch[1]

    def require_size(self, pixels: tuple[int, int], source: str) -> None:
        """Refuse images of another size than the position embeddings are for."""
        if pixels != self.image:
            raise ModelFolderError(
                f"{source}: image_size must be the {pixels} that preprocessor_config.json makes, got {self.image}"
            )


def read_vit_config(config: Mapping[str, Any], *, source: str) -> VisionConfig:
    """Validate the `config.json` of a ViT or DINOv2.

    Args:
        config: Its content.
        source: What to call it in an error.

    Returns:
        The shape.

    Raises:
        ModelFolderError: If it is of a kind not supported, or makes no sense.
    """
    family = config["model_type"]
    values: dict[str, Any] = {"image_size": 224} | _BASE | _DEFAULTS[family] | dict(config)
    if family == "dinov2":
        values["intermediate_size"] = _widened(values, source)
    return VisionConfig.from_json(family, values, source=source)


def build_vit(config: VisionConfig, weights: Path, *, pixels: tuple[int, int], source: str) -> tuple[bytes, Weights]:
    """Build the graph of a ViT or DINOv2 from pixels to the class token's last state.

    Args:
        config: The shape.
        weights: `model.safetensors`; names with or without the prefix `vit.` or `dinov2.`.
        pixels: Height and width of the images. DINOv2's position embeddings are resized to fit them; ViT's must fit.
        source: What to call the configuration in an error.

    Returns:
        The serialised model, with input `pixel_values` `(images, 3, height, width)` float32 and output `image_embeds`
        `(images, hidden)` float32, and the initializers to hand to the session beside it.

    Raises:
        ModelFolderError: If the weights are damaged or others than the configuration's.
    """
    names, tower = _NAMES[config.family], config.tower
    tensors = read_tensors(
        weights,
        _shapes(config, names, scaled=config.family == "dinov2"),
        name_of=lambda name: name.removeprefix(f"{config.family}."),
        stack=(_STACK, tower.num_hidden_layers),
    )
    positions = tensors.pop("embeddings.position_embeddings")[0]
    if config.family == "dinov2":
        positions = _resized_positions(positions, config.grid(*config.image), config.grid(*pixels))
        _fold_layer_scale(tensors, tower, names)
    else:
        config.require_size(pixels, source)
    positions = np.concatenate([positions[:1] + tensors.pop("embeddings.cls_token")[0], positions[1:]])
    graph = GraphBuilder(tensors, tokens=len(positions))
    states = embed_patches(graph, config, "embeddings.patch_embeddings.projection", positions, pixels)
    states = graph.by_text(tower.build(graph, names, _STACK, states), tower.hidden_size)
    vectors = graph.layer_norm(graph.token(states, 0), "layernorm", tower.layer_norm_eps)
    return graph.serialise({IMAGE_OUTPUT: vectors}, [("images", tower.hidden_size)], pixels=pixels), graph.weights


def embed_patches(
    graph: GraphBuilder,
    config: VisionConfig,
    layer: str,
    positions: npt.NDArray[np.float32],
    pixels: tuple[int, int],
) -> str:
    """Add the embedding of patches and positions.

    Args:
        graph: What to add to; it has a token for each of the positions.
        config: The shape of the transformer.
        layer: Name of the convolution that embeds a patch, with a bias or without.
        positions: `(tokens, hidden)`; a token more than patches stands before them, and its own embedding is part of
            its position's.
        pixels: Height and width of the images.

    Returns:
        `(images * tokens, hidden)`.
    """
    hidden = config.tower.hidden_size
    states = graph.add("Conv", "pixel_values", *graph.parameters(layer), strides=list(config.patch))
    states = graph.add("Reshape", states, graph.integers(0, hidden, -1))
    states = graph.add("Transpose", states, perm=[0, 2, 1])
    rows, columns = config.grid(*pixels)
    if len(positions) > rows * columns:
        states = graph.add("Pad", states, graph.integers(0, 1, 0, 0, 0, 0))
    graph.weights["positions"] = np.ascontiguousarray(positions)
    return graph.by_token(graph.add("Add", states, "positions"), hidden)


def _pair(value: object, key: str, source: str) -> tuple[int, int]:
    if isinstance(value, list) and len(value) == 2:
        return whole_number(value[0], key, source), whole_number(value[1], key, source)
    return whole_number(value, key, source), whole_number(value, key, source)


def _widened(values: Mapping[str, Any], source: str) -> int:
    hidden, ratio = whole_number(values["hidden_size"], "hidden_size", source), values["mlp_ratio"]
    if isinstance(ratio, bool) or not isinstance(ratio, int | float) or not 0 < ratio <= 64:
        raise ModelFolderError(f"{source}: mlp_ratio must be a number above 0 and at most 64, got {ratio!r}")
    return int(hidden * ratio)


def _shapes(config: VisionConfig, names: LayerNames, *, scaled: bool) -> Shapes:
    tower, (rows, columns) = config.tower, config.grid(*config.image)
    hidden = tower.hidden_size
    yield "embeddings.cls_token", (1, 1, hidden)
    yield "embeddings.position_embeddings", (1, rows * columns + 1, hidden)
    yield from parameters("embeddings.patch_embeddings.projection", hidden, 3, *config.patch)
    yield from tower.shapes(names, _STACK)
    yield from parameters("layernorm", hidden)
    if scaled:
        for number in range(tower.num_hidden_layers):
            yield f"{_STACK}.{number}.layer_scale1.lambda1", (hidden,)
            yield f"{_STACK}.{number}.layer_scale2.lambda1", (hidden,)


def _fold_layer_scale(tensors: Weights, tower: Tower, names: LayerNames) -> None:
    """Multiply the dense layers by the factors that follow them (Touvron et al. 2021, arXiv:2103.17239)."""
    for number in range(tower.num_hidden_layers):
        layer = f"{_STACK}.{number}."
        for dense, scale in ((names.mix, "layer_scale1"), (names.narrow, "layer_scale2")):
            factors = tensors.pop(f"{layer}{scale}.lambda1")
            tensors[f"{layer}{dense}.weight"] = tensors[f"{layer}{dense}.weight"] * factors[:, None]
            tensors[f"{layer}{dense}.bias"] = tensors[f"{layer}{dense}.bias"] * factors


def _resized_positions(
    positions: npt.NDArray[np.float32], given: tuple[int, int], wanted: tuple[int, int]
) -> npt.NDArray[np.float32]:
    """Resize the patches' position embeddings to another grid, as PyTorch's bicubic interpolation does."""
    if given == wanted:
        return positions
    hidden = positions.shape[1]
    grid = positions[1:].reshape(*given, hidden).astype(np.float64)
    grid = np.einsum("ri,ijh->rjh", _bicubic(given[0], wanted[0]), grid)
    grid = np.einsum("cj,rjh->rch", _bicubic(given[1], wanted[1]), grid)
    return np.concatenate([positions[:1], grid.reshape(-1, hidden).astype(np.float32)])


def _bicubic(given: int, wanted: int) -> npt.NDArray[np.float64]:
    """Weigh the given points for each wanted one: `(wanted, given)`, Keys' kernel with a = -0.75, edges repeated.

    References:
        Keys (1981), doi:10.1109/TASSP.1981.1163711.
    """
    weights = np.zeros((wanted, given))
    for row in range(wanted):
        place = (row + 0.5) * given / wanted - 0.5
        first = int(np.floor(place)) - 1
        for column in range(first, first + 4):
            far = abs(place - column)
            if far <= 1:
                weight = 1.25 * far**3 - 2.25 * far**2 + 1
            else:
                weight = -0.75 * (far**3 - 5 * far**2 + 8 * far - 4)
            weights[row, min(max(column, 0), given - 1)] += weight
    return weights
