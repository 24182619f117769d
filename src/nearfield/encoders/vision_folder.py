"""Read a model folder that takes images: what it holds and how its vectors are made."""

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from nearfield.encoders.base import EncoderSpec
from nearfield.encoders.folder import ONNX_FILES, file_hash
from nearfield.encoders.json_files import read_json_object
from nearfield.encoders.onnx_files import weight_files
from nearfield.encoders.preprocess import Preprocessing
from nearfield.errors import ModelFolderError

# Kinds of `model_type`, and the image processor that published folders of each kind have.
IMAGE_TYPES = {"vit": "ViT", "dinov2": "Bit"}
DUAL_TYPES = {"clip": "CLIP", "siglip": "Siglip"}
_PREPROCESSOR = "preprocessor_config.json"
_NATIVE = IMAGE_TYPES | DUAL_TYPES


@dataclass(frozen=True)
class VisionFolder:
    """What a model folder says about itself; the weights are not read yet.

    Attributes:
        root: The folder that was given.
        inner: The folder in it, or itself, that holds `config.json`.
        config: `config.json`; empty where an ONNX file makes it unnecessary and it is absent.
        weights: `model.safetensors` or the ONNX file.
        preprocessing: How an image becomes pixels.
    """

    root: Path
    inner: Path
    config: dict[str, Any]
    weights: Path
    preprocessing: Preprocessing

    @property
    def source(self) -> str:
        """What to call the configuration in an error."""
        return str(self.inner / "config.json")

    @property
    def is_onnx(self) -> bool:
        """Whether the weights are an ONNX file."""
        return self.weights.suffix == ".onnx"

    @property
    def weights_bytes(self) -> int:
        """Size of the weights on disk, in bytes."""
        return sum(file.stat().st_size for file in weight_files(self.weights))

    def weights_hash(self, graph: dict[str, Any]) -> str:
        """Hash the weights and what is computed with them.

        Args:
            graph: What of `config.json` decides which graph the weights go through; empty for an ONNX file.

        Returns:
            SHA-256, hexadecimal.
        """
        files = [file_hash(file) for file in weight_files(self.weights)]
        computation = [files, graph, self.preprocessing.identity()]
        return hashlib.sha256(json.dumps(computation, sort_keys=True).encode()).hexdigest()

    def spec(self, *, name: str | None, graph: dict[str, Any], dim: int, dtype: str, pooling: str) -> EncoderSpec:
        """Say which space the vectors of an encoder of images alone are in.

        Args:
            name: What to call the encoder; the folder's name if None.
            graph: As `weights_hash` takes it.
            dim: Number of dimensions of a vector.
            dtype: Precision the encoder computes in.
            pooling: How patches become one vector.

        Returns:
            The spec.
        """
        return EncoderSpec(
            name=name or self.root.resolve().name,
            weights=self.weights_hash(graph),
            tokenizer="",
            dim=dim,
            pooling=pooling,
            normalise=False,
            max_tokens=0,
            dtype=dtype,
            modality="image",
        )


def vision_kind(root: Path) -> Literal["image", "clip"] | None:
    """Tell whether a model folder takes images alone, or images and texts; None if it takes no images.

    Args:
        root: The folder.

    Returns:
        The kind. A folder without a tokeniser that says how to preprocess images takes images.
    """
    inner = _inner(root)
    model_type = read_json_object(inner / "config.json", required=False).get("model_type")
    if model_type in DUAL_TYPES:
        return "clip"
    if model_type in IMAGE_TYPES:
        return "image"
    is_image = (inner / _PREPROCESSOR).exists() and not (inner / "tokenizer.json").exists()
    return "image" if is_image else None


def read_vision_folder(path: str | Path) -> VisionFolder:
    """Read the configuration files of a model folder that takes images.

    `model.safetensors` is preferred where `config.json` describes a model that is built natively, else the folder
    must hold `onnx/model.onnx` or `model.onnx`.

    Args:
        path: A Hugging Face folder, or a sentence-transformers folder that wraps one.

    Returns:
        What the files say; the weights are found, not read.

    Raises:
        ModelFolderError: If a file is missing or damaged, or the folder asks for something not supported.
    """
    root = Path(path)
    if not root.is_dir():
        raise ModelFolderError(f"{root} is not a folder; give the folder that holds config.json")
    inner = _inner(root)
    weights = _weights(inner)
    config = read_json_object(inner / "config.json", required=weights.suffix != ".onnx")
    processor, source = _processor(inner)
    family = _NATIVE.get(config.get("model_type", ""), "")
    return VisionFolder(root, inner, config, weights, Preprocessing.from_json(processor, family=family, source=source))


def _inner(root: Path) -> Path:
    """Find the folder of the model that sentence-transformers wraps in one of its modules."""
    file = root / "modules.json"
    if not file.exists():
        return root
    try:
        modules = json.loads(file.read_text(encoding="utf-8"))
        return root / str(modules[0].get("path", ""))
    except (OSError, ValueError, RecursionError, LookupError, TypeError, AttributeError):
        return root  # whoever reads the folder reports the damage


def _processor(inner: Path) -> tuple[dict[str, Any], str]:
    """Read how to preprocess images: from its own file, or from the one that newer folders keep it in."""
    whole = inner / "processor_config.json"
    if not (inner / _PREPROCESSOR).exists() and whole.exists():
        part = read_json_object(whole).get("image_processor")
        if isinstance(part, dict):
            return part, str(whole)
    return read_json_object(inner / _PREPROCESSOR), str(inner / _PREPROCESSOR)


def _weights(folder: Path) -> Path:
    model_type = read_json_object(folder / "config.json", required=False).get("model_type")
    names = [*ONNX_FILES]
    if model_type in _NATIVE:
        names.insert(0, "model.safetensors")
    for name in names:
        if (folder / name).is_file():
            return folder / name
    if model_type in _NATIVE:
        raise ModelFolderError(
            f"{folder} holds neither model.safetensors nor onnx/model.onnx; download the model again (a pickle such as "
            "pytorch_model.bin can run code when it is read: convert it with save_pretrained)"
        )
    raise ModelFolderError(
        f"{folder} holds no onnx/model.onnx, and its model_type {model_type!r} is not built natively as "
        f"{', '.join(_NATIVE)} are; export it to ONNX"
    )
