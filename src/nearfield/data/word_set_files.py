"""Files of test sets of words, in the layouts that they are published in."""

import math
import os
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TypeVar

from nearfield.data.files import BOM, COMPRESSIONS, decode, open_bytes, require_file
from nearfield.data.tables import read_table
from nearfield.data.word_sets import AnalogySet, CategorySet, PairSet, WordSet
from nearfield.errors import DataError

T = TypeVar("T")
_PAIR = ("word1", "word2")
_QUESTION = ("word1", "word2", "word3", "target")
_CATEGORY = ("word", "category")
_SIMILARITIES = ("similarity", "score", "simlex999", "human (mean)", "mean", "relatedness")
_ENTAILMENT = "avg_score"  # HyperLex
_RELATION, _HYPERNYM = "relation", "hyper"
_GROUP = "pos"
_LAYOUTS = (
    "pairs as 'word1 word2 score' (tab, comma or space); analogies as ': section' and lines of four words; or a header "
    "of word1, word2 and similarity, of word1, word2 and relation, of word1, word2, word3 and target, or of category "
    "and word"
)


def read_word_set(path: "str | os.PathLike[str]", *, name: str | None = None) -> WordSet:
    """Read a test set from a file, whose layout is told by its first line.

    - Without a header, three columns or more are pairs: two words, perhaps a part of speech, the judgement, and what
      else there is (gensim's files, SimVerb-3500, Rare Words). A `#` at the start of a line makes it a comment.
    - `: section` and lines of four words are analogies (word2vec's and gensim's `questions-words.txt`).
    - A header names columns in any case and order: `word1 word2` with `similarity` or `SimLex999` are pairs, with
      `AVG_SCORE` graded entailment (HyperLex), with `relation` entailment, which holds where the relation is `hyper`;
      `type word1 word2 word3 target` are analogies; `category word` are categories. Other columns are passed over.

    A word of several categories is in none of them, as no clustering could be right about it; rows that name a
    category but no word are passed over.

    Args:
        path: The file, in UTF-8, plain, `.gz`, `.xz` or `.zst`.
        name: What to call the set; by default the file's name without its ending.

    Returns:
        The set, which has at least one item.

    Raises:
        DataError: If a line cannot be used, or there are none; names the file and the line.
    """
    path = require_file(Path(path))
    title = name or _stem(path)
    line, first = next(_lines(path), (0, ""))
    if not line:
        raise DataError(f"holds no word set; expected {_LAYOUTS}", source=str(path))
    if first.startswith(":"):
        return _read_analogies(path, title)
    delimiter = _delimiter(first)
    header = [cell.strip().strip('"').lower() for cell in first.split(delimiter)]
    if set(_PAIR) <= set(header) or set(_CATEGORY) <= set(header):
        return _read_headed(path, title, delimiter, header)
    return _read_pairs(path, title, delimiter)


def _stem(path: Path) -> str:
    name = path.name
    if path.suffix.lower() in COMPRESSIONS:
        name = path.stem
    return Path(name).stem


def _lines(path: Path) -> Iterator[tuple[int, str]]:
    """Go through the lines that hold something, with their numbers."""
    with open_bytes(path) as stream:
        for number, raw in enumerate(stream, start=1):
            try:
                text = decode(raw.removeprefix(BOM) if number == 1 else raw).strip("\r\n ")
            except DataError as error:
                raise DataError(error.problem, source=str(path), line=number) from error
            if text and not text.startswith("#"):
                yield number, text


def _delimiter(line: str) -> str | None:
    return "\t" if "\t" in line else "," if "," in line else None


def _read_analogies(path: Path, name: str) -> AnalogySet:
    questions: list[tuple[str, str, str, str]] = []
    sections: list[str] = []
    section = ""
    for line, text in _lines(path):
        if text.startswith(":"):
            section = text[1:].strip()
            continue
        words = text.split()
        if len(words) != 4:
            raise DataError(f"a question needs four words, got {len(words)}: {text!r:.80}", source=str(path), line=line)
        questions.append((words[0], words[1], words[2], words[3]))
        sections.append(section)
    return AnalogySet(name, _some(questions, path), tuple(sections))


def _read_pairs(path: Path, name: str, delimiter: str | None) -> PairSet:
    pairs: list[tuple[str, str]] = []
    scores: list[float] = []
    groups: list[str] = []
    for line, text in _lines(path):
        cells = [cell.strip() for cell in text.split(delimiter)]
        # SimVerb-3500 has the part of speech between the words and the judgement.
        position = 3 if len(cells) > 3 and _number(cells[2]) is None else 2
        score = _number(cells[position]) if len(cells) > position else None
        if score is None or not all(cells[:2]):
            raise DataError(f"is no pair: {text!r:.80}; expected {_LAYOUTS}", source=str(path), line=line)
        pairs.append((cells[0], cells[1]))
        scores.append(score)
        if position == 3:
            groups.append(cells[2])
    return PairSet(
        name, "similarity", _some(pairs, path), tuple(scores), tuple(groups) if len(groups) == len(pairs) else ()
    )


def _read_headed(path: Path, name: str, delimiter: str | None, header: Sequence[str]) -> WordSet:
    rows = _table(path, delimiter)
    if set(_CATEGORY) <= set(header):
        return _categories(path, name, rows)
    if set(_QUESTION) <= set(header):
        return _questions(path, name, rows)
    scored = next((column for column in (_ENTAILMENT, *_SIMILARITIES) if column in header), None)
    if scored is None and _RELATION not in header:
        raise DataError(
            f"has no column of judgements; expected {', '.join((*_SIMILARITIES, _ENTAILMENT, _RELATION))}, "
            f"got {', '.join(header)}",
            source=str(path),
            line=1,
        )
    return _headed_pairs(path, name, rows, scored)


def _table(path: Path, delimiter: str | None) -> Iterator[tuple[int, Mapping[str, str]]]:
    """Read rows below a header, by the columns' names in lower case."""
    if delimiter is not None:
        for line, row in read_table(path, delimiter=delimiter):
            if isinstance(row, DataError):
                raise DataError(row.problem, source=str(path), line=line)
            yield line, {column.strip().lower(): cell.strip() for column, cell in row.items()}
        return
    lines = _lines(path)
    names = next(lines)[1].lower().split()
    for line, text in lines:
        cells = text.split()
        if len(cells) != len(names):
            raise DataError(
                f"the header has {len(names)} cells ({', '.join(names)}), this row {len(cells)}",
                source=str(path),
                line=line,
            )
        yield line, dict(zip(names, cells, strict=True))


def _headed_pairs(path: Path, name: str, rows: Iterator[tuple[int, Mapping[str, str]]], scored: str | None) -> PairSet:
    pairs: list[tuple[str, str]] = []
    scores: list[float] = []
    groups: list[str] = []
    group = _RELATION if scored is None else _GROUP
    for line, row in rows:
        score = float(row[_RELATION] == _HYPERNYM) if scored is None else _number(row[scored])
        if score is None:
            problem = f"the judgement {scored} must be a number, got {row[scored or '']!r:.60}"
            raise DataError(problem, source=str(path), line=line)
        pairs.append((_word(row, "word1", path, line), _word(row, "word2", path, line)))
        scores.append(score)
        if group in row:
            groups.append(row[group])
    if scored is None and pairs and not any(scores):
        raise DataError(f"no pair has the relation {_HYPERNYM!r}, which entailment is measured by", source=str(path))
    kind = "entailment" if scored in (None, _ENTAILMENT) else "similarity"
    return PairSet(name, kind, _some(pairs, path), tuple(scores), tuple(groups))  # type: ignore[arg-type]  # one of the two


def _questions(path: Path, name: str, rows: Iterator[tuple[int, Mapping[str, str]]]) -> AnalogySet:
    questions: list[tuple[str, str, str, str]] = []
    sections: list[str] = []
    for line, row in rows:
        a, b, c, answer = (_word(row, column, path, line) for column in _QUESTION)
        questions.append((a, b, c, answer))
        sections.append(row.get("type", ""))
    return AnalogySet(name, _some(questions, path), tuple(sections))


def _categories(path: Path, name: str, rows: Iterator[tuple[int, Mapping[str, str]]]) -> CategorySet:
    named = {(row["word"], row["category"]): None for _, row in rows if row["word"]}
    count = Counter(word for word, _ in named)
    kept = [(word, category) for word, category in named if count[word] == 1]
    words, categories = zip(*_some(kept, path), strict=True)
    return CategorySet(name, words, categories, sum(many > 1 for many in count.values()))


def _word(row: Mapping[str, str], column: str, path: Path, line: int) -> str:
    if not row[column]:
        raise DataError(f"the cell of {column} is empty", source=str(path), line=line)
    return row[column]


def _number(cell: str) -> float | None:
    try:
        value = float(cell)
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def _some(items: Sequence[T], path: Path) -> tuple[T, ...]:
    if not items:
        raise DataError(f"holds no word set; expected {_LAYOUTS}", source=str(path))
    return tuple(items)
