"""Reads the modules of a sentence-transformers folder: what is done to the transformer's token vectors."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nearfield.encoders.head import ACTIVATIONS, POOLINGS, Activation, Dense, Pooling
from nearfield.encoders.json_files import read_json, read_json_object, whole_number
from nearfield.errors import ModelFolderError, UnsupportedModelError

_POOLING_FLAGS = {
    "pooling_mode_cls_token": "cls",
    "pooling_mode_max_tokens": "max",
    "pooling_mode_mean_tokens": "mean",
    "pooling_mode_mean_sqrt_len_tokens": "mean_sqrt_len_tokens",
    "pooling_mode_weightedmean_tokens": "weightedmean",
    "pooling_mode_lasttoken": "lasttoken",
}


@dataclass(frozen=True)
class Modules:
    """What the modules of a folder say.

    Attributes:
        transformer: The folder of the transformer, which may be the model's own.
        pooling: How token vectors become one vector.
        include_prompt: Whether the prompt's tokens are pooled too.
        dense: Layers after pooling.
        normalise: Whether vectors are scaled to length 1 in the end.
    """

    transformer: Path
    pooling: Pooling = "mean"
    include_prompt: bool = True
    dense: tuple[Dense, ...] = ()
    normalise: bool = False


def read_modules(root: Path) -> Modules:
    """Read `modules.json` and what it names.

    A folder without it is a bare Hugging Face model: mean pooling and no normalisation, as sentence-transformers does.

    Args:
        root: The model folder.

    Returns:
        What the modules say; no weights are read.

    Raises:
        UnsupportedModelError: If a module, or a setting of one, is not supported.
        ModelFolderError: If a file is missing or damaged.
    """
    file = root / "modules.json"
    if not file.exists():
        return Modules(root)
    modules = read_json(file)
    if not isinstance(modules, list) or not all(isinstance(m, dict) and "type" in m for m in modules):
        raise ModelFolderError(f"{file} must hold a list of modules with a type; download the model again")
    # The package that a module's class lives in changed between versions of sentence-transformers; its name did not.
    kinds = [str(module["type"]).rsplit(".", 1)[-1] for module in modules]
    paths = [root / str(module.get("path", "")) for module in modules]
    normalise = kinds[-1:] == ["Normalize"]
    between = kinds[2 : len(kinds) - normalise]
    if kinds[:2] != ["Transformer", "Pooling"] or set(between) - {"Dense"}:
        raise UnsupportedModelError(
            f"{file} asks for the modules {', '.join(kinds) or 'none'}; supported are Transformer, Pooling and, "
            "after them, Dense and Normalize. Choose a model without the others"
        )
    pooling = read_json_object(paths[1] / "config.json")
    return Modules(
        transformer=paths[0],
        pooling=_pooling(pooling, paths[1]),
        include_prompt=pooling.get("include_prompt") is not False,
        dense=tuple(_dense(path) for path in paths[2 : 2 + len(between)]),
        normalise=normalise,
    )


def safe_weights(folder: Path) -> Path:
    """Find a `model.safetensors`, or say why there is none.

    Args:
        folder: The folder of the transformer or of a module.

    Returns:
        The file.

    Raises:
        ModelFolderError: If the weights are missing or pickled.
    """
    file = folder / "model.safetensors"
    if file.is_file():
        return file
    if (folder / "pytorch_model.bin").exists():
        raise ModelFolderError(
            f"{folder} holds its weights only as pytorch_model.bin, a pickle, which can run code when it is read; "
            f"if you trust where it comes from: nearfield convert {folder}"
        )
    if (folder / "model.safetensors.index.json").exists():
        raise UnsupportedModelError(
            f"{folder} holds its weights in several files; save the model as one model.safetensors "
            "(save_pretrained with a larger max_shard_size)"
        )
    raise ModelFolderError(f"{folder} holds neither model.safetensors nor onnx/model.onnx; download the model again")


def _pooling(config: dict[str, Any], folder: Path) -> Pooling:
    if "pooling_mode" in config:
        given = config["pooling_mode"]
        modes = given if isinstance(given, list) else [given]
    else:
        modes = [mode for flag, mode in _POOLING_FLAGS.items() if config.get(flag)] or ["mean"]
    if len(modes) != 1 or modes[0] not in POOLINGS:
        raise UnsupportedModelError(
            f"{folder}/config.json asks for {' and '.join(map(str, modes))} pooling; "
            f"supported is one of {', '.join(POOLINGS)}"
        )
    found: Pooling = modes[0]
    return found


def _dense(folder: Path) -> Dense:
    file = folder / "config.json"
    config = read_json_object(file)
    into, out = (whole_number(config.get(key), key, str(file)) for key in ("in_features", "out_features"))
    for key, allowed in (("module_input_name", "sentence_embedding"), ("module_output_name", "sentence_embedding")):
        if config.get(key) not in (None, allowed):
            raise UnsupportedModelError(f"{file}: {key} must be {allowed}, got {config[key]!r}")
    if config.get("use_residual"):
        raise UnsupportedModelError(f"{file}: use_residual must be false")
    bias = config.get("bias", True)
    if not isinstance(bias, bool):
        raise ModelFolderError(f"{file}: bias must be true or false, got {bias!r}")
    return Dense(safe_weights(folder), into, out, bias, _activation(config, file))


def _activation(config: dict[str, Any], file: Path) -> Activation:
    given = str(config.get("activation_function", "Tanh"))
    # As with modules: the class's name, whatever package it lives in.
    for activation in ACTIVATIONS:
        if given.startswith("torch.nn.") and given.rsplit(".", 1)[-1].lower() == activation:
            return activation
    raise UnsupportedModelError(
        f"{file}: activation_function must be a torch.nn class that is one of {', '.join(ACTIVATIONS)}, got {given!r}"
    )
