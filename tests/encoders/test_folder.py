import json
import shutil

import pytest
from tiny_bert import CONFIG

from nearfield.encoders.folder import read_folder
from nearfield.encoders.tokenizer_file import open_tokenizer
from nearfield.errors import ModelFolderError


@pytest.fixture
def folder(tmp_path):
    """A folder in the published layout; the weights are never read by these tests."""
    write(tmp_path / "modules.json", [module("Transformer", ""), module("Pooling", "1_Pooling"), module("Normalize")])
    write(tmp_path / "config.json", {"model_type": "bert", "max_position_embeddings": 512})
    write(tmp_path / "sentence_bert_config.json", {"max_seq_length": 256, "do_lower_case": False})
    write(tmp_path / "1_Pooling" / "config.json", {"pooling_mode_mean_tokens": True, "pooling_mode_cls_token": False})
    write(tmp_path / "tokenizer.json", {})
    (tmp_path / "model.safetensors").touch()
    return tmp_path


def write(path, content):
    path.parent.mkdir(exist_ok=True)
    path.write_text(content if isinstance(content, str) else json.dumps(content))


def module(kind, path="2"):
    return {"type": f"sentence_transformers.models.{kind}", "path": path}


def test_a_published_folder_is_read_as_its_files_say(folder):
    found = read_folder(folder)
    assert (found.pooling, found.normalise, found.metric, found.max_tokens) == ("mean", True, "cosine", 256)
    assert (found.query_prompt, found.document_prompt, found.lowercase) == ("", "", False)
    assert (found.weights.name, found.is_onnx) == ("model.safetensors", False)


def test_a_bare_hugging_face_folder_means_mean_pooling_without_normalisation(folder):
    for name in ("modules.json", "sentence_bert_config.json"):
        (folder / name).unlink()
    shutil.rmtree(folder / "1_Pooling")
    write(folder / "tokenizer_config.json", {"model_max_length": 10**30})
    found = read_folder(folder)
    assert (found.pooling, found.normalise, found.max_tokens) == ("mean", False, 512)


def test_the_tokenizers_maximum_counts_when_no_other_is_given(folder):
    write(folder / "sentence_bert_config.json", {})
    write(folder / "tokenizer_config.json", {"model_max_length": 128})
    assert read_folder(folder).max_tokens == 128


def test_no_more_tokens_are_taken_than_there_are_positions(folder):
    write(folder / "sentence_bert_config.json", {"max_seq_length": 1024})
    assert read_folder(folder).max_tokens == 512


def test_newer_class_paths_and_pooling_names_are_understood(folder):
    kinds = ["base.modules.transformer.Transformer", "sentence_transformer.modules.pooling.Pooling"]
    write(folder / "modules.json", [module(kinds[0], ""), module(kinds[1], "1_Pooling")])
    write(folder / "1_Pooling" / "config.json", {"pooling_mode": "cls"})
    found = read_folder(folder)
    assert (found.pooling, found.normalise) == ("cls", False)


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        ({"prompts": {"query": "q: ", "document": "d: "}}, ("q: ", "d: ", "cosine")),
        ({"prompts": {"query": "q: ", "passage": "p: "}, "similarity_fn_name": "dot"}, ("q: ", "p: ", "dot")),
        ({"prompts": {"any": "a: "}, "default_prompt_name": "any"}, ("a: ", "a: ", "cosine")),
        ({"similarity_fn_name": "euclidean", "prompts": None}, ("", "", "l2")),
    ],
)
def test_prompts_and_metric_are_those_of_sentence_transformers(folder, config, expected):
    write(folder / "config_sentence_transformers.json", config)
    found = read_folder(folder)
    assert (found.query_prompt, found.document_prompt, found.metric) == expected


def test_safetensors_are_preferred_for_a_model_that_is_built(folder):
    write(folder / "config.json", CONFIG)
    write(folder / "onnx" / "model.onnx", "")
    found = read_folder(folder)
    assert (found.weights.name, found.family) == ("model.safetensors", "bert")
    before = found.spec(name="x", dim=8, dtype="float32").fingerprint
    (folder / "onnx" / "model.onnx").unlink()
    assert read_folder(folder).spec(name="x", dim=8, dtype="float32").fingerprint == before


@pytest.mark.parametrize("config", [{"model_type": "gpt2"}, CONFIG | {"auto_map": {"AutoModel": "code.Model"}}])
def test_an_onnx_file_is_preferred_for_any_other_model(folder, config):
    write(folder / "config.json", config)
    for name in ("model.onnx", "onnx/model.onnx"):
        write(folder / name, "")
        assert read_folder(folder).weights == folder / name


def test_an_onnx_file_needs_neither_safetensors_nor_config(folder):
    write(folder / "onnx" / "model.onnx", "")
    (folder / "model.safetensors").unlink()
    assert read_folder(folder).is_onnx
    (folder / "config.json").unlink()
    found = read_folder(folder)
    assert (found.config, found.family) == ({}, "")


@pytest.mark.parametrize("name", ["config.json", "tokenizer.json", "1_Pooling/config.json", "model.safetensors"])
def test_a_missing_file_is_named(folder, name):
    (folder / name).unlink()
    with pytest.raises(ModelFolderError, match=rf"{name} is missing|holds neither {name}"):
        read_folder(folder)


@pytest.mark.parametrize("name", ["config.json", "modules.json", "1_Pooling/config.json", "sentence_bert_config.json"])
@pytest.mark.parametrize("content", ["{", '"text"', "[1]", "\ud83d".encode("utf-8", "surrogatepass").decode("latin-1")])
def test_a_damaged_file_is_named(folder, name, content):
    write(folder / name, content)
    with pytest.raises(ModelFolderError, match=rf"{name}.*download the model again"):
        read_folder(folder)


def test_a_path_that_is_no_folder_is_an_error(tmp_path):
    with pytest.raises(ModelFolderError, match="is not a folder; give the folder"):
        read_folder(tmp_path / "absent")


def test_pickled_weights_are_refused(folder):
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")
    with pytest.raises(ModelFolderError, match=r"pickle.*nearfield convert"):
        read_folder(folder)


@pytest.mark.parametrize(
    "kinds",
    [["Transformer"], ["Transformer", "Pooling", "LSTM"], ["Transformer", "Pooling", "Normalize", "Dense"], []],
)
def test_modules_that_are_not_supported_are_named(folder, kinds):
    write(folder / "modules.json", [module(kind, "") for kind in kinds])
    with pytest.raises(ModelFolderError, match=f"asks for the modules {', '.join(kinds) or 'none'}; supported are"):
        read_folder(folder)


@pytest.mark.parametrize(
    ("config", "match"),
    [
        ({"pooling_mode": "median"}, "asks for median pooling; supported is one of mean, cls"),
        ({"pooling_mode": ["cls", "mean"]}, "asks for cls and mean pooling"),
    ],
)
def test_pooling_that_is_not_supported_is_named(folder, config, match):
    write(folder / "1_Pooling" / "config.json", config)
    with pytest.raises(ModelFolderError, match=match):
        read_folder(folder)


@pytest.mark.parametrize(
    ("config", "match"),
    [
        ({"prompts": {"query": 1}}, "prompts must be an object of texts"),
        ({"prompts": {"query": "q"}, "default_prompt_name": "x"}, "'x' is not one of"),
        ({"similarity_fn_name": "manhattan"}, "must be one of cosine, dot, euclidean, got 'manhattan'"),
    ],
)
def test_prompts_and_metrics_that_cannot_be_used_are_named(folder, config, match):
    write(folder / "config_sentence_transformers.json", config)
    with pytest.raises(ModelFolderError, match=match):
        read_folder(folder)


@pytest.mark.parametrize(
    ("config", "pooling"),
    [
        ({"pooling_mode_weightedmean_tokens": True}, "weightedmean"),
        ({"pooling_mode_mean_sqrt_len_tokens": True}, "mean_sqrt_len_tokens"),
    ],
)
def test_poolings_are_known_by_their_older_flags(folder, config, pooling):
    write(folder / "1_Pooling" / "config.json", config)
    assert read_folder(folder).pooling == pooling


def test_leaving_the_prompt_out_of_pooling_changes_the_space_only_where_there_is_one(folder):
    def fingerprint():
        return read_folder(folder).spec(name="x", dim=8, dtype="float32").fingerprint

    bare = fingerprint()
    write(folder / "1_Pooling" / "config.json", {"pooling_mode": "mean", "include_prompt": False})
    assert read_folder(folder).pools_prompts
    assert fingerprint() == bare
    write(folder / "config_sentence_transformers.json", {"prompts": {"query": "q: "}})
    without = fingerprint()
    assert not read_folder(folder).pools_prompts
    write(folder / "1_Pooling" / "config.json", {"pooling_mode": "mean"})
    assert fingerprint() not in (bare, without)


def test_a_maximum_length_below_one_is_refused(folder):
    write(folder / "sentence_bert_config.json", {"max_seq_length": -1})
    with pytest.raises(ModelFolderError, match="must be at least 1"):
        read_folder(folder)


def test_a_damaged_tokenizer_is_named(folder):
    with pytest.raises(ModelFolderError, match=r"tokenizer\.json is not a readable tokenizer"):
        open_tokenizer(read_folder(folder).tokenizer, 8)


@pytest.mark.parametrize(
    ("file", "change", "same"),
    [
        ("config.json", {"num_hidden_layers": 3}, False),
        ("config.json", {"hidden_act": "relu"}, False),
        ("config.json", {"num_attention_heads": 24}, False),
        ("config.json", {"layer_norm_eps": 1e-5}, False),
        ("sentence_bert_config.json", {"do_lower_case": True}, False),
        ("config.json", {"transformers_version": "9.9", "_name_or_path": "elsewhere"}, True),
    ],
)
def test_the_fingerprint_covers_what_is_computed_with_the_weights(folder, file, change, same):
    def fingerprint():
        return read_folder(folder).spec(name="x", dim=8, dtype="float32").fingerprint

    before = fingerprint()
    path = folder / file
    path.write_text(json.dumps(json.loads(path.read_text()) | change))
    assert (fingerprint() == before) == same


@pytest.mark.parametrize(
    ("file", "content", "message"),
    [
        ("1_Pooling/config.json", {"pooling_mode": 3}, "asks for 3 pooling"),
        ("1_Pooling/config.json", {"pooling_mode": None}, "asks for None pooling"),
        ("1_Pooling/config.json", {"pooling_mode": [["mean"]]}, "supported is one of"),
        ("config_sentence_transformers.json", {"similarity_fn_name": ["dot"]}, "similarity_fn_name must be one of"),
        ("config_sentence_transformers.json", {"default_prompt_name": []}, "default_prompt_name .* is not one of"),
        ("sentence_bert_config.json", {"max_seq_length": "many"}, "maximum number of tokens must be at least 1"),
        ("sentence_bert_config.json", {"max_seq_length": -1}, "maximum number of tokens must be at least 1"),
        ("config.json", "[" * 200_000, "config.json"),
    ],
)
def test_values_of_absurd_types_are_refused(folder, file, content, message):
    write(folder / file, content)
    with pytest.raises(ModelFolderError, match=message):
        read_folder(folder)


@pytest.mark.parametrize("unlimited", [1e30, float("inf")])
def test_a_huge_maximum_means_none(folder, unlimited):
    write(folder / "sentence_bert_config.json", {"max_seq_length": unlimited})
    assert read_folder(folder).max_tokens == 512
    write(folder / "config.json", {"model_type": "bert"})
    assert 1 <= read_folder(folder).max_tokens <= 8192
