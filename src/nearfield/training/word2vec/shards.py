"""A corpus as numbers on disk: each text is read and cut once, whatever the number of epochs.

Words are numbered as they come, and written to a memory-mapped file of int32. When all are counted, the frequent ones
get their final numbers, by falling count, and the file is written anew without the others.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Self

import numpy as np
import numpy.typing as npt

from nearfield.errors import DataError, InvalidInputError, StorageError
from nearfield.progress import Progress, silent
from nearfield.space.keys import Positions

Ids = npt.NDArray[np.int32]

_WRITTEN_WORDS = 1 << 20  # at once; the rest stays on disk


@dataclass(frozen=True, eq=False)
class Shards:
    """Sentences of numbered words, memory-mapped.

    Attributes:
        words: Word of each number.
        counts: `(words,)` int64, how often each occurs in `ids`.
        ids: `(n,)` int32, the words of all sentences.
        ends: `(sentences,)` int64, where each sentence ends in `ids`; none is empty.
    """

    words: list[str]
    counts: Positions
    ids: Ids
    ends: Positions

    def blocks(self) -> Iterator[tuple[Ids, Positions]]:
        """Go through the sentences, about a million words at once: ids, and where in them each sentence ends."""
        first = start = 0
        while first < len(self.ends):
            last = max(first + 1, int(np.searchsorted(self.ends, start + _WRITTEN_WORDS, side="right")))
            end = int(self.ends[last - 1])
            yield self.copy(start, end), self.ends[first:last] - start
            first, start = last, end

    def copy(self, start: int, end: int) -> Ids:
        """Read some of the ids; through the map, their pages would count as this process's memory from then on."""
        if isinstance(self.ids, np.memmap):
            return np.fromfile(str(self.ids.filename), np.int32, end - start, offset=start * self.ids.itemsize)
        return self.ids[start:end]


class _Numbers(dict[str, int]):
    """Gives each new word the next number."""

    def __init__(self) -> None:
        super().__init__()
        self.words: list[str | None] = []  # None for a word that was forgotten

    def __missing__(self, word: str) -> int:
        if not isinstance(word, str):
            raise InvalidInputError(f"words must be strings, got {type(word).__name__}: {word!r:.60}")
        try:
            word.encode()
        except UnicodeEncodeError as error:
            raise InvalidInputError(f"the word {word!r:.60} is not valid Unicode: {error.reason}") from error
        self[word] = number = len(self.words)
        self.words.append(word)
        return number


class ShardWriter:
    """Appends sentences of numbers to two files, as a context; afterwards `shards` maps them.

    Args:
        folder: Where the files are; earlier ones of that name are overwritten.
        name: What they are called.
    """

    def __init__(self, folder: Path, name: str) -> None:
        self._paths = (folder / f"{name}-ids.i32", folder / f"{name}-ends.i64")
        self._files: list[BinaryIO] = []
        self._total = 0

    def __enter__(self) -> Self:
        """Open the files."""
        self._files = [path.open("wb") for path in self._paths]
        return self

    def __exit__(self, *failure: object) -> None:
        """Close them."""
        for file in self._files:
            file.close()

    def write(self, ids: npt.NDArray[Any], ends: npt.NDArray[Any]) -> None:
        """Append sentences: their words, and where in them each ends; a StorageError if the disk refuses."""
        try:
            ids.astype(np.int32).tofile(self._files[0])
            (ends + self._total).astype(np.int64).tofile(self._files[1])
        except OSError as error:  # numpy's has no strerror
            raise StorageError(
                f"{self._paths[0].parent} could not hold the corpus ({error.strerror or error}); make room there"
            ) from error
        self._total += len(ids)

    def shards(self, words: list[str], counts: Positions) -> Shards:
        """Map what was written."""
        ids, ends = self._paths
        return Shards(words, counts, _map(ids, np.int32), _map(ends, np.int64))


def number_words(
    sentences: Iterable[Sequence[str]],
    folder: Path,
    *,
    max_vocab_size: int | None = None,
    progress: Progress = silent,
) -> Shards:
    """Number the words of all sentences, in the order they come.

    Args:
        sentences: The words of each sentence.
        folder: Where to write.
        max_vocab_size: Most distinct words to hold in memory; beyond, the rarest so far are forgotten, and counted
            from zero if they come again.
        progress: Told the words that were read.

    Returns:
        The shards, with all words; empty sentences are left out.

    Raises:
        InvalidInputError: If a word is no string.
    """
    numbers, counts = _Numbers(), np.zeros(0, np.int64)
    total = forgotten_below = 0
    with ShardWriter(folder, "read") as writer:
        for ids, ends in _numbered(sentences, numbers):
            writer.write(ids, ends)
            seen = np.bincount(ids, minlength=len(numbers.words))
            seen[: len(counts)] += counts
            counts = seen
            total += len(ids)
            progress("reading words", total, None)
            while max_vocab_size is not None and len(numbers) > max_vocab_size:
                forgotten_below += 1
                _forget(numbers, counts, forgotten_below)
    known = [word if word is not None else "" for word in numbers.words]
    kept = np.array([word is not None for word in numbers.words], bool)
    return writer.shards(known, np.where(kept, counts, 0))


def keep_words(
    shards: Shards, folder: Path, *, min_count: int, max_words: int | None, longest: int, source: str
) -> Shards:
    """Keep the frequent words, numbered by falling count, and the sentences in which two or more are left.

    Args:
        shards: All words.
        folder: Where to write.
        min_count: Words that occur less often are left out.
        max_words: Most words to keep; None for all.
        longest: Longer sentences are cut.
        source: What to call the corpus in an error.

    Returns:
        The shards, with those words only; `counts` are of all their occurrences.

    Raises:
        DataError: If fewer than two words are left, or nothing that two of them stand in.
    """
    frequent = np.flatnonzero(shards.counts >= max(min_count, 1))
    order = frequent[np.argsort(-shards.counts[frequent], kind="stable")][:max_words]
    if len(order) < 2:
        raise DataError(_too_few(shards, min_count, len(order)), source=source)
    new_number = np.full(len(shards.words), -1, np.int64)
    new_number[order] = np.arange(len(order))
    with ShardWriter(folder, "kept") as writer:
        for ids, ends in shards.blocks():
            writer.write(*_renumbered(new_number[ids], ends, longest))
    kept = writer.shards([shards.words[i] for i in order], shards.counts[order])
    if not len(kept.ids):
        raise DataError(
            f"no sentence has two of the {len(order):,} words that occur at least {min_count} times, so there is no "
            "context to learn from; give longer sentences or lower min_count",
            source=source,
        )
    return kept


def _numbered(sentences: Iterable[Sequence[str]], numbers: _Numbers) -> Iterator[tuple[Positions, Positions]]:
    ids: list[int] = []
    ends: list[int] = []
    for sentence in sentences:
        try:
            ids.extend(map(numbers.__getitem__, sentence))
        except TypeError as error:  # a list in place of a word, which no dictionary can look up
            raise InvalidInputError(f"a sentence must be a list of strings, got {sentence!r:.60}") from error
        if len(ids) > (ends[-1] if ends else 0):
            ends.append(len(ids))
        if len(ids) >= _WRITTEN_WORDS:
            yield np.array(ids), np.array(ends)
            ids, ends = [], []
    if ends:
        yield np.array(ids, np.int64), np.array(ends)


def _forget(numbers: _Numbers, counts: Positions, least: int) -> None:
    for word, number in list(numbers.items()):
        if counts[number] <= least:
            del numbers[word]
            numbers.words[number] = None


def _renumbered(ids: Positions, ends: Positions, longest: int) -> tuple[Positions, Positions]:
    kept = ids >= 0
    new_ends = np.concatenate([[0], np.cumsum(kept)])[ends]
    lengths = np.diff(new_ends, prepend=0)
    worth = lengths >= 2
    ids = ids[kept][np.repeat(worth, lengths)]
    lengths = lengths[worth]
    pieces = -(-lengths // longest)
    cut = np.full(pieces.sum(), longest)
    cut[np.cumsum(pieces) - 1] = lengths - (pieces - 1) * longest
    return ids, np.cumsum(cut)


def _too_few(shards: Shards, min_count: int, kept: int) -> str:
    if not len(shards.ids):
        return "holds no words; give text with words in it"
    most = int(np.argmax(shards.counts))
    return (
        f"only {kept} of its {int((shards.counts > 0).sum()):,} words occur at least {min_count} times (the most "
        f"frequent, {shards.words[most]!r:.60}, occurs {int(shards.counts[most]):,} times), and two are needed; lower "
        "min_count or give more text"
    )


def _map(path: Path, dtype: type[np.generic]) -> npt.NDArray[Any]:
    if path.stat().st_size == 0:  # which cannot be mapped
        return np.empty(0, dtype)
    return np.memmap(path, dtype, "r")
