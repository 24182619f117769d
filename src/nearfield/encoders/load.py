"""From a name to an encoder."""

import importlib
import os
from collections.abc import Callable
from pathlib import Path

from nearfield.encoders.base import Encoder
from nearfield.encoders.find import find_folder
from nearfield.encoders.int8_gate import require_gate
from nearfield.encoders.options import (
    Device,
    Engine,
    Overflow,
    Precision,
    Runtime,
    VectorOptions,
    join_name,
    override,
    split_name,
)
from nearfield.errors import InvalidInputError

# Kinds of model folder, and what encodes with them; imported when one is loaded.
_FAMILIES = {
    "transformer": "transformer:TransformerEncoder",
}


def load_encoder(
    name: str | os.PathLike[str],
    *,
    dim: int | None = None,
    precision: Precision | None = None,
    on_overflow: Overflow | None = None,
    engine: Engine | None = None,
    device: Device | None = None,
    threads: int | None = None,
) -> Encoder:
    """Load an encoder.

    Looks for, in this order: a model folder at that path; a package that carries the model of that name; the model
    hub (from its local cache where it can).

    Args:
        name: Path of a sentence-transformers or Hugging Face model folder, or a name such as `all-MiniLM-L6-v2` or
            `intfloat/e5-small-v2`; options may follow it, as in `all-MiniLM-L6-v2@dim=128,precision=int8`.
        dim: Leading dimensions to keep, renormalised; all by default.
        precision: What the vectors' values are rounded to; `float32` by default, which rounds nothing.
        on_overflow: What to do with a text longer than the model reads; by default it is cut.
        engine: Which runtime to use; the best of those present by default.
        device: Where to run; a GPU where there is one by default.
        threads: Cores to use; all by default.

    Returns:
        The encoder; its `spec.name` holds the options that decide which space its vectors are in.

    Raises:
        UnknownEncoderError: If no encoder of that name exists.
        HubUnavailableError: If the name has to be looked up on the hub, and the hub cannot be reached.
        MissingExtraError: If an optional dependency it needs is not installed.
        ModelFolderError: If the folder is damaged or of a kind not supported.
        InvalidInputError: If the name is empty, or an option is unknown or out of range.
        CapabilityError: If the engine cannot run here, or is `onnxruntime-int8` and this model has not passed its gate.
        StorageError: If the hub's local cache cannot be written.
    """
    text, vector, runtime = split_name(os.fspath(name))
    if not text.strip():
        raise InvalidInputError("the encoder's name is empty; give a model folder or a name such as all-MiniLM-L6-v2")
    vector = override(vector, dim=dim, precision=precision, on_overflow=on_overflow)
    runtime = override(runtime, engine=engine, device=device, threads=threads)
    encoder = open_encoder(text, vector, runtime)
    if runtime.engine == "onnxruntime-int8":
        require_gate(encoder.spec, name=text)
    return encoder


def open_encoder(name: str, vector: VectorOptions, runtime: Runtime) -> Encoder:
    """Load an encoder as `load_encoder` does, whether or not it has passed a gate.

    Args:
        name: Its name without options.
        vector: What is done to its vectors.
        runtime: What it runs on.

    Returns:
        The encoder.

    Raises:
        EncoderError: If it cannot be loaded.
    """
    folder = find_folder(name)
    return _family(folder)(folder, name=join_name(name, vector, runtime), runtime=runtime)


def _family(folder: Path) -> Callable[..., Encoder]:
    """Find out which family's encoder reads a folder."""
    module, _, name = _FAMILIES[_kind(folder)].partition(":")
    family = getattr(importlib.import_module(f"nearfield.encoders.{module}"), name)
    load: Callable[..., Encoder] = family.from_folder
    return load


def _kind(folder: Path) -> str:
    return "transformer"
