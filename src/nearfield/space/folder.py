"""The `.space` folder: a space on disk, memory-mapped when it is opened.

words.space/
├── space.json      format version, what the space is about, parameters of its n-grams
├── vectors.npy     (n, d) float32
├── norms.npy       (n,) float64
├── keys.txt        UTF-8, a key a line
├── key_ends.npy    (n,) int64, where each key's line break stands
├── key_order.npy   (n,) int64, positions sorted by key
├── counts.npy      (n,) int64, if the space has them
└── ngrams.npy      (buckets, d) float32, if the space has subwords
"""

import contextlib
import json
import os
import secrets
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from nearfield.errors import DataError, StorageError
from nearfield.files import sync_directory
from nearfield.space.keys import Keys
from nearfield.space.space import Space
from nearfield.space.subwords import Subwords

FORMAT_VERSION = 1
MANIFEST = "space.json"


def save_space(space: Space, path: str | os.PathLike[str]) -> None:
    """Write a space as a folder, all or nothing: an earlier space there is replaced once the new one is complete.

    Args:
        space: The space.
        path: The folder; may hold an earlier space, nothing else.

    Raises:
        StorageError: If the disk refuses, or something other than a space is there.
    """
    target = Path(path)
    if target.exists() and not (target / MANIFEST).is_file() and not _is_empty_folder(target):
        raise StorageError(f"{target} is there already and is no space; choose another name")
    with _replaced_folder(target) as folder:
        _save_array(folder / "vectors.npy", space.vectors)
        _save_array(folder / "norms.npy", space.norms)
        _save_array(folder / "key_ends.npy", space.keys.ends)
        _save_array(folder / "key_order.npy", space.keys.order)
        _save(folder / "keys.txt", bytes(space.keys))
        if space.counts is not None:
            _save_array(folder / "counts.npy", space.counts)
        manifest: dict[str, Any] = {"format_version": FORMAT_VERSION, "about": dict(space.about)}
        if space.subwords is not None:
            _save_array(folder / "ngrams.npy", space.subwords.table)
            manifest["subwords"] = {"min_n": space.subwords.min_n, "max_n": space.subwords.max_n}
        _save(folder / MANIFEST, json.dumps(manifest, indent=2, ensure_ascii=False).encode())


def open_space(path: str | os.PathLike[str]) -> Space:
    """Open a `.space` folder; vectors and keys stay on disk until they are used.

    Args:
        path: The folder.

    Returns:
        The space.

    Raises:
        DataError: If a file is missing or damaged, or they do not belong together.
    """
    folder = Path(path)
    manifest = _read_manifest(folder)
    vectors = _open_array(folder / "vectors.npy", np.float32, 2)
    keys = Keys(
        _open_bytes(folder / "keys.txt"),
        _open_array(folder / "key_ends.npy", np.int64, 1),
        _open_array(folder / "key_order.npy", np.int64, 1),
    )
    norms = _open_array(folder / "norms.npy", np.float64, 1)
    if not len(vectors) == len(norms) == len(keys) == len(keys.order):
        raise DataError("its files have different numbers of rows; write the space again", source=str(folder))
    if len(keys) and int(keys.ends[-1]) + 1 != len(keys.content):
        raise DataError("is shorter or longer than key_ends.npy says", source=str(folder / "keys.txt"))
    counts = _open_array(folder / "counts.npy", np.int64, 1) if (folder / "counts.npy").exists() else None
    parameters = manifest.get("subwords")
    subwords = None
    if parameters is not None:
        subwords = Subwords(_open_array(folder / "ngrams.npy", np.float32, 2), **parameters)
    return Space._trusted(keys, vectors, norms=norms, subwords=subwords, counts=counts, about=manifest.get("about"))


def _read_manifest(folder: Path) -> dict[str, Any]:
    path = folder / MANIFEST
    try:
        manifest = json.loads(path.read_bytes())
    except FileNotFoundError:
        problem = f"is no space: it has no {MANIFEST}" if folder.is_dir() else "no such folder"
        raise DataError(problem, source=str(folder)) from None
    except (OSError, ValueError) as error:
        raise DataError(f"cannot be read ({error}); write the space again", source=str(path)) from error
    version = manifest.get("format_version") if isinstance(manifest, dict) else None
    if version != FORMAT_VERSION:
        raise DataError(
            f"has format version {version!r}, and this nearfield reads {FORMAT_VERSION}; use the one that wrote it",
            source=str(path),
        )
    return manifest  # type: ignore[no-any-return]


def _open_array(path: Path, dtype: type[np.generic], ndim: int) -> npt.NDArray[Any]:
    try:
        array = np.load(path, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise DataError(f"cannot be read ({error}); write the space again", source=str(path)) from error
    if array.dtype != dtype or array.ndim != ndim:
        raise DataError(
            f"must hold {np.dtype(dtype)} in {ndim} dimensions, got {array.dtype} {array.shape}", source=str(path)
        )
    return np.asarray(array)  # still the file's memory, without the slower subclass


def _open_bytes(path: Path) -> npt.NDArray[np.uint8]:
    try:
        return np.asarray(np.memmap(path, np.uint8, "r")) if path.stat().st_size else np.empty(0, np.uint8)
    except OSError as error:
        raise DataError(f"cannot be read ({error.strerror}); write the space again", source=str(path)) from error


@contextlib.contextmanager
def _replaced_folder(target: Path) -> Iterator[Path]:
    """Give a folder to fill, which takes the target's place when it is complete."""
    temporary = target.with_name(f".{target.name}.{secrets.token_hex(8)}.new")
    old = temporary.with_suffix(".old")
    try:
        temporary.mkdir()
        try:
            yield temporary
            sync_directory(temporary)
            if target.exists():
                target.rename(old)
            temporary.rename(target)
            sync_directory(target.parent)
        finally:
            shutil.rmtree(temporary, ignore_errors=True)
            shutil.rmtree(old, ignore_errors=True)
    except OSError as error:
        if isinstance(error, StorageError):
            raise
        raise StorageError(
            f"{target} could not be written ({error.strerror}); make room there, or choose another folder that exists "
            "and can be written to"
        ) from error


def _save(path: Path, content: bytes) -> None:
    with path.open("xb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _save_array(path: Path, array: npt.NDArray[Any]) -> None:
    with path.open("xb") as file:
        np.save(file, np.ascontiguousarray(array), allow_pickle=False)
        file.flush()
        os.fsync(file.fileno())


def _is_empty_folder(path: Path) -> bool:
    return path.is_dir() and not any(path.iterdir())
