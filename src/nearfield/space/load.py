"""Open a space, whatever wrote it."""

import os
from collections.abc import Sequence
from pathlib import Path

from nearfield.errors import DataError
from nearfield.progress import Progress, silent
from nearfield.space.folder import MANIFEST, open_space
from nearfield.space.formats.registry import find_format
from nearfield.space.formats.rows import ReadOptions
from nearfield.space.space import Space


def load_space(
    path: str | os.PathLike[str],
    *,
    format: str | None = None,
    limit: int | None = None,
    skip_bad: bool = False,
    keys: str | os.PathLike[str] | Sequence[str] | None = None,
    vectors: str | None = None,
    progress: Progress = silent,
) -> Space:
    """Open a space from a `.space` folder or from a file that another program wrote.

    Args:
        path: A `.space` folder, or a file.
        format: Which format the file is in; found by its content if not given.
        limit: Most rows to read, the first ones, which are the most frequent words in most files.
        skip_bad: Whether rows that are zero, not finite, malformed or have a key that was there before are left out and
            counted in the space's `about["skipped"]`; else the first one is an error.
        keys: Where the keys of a file without any are: another file with a key a line, or the keys themselves; or the
            name of a table's column.
        vectors: Name of the tensor or column that holds the vectors, where there are several.
        progress: Called with `"reading"` and the number of rows read.

    Returns:
        The space. A `.space` folder is memory-mapped, and opens at once.

    Raises:
        DataError: If there is nothing, or nothing that can be read; names the file and the line or byte.
        InvalidInputError: If there is no such format, or the limit is below 1.
    """
    path = Path(path)
    where = keys if keys is None or isinstance(keys, Sequence) else Path(keys)
    options = ReadOptions(limit=limit, skip_bad=skip_bad, keys=where, vectors=vectors, progress=progress)
    if path.is_dir():
        if not (path / MANIFEST).is_file():
            raise DataError(f"is a folder without {MANIFEST}, so no space", source=str(path))
        space = open_space(path)
        return space if limit is None else space.first(limit)
    return find_format(path, format).read(path, options)
