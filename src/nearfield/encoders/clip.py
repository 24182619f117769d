"""Dual encoders: CLIP and SigLIP put texts and images into one space."""

import hashlib
import json
import re
import string
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from tokenizers import Tokenizer

from nearfield.arrays import Vectors
from nearfield.data.images import Image
from nearfield.encoders.base import EncoderSpec, Item, Role, TextInspection, as_items
from nearfield.encoders.folder import file_hash
from nearfield.encoders.graphs.clip import DualConfig, build_text, build_vision
from nearfield.encoders.image import ImageEncoder, image_threads, open_images
from nearfield.encoders.image import Run as RunImages
from nearfield.encoders.json_files import read_json_object
from nearfield.encoders.onnx_engine import open_session
from nearfield.encoders.options import DEFAULT_RUNTIME, Runtime
from nearfield.encoders.program import Model, TokenIds
from nearfield.encoders.run import Run as RunTexts
from nearfield.encoders.run import StatesRun
from nearfield.encoders.tokenizer_file import find_tokenizer, open_tokenizer
from nearfield.encoders.transformer import TransformerEncoder
from nearfield.encoders.vision_folder import VisionFolder, read_vision_folder
from nearfield.errors import CapabilityError, ModelFolderError
from nearfield.progress import Progress, silent

_PUNCTUATION = str.maketrans("", "", string.punctuation)
_WHITE_SPACE = re.compile(r"\s+")


class DualEncoder:
    """Encodes texts and images so that a text is near the images it describes; made by `from_folder`.

    Args:
        texts: Encodes the texts.
        images: Encodes the images, into the same space.
        canonical: Whether texts are lower-cased and rid of punctuation first, as SigLIP's tokeniser does.
    """

    def __init__(self, texts: TransformerEncoder, images: ImageEncoder, *, canonical: bool) -> None:
        self._texts = texts
        self._images = images
        self._canonical = canonical

    @classmethod
    def from_folder(
        cls, path: str | Path, *, name: str | None = None, runtime: Runtime = DEFAULT_RUNTIME
    ) -> "DualEncoder":
        """Load the model folder of a CLIP or SigLIP.

        Args:
            path: A Hugging Face folder, or a sentence-transformers folder that wraps one.
            name: What to call the encoder; the folder's name if not given.
            runtime: What to run on; ONNX Runtime on the CPU is all there is.

        Returns:
            The encoder, ready to encode. Its vectors have length 1.

        Raises:
            ModelFolderError: If the folder is damaged or of a kind not supported.
            InvalidInputError: If another engine or device is asked for.
        """
        threads = image_threads(runtime)
        folder = read_vision_folder(path)
        if folder.is_onnx:
            raise ModelFolderError(f"{folder.inner} holds no model.safetensors, which CLIP and SigLIP are built from")
        config = DualConfig.from_json(folder.config, source=folder.source)
        settings = read_json_object(folder.inner / "tokenizer_config.json", required=False)
        tokenizer, padding = _tokenizer(folder, config, settings)
        canonical = settings.get("tokenizer_class") == "SiglipTokenizer"
        spec = EncoderSpec(
            name=name or folder.root.resolve().name,
            weights=folder.weights_hash(asdict(config)),
            tokenizer=_hash(file_hash(folder.inner / "tokenizer.json"), padding, canonical),
            dim=config.dim,
            pooling="eos+cls" if config.family == "clip" else "lasttoken+attention",
            max_tokens=_max_tokens(config, settings, folder),
            modality="text+image",
        )
        texts = TransformerEncoder(
            _text_run(folder, config, padding, spec.max_tokens),
            tokenizer,
            spec,
            weights_bytes=folder.weights_bytes,
            threads=threads,
            lowercase=False,
            open_layers=_no_layers,
        )
        images = ImageEncoder(
            _image_run(folder, config),
            folder.preprocessing,
            spec,
            weights_bytes=folder.weights_bytes,
            threads=threads,
        )
        return cls(texts, images, canonical=canonical)

    @property
    def spec(self) -> EncoderSpec:
        """Say which space the vectors are in."""
        return self._texts.spec

    @property
    def weights_bytes(self) -> int:
        """Size of the weights on disk, in bytes."""
        return self._texts.weights_bytes

    def encode(self, items: Sequence[Item], *, progress: Progress = silent) -> Vectors:
        """Encode texts and images, in any mixture.

        Args:
            items: Any number of texts and images; a text longer than `spec.max_tokens` is cut.
            progress: Called with `"encoding"` after each batch, texts first.

        Returns:
            `(n, dim)` float32 of length 1, in the order of the items.

        Raises:
            InvalidInputError: If `items` is not a sequence of texts and images.
            DataError: If an image cannot be read.
            EncoderError: If the model gives NaN or infinity, or fails.
        """
        checked = as_items(items)
        texts = [row for row, item in enumerate(checked) if not isinstance(item, Image)]
        images = [row for row, item in enumerate(checked) if isinstance(item, Image)]
        vectors = np.empty((len(checked), self.spec.dim), dtype=np.float32)
        vectors[texts] = self._texts.encode(
            self._prepare([checked[row] for row in texts]),
            progress=lambda what, done, _: progress(what, done, len(checked)),
        )
        vectors[images] = self._images.encode(
            [checked[row] for row in images],
            progress=lambda what, done, _: progress(what, len(texts) + done, len(checked)),
        )
        return vectors

    def encode_query(self, items: Sequence[Item], *, progress: Progress = silent) -> Vectors:
        """Encode texts and images as queries, which are encoded as documents are."""
        return self.encode(items, progress=progress)

    def encode_document(self, items: Sequence[Item], *, progress: Progress = silent) -> Vectors:
        """Encode texts and images as documents."""
        return self.encode(items, progress=progress)

    def inspect(self, items: Sequence[Item], *, role: Role = "document") -> list[TextInspection]:
        """Count the tokens of each text; an image has none, is not cut and not empty."""
        checked = as_items(items)
        texts = iter(
            self._texts.inspect(self._prepare([item for item in checked if not isinstance(item, Image)]), role=role)
        )
        image = TextInspection(0, truncated=False, empty=False)
        return [image if isinstance(item, Image) else next(texts) for item in checked]

    def _prepare(self, texts: Sequence[Item]) -> list[str]:
        given = [text for text in texts if isinstance(text, str)]
        return [canonical_text(text) for text in given] if self._canonical else given


def canonical_text(text: str) -> str:
    """Lower-case a text and take its ASCII punctuation and needless white space away, as SigLIP was trained.

    Args:
        text: Any text.

    Returns:
        The text as `SiglipTokenizer` of transformers makes it before it is split.

    Examples:
        >>> canonical_text("A photo, of  a CAT.")
        'a photo of a cat'
    """
    return _WHITE_SPACE.sub(" ", text.lower().translate(_PUNCTUATION)).strip()


def _tokenizer(folder: VisionFolder, config: DualConfig, settings: dict[str, Any]) -> tuple[Tokenizer, int]:
    """Load the tokeniser, and find the id that SigLIP fills texts up with."""
    tokenizer = open_tokenizer(find_tokenizer(folder.inner), _max_tokens(config, settings, folder))
    token = settings.get("pad_token")
    named = token.get("content") if isinstance(token, dict) else token
    known = tokenizer.token_to_id(named) if isinstance(named, str) else None
    return tokenizer, config.padding if known is None else known


def _max_tokens(config: DualConfig, settings: dict[str, Any], folder: VisionFolder) -> int:
    given = settings.get("model_max_length", config.positions)
    if isinstance(given, bool) or not isinstance(given, int | float) or not given >= 1:
        raise ModelFolderError(f"{folder.inner}: model_max_length must be a number of at least 1, got {given!r}")
    return int(min(given, config.positions))


def _text_run(folder: VisionFolder, config: DualConfig, padding: int, length: int) -> RunTexts:
    model, weights = build_text(config, folder.weights)
    session = open_session(Model(model, weights, folder.weights))

    def run(ids: TokenIds, _keep: object = weights) -> Vectors:  # the session reads the arrays where they lie
        if config.family == "siglip":  # whose texts were all filled up when it was trained
            ids = np.pad(ids, [(0, 0), (0, length - ids.shape[1])], constant_values=padding)
        vectors: Vectors = session.run(None, {"input_ids": ids})[0]
        return vectors

    return run


def _image_run(folder: VisionFolder, config: DualConfig) -> RunImages:
    pixels = folder.preprocessing.output
    model, weights = build_vision(config, folder.weights, pixels=pixels, source=folder.source)
    return open_images(Model(model, weights, folder.weights))


def _hash(*parts: object) -> str:
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


def _no_layers(layers: Sequence[int]) -> StatesRun:
    raise CapabilityError(
        "an encoder of texts and images gives no words in context; use a text encoder, such as all-MiniLM-L6-v2"
    )
