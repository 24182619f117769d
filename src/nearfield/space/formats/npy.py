"""A matrix in numpy's `.npy`, memory-mapped, with the keys in a file of text beside it."""

import contextlib
from pathlib import Path

import numpy as np

from nearfield.arrays import map_npy
from nearfield.errors import DataError
from nearfield.files import replaced_file
from nearfield.progress import Progress
from nearfield.space.formats.keys_file import find_keys, keys_path, write_keys
from nearfield.space.formats.matrix import space_of_matrix
from nearfield.space.formats.rows import ReadOptions
from nearfield.space.formats.writing import blocks_of
from nearfield.space.space import Space


def read_npy(path: Path, options: ReadOptions) -> Space:
    """Read a matrix of any kind of number; one of float32 is memory-mapped."""
    try:
        matrix = map_npy(path)
    except (OSError, ValueError) as error:
        raise DataError(f"cannot be read as .npy: {error}", source=str(path)) from error
    return space_of_matrix(path, options, find_keys(path, options), matrix, format="npy")


def write_npy(space: Space, path: Path, progress: Progress) -> None:
    """Write `x.npy` and `x.keys.txt`; neither takes its place before both are complete."""
    header = {"descr": "<f4", "fortran_order": False, "shape": space.vectors.shape}
    with contextlib.ExitStack() as files:
        write_keys(space, files.enter_context(replaced_file(keys_path(path))))
        file = files.enter_context(replaced_file(path))
        np.lib.format.write_array_header_1_0(file, header)
        for block in blocks_of(space, progress):
            file.write(np.ascontiguousarray(space.vectors[block], "<f4").data)
