"""A collection as one file, which any database can hold again.

A snapshot is a ZIP file, so its members carry checksums and any program can look into it:

- `manifest.json`: how the collection ranks, its encoder and its canaries;
- `00000/points.jsonl`, `00000/vectors.npy`, `00001/...`: records in parts, a line and a row for each; words are weighed
  again from the texts, which gives the same weights;
- `snapshot.json`, written last: how many records and parts there are.
"""

import contextlib
import io
import json
import os
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np
import numpy.typing as npt

from nearfield.collection.collection import Collection
from nearfield.collection.manifest import Manifest
from nearfield.collection.visibility import await_count
from nearfield.data.records import batched
from nearfield.errors import DataError, InvalidInputError
from nearfield.files import replaced_file
from nearfield.progress import Progress, silent
from nearfield.stores.address import Address
from nearfield.stores.base import Payload, Point, StoreConfig

FORMAT_VERSION = 1

_PART = 5_000
_LARGEST_DOCUMENT = 1 << 26
_LONGEST_LINE = 1 << 28
_BATCH = 1_000


@dataclass(frozen=True)
class SnapshotSummary:
    """What a snapshot holds.

    Attributes:
        path: The file.
        records: How many records.
        bytes: Size of the file.
    """

    path: str
    records: int
    bytes: int


def save_snapshot(
    collection: Collection, path: str | os.PathLike[str], *, progress: Progress = silent
) -> SnapshotSummary:
    """Write a collection into one file.

    Records written meanwhile by another thread or process may be in it or not; each is whole.

    Args:
        collection: Open; nothing in it is changed.
        path: The file; one that is there is replaced when the new one is whole.
        progress: Called with the number of records written.

    Returns:
        What was written.

    Raises:
        InvalidInputError: If the file is in the collection's own folder.
        StorageError: If the disk refuses, or the store cannot be read.
    """
    path = Path(path)
    collection.home.require_outside(path)
    serving = collection.serving  # one for all of it, as a migration in another thread may put another in its place
    total, records, parts = serving.store.count(), 0, 0
    points = serving.store.scroll(with_vectors=serving.manifest.encoder is not None)
    with replaced_file(path) as file, zipfile.ZipFile(file, "w") as archive:
        archive.writestr("manifest.json", serving.manifest.to_bytes(), zipfile.ZIP_DEFLATED)
        for part in batched(points, _PART):
            _write_part(archive, f"{parts:05d}", part)
            records, parts = records + len(part), parts + 1
            progress("writing", records, total)
        summary = {"format_version": FORMAT_VERSION, "records": records, "parts": parts}
        archive.writestr("snapshot.json", json.dumps(summary))
    return SnapshotSummary(os.fspath(path), records, path.stat().st_size)


def restore_snapshot(
    path: str | os.PathLike[str],
    address: str | os.PathLike[str] | Address,
    *,
    store: StoreConfig | None = None,
    progress: Progress = silent,
) -> Collection:
    """Make a collection from a snapshot, in a folder or in any database.

    Args:
        path: What `save_snapshot` wrote.
        address: Where the collection is to be; there must be none.
        store: Options of its store.
        progress: Called with the number of records that are safe.

    Returns:
        The collection, open, and complete if the one that was written was. If this was interrupted, drop what it left
        and restore again.

    Raises:
        DataError: If the file is no snapshot, or is damaged; nothing is left behind.
        CollectionError: If there is something already.
        CapabilityError: If the back end cannot hold what the retriever needs.
        StorageError: If the disk or the server refuses.
    """
    path = Path(path)
    with _open(path) as archive:
        summary = _summary(archive, path)
        content = _member(archive, path, "manifest.json")
        manifest = Manifest.from_bytes(content, address=os.fspath(path), config_type=None)
        with _undone_on_error(Collection.create_alike(address, manifest, store=store)) as collection:
            done = 0
            for number in range(summary["parts"]):
                points = _read_part(archive, path, f"{number:05d}", manifest)
                for batch in batched(points, _BATCH):
                    try:
                        collection.store.upsert(collection.serving.batch_of(batch))
                    except InvalidInputError as error:
                        raise DataError(f"holds what cannot be stored ({error})", source=str(path)) from error
                    done += len(batch)
                    progress("restoring", done, summary["records"])
            if done != summary["records"]:
                raise DataError(f"holds {done:,} of {summary['records']:,} records; it is damaged", source=str(path))
            await_count(collection.store, done)
            if (count := collection.store.count()) != done:
                raise DataError(f"holds {done - count:,} ids more than once; it is damaged", source=str(path))
            if manifest.state == "ready":
                collection.finish()
    return collection


@contextlib.contextmanager
def _undone_on_error(collection: Collection) -> Iterator[Collection]:
    """Remove a new collection if filling it fails."""
    try:
        yield collection
    except BaseException:
        collection.drop()
        raise


def _write_part(archive: zipfile.ZipFile, name: str, points: list[Point]) -> None:
    lines = "".join(json.dumps(_line(point), ensure_ascii=False) + "\n" for point in points)
    archive.writestr(f"{name}/points.jsonl", lines.encode("utf-8"), zipfile.ZIP_DEFLATED, 1)
    vectors = [point.vector for point in points if point.vector is not None]
    if vectors:
        buffer = io.BytesIO()
        np.save(buffer, np.stack(vectors).astype("<f4"), allow_pickle=False)
        archive.writestr(f"{name}/vectors.npy", buffer.getvalue())  # vectors hardly compress


def _line(point: Point) -> dict[str, Any]:
    payload = point.payload
    line = {"id": point.id, "text": payload.text, "title": payload.title, "meta": payload.meta}
    return {**line, "digest": payload.digest, **({"image": payload.image} if payload.image else {})}


def _read_part(archive: zipfile.ZipFile, path: Path, name: str, manifest: Manifest) -> Iterator[Point]:
    """Read a part record by record, so that no memory is taken for what only claims to be there."""
    with contextlib.ExitStack() as held:
        lines = held.enter_context(_stream(archive, path, f"{name}/points.jsonl"))
        rows = None if manifest.encoder is None else held.enter_context(_stream(archive, path, f"{name}/vectors.npy"))
        try:
            count, dim = (0, 0) if rows is None else _shape(rows)
            if manifest.encoder is not None and dim != manifest.encoder.dim:
                raise ValueError(f"vectors of {dim} dimensions, not {manifest.encoder.dim}")
            found = 0
            while line := lines.readline(_LONGEST_LINE):
                vector = None if rows is None else np.frombuffer(rows.read(dim * 4), dtype="<f4", count=dim)
                yield _point(line, vector)
                found += 1
            if rows is not None and (found != count or rows.read(1)):
                raise ValueError(f"{count:,} vectors for {found:,} records")
        except (ValueError, KeyError, TypeError, RecursionError) as error:
            raise DataError(f"part {name} is damaged ({error}); take another copy", source=str(path)) from error


def _shape(rows: IO[bytes]) -> tuple[int, int]:
    """Read the head of the vectors."""
    if np.lib.format.read_magic(rows) != (1, 0):
        raise ValueError("vectors in another version of their format")
    shape, by_columns, dtype = np.lib.format.read_array_header_1_0(rows)
    if len(shape) != 2 or by_columns or dtype != np.dtype("<f4"):
        raise ValueError(f"vectors of shape {shape} and type {dtype}, not a row of float32 for each record")
    return shape[0], shape[1]


def _point(line: bytes, vector: npt.NDArray[np.float32] | None) -> Point:
    if not line.endswith(b"\n"):
        raise ValueError("a line without an end")
    values = json.loads(line)
    meta, image = values["meta"], values.get("image", "")
    texts = [values[key] for key in ("id", "text", "title", "digest")] + [image]
    if not isinstance(meta, dict) or not all(isinstance(text, str) for text in texts):
        raise ValueError(f"a record with values of other types: {line[:80]!r}")
    return Point(values["id"], Payload(values["text"], values["title"], meta, values["digest"], image), vector)


def _open(path: Path) -> zipfile.ZipFile:
    try:
        archive = zipfile.ZipFile(path)
    except FileNotFoundError:
        raise DataError("there is no such file", source=str(path)) from None
    except (zipfile.BadZipFile, OSError) as error:
        raise DataError(f"is no snapshot, or is cut off ({error})", source=str(path)) from error
    try:
        damaged = archive.testzip()
    except (zipfile.BadZipFile, zlib.error, OSError, EOFError, RuntimeError) as error:  # the last of encrypted ones
        damaged = str(error)
    if damaged:
        archive.close()
        raise DataError(f"is damaged ({damaged}); take another copy", source=str(path))
    return archive


@contextlib.contextmanager
def _stream(archive: zipfile.ZipFile, path: Path, name: str) -> Iterator[IO[bytes]]:
    try:
        member = archive.open(name)
    except KeyError:
        raise DataError(f"is no snapshot, or is damaged: it has no {name}", source=str(path)) from None
    with member:
        yield member


def _member(archive: zipfile.ZipFile, path: Path, name: str) -> bytes:
    with _stream(archive, path, name) as stream:
        content = stream.read(_LARGEST_DOCUMENT + 1)
    if len(content) > _LARGEST_DOCUMENT:
        raise DataError(f"is no snapshot, or is damaged: its {name} is too large", source=str(path))
    return content


def _summary(archive: zipfile.ZipFile, path: Path) -> dict[str, int]:
    content = _member(archive, path, "snapshot.json")
    try:
        values = json.loads(content)
        if values["format_version"] != FORMAT_VERSION:
            raise DataError(f"has a format that this nearfield does not read: {values!r:.80}", source=str(path))
        counts = {key: values[key] for key in ("records", "parts")}
        if not all(type(count) is int and count >= 0 for count in counts.values()):
            raise ValueError(f"counts of {counts!r:.80}")
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        if isinstance(error, DataError):
            raise
        raise DataError(f"its snapshot.json is damaged ({error}); take another copy", source=str(path)) from error
    parts = sum(name.endswith("/points.jsonl") for name in archive.namelist())
    if parts > counts["parts"]:
        raise DataError(f"has {parts:,} parts, not {counts['parts']:,}; it is damaged", source=str(path))
    return counts
