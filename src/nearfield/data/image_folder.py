"""A folder of images as records."""

import os
from collections.abc import Iterator
from pathlib import Path

from nearfield.data.images import Image
from nearfield.data.records import Record

_SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".webp"})


def holds_images(folder: Path) -> bool:
    """Tell whether a folder, or one inside it, holds an image file."""
    return next(_image_paths(folder), None) is not None


def read_images(folder: Path) -> Iterator[tuple[int, Record]]:
    """Find the PNG, JPEG and WebP files in a folder and the folders inside it; what is hidden is passed over.

    Args:
        folder: The folder.

    Yields:
        The 1-based position, and a record whose id is the path relative to the folder, with `/` between its parts.
        Names come in the order of their code points, those of files before those of folders.
    """
    for position, path in enumerate(_image_paths(folder), start=1):
        yield position, Record(path.relative_to(folder).as_posix(), "", image=Image(path))


def _image_paths(folder: Path) -> Iterator[Path]:
    for place, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(names):
            if not name.startswith(".") and Path(name).suffix.lower() in _SUFFIXES:
                yield Path(place, name)
