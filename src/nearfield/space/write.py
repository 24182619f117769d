"""Write a space for other programs."""

import os
from pathlib import Path

from nearfield.progress import Progress, silent
from nearfield.space.folder import save_space
from nearfield.space.formats.registry import find_writer
from nearfield.space.space import Space


def write_space(
    space: Space, path: str | os.PathLike[str], *, format: str | None = None, progress: Progress = silent
) -> None:
    """Write a space in a format that other programs read, all or nothing.

    Only `.space` keeps everything. Counts are written to parquet too; n-grams to no other format.

    Args:
        space: The space.
        path: The file. A `.npy` gets a file of keys beside it, `x.keys.txt`. Text and word2vec's binary files are
            compressed where the name goes on with `.gz` or `.xz`.
        format: `space`, `word2vec` (text, as fastText's `.vec`), `word2vec-binary`, `glove`, `npy`, `safetensors` or
            `parquet`; by default what the name ends in: `.space`, `.vec`, `.bin`, `.txt`, `.npy`, `.safetensors`,
            `.parquet`.
        progress: Called with `"writing"` and the number of rows written.

    Raises:
        InvalidInputError: If there is no such format, or it cannot hold one of the keys.
        StorageError: If the disk refuses; what was there before stays.
        MissingExtraError: If pyarrow is needed and not installed.
    """
    path = Path(path)
    if format == "space" or (format is None and path.suffix.lower() == ".space"):
        save_space(space, path)
    else:
        find_writer(path, format)(space, path, progress)
