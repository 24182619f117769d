import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image as Pillow

from nearfield.encoders.preprocess import Preprocessing
from nearfield.errors import DataError, ModelFolderError


def read(config, family="ViT"):
    return Preprocessing.from_json(config, family=family, source="preprocessor_config.json")


def noise(height, width, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


def test_values_are_rescaled_and_normalised_channel_by_channel():
    pixels = np.array([[[0, 51, 255], [255, 0, 102]]], dtype=np.uint8)
    steps = read({"size": {"height": 1, "width": 2}, "image_mean": [0.5, 0.2, 0], "image_std": [0.5, 0.1, 2]})
    expected = [[[-1, 1]], [[0, -2]], [[0.5, 0.2]]]
    np.testing.assert_allclose(steps(Pillow.fromarray(pixels)), expected, atol=1e-6)


def test_what_is_not_to_be_done_is_not_done():
    pixels = noise(5, 7)
    config = {"do_resize": False, "do_rescale": False, "do_normalize": False, "do_center_crop": True}
    found = read(config | {"crop_size": {"height": 3, "width": 4}})(Pillow.fromarray(pixels))
    np.testing.assert_array_equal(found, pixels[1:4, 1:5].transpose(2, 0, 1))
    assert (found.dtype, found.flags.c_contiguous) == (np.float32, True)


@pytest.mark.parametrize(
    ("size", "family", "given", "expected"),
    [
        ({"shortest_edge": 8}, "CLIP", (20, 10), (16, 8)),
        ({"shortest_edge": 8}, "CLIP", (10, 25), (8, 20)),
        ({"shortest_edge": 7}, "CLIP", (10, 25), (7, 17)),  # 17.5, cut off
        (8, "CLIP", (20, 10), (16, 8)),
        (8, "ViT", (20, 10), (8, 8)),
        ({"height": 6, "width": 9}, "ViT", (20, 10), (6, 9)),
    ],
)
def test_the_size_is_that_of_the_file(size, family, given, expected):
    steps = read({"size": size, "do_center_crop": False} if family == "ViT" else {"size": size}, family)
    assert steps._resized(*given) == expected


@pytest.mark.parametrize("resample", range(6))
def test_images_are_resized_as_pillow_does(resample):
    image = Pillow.fromarray(noise(30, 20))
    found = read({"size": 9, "resample": resample, "do_rescale": False, "do_normalize": False})(image)
    np.testing.assert_array_equal(found.transpose(1, 2, 0), np.asarray(image.resize((9, 9), resample=resample)))


@given(st.integers(1, 12), st.integers(1, 12), st.integers(1, 12), st.integers(1, 12))
def test_a_crop_has_its_size_and_the_middle_of_the_image(height, width, rows, columns):
    pixels = noise(height, width) | 1  # no black but what is added
    config = {"do_resize": False, "do_rescale": False, "do_normalize": False, "do_center_crop": True}
    found = read(config | {"crop_size": {"height": rows, "width": columns}})(Pillow.fromarray(pixels))
    assert found.shape == (3, rows, columns)
    assert (found > 0).sum() == 3 * min(height, rows) * min(width, columns)


def test_what_the_file_is_silent_about_is_as_its_image_processor_has_it():
    clip = read({"feature_extractor_type": "CLIPFeatureExtractor"})
    assert (clip.shortest_edge, clip.crop, clip.resample, clip.mean[0]) == (224, (224, 224), 3, 0.48145466)
    vit = read({"image_processor_type": "ViTImageProcessorFast"}, "CLIP")
    assert (vit.size, vit.crop, vit.resample, vit.mean) == ((224, 224), None, 2, (0.5, 0.5, 0.5))
    assert (read({}, "Siglip").size, read({}, "Siglip").resample, read({}, "Bit").output) == ((224, 224), 3, (224, 224))


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"image_processor_type": "ConvNextImageProcessor"}, "image processor must be one of .*got 'ConvNextImage"),
        ({"image_processor_type": 3}, "image processor must be one of"),
        ({"do_pad": True}, "do_pad is not supported"),
        ({"size": {"shortest_edge": 8}}, "images would differ in size"),
        ({"do_resize": False}, "images would differ in size"),
        ({"size": {"longest_edge": 8}}, "size must be a whole number"),
        ({"size": 0}, "of 1 to 4096 pixels, got 0"),
        ({"size": 10**9}, "of 1 to 4096 pixels"),
        ({"size": True}, "size must be a whole number"),
        ({"do_center_crop": True, "crop_size": "big"}, "crop_size must be a whole number"),
        ({"do_center_crop": True, "crop_size": {"height": 4, "width": None}}, "crop_size must be"),
        ({"resample": 6}, "resample must be one of"),
        ({"resample": [1]}, "resample must be one of"),
        ({"image_mean": [0.5]}, "image_mean must be 3 finite numbers"),
        ({"image_mean": 0.5}, "image_mean must be 3 finite numbers"),
        ({"image_std": [0.5, 0, 0.5]}, "image_std must be 3 finite numbers"),
        ({"image_std": [float("nan")] * 3}, "image_std must be 3 finite numbers"),
        ({"rescale_factor": "x"}, "rescale_factor must be 1 finite numbers"),
    ],
)
def test_what_cannot_be_done_is_refused(config, message):
    with pytest.raises(ModelFolderError, match=message):
        read(config)


def test_a_family_without_image_processor_is_refused():
    with pytest.raises(ModelFolderError, match=r"image processor must be one of .*got None"):
        read({}, "")


def test_an_image_a_hair_wide_is_not_blown_up():
    with pytest.raises(DataError, match="1 x 1000000 pixels is too narrow"):
        read({}, "CLIP")(Pillow.new("RGB", (1, 1_000_000)))
