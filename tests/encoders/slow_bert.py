"""BERT and its pooling in plain NumPy: an oracle for one text at a time."""

import math

import numpy as np
from tiny_bert import CONFIG, WORDS


def slow_layer_norm(x, weights, name):
    centred = x - x.mean(-1, keepdims=True)
    scaled = centred / np.sqrt((centred**2).mean(-1, keepdims=True) + 1e-12)
    return scaled * weights[f"{name}.weight"] + weights[f"{name}.bias"]


def slow_dense(x, weights, name):
    return x @ weights[f"{name}.weight"].T + weights[f"{name}.bias"]


def slow_states(ids, weights, config=CONFIG):
    """BERT (Devlin et al. 2019) for one text, head by head, in float64: (tokens, hidden)."""
    weights = {name: tensor.astype(np.float64) for name, tensor in weights.items()}
    x = weights["embeddings.word_embeddings.weight"][ids] + weights["embeddings.token_type_embeddings.weight"][0]
    x = slow_layer_norm(
        x + weights["embeddings.position_embeddings.weight"][: len(ids)], weights, "embeddings.LayerNorm"
    )
    size = config["hidden_size"] // config["num_attention_heads"]
    for number in range(config["num_hidden_layers"]):
        layer = f"encoder.layer.{number}"
        q, k, v = (slow_dense(x, weights, f"{layer}.attention.self.{name}") for name in ("query", "key", "value"))
        heads = []
        for first in range(0, config["hidden_size"], size):
            part = slice(first, first + size)
            scores = np.exp(q[:, part] @ k[:, part].T / math.sqrt(size))
            heads.append(scores / scores.sum(1, keepdims=True) @ v[:, part])
        mixed = slow_dense(np.hstack(heads), weights, f"{layer}.attention.output.dense")
        x = slow_layer_norm(x + mixed, weights, f"{layer}.attention.output.LayerNorm")
        wide = slow_dense(x, weights, f"{layer}.intermediate.dense")
        wide = wide * 0.5 * (1 + np.vectorize(math.erf)(wide / math.sqrt(2)))
        x = slow_layer_norm(
            x + slow_dense(wide, weights, f"{layer}.output.dense"), weights, f"{layer}.output.LayerNorm"
        )
    return x


def slow_ids(text, max_tokens=10):
    words = [4 + WORDS.index(word) for word in text.split()]
    return [2, *words[: max_tokens - 2], 3]


SLOW_POOL = {
    "mean": lambda x: x.mean(0),
    "cls": lambda x: x[0],
    "max": lambda x: x.max(0),
    "lasttoken": lambda x: x[-1],
    "mean_sqrt_len_tokens": lambda x: x.sum(0) / math.sqrt(len(x)),
    "weightedmean": lambda x: sum(x[i] * (i + 1) for i in range(len(x))) / sum(range(1, len(x) + 1)),
}


def slow_vectors(texts, weights, *, pooling="mean", normalise=True):
    vectors = np.array([SLOW_POOL[pooling](slow_states(slow_ids(text), weights)) for text in texts])
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True) if normalise else vectors
