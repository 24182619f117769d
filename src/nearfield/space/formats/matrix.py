"""From a matrix that is there whole to a space, without copying it where nothing is wrong with it."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from nearfield.arrays import row_blocks, row_norms
from nearfield.errors import DataError
from nearfield.space.formats.rows import ReadOptions, RowCollector
from nearfield.space.keys import Keys
from nearfield.space.space import Space
from nearfield.space.subwords import Subwords


def space_of_matrix(
    path: Path,
    options: ReadOptions,
    keys: Sequence[str],
    matrix: npt.NDArray[Any],
    *,
    format: str,
    subwords: Subwords | None = None,
    counts: npt.NDArray[Any] | None = None,
) -> Space:
    """Make a space of a file's keys and matrix.

    The matrix is read once, in blocks, to refuse what no space may hold; a memory-mapped one of float32 stays so.

    Args:
        path: The file.
        options: How to read.
        keys: `n` keys.
        matrix: `(n, d)` numbers, in memory or memory-mapped.
        format: Name of the file's format.
        subwords: N-grams, if there are any.
        counts: `(n,)` how often each key was seen, if known.

    Returns:
        The space.

    Raises:
        DataError: If there are more or fewer keys than rows, the matrix holds no numbers, or a row is bad.
    """
    source = str(path)
    if matrix.ndim != 2 or matrix.dtype.kind not in "fiu":
        raise DataError(f"must hold numbers of shape (n, d), got {matrix.dtype} {matrix.shape}", source=source)
    if len(keys) != len(matrix) or (counts is not None and counts.shape != (len(keys),)):
        raise DataError(f"has {len(matrix):,} rows, and there are {len(keys):,} keys", source=source)
    collector = RowCollector(path, matrix.shape[1], options, unit="row", total=len(keys))
    first = slice(options.limit)
    about = {"source": path.name, "format": format}
    wanted, rows = keys[first], matrix[first]
    if len(keys) and matrix.dtype == np.float32 and matrix.flags.c_contiguous and len(set(wanted)) == len(wanted):
        norms = np.concatenate([row_norms(rows[block]) for block in row_blocks(rows)])
        options.progress("reading", len(rows), len(rows))
        if norms.all() and np.isfinite(norms).all():
            seen = None if counts is None else counts[first]
            return Space._trusted(Keys.of(wanted), rows, norms=norms, subwords=subwords, counts=seen, about=about)
    for block in row_blocks(matrix):
        with np.errstate(over="ignore"):
            part = np.ascontiguousarray(matrix[block], np.float32)
        collector.add(keys[block], part, range(block.start + 1, block.stop + 1))
        if collector.full:
            break
    kept = np.array(collector.places, np.int64) - 1
    return collector.space(format=format, subwords=subwords, counts=None if counts is None else counts[kept])
