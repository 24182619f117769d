"""Reads the tensors of a safetensors file, checked against the shapes they must have."""

from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np
import numpy.typing as npt
from safetensors import SafetensorError, safe_open

from nearfield.encoders.graphs.architecture import Architecture
from nearfield.encoders.graphs.builder import Weights
from nearfield.errors import ModelFolderError

_DTYPES = ("float32", "float16", "bfloat16")


def read_weights(path: Path, architecture: Architecture) -> Weights:
    """Read the tensors that an architecture's graph needs, as float32.

    Args:
        path: A safetensors file in float32, float16 or bfloat16; names with or without the architecture's prefix.
        architecture: What the shapes are checked against.

    Returns:
        The tensors under their names in `Architecture.shapes`.

    Raises:
        ModelFolderError: If the file is damaged, or a tensor is missing, surplus, or of another shape or type.
    """

    def name_of(stored: str) -> str:
        # Old checkpoints call the scale and shift of a layer norm gamma and beta.
        name = stored.removeprefix(architecture.prefix)
        name = name.replace("LayerNorm.gamma", "LayerNorm.weight").replace("LayerNorm.beta", "LayerNorm.bias")
        return architecture.aliases.get(name, name)

    stack = architecture.stack, architecture.layers
    return read_tensors(path, architecture.shapes(), name_of=name_of, stack=stack)


def read_tensors(
    path: Path,
    shapes: Iterable[tuple[str, tuple[int, ...]]],
    *,
    name_of: Callable[[str], str] = str,
    stack: tuple[str, int] | None = None,
) -> Weights:
    """Read named tensors as float32.

    Args:
        path: A safetensors file in float32, float16 or bfloat16.
        shapes: Each tensor's name and the shape it must have.
        name_of: Turns a name in the file into a name in `shapes`.
        stack: What the list of layers is called, in `shapes`, and how many there must be; None if there is none.

    Returns:
        The tensors, C-contiguous, under their names in `shapes`.

    Raises:
        ModelFolderError: If the file is damaged, has more layers, or a tensor is missing or of another shape or type.
    """
    try:
        with safe_open(path, framework="numpy") as file:
            stored = {name_of(name): name for name in file.keys()}  # noqa: SIM118  (a safetensors file is no dict)
            if stack is not None and any(name.startswith(f"{stack[0]}.{stack[1]}.") for name in stored):
                raise ModelFolderError(f"{path} has more layers than the {stack[1]} of config.json")
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
