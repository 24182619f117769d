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
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from nearfield.arrays import map_npy
from nearfield.errors import DataError, InvalidInputError, StorageError
from nearfield.files import disk_errors, sync_directory
from nearfield.space.keys import Keys
from nearfield.space.space import Space
from nearfield.space.subwords import Subwords

FORMAT_VERSION = 1
MANIFEST = "space.json"
_SAMPLED_KEYS = 64


def save_space(space: Space, path: str | os.PathLike[str]) -> None:
    """Write a space as a folder, all or nothing: an earlier space there is replaced once the new one is complete.

    Args:
        space: The space.
        path: The folder; may hold an earlier space, nothing else.

    Raises:
        StorageError: If the disk refuses, or something other than a space is there.
    """
    target = Path(path)
    require_place(target)
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


def require_place(target: Path) -> None:
    """Refuse a path that no space could be written to.

    Args:
        target: The folder that a space is to become.

    Raises:
        StorageError: If something other than a space is there, or the folder that it is to be in is missing or cannot
            be written to.
    """
    parent = target.absolute().parent
    try:
        if not target.name or target.name == "..":
            raise StorageError(f"a space needs a name, got {os.fspath(target)!r}")
        if target.exists() and not (target / MANIFEST).is_file() and not _is_empty_folder(target):
            raise StorageError(f"{target} is there already and is no space; choose another name")
        if not parent.is_dir():
            raise StorageError(f"there is no folder {os.fspath(parent)!r} to write {target.name!r} to; make it first")
    except OSError as error:
        if isinstance(error, StorageError):
            raise
        raise StorageError(f"{target} cannot be written ({error.strerror}); choose another place") from error
    if not os.access(parent, os.W_OK):
        raise StorageError(f"the folder {os.fspath(parent)!r} cannot be written to; choose another")


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
    counts = _open_array(folder / "counts.npy", np.int64, 1) if (folder / "counts.npy").exists() else None
    rows = {len(vectors), len(norms), len(keys), len(keys.order)} | ({len(counts)} if counts is not None else set())
    if len(rows) != 1:
        raise DataError("its files have different numbers of rows; write the space again", source=str(folder))
    _check_keys(folder, keys)
    if len(norms) and not (norms.min() > 0 and norms.max() < np.inf):
        raise DataError("must hold lengths above zero; write the space again", source=str(folder / "norms.npy"))
    subwords = _open_subwords(folder, manifest, dim=vectors.shape[1])
    return Space._trusted(keys, vectors, norms=norms, subwords=subwords, counts=counts, about=manifest["about"])


def _check_keys(folder: Path, keys: Keys) -> None:
    """Refuse what would give wrong keys; a few milliseconds for a million of them."""
    ends, order, content = keys.ends, keys.order, keys.content
    stops = int(ends[-1]) + 1 if len(ends) else 0
    if stops != len(content) or (len(ends) and (ends[0] < 0 or np.diff(ends).min(initial=1) < 1)):
        raise DataError("does not fit keys.txt; write the space again", source=str(folder / "key_ends.npy"))
    if not (content[ends] == ord("\n")).all():
        raise DataError("does not fit key_ends.npy; write the space again", source=str(folder / "keys.txt"))
    try:
        bytes(keys).decode()
    except UnicodeDecodeError as error:
        raise DataError(f"is not valid UTF-8: {error}", source=str(folder / "keys.txt")) from error
    whole = not len(order) or (order.min() >= 0 and order.max() < len(order))
    # To compare all keys would take as long as to sort them; a file that is damaged fails a sample.
    places = np.linspace(0, len(order) - 1, min(len(order), _SAMPLED_KEYS)).astype(np.int64)
    if not whole or not _ascending([keys[int(order[place])].encode() for place in places]):
        raise DataError("does not fit keys.txt; write the space again", source=str(folder / "key_order.npy"))


def _ascending(values: list[bytes]) -> bool:
    return all(one < other for one, other in pairwise(values))


def _open_subwords(folder: Path, manifest: dict[str, Any], *, dim: int) -> Subwords | None:
    parameters = manifest.get("subwords")
    if parameters is None:
        return None
    min_n, max_n = (parameters.get("min_n"), parameters.get("max_n")) if isinstance(parameters, dict) else (None, None)
    if not isinstance(min_n, int) or not isinstance(max_n, int):
        raise DataError(
            f"subwords must hold whole numbers min_n and max_n, got {parameters!r:.80}", source=str(folder / MANIFEST)
        )
    table = _open_array(folder / "ngrams.npy", np.float32, 2)
    if table.shape[1] != dim:
        raise DataError(f"must have {dim} dimensions, got {table.shape[1]}", source=str(folder / "ngrams.npy"))
    try:
        return Subwords(table, min_n, max_n)
    except InvalidInputError as error:
        raise DataError(str(error), source=str(folder / MANIFEST)) from error


def _read_manifest(folder: Path) -> dict[str, Any]:
    path = folder / MANIFEST
    try:
        manifest = json.loads(path.read_bytes())
    except FileNotFoundError:
        problem = f"is no space: it has no {MANIFEST}" if folder.is_dir() else "no such folder"
        raise DataError(problem, source=str(folder)) from None
    except (OSError, ValueError, RecursionError) as error:
        raise DataError(f"cannot be read ({error}); write the space again", source=str(path)) from error
    version = manifest.get("format_version") if isinstance(manifest, dict) else None
    if version != FORMAT_VERSION:
        raise DataError(
            f"has format version {version!r}, and this nearfield reads {FORMAT_VERSION}; use the one that wrote it",
            source=str(path),
        )
    if not isinstance(about := manifest.setdefault("about", {}), dict):
        raise DataError(f"about must be an object, got {about!r:.80}; correct the file", source=str(path))
    return manifest  # type: ignore[no-any-return]


def _open_array(path: Path, dtype: type[np.generic], ndim: int) -> npt.NDArray[Any]:
    try:
        array = map_npy(path)
    except (OSError, ValueError) as error:
        raise DataError(f"cannot be read ({error}); write the space again", source=str(path)) from error
    if array.dtype != dtype or array.ndim != ndim:
        raise DataError(
            f"must hold {np.dtype(dtype)} in {ndim} dimensions, got {array.dtype} {array.shape}", source=str(path)
        )
    return array


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
    with disk_errors(target):
        temporary.mkdir()
        try:
            yield temporary
            sync_directory(temporary)
            if target.exists():
                target.rename(old)
            temporary.rename(target)
            sync_directory(target.parent)
        finally:
            if old.exists() and not target.exists():  # interrupted between the two
                old.rename(target)
            shutil.rmtree(temporary, ignore_errors=True)
            shutil.rmtree(old, ignore_errors=True)


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
