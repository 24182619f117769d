"""An encoder of images, run by ONNX Runtime."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from pathlib import Path
from typing import TypeAlias

import numpy as np

from nearfield.arrays import Vectors
from nearfield.data.images import Image
from nearfield.encoders.base import EncoderSpec, Item, Role, TextInspection, as_images
from nearfield.encoders.finite import require_finite
from nearfield.encoders.onnx_engine import ENGINE_ERRORS, open_session
from nearfield.encoders.options import DEFAULT_RUNTIME, Runtime, available_cores
from nearfield.encoders.preprocess import Pixels, Preprocessing
from nearfield.encoders.program import Model
from nearfield.encoders.vision_folder import VisionFolder, read_vision_folder
from nearfield.errors import DataError, EncoderError, InvalidInputError, ModelFolderError
from nearfield.progress import Progress, silent

Run: TypeAlias = Callable[[Pixels], Vectors]
"""Turns `(images, 3, height, width)` pixels into `(images, dim)` vectors; called from several threads at once."""

_BATCH_IMAGES = 4  # so many decoded images each core holds at a time
_CHUNK_BATCHES = 512  # so many batches wait for a core at a time


class ImageEncoder:
    """Encodes images with a vision transformer or a convolutional network; made by `from_folder`.

    Each core decodes, preprocesses and encodes a few images at a time, so memory does not grow with their number.

    Args:
        run: Turns pixels into vectors, on one core.
        preprocessing: Turns an image into pixels.
        spec: Which space the vectors are in.
        weights_bytes: Size of the weights on disk, in bytes.
        threads: How many batches to work on at once.

    Attributes:
        spec: Which space the vectors are in.
        weights_bytes: Size of the weights on disk, in bytes.
    """

    spec: EncoderSpec
    weights_bytes: int

    def __init__(
        self, run: Run, preprocessing: Preprocessing, spec: EncoderSpec, *, weights_bytes: int, threads: int
    ) -> None:
        self.spec = spec
        self.weights_bytes = weights_bytes
        self._run = run
        self._preprocessing = preprocessing
        self._threads = threads

    @classmethod
    def from_folder(
        cls, path: str | Path, *, name: str | None = None, runtime: Runtime = DEFAULT_RUNTIME
    ) -> "ImageEncoder":
        """Load a Hugging Face model folder.

        ViT and DINOv2 are built from `model.safetensors`; any other model needs an ONNX file with the input
        `pixel_values` and the output `image_embeds`, `last_hidden_state` (whose class token is taken) or
        `pooler_output`.

        Args:
            path: The folder; its `preprocessor_config.json` says how images become pixels.
            name: What to call the encoder; the folder's name if not given.
            runtime: What to run on; ONNX Runtime on the CPU is all there is.

        Returns:
            The encoder, ready to encode. Its vectors are not scaled to length 1.

        Raises:
            ModelFolderError: If the folder is damaged or of a kind not supported.
            InvalidInputError: If another engine or device is asked for.
        """
        threads = image_threads(runtime)
        folder = read_vision_folder(path)
        run, graph, pooling = _onnx_run(folder) if folder.is_onnx else _native_run(folder)
        try:
            dim = run(np.zeros((1, 3, *folder.preprocessing.output), dtype=np.float32)).shape[1]
        except ENGINE_ERRORS as error:
            raise ModelFolderError(f"{folder.weights} cannot encode ({error}); download the model again") from error
        spec = folder.spec(name=name, graph=graph, dim=dim, dtype="float32", pooling=pooling)
        return cls(run, folder.preprocessing, spec, weights_bytes=folder.weights_bytes, threads=threads)

    def encode(self, images: Sequence[Item], *, progress: Progress = silent) -> Vectors:
        """Encode images.

        Args:
            images: Any number of images, opened when their turn comes.
            progress: Called with `"encoding"` after each batch.

        Returns:
            `(n, dim)` float32, in the order of the images.

        Raises:
            InvalidInputError: If `images` is not a sequence of images.
            DataError: If one cannot be read.
            EncoderError: If the model gives NaN or infinity, or fails.
        """
        checked = as_images(images)
        vectors = np.empty((len(checked), self.spec.dim), dtype=np.float32)
        done = 0
        progress("encoding", done, len(checked))
        starts = range(0, len(checked), _BATCH_IMAGES)
        with ThreadPoolExecutor(self._threads, thread_name_prefix="nearfield-encode") as pool:
            for first in range(0, len(starts), _CHUNK_BATCHES):
                jobs = ((start, checked, vectors) for start in starts[first : first + _CHUNK_BATCHES])
                for rows in pool.map(self._encode_batch, *zip(*jobs, strict=True)):
                    done += rows
                    progress("encoding", done, len(checked))
        return vectors

    def encode_query(self, images: Sequence[Item], *, progress: Progress = silent) -> Vectors:
        """Encode images as queries, which are encoded as documents are."""
        return self.encode(images, progress=progress)

    def encode_document(self, images: Sequence[Item], *, progress: Progress = silent) -> Vectors:
        """Encode images as documents."""
        return self.encode(images, progress=progress)

    def inspect(self, images: Sequence[Item], *, role: Role = "document") -> list[TextInspection]:
        """Say of each image that it has no tokens, is not cut and not empty."""
        return [TextInspection(0, truncated=False, empty=False) for _ in as_images(images)]

    def _encode_batch(self, start: int, images: list[Image], vectors: Vectors) -> int:
        """Write the vectors of one batch; no two batches share a row, so threads do not meet."""
        batch = images[start : start + _BATCH_IMAGES]
        pixels = np.stack([self._pixels(image, start + place) for place, image in enumerate(batch)])
        try:
            found = self._run(pixels)
        except ENGINE_ERRORS as error:
            raise EncoderError(f"{self.spec.name} failed on a batch with images[{start}]: {error}") from error
        require_finite(found, self.spec.name, lambda place: f"images[{start + place}]")
        vectors[start : start + len(batch)] = found
        return len(batch)

    def _pixels(self, image: Image, row: int) -> Pixels:
        try:
            return self._preprocessing(image.open())
        except DataError as error:
            raise DataError(error.problem, source=image.path or f"images[{row}]") from error


def image_threads(runtime: Runtime) -> int:
    """Count the cores a runtime gives an encoder of images, or refuse what it cannot run on."""
    if runtime.engine not in ("auto", "onnxruntime") or runtime.device not in ("auto", "cpu"):
        raise InvalidInputError(
            f"encoders of images run with engine=onnxruntime on device=cpu, got {runtime.engine} on {runtime.device}"
        )
    return runtime.threads or available_cores()


def open_images(model: Model) -> Run:
    """Open a model that was built, whose input is `pixel_values` and whose only output is vectors."""
    session = open_session(model)

    def run(pixels: Pixels, _keep: Model = model) -> Vectors:  # the session reads the weights where they lie
        vectors: Vectors = session.run(None, {"pixel_values": pixels})[0]
        return vectors

    return run


def _native_run(folder: VisionFolder) -> tuple[Run, dict[str, object], str]:
    from nearfield.encoders.graphs.vision import build_vit, read_vit_config

    config = read_vit_config(folder.config, source=folder.source)
    model, weights = build_vit(config, folder.weights, pixels=folder.preprocessing.output, source=folder.source)
    return open_images(Model(model, weights, folder.weights)), asdict(config), "cls"


def _onnx_run(folder: VisionFolder) -> tuple[Run, dict[str, object], str]:
    session = open_session(Model(folder.weights, {}, folder.weights))
    inputs = [entry.name for entry in session.get_inputs()]
    ranks = {entry.name: len(entry.shape) for entry in session.get_outputs()}
    # The class token of a transformer first, as where it is built natively; a network of convolutions has none.
    choices = (("image_embeds", 2, "model"), ("last_hidden_state", 3, "cls"), ("pooler_output", 2, "model"))
    choice = next(
        (choice for choice in (*choices, ("pooler_output", 4, "model")) if ranks.get(choice[0]) == choice[1]), None
    )
    if inputs != ["pixel_values"] or choice is None:
        raise ModelFolderError(
            f"{folder.weights} has inputs {inputs} and outputs {list(ranks)}; supported are the input pixel_values and "
            "an output image_embeds, last_hidden_state (images, tokens, dim) or pooler_output"
        )
    output, _, pooling = choice

    def run(pixels: Pixels) -> Vectors:
        found = session.run([output], {"pixel_values": pixels})[0].astype(np.float32)
        vectors: Vectors = found[:, 0] if pooling == "cls" else found.reshape(len(found), -1)
        return vectors

    return run, {}, pooling
