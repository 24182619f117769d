import json

import numpy as np
import pytest
from PIL import Image as Pillow
from tiny_vision import (
    CONFIGS,
    HIDDEN,
    LAYERS,
    PREPROCESSORS,
    SIZE,
    pictures,
    random_weights,
    slow_vit,
    write_folder,
    write_onnx_folder,
)

from nearfield.data.images import Image
from nearfield.encoders import image as image_module
from nearfield.encoders.image import ImageEncoder
from nearfield.encoders.load import load_encoder
from nearfield.encoders.options import Runtime
from nearfield.encoders.preprocess import Preprocessing
from nearfield.encoders.vision_folder import vision_kind
from nearfield.errors import DataError, EncoderError, InvalidInputError, ModelFolderError


def preprocessing(family):
    return Preprocessing.from_json(PREPROCESSORS[family], family={"dinov2": "Bit"}.get(family, "ViT"), source="")


@pytest.fixture(scope="module")
def encoder(tmp_path_factory):
    return ImageEncoder.from_folder(write_folder(tmp_path_factory.mktemp("vit"), "vit"), name="tiny")


def test_vit_vectors_equal_a_slow_plain_forward_pass(encoder):
    images = pictures()
    expected = [slow_vit(preprocessing("vit")(image.open()), random_weights("vit")) for image in images]
    found = encoder.encode(images)
    np.testing.assert_allclose(found, expected, atol=2e-5)
    assert (found.dtype, found.flags.c_contiguous) == (np.float32, True)
    for method in (encoder.encode_query, encoder.encode_document):
        np.testing.assert_array_equal(method(images), found)


@pytest.mark.parametrize("prefix", ["", "dinov2."])
def test_dinov2_vectors_equal_a_slow_plain_forward_pass(tmp_path, prefix):
    # 20 pixels, as its position embeddings are for, so that none is resized.
    processor = PREPROCESSORS["dinov2"] | {"size": {"shortest_edge": 20}, "crop_size": 20}
    weights = {prefix + name: tensor for name, tensor in random_weights("dinov2").items()}
    folder = write_folder(tmp_path, "dinov2", weights=weights, preprocessor=processor)
    steps = Preprocessing.from_json(processor, family="Bit", source="")
    expected = [slow_vit(steps(image.open()), random_weights("dinov2"), "dinov2") for image in pictures()]
    np.testing.assert_allclose(load_encoder(folder).encode(pictures()), expected, atol=2e-5)


def test_dinov2_fits_its_positions_to_the_size_of_the_images(tmp_path):
    weights = random_weights("dinov2")
    direction = np.random.default_rng(0).normal(size=HIDDEN).astype(np.float32)
    positions = np.zeros((26, HIDDEN), np.float32)
    positions[1:] = np.tile(np.arange(5), 5)[:, None] * direction  # a ramp from left to right
    weights["embeddings.position_embeddings"] = positions[None]
    found = load_encoder(write_folder(tmp_path, "dinov2", weights=weights)).encode(pictures())
    ramp = [0.2592598, 2.0, 3.7407405]  # torch 2.14: interpolate(..., size=(3, 3), mode="bicubic")
    positions = np.vstack([np.zeros(HIDDEN), np.tile(ramp, 3)[:, None] * direction])
    expected = [slow_vit(preprocessing("dinov2")(image.open()), weights, "dinov2", positions) for image in pictures()]
    np.testing.assert_allclose(found, expected, atol=2e-5)


def test_the_spec_says_what_the_encoder_is(encoder, tmp_path):
    spec = encoder.spec
    assert (spec.name, spec.modality, spec.dim, spec.pooling, spec.normalise) == ("tiny", "image", HIDDEN, "cls", False)
    assert encoder.weights_bytes == (tmp_path / write_folder(tmp_path, "vit") / "model.safetensors").stat().st_size
    assert encoder.inspect(pictures())[0].tokens == 0


@pytest.mark.parametrize(
    ("file", "change", "same"),
    [
        ("config.json", {"layer_norm_eps": 1e-3}, False),
        ("config.json", {"num_attention_heads": 4}, False),
        ("preprocessor_config.json", {"resample": 2}, False),
        ("preprocessor_config.json", {"image_mean": [0.4, 0.5, 0.5]}, False),
        ("config.json", {"transformers_version": "9.9"}, True),
        ("preprocessor_config.json", {"do_convert_rgb": True}, True),
    ],
)
def test_the_fingerprint_covers_what_is_computed(tmp_path, file, change, same):
    folder = write_folder(tmp_path, "vit")
    before = ImageEncoder.from_folder(folder).spec.fingerprint
    path = folder / file
    path.write_text(json.dumps(json.loads(path.read_text()) | change))
    assert (ImageEncoder.from_folder(folder).spec.fingerprint == before) == same


def test_neither_order_nor_number_nor_threads_change_a_vector(encoder, tmp_path, monkeypatch):
    images = pictures(sizes=[(10 + number, 30 - number) for number in range(11)])
    together = encoder.encode(images)
    np.testing.assert_allclose(encoder.encode(images[::-1]), together[::-1], atol=1e-5)
    np.testing.assert_allclose(np.concatenate([encoder.encode([image]) for image in images]), together, atol=1e-5)
    monkeypatch.setattr(image_module, "_CHUNK_BATCHES", 1)
    one = ImageEncoder.from_folder(write_folder(tmp_path, "vit"), runtime=Runtime(threads=1))
    np.testing.assert_array_equal(one.encode(images), together)


def test_no_images_give_no_vectors_and_progress_reaches_the_end(encoder):
    assert encoder.encode([]).shape == (0, HIDDEN)
    told = []
    encoder.encode(pictures(sizes=[(20, 20)] * 6), progress=lambda *step: told.append(step))
    assert told == [("encoding", 0, 6), ("encoding", 4, 6), ("encoding", 6, 6)]


def test_a_text_is_refused_and_the_fitting_encoders_are_named(encoder):
    for method in (encoder.encode, encoder.encode_query, encoder.encode_document, encoder.inspect):
        with pytest.raises(InvalidInputError, match=r"images\[1\] is a text, .* CLIP or SigLIP"):
            method([pictures()[0], "a tap"])
    with pytest.raises(InvalidInputError, match="must be an Image, got bytes"):
        encoder.encode([b"PNG"])
    with pytest.raises(InvalidInputError, match=r"got one; write \[it\]"):
        encoder.encode(pictures()[0])


def test_an_image_that_cannot_be_read_is_named(encoder, tmp_path):
    (tmp_path / "a.png").write_bytes(b"no image")
    with pytest.raises(DataError, match=r"a\.png: not a PNG, JPEG or WebP image"):
        encoder.encode([*pictures(), Image(tmp_path / "a.png")])
    with pytest.raises(DataError, match=r"images\[3\]: not a PNG"):
        encoder.encode([*pictures(), Image(b"no image")])


def test_weights_with_nan_are_refused_when_they_reach_a_vector(tmp_path):
    weights = random_weights("vit")
    weights["layernorm.bias"][0] = np.nan
    encoder = ImageEncoder.from_folder(write_folder(tmp_path, "vit", weights=weights), name="broken")
    with pytest.raises(EncoderError, match=r"broken gave NaN or infinity for images\[0\]"):
        encoder.encode(pictures())


def test_a_model_that_fails_on_a_batch_is_an_encoder_error(tmp_path):
    folder = write_onnx_folder(tmp_path)
    encoder = ImageEncoder.from_folder(folder, name="onnx")
    encoder._preprocessing = lambda image: np.zeros((3, SIZE + 1, SIZE), np.float32)
    with pytest.raises(EncoderError, match=r"onnx failed on a batch with images\[0\]"):
        encoder.encode(pictures())


@pytest.mark.parametrize(
    ("output", "rank", "pooling"),
    [
        ("image_embeds", 2, "model"),
        ("pooler_output", 2, "model"),
        ("pooler_output", 4, "model"),
        ("last_hidden_state", 3, "cls"),
    ],
)
def test_an_onnx_folder_runs_without_config(tmp_path, output, rank, pooling):
    encoder = load_encoder(write_onnx_folder(tmp_path, output=output, rank=rank))
    assert (encoder.spec.modality, encoder.spec.dim, encoder.spec.pooling) == ("image", 3, pooling)
    expected = [preprocessing("vit")(image.open()).sum(axis=(1, 2)) for image in pictures()]
    np.testing.assert_allclose(encoder.encode(pictures()), expected, rtol=1e-4, atol=1e-3)


@pytest.mark.parametrize(("given", "output", "rank"), [("x", "pooler_output", 2), ("pixel_values", "logits", 2)])
def test_an_onnx_file_of_another_kind_is_refused(tmp_path, given, output, rank):
    folder = write_onnx_folder(tmp_path, given=given, output=output, rank=rank)
    with pytest.raises(ModelFolderError, match=r"supported are the input pixel_values and an output image_embeds"):
        load_encoder(folder)


def test_an_onnx_file_for_images_of_another_size_is_refused(tmp_path):
    folder = write_onnx_folder(tmp_path)
    (folder / "preprocessor_config.json").write_text(json.dumps({"image_processor_type": "ViTImageProcessor"}))
    with pytest.raises(ModelFolderError, match=r"model\.onnx cannot encode"):
        load_encoder(folder)


def test_what_a_folder_takes_is_seen_from_its_files(tmp_path):
    assert vision_kind(write_folder(tmp_path / "v", "vit")) == "image"
    assert vision_kind(write_folder(tmp_path / "c", "clip")) == "clip"
    folder = write_onnx_folder(tmp_path / "o")
    assert vision_kind(folder) == "image"
    (folder / "tokenizer.json").touch()
    assert vision_kind(folder) is None


@pytest.mark.parametrize(
    ("family", "change", "message"),
    [
        ("vit", {"hidden_size": 0}, "hidden_size must be a whole number of at least 1, got 0"),
        ("vit", {"hidden_act": "swish"}, "hidden_act must be one of"),
        ("vit", {"hidden_act": ["gelu"]}, "hidden_act must be one of"),
        ("vit", {"layer_norm_eps": True}, "layer_norm_eps must be a number between 0 and 1"),
        ("vit", {"num_attention_heads": 3}, "hidden_size 8 must be a multiple of num_attention_heads 3"),
        ("vit", {"num_channels": 1}, "num_channels must be 3, got 1"),
        ("vit", {"qkv_bias": False}, "qkv_bias must be True, got False"),
        ("vit", {"patch_size": 40}, r"patch_size \(40, 40\) must fit into image_size"),
        ("vit", {"image_size": [12, "x"]}, "image_size must be a whole number"),
        ("vit", {"image_size": [24, 12]}, r"image_size must be the \(12, 12\) that preprocessor_config.json makes"),
        ("vit", {"num_hidden_layers": 1}, "more layers than the 1"),
        ("dinov2", {"use_swiglu_ffn": True}, "use_swiglu_ffn must be False, got True; any other model works"),
        ("dinov2", {"mlp_ratio": "x"}, "mlp_ratio must be a number above 0"),
    ],
)
def test_a_config_that_is_not_supported_is_an_error(tmp_path, family, change, message):
    weights = random_weights(family)
    if "image_size" in change:
        weights["embeddings.position_embeddings"] = np.zeros((1, 19, HIDDEN), np.float32)
    folder = write_folder(tmp_path, family, weights=weights, config=CONFIGS[family] | change)
    with pytest.raises(ModelFolderError, match=message):
        load_encoder(folder)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("model.safetensors", "holds neither model.safetensors nor onnx/model.onnx"),
        ("preprocessor_config.json", "preprocessor_config.json is missing"),
    ],
)
def test_a_missing_file_is_named(tmp_path, name, message):
    folder = write_folder(tmp_path, "vit")
    (folder / name).unlink()
    with pytest.raises(ModelFolderError, match=message):
        load_encoder(folder)
    with pytest.raises(ModelFolderError, match="is not a folder"):
        ImageEncoder.from_folder(folder / "absent")


def test_a_model_type_that_is_not_known_needs_an_onnx_file(tmp_path):
    folder = write_folder(tmp_path, "vit", config=CONFIGS["vit"] | {"model_type": "swin"})
    with pytest.raises(ModelFolderError, match="model_type 'swin' is not built natively as vit, dinov2, clip, siglip"):
        load_encoder(folder)


@pytest.mark.parametrize("tensor", [np.zeros((HIDDEN, HIDDEN + 1), np.float32), None])
def test_a_tensor_other_than_the_config_says_is_an_error(tmp_path, tensor):
    name = f"encoder.layer.{LAYERS - 1}.attention.output.dense.weight"
    weights = random_weights("vit")
    del weights[name]
    if tensor is not None:
        weights[name] = tensor
    with pytest.raises(ModelFolderError, match=name):
        load_encoder(write_folder(tmp_path, "vit", weights=weights))


@pytest.mark.parametrize("runtime", [Runtime(engine="openvino"), Runtime(device="cuda")])
def test_an_engine_that_images_do_not_run_on_is_refused(tmp_path, runtime):
    with pytest.raises(InvalidInputError, match="encoders of images run with engine=onnxruntime on device=cpu"):
        ImageEncoder.from_folder(write_folder(tmp_path, "vit"), runtime=runtime)


def test_a_newer_folder_keeps_its_image_processor_in_another_file(tmp_path):
    folder = write_folder(tmp_path, "vit")
    before = load_encoder(folder).spec.fingerprint
    (folder / "preprocessor_config.json").unlink()
    (folder / "processor_config.json").write_text(json.dumps({"image_processor": PREPROCESSORS["vit"]}))
    assert load_encoder(folder).spec.fingerprint == before
    (folder / "processor_config.json").write_text("{}")
    with pytest.raises(ModelFolderError, match=r"preprocessor_config\.json is missing"):
        load_encoder(folder)


def test_transparent_and_turned_images_are_seen_as_a_person_sees_them(encoder, tmp_path):
    red = Pillow.new("RGB", (20, 10), "red")
    red.putpixel((0, 0), (0, 0, 255))
    turned = red.transpose(Pillow.Transpose.ROTATE_90)
    exif = Pillow.Exif()
    exif[0x0112] = 6  # to be turned by 90 degrees clockwise
    turned.save(tmp_path / "turned.png", exif=exif)
    red.save(tmp_path / "plain.png")
    paths = [Image(tmp_path / "turned.png"), Image(tmp_path / "plain.png")]
    turned, plain = encoder.encode(paths)
    np.testing.assert_array_equal(turned, plain)
