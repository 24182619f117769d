"""Tiny models saved by transformers itself give the vectors that transformers gives."""

import numpy as np
import pytest
from tiny_bert import TEXTS, tiny_tokenizer
from tiny_vision import pictures

from nearfield.encoders.load import load_encoder

pytestmark = [pytest.mark.peers, pytest.mark.filterwarnings("ignore")]

TOWER = {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 32}
VISION = TOWER | {"image_size": 32, "patch_size": 8}
TEXT = TOWER | {"vocab_size": 30, "max_position_embeddings": 12, "bos_token_id": 2}
IMAGES = pictures(sizes=[(40, 50), (32, 32), (70, 31), (90, 90), (33, 60)])
NOT_EMPTY = [text for text in TEXTS if text]


def randomised(model):
    """Weights large enough that every part of the model shows in the vectors."""
    torch = pytest.importorskip("torch")
    torch.manual_seed(0)
    with torch.no_grad():
        for name, tensor in model.named_parameters():
            centre = 1 if "norm" in name and name.endswith("weight") else 0
            tensor.copy_(torch.randn_like(tensor) * 0.3 + centre)
    return model.eval()


def save(folder, model, processor):
    model.save_pretrained(folder)
    processor.save_pretrained(folder)
    pixels = processor([image.open() for image in IMAGES], return_tensors="pt")["pixel_values"]
    return load_encoder(folder), pixels


def unit(tensor):
    return (tensor / tensor.norm(dim=1, keepdim=True)).detach().numpy()


@pytest.fixture
def transformers():
    return pytest.importorskip("transformers")


def test_vit_equals_transformers(transformers, tmp_path):
    from transformers.models.vit.image_processing_pil_vit import ViTImageProcessorPil

    model = randomised(transformers.ViTModel(transformers.ViTConfig(**VISION)))
    encoder, pixels = save(tmp_path, model, ViTImageProcessorPil(size={"height": 32, "width": 32}))
    expected = model(pixels).last_hidden_state[:, 0].detach().numpy()
    np.testing.assert_allclose(encoder.encode(IMAGES), expected, atol=1e-4)


def test_a_vit_saved_as_a_classifier_gives_the_same_vectors(transformers, tmp_path):
    from transformers.models.vit.image_processing_pil_vit import ViTImageProcessorPil

    model = randomised(transformers.ViTForImageClassification(transformers.ViTConfig(**VISION)))
    encoder, pixels = save(tmp_path, model, ViTImageProcessorPil(size={"height": 32, "width": 32}))
    expected = model.vit(pixels).last_hidden_state[:, 0].detach().numpy()
    np.testing.assert_allclose(encoder.encode(IMAGES), expected, atol=1e-4)


@pytest.mark.parametrize("size", [32, 56, 72])
def test_dinov2_equals_transformers_at_any_size(transformers, tmp_path, size):
    from transformers.models.clip.image_processing_pil_clip import CLIPImageProcessorPil

    config = transformers.Dinov2Config(**VISION | {"image_size": 56, "mlp_ratio": 2})
    model = randomised(transformers.Dinov2Model(config))
    encoder, pixels = save(tmp_path, model, CLIPImageProcessorPil(size={"shortest_edge": size + 8}, crop_size=size))
    np.testing.assert_allclose(encoder.encode(IMAGES), model(pixels).pooler_output.detach().numpy(), atol=1e-4)


@pytest.mark.parametrize("end", [2, 3])
def test_clip_equals_transformers(transformers, tmp_path, end):
    import torch
    from transformers.models.clip.image_processing_pil_clip import CLIPImageProcessorPil

    config = transformers.CLIPConfig(text_config=TEXT | {"eos_token_id": end}, vision_config=VISION, projection_dim=12)
    model = randomised(transformers.CLIPModel(config))
    tokenizer = tiny_tokenizer()
    tokenizer.save(str(tmp_path / "tokenizer.json"))
    encoder, pixels = save(tmp_path, model, CLIPImageProcessorPil(size={"shortest_edge": 32}, crop_size=32))
    tokenizer.no_padding()
    tokenizer.enable_truncation(12)
    texts = [model.get_text_features(torch.tensor([tokenizer.encode(text).ids])).pooler_output for text in NOT_EMPTY]
    expected = [unit(torch.cat(texts)), unit(model.get_image_features(pixels).pooler_output)]
    np.testing.assert_allclose(encoder.encode([*NOT_EMPTY, *IMAGES]), np.concatenate(expected), atol=1e-4)


def test_siglip_equals_transformers(transformers, tmp_path):
    import torch
    from transformers.models.siglip.image_processing_pil_siglip import SiglipImageProcessorPil

    text = TEXT | {"pad_token_id": 1, "eos_token_id": 3}
    model = randomised(transformers.SiglipModel(transformers.SiglipConfig(text_config=text, vision_config=VISION)))
    tokenizer = tiny_tokenizer()
    tokenizer.save(str(tmp_path / "tokenizer.json"))
    encoder, pixels = save(tmp_path, model, SiglipImageProcessorPil(size={"height": 32, "width": 32}))
    tokenizer.enable_truncation(12)
    tokenizer.enable_padding(length=12, pad_id=1)
    texts = model.get_text_features(torch.tensor([e.ids for e in tokenizer.encode_batch(NOT_EMPTY)])).pooler_output
    expected = [unit(texts), unit(model.get_image_features(pixels).pooler_output)]
    np.testing.assert_allclose(encoder.encode([*NOT_EMPTY, *IMAGES]), np.concatenate(expected), atol=1e-4)


def test_a_clip_of_sentence_transformers_equals_it(transformers, tmp_path):
    sentence_transformers = pytest.importorskip("sentence_transformers")
    from sentence_transformers.sentence_transformer.modules import CLIPModel

    config = transformers.CLIPConfig(text_config=TEXT | {"eos_token_id": 3}, vision_config=VISION, projection_dim=12)
    inner = tmp_path / "inner"
    randomised(transformers.CLIPModel(config)).save_pretrained(inner)
    tokenizer = tiny_tokenizer()
    tokenizer.no_padding()
    fast = (
        transformers.CLIPTokenizer(tokenizer_object=tokenizer)
        if False
        else transformers.PreTrainedTokenizerFast(tokenizer_object=tokenizer, pad_token="[PAD]", model_max_length=12)
    )
    images = transformers.CLIPImageProcessor(size={"shortest_edge": 32}, crop_size=32)
    transformers.CLIPProcessor(image_processor=images, tokenizer=fast).save_pretrained(inner)
    peer = sentence_transformers.SentenceTransformer(modules=[CLIPModel(str(inner))], device="cpu")
    peer.save(str(tmp_path / "whole"))
    encoder = load_encoder(tmp_path / "whole")
    assert encoder.spec.modality == "text+image"
    expected = peer.encode(NOT_EMPTY, normalize_embeddings=True)
    np.testing.assert_allclose(encoder.encode(NOT_EMPTY), expected, atol=1e-4)
    seen = peer.encode([image.open() for image in IMAGES], normalize_embeddings=True)
    # It resizes with torchvision, whose pixels differ from Pillow's by up to 1 in 255.
    assert (encoder.encode(IMAGES) * seen).sum(axis=1).min() > 0.999


@pytest.mark.parametrize("cropped", [True, False])
@pytest.mark.parametrize("size", [(50, 37), (31, 64), (300, 200), (28, 90), (24, 24)])
def test_pixels_equal_those_of_transformers(transformers, size, cropped):
    from transformers.models.clip.image_processing_pil_clip import CLIPImageProcessorPil

    from nearfield.encoders.preprocess import Preprocessing

    config = {"size": {"shortest_edge": 29}, "crop_size": {"height": 32, "width": 27}, "do_resize": cropped}
    image = pictures(sizes=[size])[0].open()
    expected = CLIPImageProcessorPil(**config)(image, return_tensors="np")["pixel_values"][0]
    found = Preprocessing.from_json(config, family="CLIP", source="")(image)
    np.testing.assert_allclose(found, expected, atol=2e-6)


def test_the_converted_efficientnet_equals_a_plain_forward_pass():
    torch = pytest.importorskip("torch")
    import importlib.util
    from pathlib import Path

    import onnxruntime

    path = Path(__file__).parents[2] / "scripts" / "convert_efficientnet_lite0.py"
    module = importlib.util.module_from_spec(importlib.util.spec_from_file_location("conversion", path))
    module.__loader__.exec_module(module)
    state = efficientnet_state(np.random.default_rng(0), module.STRIDES)
    pixels = np.random.default_rng(1).normal(size=(2, 3, module.SIZE, module.SIZE)).astype(np.float32)
    expected = slow_efficientnet({k: torch.tensor(v) for k, v in state.items()}, torch.tensor(pixels), module.STRIDES)
    session = onnxruntime.InferenceSession(module.build(state).SerializeToString())
    np.testing.assert_allclose(session.run(None, {"pixel_values": pixels})[0], expected, atol=1e-4)


CHANNELS = [8, 8, 8, 8, 16, 16, 16, 16, 16, 24, 24, 24, 24, 24, 24, 24, 32]


def efficientnet_state(rng, strides):
    """Random weights under the checkpoint's names, with fewer channels."""
    state = {}

    def add(conv, norm, made, given, kernel):
        state[f"{conv}.weight"] = rng.normal(0, (2 / (given * kernel**2)) ** 0.5, (made, given, kernel, kernel))
        for name in ("weight", "running_var"):
            state[f"{norm}.{name}"] = rng.uniform(0.5, 1.5, made)
        for name in ("bias", "running_mean"):
            state[f"{norm}.{name}"] = rng.normal(0, 0.3, made)

    add("_conv_stem", "_bn0", CHANNELS[0], 3, 3)
    for number in range(len(strides)):
        block, given, wide = f"_blocks.{number}.", CHANNELS[number], CHANNELS[number] * (2 if number else 1)
        if number:
            add(f"{block}_expand_conv", f"{block}_bn0", wide, given, 1)
        add(f"{block}_depthwise_conv", f"{block}_bn1", wide, 1, 5 if number % 3 else 3)
        add(f"{block}_project_conv", f"{block}_bn2", CHANNELS[number + 1], wide, 1)
    add("_conv_head", "_bn1", 40, CHANNELS[-1], 1)
    return {name: values.astype(np.float32) for name, values in state.items()}


def slow_efficientnet(state, x, strides):
    import torch.nn.functional as F

    def step(x, conv, norm, stride=1, relu=True):
        weight = state[f"{conv}.weight"]
        kernel, side = weight.shape[2], x.shape[2]
        padding = max((-(-side // stride) - 1) * stride + kernel - side, 0)
        x = F.pad(x, (padding // 2, padding - padding // 2) * 2)
        x = F.conv2d(x, weight, stride=stride, groups=x.shape[1] if weight.shape[1] == 1 < x.shape[1] else 1)
        mean, variance = state[f"{norm}.running_mean"], state[f"{norm}.running_var"]
        x = F.batch_norm(x, mean, variance, state[f"{norm}.weight"], state[f"{norm}.bias"], eps=1e-3)
        return F.relu6(x) if relu else x

    x = step(x, "_conv_stem", "_bn0", 2)
    for number, stride in enumerate(strides):
        block, before = f"_blocks.{number}.", x
        if number:
            x = step(x, f"{block}_expand_conv", f"{block}_bn0")
        x = step(x, f"{block}_depthwise_conv", f"{block}_bn1", stride)
        x = step(x, f"{block}_project_conv", f"{block}_bn2", relu=False)
        x = x + before if stride == 1 and x.shape == before.shape else x
    return step(x, "_conv_head", "_bn1").mean((2, 3)).numpy()
