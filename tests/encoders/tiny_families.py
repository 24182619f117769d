"""One tiny model of each family that is built, its weights drawn by NumPy, in the layout and with the `config.json`
keys that folders of that family were published with.

The golden numbers are of transformers 5.24 and PyTorch 2.14, which load the same folders (`test_peers.py`).
"""

import json

import numpy as np
from safetensors.numpy import save_file
from tiny_bert import tiny_tokenizer

from nearfield.encoders.graphs.families import find_architecture

_SIZES = {
    "hidden_size": 8,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 12,
    "vocab_size": 30,
    "max_position_embeddings": 64,
}
FAMILIES = {
    "bert": {"model_type": "bert", **_SIZES, "type_vocab_size": 2},
    "roberta": {"model_type": "roberta", **_SIZES, "type_vocab_size": 1, "pad_token_id": 1, "layer_norm_eps": 1e-5},
    "xlm-roberta": {"model_type": "xlm-roberta", **_SIZES, "type_vocab_size": 1, "pad_token_id": 1},
    "mpnet": {"model_type": "mpnet", **_SIZES, "relative_attention_num_buckets": 32},
    "distilbert": {
        "model_type": "distilbert",
        "dim": 8,
        "n_layers": 2,
        "n_heads": 2,
        "hidden_dim": 12,
        "vocab_size": 30,
        "max_position_embeddings": 64,
        "activation": "gelu",
    },
    "modernbert": {
        "model_type": "modernbert",
        **_SIZES,
        "global_attn_every_n_layers": 2,
        "local_attention": 4,
        "global_rope_theta": 160000.0,
        "local_rope_theta": 10000.0,
        "hidden_activation": "gelu",
        "norm_bias": True,
        "pad_token_id": 0,
    },
    "t5": {
        "model_type": "t5",
        "d_model": 8,
        "num_layers": 2,
        "num_heads": 2,
        "d_kv": 6,
        "d_ff": 12,
        "vocab_size": 30,
        "relative_attention_num_buckets": 8,
        "relative_attention_max_distance": 20,
        "feed_forward_proj": "gated-gelu",
    },
    "qwen3": {
        "model_type": "qwen3",
        **_SIZES,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "head_dim": 6,
        "hidden_act": "silu",
        "rope_theta": 1000000,
        "use_sliding_window": False,
        "attention_bias": True,
    },
}
FAMILIES["t5 1.0"] = {key: value for key, value in FAMILIES["t5"].items() if key != "feed_forward_proj"}
FAMILIES["qwen3 unshared"] = FAMILIES["qwen3"] | {"num_key_value_heads": 4, "attention_bias": False}
LONG = " ".join(f"w{number % 26}" for number in range(40))
GOLDEN = {
    "bert": [-1.687838, -0.22904, -0.301196, 0.951331, -0.220934],
    "roberta": [-0.335512, 0.250718, -1.038775, -1.863879, 2.034824],
    "xlm-roberta": [-0.335512, 0.250718, -1.038781, -1.863883, 2.034826],
    "mpnet": [-0.034619, 0.10624, 0.241442, 0.04538, 0.30728],
    "distilbert": [-0.685907, -2.600824, 1.744222, 0.969743, 1.416786],
    "modernbert": [0.317226, -1.262242, 0.378731, 0.182383, -0.196312],
    "t5": [-0.18038, -0.254893, 0.274056, 0.193386, -0.916026],
    "qwen3": [2.442174, -1.086567, 2.611354, 0.493163, 0.041998],
    "t5 1.0": [0.928807, 0.802406, 0.272112, -0.088862, -0.40939],
    "qwen3 unshared": [-1.238738, -0.148788, -1.129193, 0.063326, 0.238335],
}
"""The first five numbers of the mean over the tokens of `LONG`."""


def random_weights(config, seed=0):
    rng = np.random.default_rng(seed)
    architecture = find_architecture(config, source="config.json")
    return {
        name: rng.normal(1.0 if "norm" in name.lower() and name.endswith("weight") else 0.0, 0.5, shape).astype("f4")
        for name, shape in architecture.shapes()
    }


def write_bare(path, config, *, weights=None):
    """Write a bare Hugging Face folder."""
    (path / "config.json").write_text(json.dumps(config))
    (path / "tokenizer_config.json").write_text(json.dumps({"model_max_length": 50}))
    tiny_tokenizer().save(str(path / "tokenizer.json"))
    save_file(random_weights(config) if weights is None else weights, path / "model.safetensors", {"format": "pt"})
    return path
