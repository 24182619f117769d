"""What comes after the transformer: dense layers, and prompts left out of the pooling."""

import json

import numpy as np
import pytest
from safetensors.numpy import save_file
from slow_bert import SLOW_POOL, slow_ids, slow_states, slow_vectors
from tiny_bert import TEXTS, add_dense, random_weights, tiny_tokenizer, write_folder
from tiny_onnx import write_onnx
from tokenizers import processors

from nearfield.encoders.folder import read_folder, why_unsupported
from nearfield.encoders.run import open_states
from nearfield.encoders.transformer import TransformerEncoder
from nearfield.errors import CapabilityError, EncoderError, ModelFolderError, UnsupportedModelError

RNG = np.random.default_rng(3)
WIDE, BIAS = RNG.normal(size=(12, 8)).astype(np.float32), RNG.normal(size=12).astype(np.float32)
NARROW = RNG.normal(size=(5, 12)).astype(np.float32)
TANH, IDENTITY = "torch.nn.modules.activation.Tanh", "torch.nn.modules.linear.Identity"


@pytest.fixture
def folder(tmp_path):
    write_folder(tmp_path)
    add_dense(tmp_path, 2, WIDE, BIAS, TANH)
    add_dense(tmp_path, 3, NARROW, None, IDENTITY)
    return tmp_path


def slow_dense(vectors):
    found = np.tanh(vectors @ WIDE.T + BIAS) @ NARROW.T
    return found / np.linalg.norm(found, axis=1, keepdims=True)


def test_dense_layers_follow_the_pooling(folder):
    encoder = TransformerEncoder.from_folder(folder)
    expected = slow_dense(slow_vectors(TEXTS, random_weights(), normalise=False))
    np.testing.assert_allclose(encoder.encode(TEXTS), expected, atol=2e-5)
    assert encoder.spec.dim == 5
    assert encoder.weights_bytes == sum(file.stat().st_size for file in folder.rglob("*.safetensors"))


def test_dense_layers_follow_the_token_vectors_of_an_onnx_file_and_not_its_text_vectors(folder):
    table = write_onnx(folder)
    expected = slow_dense(np.array([table[slow_ids(text)].mean(0) for text in TEXTS]))
    np.testing.assert_allclose(TransformerEncoder.from_folder(folder).encode(TEXTS), expected, atol=2e-5)


def test_the_text_vectors_of_an_onnx_file_are_past_its_dense_layers(folder):
    table = write_onnx(folder, output="sentence_embedding")
    expected = np.array([table[slow_ids(text)].mean(0) for text in TEXTS])
    expected /= np.linalg.norm(expected, axis=1, keepdims=True)
    np.testing.assert_allclose(TransformerEncoder.from_folder(folder).encode(TEXTS), expected, atol=2e-5)


def test_the_fingerprint_covers_dense_layers(folder):
    def fingerprint():
        return read_folder(folder).spec(name="x", dim=5, dtype="float32").fingerprint

    seen = {fingerprint()}
    config = json.loads((folder / "3_Dense" / "config.json").read_text())
    (folder / "3_Dense" / "config.json").write_text(json.dumps(config | {"activation_function": TANH}))
    seen.add(fingerprint())
    save_file({"linear.weight": NARROW + 1}, folder / "3_Dense" / "model.safetensors")
    seen.add(fingerprint())
    assert len(seen) == 3


@pytest.mark.parametrize(
    ("change", "error", "match"),
    [
        ({"in_features": 0}, ModelFolderError, "in_features must be a whole number of at least 1, got 0"),
        ({"out_features": None}, ModelFolderError, "out_features must be a whole number of at least 1, got None"),
        ({"out_features": 7}, ModelFolderError, r"linear\.weight must have shape \(7, 8\) by config\.json, got"),
        ({"bias": "no"}, ModelFolderError, "bias must be true or false, got 'no'"),
        ({"activation_function": "torch.nn.modules.activation.GELU"}, UnsupportedModelError, "identity, tanh, got"),
        ({"activation_function": "own.Tanh"}, UnsupportedModelError, "must be a torch.nn class"),
        ({"use_residual": True}, UnsupportedModelError, "use_residual must be false"),
        ({"module_input_name": "token_embeddings"}, UnsupportedModelError, "must be sentence_embedding"),
    ],
)
def test_a_dense_layer_that_cannot_be_computed_is_an_error(folder, change, error, match):
    file = folder / "2_Dense" / "config.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | change))
    with pytest.raises(error, match=match):
        TransformerEncoder.from_folder(folder)


def test_pickled_weights_of_a_dense_layer_are_refused(folder):
    (folder / "2_Dense" / "model.safetensors").rename(folder / "2_Dense" / "pytorch_model.bin")
    with pytest.raises(ModelFolderError, match=r"2_Dense holds its weights only as pytorch_model\.bin, a pickle"):
        TransformerEncoder.from_folder(folder)


@pytest.mark.parametrize("onnx", [False, True])
@pytest.mark.parametrize("pooling", SLOW_POOL)
def test_a_prompt_is_seen_but_not_pooled_where_the_folder_says_so(tmp_path, pooling, onnx):
    prompts = {"query": "w7 w8 "}
    write_folder(tmp_path, pooling=pooling, normalise=False, prompts=prompts, include_prompt=False)
    table = write_onnx(tmp_path) if onnx else None
    encoder = TransformerEncoder.from_folder(tmp_path)
    texts = ["w1", "w2 w3", "", "w4 " * 20]
    prompted = [slow_ids(f"w7 w8 {text}") for text in texts]
    states = [table[ids] if onnx else slow_states(ids, random_weights()) for ids in prompted]
    if pooling == "weightedmean":  # a token's weight is its position in the whole text
        expected = [np.average(x[3:], axis=0, weights=np.arange(4, len(x) + 1)) for x in states]
    else:
        expected = [SLOW_POOL[pooling](x[3:]) for x in states]
    np.testing.assert_allclose(encoder.encode_query(texts), expected, atol=2e-5)
    plain = [
        SLOW_POOL[pooling](table[slow_ids(t)] if onnx else slow_states(slow_ids(t), random_weights())) for t in texts
    ]
    np.testing.assert_allclose(encoder.encode_document(texts), plain, atol=2e-5)
    np.testing.assert_allclose(encoder.encode(texts), plain, atol=2e-5)


def test_a_text_that_is_all_prompt_is_an_encoder_error(tmp_path):
    write_folder(tmp_path, prompts={"query": "w7 "}, include_prompt=False)
    tokenizer = tiny_tokenizer()
    tokenizer.post_processor = processors.Sequence([])
    tokenizer.save(str(tmp_path / "tokenizer.json"))
    encoder = TransformerEncoder.from_folder(tmp_path)
    assert encoder.encode_query(["w1"]).shape == (1, 8)
    with pytest.raises(EncoderError, match=r"texts\[1\] has no tokens"):
        encoder.encode_query(["w1", ""])


def test_an_onnx_file_without_token_vectors_cannot_leave_a_prompt_out(tmp_path):
    write_folder(tmp_path, prompts={"query": "w7 "}, include_prompt=False)
    write_onnx(tmp_path, output="sentence_embedding")
    with pytest.raises(ModelFolderError, match=r"supported is an output that is one of .*last_hidden_state"):
        TransformerEncoder.from_folder(tmp_path)


def test_positions_are_given_to_an_onnx_file_that_asks_for_them(tmp_path):
    write_folder(tmp_path, normalise=False)
    table = write_onnx(tmp_path, extra_input="position_ids")
    expected = [(table[slow_ids(text)] + np.arange(len(slow_ids(text)))[:, None]).mean(0) for text in TEXTS]
    np.testing.assert_allclose(TransformerEncoder.from_folder(tmp_path).encode(TEXTS), expected, atol=1e-5)


def test_an_onnx_file_has_only_its_last_layer(tmp_path):
    write_folder(tmp_path)
    table = write_onnx(tmp_path)
    states = open_states(read_folder(tmp_path), layers=(-1, -1))
    first, second = states(np.array([[2, 5, 3]]))
    np.testing.assert_array_equal(first, table[[[2, 5, 3]]])
    np.testing.assert_array_equal(first, second)
    with pytest.raises(CapabilityError, match=r"last layer only, asked for \[-2\]"):
        open_states(read_folder(tmp_path), layers=(-2,))


def test_what_keeps_a_folder_from_being_run_here_is_told(tmp_path):
    write_folder(tmp_path)
    assert why_unsupported(tmp_path) == ""
    tokenizer = tmp_path / "tokenizer.json"
    tokenizer.rename(tmp_path / "hidden")
    with pytest.raises(ModelFolderError, match=r"tokenizer\.json is missing"):
        why_unsupported(tmp_path)
    (tmp_path / "vocab.txt").touch()
    assert "tokenizer.json is missing" in why_unsupported(tmp_path)
    (tmp_path / "hidden").rename(tokenizer)
    (tmp_path / "model.safetensors").rename(tmp_path / "model-00001-of-00002.safetensors")
    (tmp_path / "model.safetensors.index.json").touch()
    assert "weights in several files" in why_unsupported(tmp_path)
    write_onnx(tmp_path)
    assert why_unsupported(tmp_path) == ""
