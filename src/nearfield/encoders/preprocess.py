"""From an image to the pixels that a model was trained on, as its `preprocessor_config.json` says."""

import math
import re
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import numpy.typing as npt

from nearfield.data.images import MAX_PIXELS
from nearfield.errors import DataError, ModelFolderError

if TYPE_CHECKING:
    from PIL import Image as Pillow

Pixels: TypeAlias = npt.NDArray[np.float32]

_CLIP_MEAN, _CLIP_STD = [0.48145466, 0.4578275, 0.40821073], [0.26862954, 0.26130258, 0.27577711]
_CROPPED = {
    "size": {"shortest_edge": 224},
    "resample": 3,
    "do_center_crop": True,
    "crop_size": 224,
    "image_mean": _CLIP_MEAN,
    "image_std": _CLIP_STD,
}
# What transformers' image processors do where the file is silent.
_ALL = {
    "do_resize": True,
    "do_center_crop": False,
    "do_rescale": True,
    "rescale_factor": 1 / 255,
    "do_normalize": True,
    "image_mean": [0.5] * 3,
    "image_std": [0.5] * 3,
}
_DEFAULTS: dict[str, dict[str, Any]] = {
    "ViT": _ALL | {"size": 224, "resample": 2},
    "CLIP": _ALL | _CROPPED,
    "Bit": _ALL | _CROPPED,
    "Siglip": _ALL | {"size": 224, "resample": 3},
}
# An old file's `size` of one number is a square for this one, the shorter edge for the others.
_SQUARE = ("ViT", "Siglip")
_CLASS_NAME = re.compile(r"(ImageProcessor|FeatureExtractor)(Fast|Pil)?$")
_RESAMPLINGS = range(6)
_MAX_EDGE = 4096


@dataclass(frozen=True)
class Preprocessing:
    """Resize, crop, rescale and normalise, in this order; what is not asked for does nothing.

    Attributes:
        size: Height and width to resize to.
        shortest_edge: Or the length that the shorter edge gets, the other in proportion.
        resample: Pillow's number of the filter: 0 nearest, 1 Lanczos, 2 bilinear, 3 bicubic, 4 box, 5 Hamming.
        crop: Height and width to cut from the middle; what is smaller is set in black.
        rescale: Factor for the values, which are 0 to 255.
        mean: What is then taken from each channel.
        std: What it is then divided by.
    """

    size: tuple[int, int] | None
    shortest_edge: int | None
    resample: int
    crop: tuple[int, int] | None
    rescale: float
    mean: tuple[float, ...]
    std: tuple[float, ...]

    @classmethod
    def from_json(cls, config: dict[str, Any], *, family: str, source: str) -> "Preprocessing":
        """Understand a `preprocessor_config.json`.

        Args:
            config: Its content.
            family: Whose defaults hold where it does not name its image processor: ViT, CLIP, Bit or Siglip.
            source: What to call it in an error.

        Returns:
            What it asks for.

        Raises:
            ModelFolderError: If it asks for something else than resizing, cropping and normalising to one size.
        """
        named = config.get("image_processor_type") or config.get("feature_extractor_type")
        if named is not None:
            family = _CLASS_NAME.sub("", str(named))
        if family not in _DEFAULTS:
            raise ModelFolderError(f"{source}: the image processor must be one of {list(_DEFAULTS)}, got {named!r}")
        if config.get("do_pad"):
            raise ModelFolderError(f"{source}: do_pad is not supported")
        values = _DEFAULTS[family] | {key: value for key, value in config.items() if value is not None}
        size, shortest_edge = _target(values, square=family in _SQUARE, source=source)
        crop = _height_and_width(values["crop_size"], "crop_size", source) if values["do_center_crop"] else None
        if size is None and crop is None:
            raise ModelFolderError(f"{source}: images would differ in size; set crop_size, or size to height and width")
        normalise = bool(values["do_normalize"])
        return cls(
            size=size,
            shortest_edge=shortest_edge,
            resample=_resample(values["resample"], source),
            crop=crop,
            rescale=_numbers([values["rescale_factor"]], 1, "rescale_factor", source)[0] if values["do_rescale"] else 1,
            mean=_numbers(values["image_mean"], 3, "image_mean", source) if normalise else (0, 0, 0),
            std=_numbers(values["image_std"], 3, "image_std", source) if normalise else (1, 1, 1),
        )

    @property
    def output(self) -> tuple[int, int]:
        """Height and width of what comes out."""
        output = self.crop or self.size
        if output is None:
            raise AssertionError("from_json refuses it")
        return output

    def identity(self) -> dict[str, Any]:
        """Say what decides the pixels, for a fingerprint."""
        return asdict(self)

    def __call__(self, image: "Pillow.Image") -> Pixels:
        """Turn an image into pixels, as transformers' image processors on Pillow do.

        Args:
            image: In 8-bit RGB.

        Returns:
            `(3, height, width)` float32.
        """
        height, width = self._resized(image.height, image.width)
        if (width, height) != image.size:
            image = image.resize((width, height), resample=self.resample)
        pixels = np.asarray(image)
        if self.crop is not None:
            pixels = _centre(pixels, *self.crop)
        values: Pixels = pixels.astype(np.float32) * np.float32(self.rescale)
        values -= np.asarray(self.mean, dtype=np.float32)
        values /= np.asarray(self.std, dtype=np.float32)
        return np.ascontiguousarray(values.transpose(2, 0, 1))

    def _resized(self, height: int, width: int) -> tuple[int, int]:
        if self.size is not None:
            return self.size
        if self.shortest_edge is None:
            return height, width
        longest = int(self.shortest_edge * max(height, width) / min(height, width))
        if longest * self.shortest_edge > MAX_PIXELS:
            raise DataError(f"an image of {width} x {height} pixels is too narrow to be resized; cut a part of it out")
        return (longest, self.shortest_edge) if width <= height else (self.shortest_edge, longest)


def _centre(pixels: npt.NDArray[np.uint8], height: int, width: int) -> npt.NDArray[np.uint8]:
    """Cut out the middle of `(h, w, 3)`; black is added where it is smaller, the odd line before it."""
    missing = [max(0, wanted - given) for wanted, given in zip((height, width), pixels.shape[:2], strict=True)]
    if any(missing):
        pixels = np.pad(pixels, [(-(-gap // 2), gap // 2) for gap in missing] + [(0, 0)])
    top, left = (pixels.shape[0] - height) // 2, (pixels.shape[1] - width) // 2
    return pixels[top : top + height, left : left + width]


def _target(values: dict[str, Any], *, square: bool, source: str) -> tuple[tuple[int, int] | None, int | None]:
    """Find the size to resize to: height and width, or the shorter edge, or neither."""
    if not values["do_resize"]:
        return None, None
    size = values["size"]
    if isinstance(size, int) and not square:
        size = {"shortest_edge": size}
    if isinstance(size, dict) and set(size) == {"shortest_edge"}:
        return None, _edge(size["shortest_edge"], "size", source)
    return _height_and_width(size, "size", source), None


def _height_and_width(size: object, key: str, source: str) -> tuple[int, int]:
    if isinstance(size, dict) and set(size) == {"height", "width"}:
        return _edge(size["height"], key, source), _edge(size["width"], key, source)
    return _edge(size, key, source), _edge(size, key, source)


def _edge(value: object, key: str, source: str) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= _MAX_EDGE:
        raise ModelFolderError(
            f"{source}: {key} must be a whole number, a height and width or a shortest_edge, of 1 to {_MAX_EDGE} "
            f"pixels, got {value!r:.60}"
        )
    return value


def _resample(value: object, source: str) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value not in _RESAMPLINGS:
        raise ModelFolderError(f"{source}: resample must be one of {list(_RESAMPLINGS)}, got {value!r:.60}")
    return value


def _numbers(values: object, count: int, key: str, source: str) -> tuple[float, ...]:
    if (
        not isinstance(values, list)
        or len(values) != count
        or any(isinstance(value, bool) or not isinstance(value, int | float) for value in values)
        or not all(map(math.isfinite, values))
        or (key != "image_mean" and min(values) <= 0)
    ):
        above = "" if key == "image_mean" else " above 0"
        raise ModelFolderError(f"{source}: {key} must be {count} finite numbers{above}, got {values!r:.60}")
    return tuple(float(value) for value in values)
