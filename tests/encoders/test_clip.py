import json

import numpy as np
import pytest
from tiny_bert import TEXTS
from tiny_vision import (
    CONFIGS,
    DIM,
    HIDDEN,
    POSITIONS,
    PREPROCESSORS,
    TEXT,
    VISION,
    pictures,
    random_weights,
    slow_image,
    slow_text,
    write_folder,
    write_onnx_folder,
)

from nearfield.data.images import Image
from nearfield.encoders.canaries import canary_items
from nearfield.encoders.clip import DualEncoder
from nearfield.encoders.load import load_encoder
from nearfield.encoders.options import Runtime
from nearfield.encoders.preprocess import Preprocessing
from nearfield.errors import DataError, EncoderError, InvalidInputError, ModelFolderError

FAMILIES = ["clip", "siglip"]


def ids_of(text, family):
    words = [4 + int(word[1:]) for word in text.split()]
    ids = [2, *words[: POSITIONS - 2], 3]
    return ids if family == "clip" else ids + [1] * (POSITIONS - len(ids))


def slow_vectors(items, family, weights=None):
    weights = random_weights(family) if weights is None else weights
    steps = Preprocessing.from_json(PREPROCESSORS[family], family="", source="")
    return [
        slow_text(ids_of(item, family), weights, family)
        if isinstance(item, str)
        else slow_image(steps(item.open()), weights, family)
        for item in items
    ]


@pytest.fixture(scope="module", params=FAMILIES)
def encoder(request, tmp_path_factory):
    return DualEncoder.from_folder(write_folder(tmp_path_factory.mktemp("tiny"), request.param), name=request.param)


def test_vectors_of_both_kinds_equal_a_slow_plain_forward_pass(encoder):
    items = [*TEXTS[:3], pictures()[0], *TEXTS[3:], *pictures()[1:]]
    found = encoder.encode(items)
    np.testing.assert_allclose(found, slow_vectors(items, encoder.spec.name), atol=2e-5)
    np.testing.assert_allclose(np.linalg.norm(found, axis=1), 1, atol=1e-6)
    for method in (encoder.encode_query, encoder.encode_document):
        np.testing.assert_array_equal(method(items), found)


def test_the_spec_says_what_the_encoder_is(encoder):
    spec = encoder.spec
    assert (spec.modality, spec.normalise, spec.max_tokens) == ("text+image", True, POSITIONS)
    assert spec.dim == (DIM if spec.name == "clip" else HIDDEN)
    assert encoder.weights_bytes > 0


@pytest.mark.parametrize("end", [2, 3])
def test_clip_takes_the_first_end_or_where_the_file_is_old_the_highest_id(tmp_path, end):
    config = CONFIGS["clip"] | {"text_config": TEXT | {"eos_token_id": end}}
    found = load_encoder(write_folder(tmp_path, "clip", config=config)).encode(["w5 w1 w20 w25 w0"])
    ids = ids_of("w5 w1 w20 w25 w0", "clip")
    expected = slow_text(ids, random_weights("clip"), "clip", end=max(ids) if end == 2 else end)
    np.testing.assert_allclose(found[0], expected, atol=2e-5)


def test_texts_and_images_are_counted_as_they_come(encoder):
    image, text = pictures()[0], "w1 " * 30
    found = encoder.inspect([text, image, "w1", ""])
    assert [(one.tokens, one.truncated, one.empty) for one in found] == [
        (32, True, False),
        (0, False, False),
        (3, False, False),
        (2, False, True),
    ]


def test_progress_counts_texts_and_images_together(encoder):
    told = []
    encoder.encode([*pictures(), "w1", "w2 w3"], progress=lambda *step: told.append(step))
    assert told[-1] == ("encoding", 5, 5)
    assert [done for _, done, _ in told] == sorted(done for _, done, _ in told)
    assert encoder.encode([]).shape == (0, encoder.spec.dim)


@pytest.mark.parametrize(
    ("items", "message"),
    [
        ("w1", r"got one; write \[it\]"),
        ([3], r"items\[0\] must be a str, got int"),
        (["w1", "\ud83d"], r"items\[1\] is not valid Unicode"),
    ],
)
def test_what_is_neither_text_nor_image_is_refused(encoder, items, message):
    with pytest.raises(InvalidInputError, match=message):
        encoder.encode(items)


def test_a_damaged_image_is_named(encoder, tmp_path):
    (tmp_path / "a.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    with pytest.raises(DataError, match=r"a\.png"):
        encoder.encode(["w1", Image(tmp_path / "a.png")])


def test_the_canaries_are_of_both_kinds(encoder):
    items = canary_items(encoder.spec.modality)
    assert [isinstance(item, str) for item in items] == [True] * 3 + [False] * 2
    assert [item.open().size for item in canary_items("image")] == [(64, 48), (31, 97)]


def test_old_files_hold_the_sections_that_count_under_another_name(tmp_path):
    usual = load_encoder(write_folder(tmp_path / "a", "clip"))
    old = CONFIGS["clip"] | {"text_config": {}, "text_config_dict": TEXT | {"eos_token_id": 3}}
    again = load_encoder(write_folder(tmp_path / "b", "clip", config=old | {"vision_config_dict": None}))
    assert again.spec.fingerprint == usual.spec.fingerprint


def test_a_sentence_transformers_folder_wraps_one(tmp_path):
    inner = write_folder(tmp_path / "whole" / "0_CLIPModel", "clip")
    modules = [{"idx": 0, "name": "0", "path": "0_CLIPModel", "type": "sentence_transformers.models.CLIPModel"}]
    (tmp_path / "whole" / "modules.json").write_text(json.dumps(modules))
    found = load_encoder(tmp_path / "whole")
    assert found.spec.fingerprint == load_encoder(inner).spec.fingerprint


def test_siglip_fills_up_with_the_tokenizers_own_token(tmp_path):
    folder = write_folder(tmp_path, "siglip")
    texts = ["w1", "w2 w3"]
    usual = load_encoder(folder)
    for token in ("[SEP]", {"content": "[SEP]"}):
        (folder / "tokenizer_config.json").write_text(json.dumps({"pad_token": token}))
        other = load_encoder(folder)
        ids = [[*ids_of(text, "clip"), *[3] * POSITIONS][:POSITIONS] for text in texts]
        expected = [slow_text(row, random_weights("siglip"), "siglip") for row in ids]
        np.testing.assert_allclose(other.encode(texts), expected, atol=2e-5)
        assert other.spec.fingerprint != usual.spec.fingerprint


def test_siglips_own_tokenizer_takes_punctuation_away(tmp_path):
    folder = write_folder(tmp_path, "siglip")
    plain = load_encoder(folder)
    (folder / "tokenizer_config.json").write_text(json.dumps({"tokenizer_class": "SiglipTokenizer"}))
    canonical = load_encoder(folder)
    np.testing.assert_array_equal(canonical.encode(["W1,  w2!"]), plain.encode(["w1 w2"]))
    assert canonical.inspect(["W1,  w2!"])[0].tokens == 4
    assert canonical.spec.fingerprint != plain.spec.fingerprint


def test_the_tokenizers_maximum_counts(tmp_path):
    folder = write_folder(tmp_path, "clip")
    (folder / "tokenizer_config.json").write_text(json.dumps({"model_max_length": 5}))
    found = load_encoder(folder)
    assert found.spec.max_tokens == 5
    np.testing.assert_array_equal(found.encode(["w1 w2 w3 w4 w5"]), found.encode(["w1 w2 w3"]))
    (folder / "tokenizer_config.json").write_text(json.dumps({"model_max_length": 1e30}))
    assert load_encoder(folder).spec.max_tokens == POSITIONS
    (folder / "tokenizer_config.json").write_text(json.dumps({"model_max_length": "many"}))
    with pytest.raises(ModelFolderError, match="model_max_length must be a number"):
        load_encoder(folder)


def test_a_published_siglip_names_only_what_differs_from_the_defaults(tmp_path):
    config = {"model_type": "siglip", "text_config": {"model_type": "x"}, "vision_config": {"model_type": "y"}}
    processor = {"image_processor_type": "SiglipImageProcessor"}
    with pytest.raises(ModelFolderError, match=r"token_embedding\.weight must have shape \(32000, 768\)"):
        load_encoder(write_folder(tmp_path, "siglip", config=config, preprocessor=processor))


@pytest.mark.parametrize(
    ("family", "change", "message"),
    [
        ("clip", {"projection_dim": 0}, "projection_dim must be a whole number"),
        ("clip", {"text_config": [1]}, "text_config must be an object, got list"),
        ("clip", {"text_config": TEXT | {"eos_token_id": [3]}}, "eos_token_id must be the id of a token"),
        ("clip", {"text_config": TEXT | {"vocab_size": 0.5}}, "vocab_size must be a whole number"),
        ("clip", {"vision_config": VISION | {"image_size": 24}}, "image_size must be the .* preprocessor_config"),
        ("siglip", {"text_config": TEXT | {"projection_size": 6}}, "they share no space"),
        ("siglip", {"vision_config": VISION | {"vision_use_head": False}}, "they share no space"),
        ("siglip", {"text_config": TEXT | {"pad_token_id": -1}}, "pad_token_id must be the id of a token"),
    ],
)
def test_a_config_that_is_not_supported_is_an_error(tmp_path, family, change, message):
    with pytest.raises(ModelFolderError, match=message):
        load_encoder(write_folder(tmp_path, family, config=CONFIGS[family] | change))


def test_missing_files_are_named(tmp_path):
    folder = write_folder(tmp_path, "clip")
    (folder / "tokenizer.json").write_text("{")
    with pytest.raises(ModelFolderError, match=r"tokenizer\.json is not a readable tokenizer"):
        load_encoder(folder)
    (folder / "tokenizer.json").unlink()
    with pytest.raises(ModelFolderError, match=r"tokenizer\.json is missing"):
        load_encoder(folder)
    (folder / "model.safetensors").unlink()
    with pytest.raises(ModelFolderError, match=r"holds neither model\.safetensors"):
        load_encoder(folder)
    write_onnx_folder(folder)
    with pytest.raises(ModelFolderError, match=r"holds no model\.safetensors, which CLIP and SigLIP are built from"):
        load_encoder(folder)


def test_damaged_modules_do_not_hide_the_reason(tmp_path):
    write_folder(tmp_path, "clip")
    (tmp_path / "modules.json").write_text("{")
    assert load_encoder(tmp_path).spec.modality == "text+image"


def test_weights_with_nan_and_engines_that_do_not_run_are_refused(tmp_path):
    weights = random_weights("clip")
    weights["visual_projection.weight"][0, 0] = np.nan
    broken = load_encoder(write_folder(tmp_path, "clip", weights=weights))
    assert np.isfinite(broken.encode(["w1"])).all()
    with pytest.raises(EncoderError, match=r"gave NaN or infinity for images\[0\]"):
        broken.encode(["w1", *pictures()])
    with pytest.raises(InvalidInputError, match="run with engine=onnxruntime"):
        DualEncoder.from_folder(tmp_path, runtime=Runtime(engine="openvino"))
