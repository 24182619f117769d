"""A BERT of random weights, in exactly the layout that model folders are published in."""

import json

import numpy as np
from safetensors.numpy import save_file
from tokenizers import Tokenizer, models, pre_tokenizers, processors

CONFIG = {
    "model_type": "bert",
    "hidden_size": 8,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 16,
    "vocab_size": 30,
    "max_position_embeddings": 12,
    "type_vocab_size": 2,
    "layer_norm_eps": 1e-12,
    "hidden_act": "gelu",
}
WORDS = [f"w{number}" for number in range(26)]
TEXTS = ["w1 w2 w3", "", "w4", "w5 w1 w20 w25 w0", "w2 w1 w3", "w9 " * 40, "w4"]


def random_weights(config=CONFIG, seed=0):
    rng = np.random.default_rng(seed)
    hidden, wide = config["hidden_size"], config["intermediate_size"]
    shapes = {
        "embeddings.word_embeddings.weight": (config["vocab_size"], hidden),
        "embeddings.position_embeddings.weight": (config["max_position_embeddings"], hidden),
        "embeddings.token_type_embeddings.weight": (config["type_vocab_size"], hidden),
        "embeddings.LayerNorm": hidden,
    }
    for number in range(config["num_hidden_layers"]):
        layer = f"encoder.layer.{number}."
        for name in ("attention.self.query", "attention.self.key", "attention.self.value", "attention.output.dense"):
            shapes |= {f"{layer}{name}.weight": (hidden, hidden), f"{layer}{name}.bias": (hidden,)}
        shapes |= {f"{layer}intermediate.dense.weight": (wide, hidden), f"{layer}intermediate.dense.bias": (wide,)}
        shapes |= {f"{layer}output.dense.weight": (hidden, wide), f"{layer}output.dense.bias": (hidden,)}
        shapes |= {f"{layer}attention.output.LayerNorm": hidden, f"{layer}output.LayerNorm": hidden}
    weights = {}
    for name, shape in shapes.items():
        if name.endswith("LayerNorm"):
            weights[f"{name}.weight"] = rng.normal(1, 0.2, shape).astype(np.float32)
            weights[f"{name}.bias"] = rng.normal(0, 0.2, shape).astype(np.float32)
        else:
            weights[name] = rng.normal(0, 0.5, shape).astype(np.float32)
    return weights


def tiny_tokenizer():
    vocabulary = {word: number for number, word in enumerate(["[PAD]", "[UNK]", "[CLS]", "[SEP]", *WORDS])}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.post_processor = processors.BertProcessing(("[SEP]", 3), ("[CLS]", 2))
    tokenizer.enable_padding(length=12)  # as published folders have it; no encoder may heed it
    return tokenizer


def write_folder(
    path, *, weights=None, config=CONFIG, pooling="mean", normalise=True, prompts=None, include_prompt=True
):
    (path / "1_Pooling").mkdir(exist_ok=True)
    modules = ["Transformer", "Pooling", "Normalize"][: 3 if normalise else 2]
    contents = {
        "modules.json": [
            {
                "idx": number,
                "name": str(number),
                "type": f"sentence_transformers.models.{name}",
                "path": {"Pooling": "1_Pooling", "Normalize": "2_Normalize"}.get(name, ""),
            }
            for number, name in enumerate(modules)
        ],
        "config.json": config,
        "1_Pooling/config.json": {
            "embedding_dimension": config.get("hidden_size", 8),
            "pooling_mode": pooling,
            "include_prompt": include_prompt,
        },
        "sentence_bert_config.json": {"max_seq_length": 10},
        "config_sentence_transformers.json": {"prompts": prompts or {}},
    }
    for name, content in contents.items():
        (path / name).write_text(json.dumps(content))
    tiny_tokenizer().save(str(path / "tokenizer.json"))
    save_file(random_weights() if weights is None else weights, path / "model.safetensors")
    return path


def add_dense(path, number, weight, bias, activation):
    """Put a dense module into a folder, before the normalisation."""
    folder = path / f"{number}_Dense"
    folder.mkdir()
    config = {
        "in_features": weight.shape[1],
        "out_features": weight.shape[0],
        "bias": bias is not None,
        "activation_function": activation,
    }
    (folder / "config.json").write_text(json.dumps(config))
    tensors = {"linear.weight": weight} | ({} if bias is None else {"linear.bias": bias})
    save_file(tensors, folder / "model.safetensors")
    modules = json.loads((path / "modules.json").read_text())
    modules.insert(number, {"type": "sentence_transformers.models.Dense", "path": folder.name})
    (path / "modules.json").write_text(json.dumps(modules))
