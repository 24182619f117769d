"""Open a space, whatever wrote it."""

import os
from pathlib import Path

from nearfield.errors import DataError
from nearfield.space.folder import MANIFEST, open_space
from nearfield.space.space import Space


def load_space(path: str | os.PathLike[str]) -> Space:
    """Open a space.

    Args:
        path: A `.space` folder.

    Returns:
        The space.

    Raises:
        DataError: If there is nothing, or nothing that can be read.
    """
    path = Path(path)
    if (path / MANIFEST).is_file():
        return open_space(path)
    raise DataError("is no space", source=str(path))
