"""The graphs of each family, without PyTorch; `test_peers.py` compares them with it layer by layer."""

import json
import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tiny_families import FAMILIES, GOLDEN, LONG, random_weights, write_bare

from nearfield.encoders.folder import read_folder
from nearfield.encoders.graphs.builder import ACTIVATIONS, GraphBuilder
from nearfield.encoders.graphs.offsets import bucket_of_offset
from nearfield.encoders.onnx_engine import open_session
from nearfield.encoders.program import Model
from nearfield.encoders.run import open_states
from nearfield.encoders.transformer import TransformerEncoder
from nearfield.errors import InvalidInputError, ModelFolderError, UnsupportedModelError


def layers_key(name):
    return {"distilbert": "n_layers", "t5": "num_layers"}.get(FAMILIES[name]["model_type"], "num_hidden_layers")


def spec_of(folder):
    return read_folder(folder).spec(name="x", dim=8, dtype="float32")


@pytest.mark.parametrize("name", FAMILIES)
def test_each_family_keeps_its_golden_vectors(tmp_path, name):
    encoder = TransformerEncoder.from_folder(write_bare(tmp_path, FAMILIES[name]))
    np.testing.assert_allclose(encoder.encode([LONG])[0, :5], GOLDEN[name], atol=1e-5)


@pytest.mark.parametrize("name", FAMILIES)
def test_neither_padding_nor_neighbours_change_a_vector(tmp_path, name):
    encoder = TransformerEncoder.from_folder(write_bare(tmp_path, FAMILIES[name]))
    texts = [LONG, "w1", "w2 w3", "", "w3 w2"]
    alone = np.concatenate([encoder.encode([text]) for text in texts])
    np.testing.assert_allclose(encoder.encode(texts), alone, atol=1e-5)


@pytest.mark.parametrize("name", FAMILIES)
def test_a_tensor_that_is_missing_is_named(tmp_path, name):
    weights = random_weights(FAMILIES[name])
    missing = sorted(weights)[len(weights) // 2]
    del weights[missing]
    write_bare(tmp_path, FAMILIES[name], weights=weights)
    with pytest.raises(ModelFolderError, match=f"has no tensor {missing}; it is not the model"):
        TransformerEncoder.from_folder(tmp_path)


@pytest.mark.parametrize("name", FAMILIES)
def test_tensors_of_another_shape_are_named(tmp_path, name):
    write_bare(tmp_path, FAMILIES[name], weights=random_weights(FAMILIES[name] | {"vocab_size": 31}))
    with pytest.raises(ModelFolderError, match=r"must have shape \(30, 8\) by config\.json, got \(31, 8\)"):
        TransformerEncoder.from_folder(tmp_path)


@pytest.mark.parametrize("name", FAMILIES)
def test_more_layers_than_the_config_has_are_refused(tmp_path, name):
    config = FAMILIES[name] | {layers_key(name): 1}
    write_bare(tmp_path, config, weights=random_weights(FAMILIES[name]))
    with pytest.raises(ModelFolderError, match=r"more layers than the 1 of config\.json"):
        TransformerEncoder.from_folder(tmp_path)


@pytest.mark.parametrize(
    ("name", "change", "tensor"),
    [
        ("roberta", "roberta.{}", None),
        ("mpnet", "mpnet.{}", None),
        ("distilbert", "distilbert.{}", None),
        ("modernbert", "model.{}", None),
        ("qwen3", "model.{}", None),
        ("t5", "encoder.embed_tokens.weight", "shared.weight"),
    ],
)
def test_weights_of_a_larger_model_and_tied_names_are_read(tmp_path, name, change, tensor):
    stored = {
        change.format(key) if tensor in (None, key) else key: value
        for key, value in random_weights(FAMILIES[name]).items()
    }
    stored["lm_head.weight"] = np.zeros((30, 8), np.float32)
    encoder = TransformerEncoder.from_folder(write_bare(tmp_path, FAMILIES[name], weights=stored))
    np.testing.assert_allclose(encoder.encode([LONG])[0, :5], GOLDEN[name], atol=1e-5)


def test_camembert_is_roberta(tmp_path):
    encoder = TransformerEncoder.from_folder(write_bare(tmp_path, FAMILIES["roberta"] | {"model_type": "camembert"}))
    np.testing.assert_allclose(encoder.encode([LONG])[0, :5], GOLDEN["roberta"], atol=1e-5)


def test_newer_keys_mean_the_same_as_older(tmp_path):
    for name in ("modernbert", "qwen3"):
        (tmp_path / name).mkdir()
    old = FAMILIES["modernbert"]
    new = {key: value for key, value in old.items() if not key.startswith(("global", "local_rope"))} | {
        "layer_types": ["full_attention", "sliding_attention"],
        "rope_parameters": {
            "full_attention": {"rope_type": "default", "rope_theta": 160000.0},
            "sliding_attention": {"rope_type": "default", "rope_theta": 10000.0},
        },
    }
    encoder = TransformerEncoder.from_folder(write_bare(tmp_path / "modernbert", new))
    np.testing.assert_allclose(encoder.encode([LONG])[0, :5], GOLDEN["modernbert"], atol=1e-5)
    old = FAMILIES["qwen3"]
    new = {key: value for key, value in old.items() if key != "rope_theta"} | {
        "layer_types": ["full_attention"] * 2,
        "rope_parameters": {"rope_type": "default", "rope_theta": 1000000},
    }
    encoder = TransformerEncoder.from_folder(write_bare(tmp_path / "qwen3", new))
    np.testing.assert_allclose(encoder.encode([LONG])[0, :5], GOLDEN["qwen3"], atol=1e-5)


@pytest.mark.parametrize(
    ("name", "change", "error", "match"),
    [
        ("roberta", {"pad_token_id": -1}, ModelFolderError, "pad_token_id must be a whole number of at least 0"),
        ("roberta", {"is_decoder": True}, UnsupportedModelError, "is_decoder must be False"),
        ("mpnet", {"relative_attention_num_buckets": 64}, UnsupportedModelError, "num_buckets must be 32"),
        ("mpnet", {"num_attention_heads": 3}, ModelFolderError, "must be a multiple of num_attention_heads 3"),
        ("distilbert", {"n_heads": 3}, ModelFolderError, "dim 8 must be a multiple of n_heads 3"),
        ("distilbert", {"activation": "selu"}, UnsupportedModelError, "activation must be one of"),
        ("modernbert", {"layer_types": ["full_attention"]}, ModelFolderError, "layer_types must be a list of 2"),
        ("modernbert", {"num_attention_heads": 8}, ModelFolderError, "must be even, got 1"),
        ("modernbert", {"norm_bias": "yes"}, ModelFolderError, "norm_bias must be true or false"),
        ("modernbert", {"global_rope_theta": 0}, ModelFolderError, "rope_theta must be a number above 0"),
        ("modernbert", {"rope_parameters": {"full_attention": {"rope_type": "yarn"}}}, UnsupportedModelError, "yarn"),
        ("t5", {"feed_forward_proj": "gated-silu-x"}, UnsupportedModelError, "feed_forward_proj must not be"),
        ("t5", {"feed_forward_proj": "gated-elu"}, UnsupportedModelError, "feed_forward_proj must be one of"),
        ("t5", {"relative_attention_max_distance": 2}, ModelFolderError, "max_distance must be .* at least 8"),
        ("qwen3", {"use_sliding_window": True}, UnsupportedModelError, "use_sliding_window must be False"),
        ("qwen3", {"layer_types": ["sliding_attention"] * 2}, UnsupportedModelError, "full_attention in each layer"),
        ("qwen3", {"head_dim": 5}, ModelFolderError, "head_dim must be even, got 5"),
        ("qwen3", {"num_key_value_heads": 3}, ModelFolderError, "must be a multiple of num_key_value_heads 3"),
        ("qwen3", {"rope_scaling": {"type": "linear"}}, UnsupportedModelError, "rope_type must be default"),
        ("qwen3", {"rope_scaling": [1]}, ModelFolderError, "rope_scaling must be objects"),
        (
            "bert",
            {"auto_map": {"AutoModel": "x.Y"}},
            UnsupportedModelError,
            "code of its own .auto_map., which is never",
        ),
    ],
)
def test_a_config_that_is_not_built_is_an_error(tmp_path, name, change, error, match):
    write_bare(tmp_path, FAMILIES[name])
    (tmp_path / "config.json").write_text(json.dumps(FAMILIES[name] | change))
    with pytest.raises(error, match=match):
        TransformerEncoder.from_folder(tmp_path)


def test_code_for_the_tokenizer_alone_does_not_matter(tmp_path):
    write_bare(tmp_path, FAMILIES["bert"] | {"auto_map": {"AutoTokenizer": "x.Y"}})
    assert TransformerEncoder.from_folder(tmp_path).spec.dim == 8


@pytest.mark.parametrize("name", FAMILIES)
def test_the_fingerprint_covers_what_the_graph_is_built_from(tmp_path, name):
    write_bare(tmp_path, FAMILIES[name])
    before = spec_of(tmp_path).fingerprint
    for change, same in (
        ({"transformers_version": "9.9"}, True),
        ({layers_key(name): 1}, False),
        ({"feed_forward_proj": "gelu"}, not name.startswith("t5")),
        ({"rope_theta": 5.0}, not name.startswith("qwen3")),
    ):
        (tmp_path / "config.json").write_text(json.dumps(FAMILIES[name] | change))
        assert (spec_of(tmp_path).fingerprint == before) == same


@pytest.mark.parametrize(("name", "longest"), [("bert", 64), ("roberta", 62), ("mpnet", 62), ("t5", 500)])
def test_no_text_is_longer_than_its_family_has_positions_for(tmp_path, name, longest):
    write_bare(tmp_path, FAMILIES[name])
    (tmp_path / "tokenizer_config.json").write_text(json.dumps({"model_max_length": 500}))
    encoder = TransformerEncoder.from_folder(tmp_path)
    assert encoder.spec.max_tokens == longest
    assert np.isfinite(encoder.encode(["w1 " * 600])).all()


@pytest.mark.parametrize("name", FAMILIES)
def test_chosen_layers_come_in_the_order_asked_for(tmp_path, name):
    folder = read_folder(write_bare(tmp_path, FAMILIES[name]))
    ids = np.array([[2, 5, 6, 3]])
    states = open_states(folder, layers=(-1, 0, 1, 2, -3))
    last, embeddings, first, second, also_embeddings = states(ids)
    assert last.shape == (1, 4, 8)
    np.testing.assert_array_equal(last, second)
    np.testing.assert_array_equal(embeddings, also_embeddings)
    assert not np.allclose(first, second)
    vectors = TransformerEncoder.from_folder(tmp_path).encode(["w1 w2"])
    np.testing.assert_allclose(last.mean(axis=1), vectors, atol=1e-6)


@pytest.mark.parametrize("layers", [(), (3,), (-4,)])
def test_layers_that_do_not_exist_are_refused(tmp_path, layers):
    folder = read_folder(write_bare(tmp_path, FAMILIES["bert"]))
    with pytest.raises(InvalidInputError, match="layers must be from -3 to 2"):
        open_states(folder, layers=layers)


def slow_bucket(offset, buckets, farthest):
    half = buckets // 2
    near = half // 2
    distance = abs(offset)
    if distance >= near:
        far = near + int(math.log(distance / near) / math.log(farthest / near) * (half - near) + 1e-6)
        distance = min(far, half - 1)
    return distance + (half if offset > 0 else 0)


@given(st.sampled_from([8, 32, 64]), st.sampled_from([100, 128, 200]))
def test_buckets_equal_a_slow_count(buckets, farthest):
    expected = [slow_bucket(offset, buckets, farthest) for offset in range(-farthest, farthest + 1)]
    found = bucket_of_offset(buckets, farthest)
    assert (found == expected).mean() > 0.98  # float32 may move a distance just at an edge by one
    assert (np.diff(found[: farthest + 1]) <= 0).all()
    assert (found.min(), found.max()) == (0, buckets - 1)


def test_buckets_of_known_distances():
    offsets = [-128, -64, -32, -16, -9, -8, -1, 0, 1, 7, 8, 12, 127]
    found = bucket_of_offset(32, 128)[np.array(offsets) + 128]
    # transformers 5.24, T5Attention._relative_position_bucket
    assert found.tolist() == [15, 14, 12, 10, 8, 8, 1, 0, 17, 23, 24, 25, 31]


def tanh_gelu(x):
    return x / 2 * (1 + np.tanh(np.sqrt(2 / np.pi) * (x + 0.044715 * x**3)))


def test_each_activation_is_what_its_name_means():
    graph = GraphBuilder({})
    states = graph.as_floats("input_ids")
    outputs = {kind: graph.activation(kind, states) for kind in ACTIVATIONS}
    model = Model(graph.serialise(outputs, [("texts", "tokens")] * len(outputs)), {}, Path("none"))
    x = np.arange(-4, 5)
    found = open_session(model).run(None, {"input_ids": x[None]})
    expected = {
        "gelu": [value * (1 + math.erf(value / math.sqrt(2))) / 2 for value in x],
        "gelu_new": tanh_gelu(x),
        "gelu_pytorch_tanh": tanh_gelu(x),
        "relu": np.maximum(x, 0),
        "silu": x / (1 + np.exp(-x)),
        "quick_gelu": x / (1 + np.exp(-1.702 * x)),
    }
    assert expected.keys() == set(ACTIVATIONS)
    for kind, values in zip(outputs, found, strict=True):
        np.testing.assert_allclose(values[0], expected[kind], atol=1e-6)
