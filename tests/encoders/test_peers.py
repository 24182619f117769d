"""Equal to transformers and sentence-transformers, on tiny models in exactly the layout these save."""

import numpy as np
import pytest
from peer_models import CONFIGS, TEXTS, save_bare, save_sentence_transformer
from tiny_bert import tiny_tokenizer
from tiny_families import FAMILIES, GOLDEN, LONG, write_bare

from nearfield.encoders.folder import read_folder
from nearfield.encoders.load import load_encoder
from nearfield.encoders.run import open_states
from nearfield.encoders.transformer import TransformerEncoder
from nearfield.errors import ModelFolderError

pytestmark = pytest.mark.peers

TOLERANCE = 1e-4


def assert_close(found, expected):
    np.testing.assert_allclose(found, expected, atol=TOLERANCE, rtol=TOLERANCE)


@pytest.mark.parametrize("name", CONFIGS)
def test_every_layer_equals_transformers(tmp_path, name):
    torch = pytest.importorskip("torch")
    model = save_bare(tmp_path, name)
    folder = read_folder(tmp_path)
    layers = range(len(model(torch.zeros((1, 1), dtype=torch.long), output_hidden_states=True).hidden_states))
    states = open_states(folder, layers=list(layers))
    for length in (1, 2, 7, 380):
        ids = np.random.default_rng(length).integers(0, 64, (3, length))
        with torch.no_grad():
            expected = model(torch.tensor(ids), torch.ones(ids.shape), output_hidden_states=True)
        found = states(ids)
        for layer in layers:
            assert_close(found[layer], expected.hidden_states[layer])
        assert_close(found[-1], expected.last_hidden_state)


@pytest.mark.parametrize("name", FAMILIES)
def test_golden_vectors_and_older_configurations_are_those_of_transformers(tmp_path, name):
    torch = pytest.importorskip("torch")
    from transformers import AutoModel, T5EncoderModel

    folder = write_bare(tmp_path, FAMILIES[name])
    family = T5EncoderModel if name.startswith("t5") else AutoModel
    model, info = family.from_pretrained(folder, output_loading_info=True)
    assert {key.split(".")[0] for key in info["missing_keys"]} <= {"pooler"}
    assert not info["unexpected_keys"]
    tokenizer = tiny_tokenizer()
    tokenizer.no_padding()
    ids = torch.tensor([tokenizer.encode(LONG).ids])
    with torch.no_grad():
        expected = model.eval()(ids, torch.ones(ids.shape)).last_hidden_state.mean(1)
    np.testing.assert_allclose(expected[0, :5], GOLDEN[name], atol=1e-5)


@pytest.mark.parametrize("name", CONFIGS)
def test_text_vectors_equal_sentence_transformers(tmp_path, name):
    pytest.importorskip("sentence_transformers")
    pooling = "lasttoken" if name.startswith("qwen3") else "mean"
    prompts = {"query": "w7 w8 ", "document": "w9 "}
    path, peer = save_sentence_transformer(tmp_path, name, pooling=pooling, prompts=prompts)
    encoder = TransformerEncoder.from_folder(path)
    assert_close(encoder.encode(TEXTS), peer.encode(TEXTS))
    assert_close(encoder.encode_query(TEXTS), peer.encode_query(TEXTS))
    assert_close(encoder.encode_document(TEXTS), peer.encode_document(TEXTS))


@pytest.mark.parametrize("include_prompt", [True, False])
@pytest.mark.parametrize("pooling", ["mean", "cls", "max", "lasttoken", "mean_sqrt_len_tokens", "weightedmean"])
def test_each_pooling_equals_sentence_transformers(tmp_path, pooling, include_prompt):
    pytest.importorskip("sentence_transformers")
    path, peer = save_sentence_transformer(
        tmp_path, "bert", pooling=pooling, include_prompt=include_prompt, prompts={"query": "w7 w8 w9 "}
    )
    encoder = TransformerEncoder.from_folder(path)
    assert_close(encoder.encode_query(TEXTS), peer.encode_query(TEXTS))
    assert_close(encoder.encode_document(TEXTS), peer.encode_document(TEXTS))


@pytest.mark.parametrize("include_prompt", [True, False])
def test_dense_layers_equal_sentence_transformers(tmp_path, include_prompt):
    pytest.importorskip("sentence_transformers")
    import torch
    from sentence_transformers.sentence_transformer.modules import Dense, Normalize

    after = [Dense(16, 32, bias=False, activation_function=torch.nn.Identity()), Dense(32, 6), Normalize()]
    path, peer = save_sentence_transformer(
        tmp_path, "t5", after=after, include_prompt=include_prompt, prompts={"query": "w7 w8 w9 "}
    )
    encoder = TransformerEncoder.from_folder(path)
    assert encoder.spec.dim == 6
    assert_close(encoder.encode_query(TEXTS), peer.encode_query(TEXTS))
    assert_close(encoder.encode(TEXTS), peer.encode(TEXTS))


def test_a_family_that_is_not_built_runs_through_sentence_transformers(tmp_path):
    pytest.importorskip("sentence_transformers")
    path, peer = save_sentence_transformer(tmp_path, "electra", prompts={"query": "w7 w8 "}, include_prompt=False)
    encoder = load_encoder(path, device="cpu")
    assert type(encoder).__name__ == "SentenceTransformerEncoder"
    assert (encoder.spec.dim, encoder.spec.dtype, encoder.spec.max_tokens) == (16, "float32", 390)
    assert_close(encoder.encode(TEXTS), peer.encode(TEXTS))
    assert_close(encoder.encode_query(TEXTS), peer.encode_query(TEXTS))
    assert_close(encoder.encode_document(TEXTS), peer.encode_document(TEXTS))
    whole, cut, blank = encoder.inspect(["w1 w2", "w1 " * 400, " "], role="query")
    assert (whole.tokens, whole.truncated) == (6, False)
    assert (cut.tokens, cut.truncated) == (404, True)
    assert blank.empty


def test_modules_that_are_not_built_run_through_sentence_transformers(tmp_path):
    pytest.importorskip("sentence_transformers")
    import torch
    from sentence_transformers.sentence_transformer.modules import Dense

    after = [Dense(16, 6, activation_function=torch.nn.GELU())]
    path, peer = save_sentence_transformer(tmp_path, "bert", after=after)
    encoder = load_encoder(path, threads=1)
    assert_close(encoder.encode(TEXTS), peer.encode(TEXTS))


def test_weights_that_sentence_transformers_cannot_load_are_an_error(tmp_path):
    pytest.importorskip("sentence_transformers")
    path, _ = save_sentence_transformer(tmp_path, "electra")
    (path / "model.safetensors").write_bytes(b"damaged")
    with pytest.raises(ModelFolderError, match="cannot be loaded by sentence-transformers"):
        load_encoder(path)
