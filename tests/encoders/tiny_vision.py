"""Vision models of random weights in exactly the layouts that folders are published in, and slow forward passes."""

import io
import json
import math

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from PIL import Image as Pillow
from safetensors.numpy import save_file
from tiny_bert import tiny_tokenizer

from nearfield.data.images import Image

HIDDEN, WIDE, LAYERS, HEADS, PATCH, SIZE, DIM, POSITIONS = 8, 16, 2, 2, 4, 12, 6, 10
TOWER = {"hidden_size": HIDDEN, "num_hidden_layers": LAYERS, "num_attention_heads": HEADS, "intermediate_size": WIDE}
VISION = TOWER | {"image_size": SIZE, "patch_size": PATCH}
TEXT = TOWER | {"vocab_size": 30, "max_position_embeddings": POSITIONS}
CONFIGS = {
    "vit": VISION | {"model_type": "vit"},
    "dinov2": VISION | {"model_type": "dinov2", "mlp_ratio": 2, "image_size": 20},
    "clip": {
        "model_type": "clip",
        "projection_dim": DIM,
        "text_config": TEXT | {"eos_token_id": 3},
        "vision_config": VISION,
    },
    "siglip": {"model_type": "siglip", "text_config": TEXT | {"pad_token_id": 1}, "vision_config": VISION},
}
SQUARE = {"size": {"height": SIZE, "width": SIZE}, "resample": 3}
PREPROCESSORS = {
    "vit": SQUARE | {"image_processor_type": "ViTImageProcessor"},
    "dinov2": {"size": {"shortest_edge": 14}, "crop_size": {"height": SIZE, "width": SIZE}, "do_center_crop": True},
    "clip": {"size": {"shortest_edge": SIZE}, "crop_size": SIZE, "image_processor_type": "CLIPImageProcessor"},
    "siglip": SQUARE | {"image_processor_type": "SiglipImageProcessor"},
}
_HUGGING_FACE = ["attention.attention.query", "attention.attention.key", "attention.attention.value"]
_CLIP_LAYER = [
    "layer_norm1",
    *("self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj", "self_attn.out_proj"),
    "layer_norm2",
    *("mlp.fc1", "mlp.fc2"),
]
# Norm, query, key, value, output, norm, wide, narrow.
LAYER = {
    "vit": [
        "layernorm_before",
        *_HUGGING_FACE,
        "attention.output.dense",
        "layernorm_after",
        *("intermediate.dense", "output.dense"),
    ],
    "dinov2": ["norm1", *_HUGGING_FACE, "attention.output.dense", "norm2", "mlp.fc1", "mlp.fc2"],
    "clip": _CLIP_LAYER,
    "siglip": _CLIP_LAYER,
}


def pictures(seed=0, sizes=((12, 12), (40, 25), (9, 31))):
    """Noise, as PNG."""
    rng = np.random.default_rng(seed)
    return [picture(rng.integers(0, 256, (height, width, 3), dtype=np.uint8)) for height, width in sizes]


def picture(array, form="PNG", **options):
    file = io.BytesIO()
    Pillow.fromarray(array).save(file, form, **options)
    return Image(file.getvalue())


class _Random(dict):
    def __init__(self, seed):
        self.rng = np.random.default_rng(seed)

    def tensor(self, name, *shape):
        self[name] = self.rng.normal(0, 0.4, shape).astype(np.float32)

    def dense(self, name, given, made):
        self.tensor(f"{name}.weight", made, given)
        self.tensor(f"{name}.bias", made)

    def norm(self, name):
        self[f"{name}.weight"] = self.rng.normal(1, 0.2, HIDDEN).astype(np.float32)
        self[f"{name}.bias"] = self.rng.normal(0, 0.2, HIDDEN).astype(np.float32)

    def layers(self, prefix, family):
        for number in range(LAYERS):
            norm1, *attention, norm2, wide, narrow = (f"{prefix}{number}.{part}" for part in LAYER[family])
            self.norm(norm1)
            self.norm(norm2)
            for name in attention:
                self.dense(name, HIDDEN, HIDDEN)
            self.dense(wide, HIDDEN, WIDE)
            self.dense(narrow, WIDE, HIDDEN)
            if family == "dinov2":
                self.tensor(f"{prefix}{number}.layer_scale1.lambda1", HIDDEN)
                self.tensor(f"{prefix}{number}.layer_scale2.lambda1", HIDDEN)


def vit_weights(family, seed=0):
    weights = _Random(seed)
    patches = (CONFIGS[family]["image_size"] // PATCH) ** 2
    weights.tensor("embeddings.cls_token", 1, 1, HIDDEN)
    weights.tensor("embeddings.position_embeddings", 1, patches + 1, HIDDEN)
    weights.tensor("embeddings.patch_embeddings.projection.weight", HIDDEN, 3, PATCH, PATCH)
    weights.tensor("embeddings.patch_embeddings.projection.bias", HIDDEN)
    weights.layers("encoder.layer.", family)
    weights.norm("layernorm")
    return dict(weights)


def dual_weights(family, seed=0):
    weights, clip = _Random(seed), family == "clip"
    weights.tensor("text_model.embeddings.token_embedding.weight", 30, HIDDEN)
    weights.tensor("text_model.embeddings.position_embedding.weight", POSITIONS, HIDDEN)
    weights.tensor("vision_model.embeddings.patch_embedding.weight", HIDDEN, 3, PATCH, PATCH)
    weights.tensor("vision_model.embeddings.position_embedding.weight", (SIZE // PATCH) ** 2 + clip, HIDDEN)
    for model in ("text_model", "vision_model"):
        weights.layers(f"{model}.encoder.layers.", family)
    weights.norm("text_model.final_layer_norm")
    weights.norm("vision_model.post_layernorm")
    if clip:
        weights.tensor("vision_model.embeddings.class_embedding", HIDDEN)
        weights.norm("vision_model.pre_layrnorm")
        weights.tensor("text_projection.weight", DIM, HIDDEN)
        weights.tensor("visual_projection.weight", DIM, HIDDEN)
        return dict(weights)
    head = "vision_model.head"
    weights.dense("text_model.head", HIDDEN, HIDDEN)
    weights.tensor("vision_model.embeddings.patch_embedding.bias", HIDDEN)
    weights.tensor(f"{head}.probe", 1, 1, HIDDEN)
    weights.tensor(f"{head}.attention.in_proj_weight", 3 * HIDDEN, HIDDEN)
    weights.tensor(f"{head}.attention.in_proj_bias", 3 * HIDDEN)
    weights.dense(f"{head}.attention.out_proj", HIDDEN, HIDDEN)
    weights.norm(f"{head}.layernorm")
    weights.dense(f"{head}.mlp.fc1", HIDDEN, WIDE)
    weights.dense(f"{head}.mlp.fc2", WIDE, HIDDEN)
    return dict(weights)


def random_weights(family, seed=0):
    return vit_weights(family, seed) if family in ("vit", "dinov2") else dual_weights(family, seed)


def write_folder(path, family, *, weights=None, config=None, preprocessor=None):
    path.mkdir(parents=True, exist_ok=True)
    (path / "config.json").write_text(json.dumps(CONFIGS[family] if config is None else config))
    (path / "preprocessor_config.json").write_text(json.dumps(preprocessor or PREPROCESSORS[family]))
    save_file(random_weights(family) if weights is None else weights, path / "model.safetensors")
    if family in ("clip", "siglip"):
        tiny_tokenizer().save(str(path / "tokenizer.json"))
    return path


def write_onnx_folder(path, *, output="pooler_output", rank=2, given="pixel_values"):
    """A network that sums each channel, in the shape that an output of its name has."""
    sums = [helper.make_node("ReduceSum", [given, "axes"], ["sums"], keepdims=0)]
    if rank == 2:
        last = helper.make_node("Identity", ["sums"], [output])
    else:  # (images, tokens, 3) whose second token is not looked at, or (images, 3, 1, 1)
        last = helper.make_node("Unsqueeze", ["sums", "where"], [output])
    where = {2: [0], 3: [1], 4: [2, 3]}[rank]
    graph = helper.make_graph(
        [*sums, last],
        "sums",
        [helper.make_tensor_value_info(given, TensorProto.FLOAT, ["n", 3, SIZE, SIZE])],
        [helper.make_tensor_value_info(output, TensorProto.FLOAT, ["n", *[None] * (rank - 1)])],
        [numpy_helper.from_array(np.array([2, 3]), "axes"), numpy_helper.from_array(np.array(where), "where")],
    )
    (path / "onnx").mkdir(parents=True, exist_ok=True)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=9)
    onnx.save(model, path / "onnx" / "model.onnx")
    (path / "preprocessor_config.json").write_text(json.dumps(PREPROCESSORS["vit"]))
    return path


def slow_norm(x, weights, name, epsilon):
    centred = x - x.mean(-1, keepdims=True)
    scaled = centred / np.sqrt((centred**2).mean(-1, keepdims=True) + epsilon)
    return scaled * weights[f"{name}.weight"] + weights[f"{name}.bias"]


def slow_dense(x, weights, name):
    return x @ weights[f"{name}.weight"].T + weights[f"{name}.bias"]


def slow_attention(q, k, v, *, causal=False):
    size, heads = HIDDEN // HEADS, []
    for first in range(0, HIDDEN, size):
        part = slice(first, first + size)
        scores = np.exp(q[:, part] @ k[:, part].T / math.sqrt(size))
        scores = np.tril(scores) if causal else scores
        heads.append(scores / scores.sum(1, keepdims=True) @ v[:, part])
    return np.hstack(heads)


ACTIVATIONS = {
    "gelu": lambda x: x * 0.5 * (1 + np.vectorize(math.erf)(x / math.sqrt(2))),
    "quick_gelu": lambda x: x / (1 + np.exp(-1.702 * x)),
    "tanh": lambda x: x * 0.5 * (1 + np.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3))),
}
KIND = {"vit": ("gelu", 1e-12), "dinov2": ("gelu", 1e-6), "clip": ("quick_gelu", 1e-5), "siglip": ("tanh", 1e-6)}


def slow_layers(x, weights, prefix, family, *, causal=False):
    """A pre-LayerNorm transformer for one input, head by head: (tokens, hidden)."""
    activation, epsilon = KIND[family]
    for number in range(LAYERS):
        layer = f"{prefix}{number}."
        norm1, query, key, value, output, norm2, wide, narrow = (layer + part for part in LAYER[family])
        scales = [weights.get(f"{layer}layer_scale{place}.lambda1", 1) for place in (1, 2)]
        normed = slow_norm(x, weights, norm1, epsilon)
        mixed = slow_attention(*(slow_dense(normed, weights, name) for name in (query, key, value)), causal=causal)
        x = x + scales[0] * slow_dense(mixed, weights, output)
        normed = ACTIVATIONS[activation](slow_dense(slow_norm(x, weights, norm2, epsilon), weights, wide))
        x = x + scales[1] * slow_dense(normed, weights, narrow)
    return x


def slow_patches(pixels, weights, layer):
    """One patch after another, row by row: (patches, hidden)."""
    kernel, rows = weights[f"{layer}.weight"], []
    for top in range(0, pixels.shape[1], PATCH):
        for left in range(0, pixels.shape[2], PATCH):
            rows.append(np.einsum("chw,ochw->o", pixels[:, top : top + PATCH, left : left + PATCH], kernel))
    return np.array(rows) + weights.get(f"{layer}.bias", 0)


def slow_vit(pixels, weights, family="vit", positions=None):
    """ViT (Dosovitskiy et al. 2021) for one image, in float64: (hidden,)."""
    weights = {name: tensor.astype(np.float64) for name, tensor in weights.items()}
    x = slow_patches(pixels, weights, "embeddings.patch_embeddings.projection")
    x = np.vstack([weights["embeddings.cls_token"][0], x])
    x = x + (weights["embeddings.position_embeddings"][0] if positions is None else positions)
    x = slow_layers(x, weights, "encoder.layer.", family)
    return slow_norm(x[0], weights, "layernorm", KIND[family][1])


def slow_text(ids, weights, family, end=3):
    """The text half of CLIP or SigLIP for one text: (dim,), of length 1."""
    weights = {name: tensor.astype(np.float64) for name, tensor in weights.items()}
    x = weights["text_model.embeddings.token_embedding.weight"][ids]
    x = x + weights["text_model.embeddings.position_embedding.weight"][: len(ids)]
    x = slow_layers(x, weights, "text_model.encoder.layers.", family, causal=family == "clip")
    x = x[list(ids).index(end)] if family == "clip" else x[-1]
    x = slow_norm(x, weights, "text_model.final_layer_norm", KIND[family][1])
    x = weights["text_projection.weight"] @ x if family == "clip" else slow_dense(x, weights, "text_model.head")
    return x / np.linalg.norm(x)


def slow_image(pixels, weights, family):
    """The image half of CLIP or SigLIP for one image: (dim,), of length 1."""
    weights = {name: tensor.astype(np.float64) for name, tensor in weights.items()}
    epsilon = KIND[family][1]
    x = slow_patches(pixels, weights, "vision_model.embeddings.patch_embedding")
    if family == "clip":
        x = np.vstack([weights["vision_model.embeddings.class_embedding"], x])
    x = x + weights["vision_model.embeddings.position_embedding.weight"]
    if family == "clip":
        x = slow_norm(x, weights, "vision_model.pre_layrnorm", epsilon)
    x = slow_layers(x, weights, "vision_model.encoder.layers.", family)
    x = slow_norm(x, weights, "vision_model.post_layernorm", epsilon)
    x = weights["visual_projection.weight"] @ x[0] if family == "clip" else _slow_head(x, weights, epsilon)
    return x / np.linalg.norm(x)


def _slow_head(x, weights, epsilon):
    head = "vision_model.head"
    parts = zip(
        np.split(weights[f"{head}.attention.in_proj_weight"], 3),
        np.split(weights[f"{head}.attention.in_proj_bias"], 3),
        strict=True,
    )
    given = (weights[f"{head}.probe"][0], x, x)
    pooled = slow_attention(*(states @ weight.T + bias for states, (weight, bias) in zip(given, parts, strict=True)))
    pooled = slow_dense(pooled, weights, f"{head}.attention.out_proj")[0]
    wide = slow_dense(slow_norm(pooled, weights, f"{head}.layernorm", epsilon), weights, f"{head}.mlp.fc1")
    return pooled + slow_dense(ACTIVATIONS["tanh"](wide), weights, f"{head}.mlp.fc2")
