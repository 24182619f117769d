"""The tensors of a `model.safetensors`, checked against what a configuration says they must be."""

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
from safetensors import SafetensorError, safe_open

from nearfield.errors import ModelFolderError

Weights: TypeAlias = dict[str, npt.NDArray[np.float32]]

_DTYPES = ("float32", "float16", "bfloat16")


def read_tensors(
    path: Path,
    shapes: Iterable[tuple[str, tuple[int, ...]]],
    *,
    rename: Callable[[str], str],
    layers: tuple[str, int],
) -> Weights:
    """Read the tensors that a graph needs, as float32; the file may hold others.

    Args:
        path: A safetensors file in float32, float16 or bfloat16.
        shapes: Names of the tensors, with the shapes they must have.
        rename: Turns a name in the file into the name asked for.
        layers: What the names of layers begin with, before their number, and how many there must be.

    Returns:
        The tensors, by the names asked for.

    Raises:
        ModelFolderError: If the file is damaged, has more layers, or a tensor is missing or of another shape or type.
    """
    prefix, count = layers
    try:
        with safe_open(path, framework="numpy") as file:
            stored = {rename(name): name for name in file.keys()}  # noqa: SIM118  (a safetensors file is no dict)
            if any(name.startswith(f"{prefix}{count}.") for name in stored):
                raise ModelFolderError(f"{path} has more layers than the {count} of config.json")
            return {name: _tensor(file, stored.get(name), name, shape, path) for name, shape in shapes}
    except (SafetensorError, OSError) as error:
        raise ModelFolderError(f"{path} is not a readable safetensors file ({error}); download it again") from error


def _tensor(
    file: safe_open, stored: str | None, name: str, shape: tuple[int, ...], path: Path
) -> npt.NDArray[np.float32]:
    if stored is None:
        raise ModelFolderError(f"{path} has no tensor {name}; it is not the model that config.json describes")
    tensor = file.get_tensor(stored)  # type: ignore[no-untyped-call]  # safetensors leaves it unannotated
    if tensor.shape != shape:
        raise ModelFolderError(f"{path}: {stored} must have shape {shape} by config.json, got {tensor.shape}")
    if tensor.dtype.name not in _DTYPES:
        raise ModelFolderError(f"{path}: {stored} must be one of {', '.join(_DTYPES)}, got {tensor.dtype.name}")
    return np.ascontiguousarray(tensor, dtype=np.float32)
