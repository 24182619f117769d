"""Parquet: a column of strings, a column of lists of numbers, and a column `count` if there is one."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from nearfield.arrays import Vectors
from nearfield.errors import DataError
from nearfield.extras import import_extra
from nearfield.files import replaced_file
from nearfield.progress import Progress
from nearfield.space.formats.rows import ReadOptions, RowCollector
from nearfield.space.formats.writing import blocks_of
from nearfield.space.space import Space

_ROWS_AT_ONCE = 10_000
_COUNT = "count"


def read_parquet(path: Path, options: ReadOptions) -> Space:
    """Read the only column of strings and the only one of lists of numbers, or those named."""
    arrow, parquet = _pyarrow()
    try:
        with parquet.ParquetFile(path) as file:
            schema = file.schema_arrow
            keys, vectors = _columns(path, schema, options)
            counted = _COUNT in schema.names and arrow.types.is_integer(schema.field(_COUNT).type)
            batches = file.iter_batches(_ROWS_AT_ONCE, columns=[keys, vectors] + [_COUNT] * counted)
            return _read_batches(path, options, file.metadata.num_rows, batches, counted=counted)
    except (arrow.ArrowException, OSError) as error:  # damaged pages are an OSError
        raise DataError(f"cannot be read as parquet: {error}", source=str(path)) from error


def write_parquet(space: Space, path: Path, progress: Progress) -> None:
    """Write columns `key`, `vector` and, where the space has them, `count`."""
    arrow, parquet = _pyarrow()
    fields = [("key", arrow.string()), ("vector", arrow.list_(arrow.float32()))]
    schema = arrow.schema([*fields, *[(_COUNT, arrow.int64())] * (space.counts is not None)])
    with replaced_file(path) as file, parquet.ParquetWriter(file, schema) as writer:
        for block in blocks_of(space, progress):
            rows = space.vectors[block]
            offsets = np.arange(len(rows) + 1, dtype=np.int32) * space.dim
            lists = arrow.ListArray.from_arrays(offsets, arrow.array(rows.ravel()))
            columns = [arrow.array(space.keys[block]), lists]
            if space.counts is not None:
                columns.append(arrow.array(space.counts[block]))
            writer.write_batch(arrow.record_batch(columns, schema=schema))


def _pyarrow() -> tuple[Any, Any]:
    return import_extra("pyarrow"), import_extra("pyarrow.parquet")


def _columns(path: Path, schema: Any, options: ReadOptions) -> tuple[str, str]:  # noqa: ANN401  # pyarrow has no types
    from pyarrow import types

    def is_text(kind: Any) -> bool:  # noqa: ANN401
        return bool(types.is_string(kind) or types.is_large_string(kind))

    def is_vector(kind: Any) -> bool:  # noqa: ANN401
        listed = types.is_list(kind) or types.is_large_list(kind) or types.is_fixed_size_list(kind)
        return bool(listed and (types.is_floating(kind.value_type) or types.is_integer(kind.value_type)))

    if options.keys is not None and not isinstance(options.keys, str):
        raise DataError("has its keys in a column; give the column's name as `keys`", source=str(path))
    wanted = (("keys", options.keys, is_text, "strings"), ("vectors", options.vectors, is_vector, "lists of numbers"))
    found = []
    for argument, name, fits, kind in wanted:
        names = [field.name for field in schema if fits(field.type) and name in (None, field.name)]
        if len(names) != 1:
            which = f"named {name!r}" if name else f"({', '.join(names)})" if names else "at all"
            raise DataError(
                f"has {len(names)} columns of {kind} {which}; it has {', '.join(schema.names)}: say which with "
                f"`{argument}`",
                source=str(path),
            )
        found.append(names[0])
    return found[0], found[1]


def _read_batches(path: Path, options: ReadOptions, total: int, batches: Iterator[Any], *, counted: bool) -> Space:
    collector: RowCollector | None = None
    row, counts = 1, []
    for batch in batches:
        keys, lists = batch.column(0), batch.column(1)
        if collector is None:
            dim = next((len(vector) for vector in lists if vector.is_valid), 0)
            collector = RowCollector(path, dim, options, unit="row", total=total)
        if counted:
            counts.append(batch.column(2).fill_null(0).to_numpy())
        for part, names, vectors in _parts(keys, lists, collector, row):
            collector.add(names, vectors, part)
        row += len(batch)
        if collector.full:
            break
    if collector is None:
        raise DataError("holds no vectors", source=str(path))
    kept = np.array(collector.places, np.int64) - 1
    return collector.space(format="parquet", counts=np.concatenate(counts)[kept] if counted else None)


def _parts(keys: Any, lists: Any, collector: RowCollector, row: int) -> Iterator[tuple[range, list[str], Vectors]]:  # noqa: ANN401
    """Give all rows of a batch at once if they are alike, else those that are sound one by one."""
    if not (keys.null_count or lists.null_count) and (lists.value_lengths().to_numpy() == collector.dim).all():
        vectors = _numbers(lists.flatten()).reshape(len(keys), collector.dim)
        yield range(row, row + len(keys)), keys.to_pylist(), vectors
        return
    for place, (key, vector) in enumerate(zip(keys.to_pylist(), lists, strict=True), start=row):
        if key is None or not vector.is_valid:
            collector.refuse("the key or the vector is missing", place)
        elif len(vector) != collector.dim:
            collector.refuse(f"the vector has {len(vector)} numbers, those before it {collector.dim}", place)
        else:
            yield range(place, place + 1), [key], _numbers(vector.values)[None]


def _numbers(values: Any) -> Vectors:  # noqa: ANN401
    with np.errstate(over="ignore"):
        numbers: Vectors = values.to_numpy(zero_copy_only=False).astype(np.float32)
    return numbers
