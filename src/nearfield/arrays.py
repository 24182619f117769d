"""Float32 matrices with a row for each thing: validate and normalise."""

from collections.abc import Iterator
from pathlib import Path
from tokenize import TokenError
from typing import Any, Literal, TypeAlias, get_args

import numpy as np
import numpy.typing as npt

from nearfield.errors import InvalidInputError

Vectors: TypeAlias = npt.NDArray[np.float32]
Scores: TypeAlias = npt.NDArray[np.float64]
Metric: TypeAlias = Literal["cosine", "dot", "l2"]
METRICS: tuple[str, ...] = get_args(Metric)

BLOCK_VALUES = 4_000_000  # of a matrix at a time: 32 MB as float64


def as_matrix(vectors: npt.ArrayLike, *, dim: int | None = None, what: str = "vectors") -> Vectors:
    """Validate vectors once, at the public boundary.

    Args:
        vectors: `(n, d)` numbers.
        dim: The `d` that is required, if any.
        what: What to call the vectors in an error.

    Returns:
        `(n, d)` float32, C-contiguous; the input itself where it already is that, else a copy.

    Raises:
        InvalidInputError: If the shape is not `(n, d)`, `d` is not `dim`, or a value is NaN or infinite.
    """
    try:
        with np.errstate(over="ignore"):
            matrix = np.ascontiguousarray(vectors, dtype=np.float32)
    except (TypeError, ValueError) as error:
        raise InvalidInputError(f"{what} must be numbers of shape (n, d): {error}") from error
    if matrix.ndim != 2:
        raise InvalidInputError(f"{what} must have shape (n, d), got shape {matrix.shape}; wrap one vector as [vector]")
    if dim is not None and matrix.shape[1] != dim:
        raise InvalidInputError(f"{what} must have {dim} dimensions, got {matrix.shape[1]}")
    finite = np.isfinite(matrix).all(axis=1)
    if not finite.all():
        raise InvalidInputError(f"{what} must be finite: row {int(np.argmin(finite))} holds NaN or infinity")
    return matrix


def row_blocks(matrix: npt.NDArray[Any], *, values: int | None = None) -> Iterator[slice]:
    """Cut a matrix into blocks of rows, so that a copy or a conversion of one stays small.

    Args:
        matrix: `(n, d)` of anything, in memory or memory-mapped.
        values: Most values in a block, unless a row has more; 4 million by default.

    Yields:
        Slices of rows, in order; none for no rows.
    """
    step = max(1, (BLOCK_VALUES if values is None else values) // max(1, matrix.shape[1]))
    for start in range(0, len(matrix), step):
        yield slice(start, min(start + step, len(matrix)))


def row_norms(matrix: Vectors) -> Scores:
    """Measure the Euclidean length of each row.

    Args:
        matrix: `(n, d)` float32.

    Returns:
        `(n,)` float64, so that long or tiny rows neither overflow nor vanish.
    """
    squares: Scores = np.einsum("nd,nd->n", matrix, matrix, dtype=np.float64)
    return np.sqrt(squares)


def normalise(matrix: Vectors) -> Vectors:
    """Scale each row to length 1; a zero row stays zero.

    Args:
        matrix: `(n, d)` float32.

    Returns:
        `(n, d)` float32, a copy.
    """
    norms = row_norms(matrix)[:, None]
    return np.divide(matrix, norms, out=np.zeros_like(matrix), where=norms > 0, casting="same_kind")


def map_npy(path: Path) -> npt.NDArray[Any]:
    """Map a `.npy` file into memory, read only.

    Args:
        path: The file.

    Returns:
        The array, of whatever numbers and shape the file says.

    Raises:
        OSError: If the file cannot be read.
        ValueError: If it is damaged, or holds Python objects.
    """
    try:
        return np.asarray(np.lib.format.open_memmap(path, mode="r"))  # without the slower subclass
    except (EOFError, TokenError) as error:  # numpy's parser of headers raises the second
        raise ValueError(f"damaged: {error}") from error
