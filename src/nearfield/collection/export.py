"""A collection as a parquet file, for other programs."""

import json
import os
from pathlib import Path
from typing import Any

import numpy as np

from nearfield.collection.collection import Collection
from nearfield.data.records import batched
from nearfield.extras import import_extra
from nearfield.files import replaced_file
from nearfield.progress import Progress, silent
from nearfield.stores.base import Point, Where

_ROWS = 10_000


def export_parquet(
    collection: Collection,
    path: str | os.PathLike[str],
    *,
    where: Where | None = None,
    vectors: bool = True,
    progress: Progress = silent,
) -> int:
    """Write records as rows of a parquet file.

    Args:
        collection: Open; nothing in it is changed.
        path: The file; one that is there is replaced when the new one is whole.
        where: Which records; all by default.
        vectors: Whether to write the vectors, where the collection has any.
        progress: Called with the number of records written.

    Returns:
        How many rows were written. The columns are `id`, `title`, `text`, `image` (strings), `meta` (JSON as a string,
        since records differ in their fields) and `vector` (a list of float32).

    Raises:
        InvalidInputError: If the file is in the collection's own folder.
        MissingExtraError: If pyarrow is not installed.
        StorageError: If the disk refuses, or the store cannot be read.
    """
    collection.home.require_outside(Path(path))
    arrow, parquet = import_extra("pyarrow"), import_extra("pyarrow.parquet")
    serving = collection.serving
    with_vectors = vectors and serving.manifest.encoder is not None
    names = [(name, arrow.string()) for name in ("id", "title", "text", "image", "meta")]
    schema = arrow.schema(names + [("vector", arrow.list_(arrow.float32()))] * with_vectors)
    total, rows = serving.store.count(where), 0
    points = serving.store.scroll(where, with_vectors=with_vectors)
    with replaced_file(Path(path)) as file, parquet.ParquetWriter(file, schema, compression="zstd") as writer:
        for part in batched(points, _ROWS):
            writer.write_batch(arrow.record_batch(_columns(arrow, part, with_vectors), schema=schema))
            rows += len(part)
            progress("exporting", rows, total)
    return rows


def _columns(arrow: Any, points: list[Point], with_vectors: bool) -> list[Any]:  # noqa: ANN401  # pyarrow has no types
    payloads = [point.payload for point in points]
    columns = [
        arrow.array([point.id for point in points]),
        arrow.array([payload.title for payload in payloads]),
        arrow.array([payload.text for payload in payloads]),
        arrow.array([payload.image for payload in payloads]),
        arrow.array([json.dumps(payload.meta, ensure_ascii=False) for payload in payloads]),
    ]
    if with_vectors:
        matrix = np.stack([point.vector for point in points if point.vector is not None])
        offsets = np.arange(len(matrix) + 1, dtype=np.int32) * matrix.shape[1]
        columns.append(arrow.ListArray.from_arrays(offsets, arrow.array(matrix.ravel())))
    return columns
