"""Relevance judgements from files (BEIR or TREC), DataFrames and mappings, each with the line it stands on."""

import numbers
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from os import PathLike
from pathlib import Path
from typing import TypeAlias

from nearfield.data.fields import as_id
from nearfield.data.files import BOM, decode, open_bytes, require_file
from nearfield.data.tables import Frame, is_frame, read_frame, read_table
from nearfield.errors import DataError, InvalidInputError

QrelsSource: TypeAlias = "str | PathLike[str] | Mapping[str, Mapping[str, int]] | Frame"

COLUMNS = ("query-id", "corpus-id", "score")
_WHOLE_NUMBER = re.compile(r"[+-]?[0-9]{1,18}")
_LAYOUTS = "a header of query-id, corpus-id and score (BEIR) or four columns 'query 0 document grade' (TREC)"


@dataclass
class Qrels:
    """Judgements as they were read.

    Attributes:
        source: The file, or what else they come from.
        grades: Grade by document by query.
        query_lines: Line on which each query is first named; empty for a mapping.
        document_lines: Line on which each document is first named; empty for a mapping.
    """

    source: str
    grades: dict[str, dict[str, int]] = field(default_factory=dict)
    query_lines: dict[str, int] = field(default_factory=dict)
    document_lines: dict[str, int] = field(default_factory=dict)

    def add(self, query: object, document: object, grade: object, line: int | None) -> None:
        """Add one judgement, or raise a `DataError` that says where and why not."""
        try:
            self._add(as_id(query), as_id(document), _as_grade(grade), line)
        except DataError as error:
            raise DataError(error.problem, source=self.source, line=line) from error

    def _add(self, query: str, document: str, grade: int, line: int | None) -> None:
        known = self.grades.setdefault(query, {}).setdefault(document, grade)
        if known != grade:
            raise DataError(f"document {document!r} has grade {known} for query {query!r} already, now {grade}")
        if line is not None:
            self.query_lines.setdefault(query, line)
            self.document_lines.setdefault(document, line)


def parse_qrels(source: QrelsSource) -> Qrels:
    """Read judgements, and where they stand.

    Args:
        source: A path to a table with the columns `query-id`, `corpus-id` and `score` (tab or comma) or to a TREC
            file of four columns, also `.gz`, `.xz` or `.zst`; a DataFrame with those columns; a mapping from query to
            document to grade.

    Returns:
        The judgements, at least one.

    Raises:
        DataError: If the file or a line of it cannot be used, or a pair has two grades.
        InvalidInputError: If judgements cannot be read from such a source.
    """
    if isinstance(source, str | PathLike):
        path = require_file(Path(source))
        qrels = Qrels(str(path))
        _read_file(path, qrels)
    elif is_frame(source):
        qrels = Qrels("DataFrame")
        _read_rows(read_frame(source), qrels)
    elif isinstance(source, Mapping):
        qrels = Qrels("qrels")
        _read_mapping(source, qrels)
    else:
        raise InvalidInputError(
            f"qrels must be a path, mapping {{query: {{document: grade}}}} or a DataFrame, got {type(source).__name__}"
        )
    if not any(qrels.grades.values()):
        raise DataError(f"holds no judgements; expected {_LAYOUTS}", source=qrels.source)
    return qrels


def _read_mapping(source: Mapping[str, Mapping[str, int]], qrels: Qrels) -> None:
    for query, grades in source.items():
        if not isinstance(grades, Mapping):
            raise DataError(
                f"query {query!r} must map to {{document: grade}}, got {type(grades).__name__}", source=qrels.source
            )
        for document, grade in grades.items():
            qrels.add(query, document, grade, None)


def _read_file(path: Path, qrels: Qrels) -> None:
    with open_bytes(path) as stream:
        first = stream.readline().removeprefix(BOM)
    for delimiter in "\t,":
        names = [name.strip('"') for name in first.decode(errors="replace").strip().split(delimiter)]
        if {name.replace("_", "-") for name in names} >= set(COLUMNS):
            _read_rows(read_table(path, delimiter=delimiter), qrels)
            return
    for line, columns in _trec_lines(path):
        if len(columns) != 4:
            raise DataError(f"expected {_LAYOUTS}; got {len(columns)} columns", source=qrels.source, line=line)
        query, _, document, grade = columns
        qrels.add(query, document, grade, line)


def _trec_lines(path: Path) -> Iterator[tuple[int, list[str]]]:
    with open_bytes(path) as stream:
        for line, raw in enumerate(stream, start=1):
            try:
                # Bytes split at ASCII white space only, so an id may hold any other.
                columns = [decode(column) for column in (raw.removeprefix(BOM) if line == 1 else raw).split()]
            except DataError as error:
                raise DataError(error.problem, source=str(path), line=line) from error
            if columns:
                yield line, columns


def _read_rows(rows: Iterator[tuple[int, Mapping[str, object] | DataError]], qrels: Qrels) -> None:
    for line, row in rows:
        if isinstance(row, DataError):
            raise DataError(row.problem, source=qrels.source, line=line)
        cells = {name.replace("_", "-"): value for name, value in row.items()}
        missing = [name for name in COLUMNS if name not in cells]
        if missing:
            raise DataError(f"no column {missing[0]!r}; columns found: {', '.join(row)}", source=qrels.source)
        query, document, grade = (cells[name] for name in COLUMNS)
        qrels.add(query, document, grade, line)


def _as_grade(value: object) -> int:
    if isinstance(value, numbers.Integral) and not isinstance(value, bool):
        return int(value)
    if isinstance(value, str) and _WHOLE_NUMBER.fullmatch(value):
        return int(value)
    raise DataError(f"grade must be a whole number, got {value!r:.60}")
