"""From a name to an encoder."""

import importlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from nearfield.encoders.api_services import SERVICES, Service, find_service
from nearfield.encoders.base import Encoder
from nearfield.encoders.catalogue import find_entry
from nearfield.encoders.find import DEFAULT_ENCODER, find_folder, published_name
from nearfield.encoders.int8_gate import require_gate
from nearfield.encoders.json_files import read_json, read_json_object
from nearfield.encoders.options import (
    DEFAULT_RUNTIME,
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
from nearfield.encoders.vision_folder import vision_kind
from nearfield.errors import InvalidInputError

if TYPE_CHECKING:
    from nearfield.encoders.api_options import ServiceOptions

# Kinds of model folder, and what encodes with them; imported when one is loaded.
_FAMILIES = {
    "static": "static:StaticEncoder",
    "transformer": "transformer:TransformerEncoder",
    "sentence-transformers": "sentence_transformers_engine:SentenceTransformerEncoder",
    "image": "image:ImageEncoder",
    "clip": "clip:DualEncoder",
}


def load_encoder(
    name: str | os.PathLike[str] = DEFAULT_ENCODER,
    *,
    dim: int | None = None,
    precision: Precision | None = None,
    on_overflow: Overflow | None = None,
    engine: Engine | None = None,
    device: Device | None = None,
    threads: int | None = None,
    service: "ServiceOptions | None" = None,
) -> Encoder:
    """Load an encoder.

    A name that begins with a service, such as `openai:`, `cohere:`, `voyage:`, `gemini:` or `mistral:`, is asked for
    there. Any other is looked for in this order: a model folder at that path; a package that carries the model of
    that name; the model hub (from its local cache where it can).

    What a folder does not say of itself, such as its prompts, is taken from the catalogue.

    Args:
        name: Path of a sentence-transformers or Hugging Face model folder, or a name such as `all-MiniLM-L6-v2` or
            `intfloat/e5-small-v2`, or a service's model such as `openai:text-embedding-3-small`; options may follow
            it, as in `all-MiniLM-L6-v2@dim=128,precision=int8`.
        dim: Leading dimensions to keep, renormalised; all by default. A service is asked for so many.
        precision: What the vectors' values are rounded to; `float32` by default, which rounds nothing.
        on_overflow: What to do with a text longer than the model reads; by default it is cut.
        engine: Which runtime to use; the best of those present by default.
        device: Where to run; a GPU where there is one by default.
        threads: Cores to use; all by default.
        service: How to ask a service.

    Returns:
        The encoder; its `spec.name` holds the options that decide which space its vectors are in.

    Raises:
        UnknownEncoderError: If no encoder of that name exists; the nearest names are offered.
        EncoderError: If the catalogue knows that the encoder is retired, or does not run here.
        HubUnavailableError: If the name has to be looked up on the hub, and the hub cannot be reached.
        MissingExtraError: If an optional dependency it needs is not installed.
        ModelFolderError: If the folder is damaged or of a kind not supported.
        InvalidInputError: If the name is empty, or an option is unknown, out of range, or not for this encoder.
        CapabilityError: If the engine cannot run here, or is `onnxruntime-int8` and this model has not passed its gate;
            or the encoder cannot encode in chunks.
        StorageError: If the hub's local cache cannot be written.
    """
    text, vector, runtime = split_name(os.fspath(name))
    if not text.strip():
        raise InvalidInputError("the encoder's name is empty; give a model folder or a name such as all-MiniLM-L6-v2")
    vector = override(vector, dim=dim, precision=precision, on_overflow=on_overflow)
    runtime = override(runtime, engine=engine, device=device, threads=threads)
    if (found := _service(text)) is not None:
        from nearfield.encoders.api import ApiEncoder

        if runtime != DEFAULT_RUNTIME:
            raise InvalidInputError(f"{text} runs at a service; engine, device and threads do not apply")
        return _with_options(ApiEncoder(*found, name=join_name(text, vector), dim=vector.dim, options=service), vector)
    if service is not None:
        raise InvalidInputError(
            f"{text} is no service, so `service` does not apply; services are {', '.join(SERVICES)}"
        )
    encoder = open_encoder(text, vector, runtime)
    if runtime.engine == "onnxruntime-int8":
        require_gate(encoder.spec, name=text)
    return _with_options(encoder, vector)


def open_encoder(name: str, vector: VectorOptions, runtime: Runtime) -> Encoder:
    """Load a model folder's encoder as `load_encoder` does, without its options, and whether or not it passed a gate.

    Args:
        name: Its name without options.
        vector: What its name is to say of its vectors; nothing is done to them.
        runtime: What it runs on.

    Returns:
        The encoder.

    Raises:
        EncoderError: If it cannot be loaded.
    """
    folder = find_folder(name)
    return _family(folder)(folder, name=join_name(name, vector, runtime), runtime=runtime)


def _with_options(encoder: Encoder, options: VectorOptions) -> Encoder:
    """Wrap an encoder in what the options ask for; imported only then."""
    if options.on_overflow != "truncate":
        from nearfield.encoders.overflow import with_overflow

        encoder = with_overflow(encoder, options.on_overflow)
    if options.precision != "float32" or (options.dim is not None and options.dim != encoder.spec.dim):
        from nearfield.encoders.reduced import ReducedEncoder

        encoder = ReducedEncoder(encoder, dim=options.dim, precision=options.precision)
    return encoder


def _service(name: str) -> tuple[Service, str] | None:
    """Find the service that a name asks for, be it by the catalogue's short name."""
    entry = None if name == DEFAULT_ENCODER else find_entry(name)
    if entry is not None and entry.runs in ("api", "none") and not Path(name).is_dir():
        return find_service(published_name(name))  # which refuses one that does not run
    return find_service(name)


def _family(folder: Path) -> Callable[..., Encoder]:
    """Find out which family's encoder reads a folder."""
    module, _, name = _FAMILIES[_kind(folder)].partition(":")
    family = getattr(importlib.import_module(f"nearfield.encoders.{module}"), name)
    load: Callable[..., Encoder] = family.from_folder
    return load


def _kind(folder: Path) -> str:
    """Find out what a folder's own files call it."""
    from nearfield.encoders.folder import why_unsupported

    if (kind := vision_kind(folder)) is not None:
        return kind
    if is_static(folder):
        return "static"
    return "sentence-transformers" if why_unsupported(folder) else "transformer"


def is_static(folder: Path) -> bool:
    """Say whether a folder holds a table of token vectors, as model2vec or sentence-transformers write it."""
    if (folder / "modules.json").exists():
        modules = read_json(folder / "modules.json")
        first = modules[0] if isinstance(modules, list) and modules else {}
        return isinstance(first, dict) and str(first.get("type", "")).endswith("StaticEmbedding")
    return read_json_object(folder / "config.json", required=False).get("model_type") == "model2vec"
