"""Tensors in a `.safetensors` file, memory-mapped: a matrix, and the keys as a tensor of bytes or in a file beside it.

References:
    The format: https://github.com/huggingface/safetensors#format.
"""

import json
import struct
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from nearfield.errors import DataError
from nearfield.files import replaced_file
from nearfield.progress import Progress
from nearfield.space.formats.keys_file import find_keys, write_keys
from nearfield.space.formats.matrix import space_of_matrix
from nearfield.space.formats.rows import ReadOptions
from nearfield.space.formats.writing import blocks_of
from nearfield.space.space import Space

_DTYPES = {"F16": "<f2", "F32": "<f4", "F64": "<f8", "I8": "i1", "U8": "u1"}
_LONGEST_HEADER = 100_000_000
_VECTORS, _KEYS = "vectors", "keys"


def is_safetensors(head: bytes) -> bool:
    """Say whether a file's first bytes are a length and the JSON object of that length."""
    return len(head) > 8 and head[8:9] == b"{" and 2 <= struct.unpack("<Q", head[:8])[0] <= _LONGEST_HEADER


def read_safetensors(path: Path, options: ReadOptions) -> Space:
    """Read the tensor named, or the only one that is a matrix."""
    tensors, start = _read_header(path)
    name = options.vectors or _only_matrix(path, tensors)
    if name not in tensors:
        raise DataError(f"has no tensor {name!r}; it has {', '.join(sorted(tensors))}", source=str(path))
    matrix = _tensor(path, tensors[name], name, start)
    if options.keys is None and _KEYS in tensors:
        raw = _tensor(path, tensors[_KEYS], _KEYS, start).tobytes()
        try:
            keys = raw.decode().split("\n")[:-1]
        except UnicodeDecodeError as error:
            raise DataError(f"tensor {_KEYS!r} is not valid UTF-8: {error}", source=str(path)) from error
    else:
        keys = find_keys(path, options)
    return space_of_matrix(path, options, keys, matrix, format="safetensors")


def write_safetensors(space: Space, path: Path, progress: Progress) -> None:
    """Write tensors `vectors` `(n, d)` float32 and `keys`, the bytes of UTF-8 with a line break after each key."""
    split, end = space.vectors.size * 4, space.vectors.size * 4 + len(bytes(space.keys))
    entries = {
        _VECTORS: {"dtype": "F32", "shape": space.vectors.shape, "data_offsets": [0, split]},
        _KEYS: {"dtype": "U8", "shape": [end - split], "data_offsets": [split, end]},
    }
    header = json.dumps(entries).encode()
    header += b" " * (-len(header) % 8)
    with replaced_file(path) as file:
        file.write(struct.pack("<Q", len(header)) + header)
        for block in blocks_of(space, progress):
            file.write(np.ascontiguousarray(space.vectors[block], "<f4").data)
        write_keys(space, file)


def _read_header(path: Path) -> tuple[dict[str, Any], int]:
    """Read what a file says of its tensors, and where their bytes begin."""
    with path.open("rb") as file:
        length = int.from_bytes(file.read(8), "little")
        raw = file.read(min(length, _LONGEST_HEADER))
    try:
        tensors = json.loads(raw)
    except (ValueError, RecursionError) as error:
        raise DataError(f"the header is damaged: {error}", source=str(path)) from error
    if not isinstance(tensors, dict):
        raise DataError("the header must be an object of tensors", source=str(path))
    return {name: entry for name, entry in tensors.items() if name != "__metadata__"}, 8 + length


def _only_matrix(path: Path, tensors: dict[str, Any]) -> str:
    if _VECTORS in tensors:
        return _VECTORS
    names = sorted(name for name, entry in tensors.items() if _is_matrix(entry))
    if len(names) != 1:
        found = f"has {len(names)} matrices" + (f": {', '.join(names[:20])}" if names else "")
        raise DataError(f"{found}; say which with `vectors`", source=str(path))
    return names[0]


def _is_matrix(entry: Any) -> bool:  # noqa: ANN401  # JSON
    shape = entry.get("shape") if isinstance(entry, dict) else None
    return isinstance(shape, list) and len(shape) == 2


def _tensor(path: Path, entry: Any, name: str, start: int) -> npt.NDArray[Any]:  # noqa: ANN401  # JSON
    try:
        dtype, shape = np.dtype(_DTYPES[entry["dtype"]]), tuple(map(int, entry["shape"]))
        begin, end = map(int, entry["data_offsets"])
        if end - begin != dtype.itemsize * int(np.prod(shape, dtype=object)) or begin < 0:
            raise ValueError("its offsets do not fit its shape")
        if start + end > path.stat().st_size:
            raise ValueError("it ends after the file")
        return np.asarray(np.memmap(path, dtype, "r", start + begin, shape)) if end > begin else np.empty(shape, dtype)
    except KeyError as error:
        raise DataError(
            f"tensor {name!r} lacks or has an unknown {error}; known are {', '.join(_DTYPES)}", source=str(path)
        ) from error
    except (TypeError, ValueError, OverflowError, OSError) as error:
        raise DataError(f"tensor {name!r} is damaged or cut short: {error}", source=str(path)) from error
