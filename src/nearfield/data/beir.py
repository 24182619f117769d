"""BEIR folders: corpus.jsonl, queries.jsonl and qrels/<split>.tsv."""

import json
import os
import shutil
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

from nearfield.data.corpus import Corpus, read_corpus
from nearfield.data.files import COMPRESSIONS, find_in_folder
from nearfield.data.judgements import Judgements, read_judgements
from nearfield.data.qrels import COLUMNS
from nearfield.data.records import Record
from nearfield.errors import DataError, InvalidInputError, StorageError

_OWN_FIELDS = frozenset({"_id", "title", "text"})


@dataclass(frozen=True)
class Dataset:
    """A corpus with judged queries.

    Attributes:
        corpus: The documents.
        judgements: The queries and which documents are relevant to them.
        name: What it is called.
        split: Which of its sets of judgements these are.
    """

    corpus: Corpus
    judgements: Judgements
    name: str
    split: str = "test"


def read_beir(folder: str | os.PathLike[str], split: str = "test") -> Dataset:
    """Read a dataset from a BEIR folder.

    Args:
        folder: Holds `corpus.jsonl`, `queries.jsonl` and `qrels/<split>.tsv`, each also `.gz`, `.xz` or `.zst`.
        split: Which judgements to read.

    Returns:
        The dataset, named after the folder; its corpus is not read yet.

    Raises:
        DataError: If a file is missing, or a query or judgement cannot be used.
    """
    folder = Path(folder)
    corpus = read_corpus(find_in_folder(folder, "corpus.jsonl"))
    splits = split_names(folder)
    if split not in splits:
        raise DataError(
            f"no judgements of split {split!r}; splits found: {', '.join(splits) or 'none'}",
            source=str(folder / "qrels"),
        )
    qrels = find_in_folder(folder / "qrels", f"{split}.tsv")
    return Dataset(corpus, read_judgements(find_in_folder(folder, "queries.jsonl"), qrels), folder.name, split)


def split_names(folder: Path) -> list[str]:
    """List the splits that a BEIR folder has judgements of."""
    found = (path.name for suffix in COMPRESSIONS for path in (folder / "qrels").glob(f"*.tsv{suffix}"))
    return sorted({name.partition(".tsv")[0] for name in found})


def write_beir(dataset: Dataset, folder: str | os.PathLike[str]) -> None:
    """Write a dataset as a BEIR folder, which `read_beir` reads back as it was.

    Everything is written beside the folder and then renamed, so a folder of that name is always complete.

    Args:
        dataset: The dataset; its corpus is read once.
        folder: Where to; must not exist, or be empty.

    Raises:
        InvalidInputError: If the folder holds something already, or the split cannot be a file name.
        DataError: If a record cannot be read, or has metadata named `_id`, `title` or `text`.
        StorageError: If the disk refused; nothing is left behind.
    """
    folder = Path(folder)
    if not dataset.split or Path(dataset.split).name != dataset.split:
        raise InvalidInputError(f"split must be a plain name like 'test', got {dataset.split!r}")
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise InvalidInputError(f"{folder} is there already and not an empty folder; choose another or remove it")
    draft = folder.with_name(f".{folder.name}.{uuid4().hex}.tmp")
    try:
        (draft / "qrels").mkdir(parents=True)
        _write_lines(draft / "corpus.jsonl", map(_record_line, dataset.corpus))
        queries = dataset.judgements.queries.items()
        _write_lines(draft / "queries.jsonl", (_json({"_id": query, "text": text}) for query, text in queries))
        _write_lines(draft / "qrels" / f"{dataset.split}.tsv", _qrel_lines(dataset.judgements.qrels))
        if folder.exists():
            folder.rmdir()  # Windows does not rename onto an empty folder
        draft.rename(folder)
    except OSError as error:
        raise StorageError(f"cannot write {folder}: {error.strerror or error}; nothing was left there") from error
    finally:
        shutil.rmtree(draft, ignore_errors=True)


def _write_lines(path: Path, lines: Iterable[str]) -> None:
    with path.open("w", encoding="utf-8", newline="") as stream:
        stream.writelines(f"{line}\n" for line in lines)
        stream.flush()
        os.fsync(stream.fileno())


def _record_line(record: Record) -> str:
    if record.image is not None:
        raise DataError(f"record {record.id!r} has an image, which a BEIR folder cannot hold")
    if taken := _OWN_FIELDS & record.meta.keys():
        raise DataError(f"record {record.id!r} has metadata named {min(taken)!r}, which BEIR uses itself; rename it")
    return _json({"_id": record.id, "title": record.title, "text": record.text, **record.meta})


def _json(values: Mapping[str, object]) -> str:
    return json.dumps(values, ensure_ascii=False, allow_nan=False)


def _qrel_lines(qrels: Mapping[str, Mapping[str, int]]) -> Iterator[str]:
    yield "\t".join(COLUMNS)
    for query, grades in qrels.items():
        for document, grade in grades.items():
            yield f"{_cell(query)}\t{_cell(document)}\t{grade}"


def _cell(text: str) -> str:
    # csv.writer with "\n" as the end of line leaves "\r" unquoted, which a reader takes for one.
    if any(mark in text for mark in '\t\r\n"'):
        return '"' + text.replace('"', '""') + '"'
    return text
