"""The `.bin` models of fastText, versions 11 and 12: words, counts, and vectors of words and of character n-grams.

References:
    Bojanowski, Grave, Joulin & Mikolov (2017), doi:10.1162/tacl_a_00051.
"""

import mmap
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from nearfield.errors import DataError
from nearfield.space.formats.rows import ReadOptions, RowCollector
from nearfield.space.ngrams import add_ngrams
from nearfield.space.space import Space
from nearfield.space.subwords import Subwords

MAGIC = struct.pack("<i", 793712314)
_VERSIONS = (11, 12)
_SUPERVISED = 3
_END_OF_SENTENCE = "</s>"  # a word without n-grams
_WORDS_AT_ONCE = 4_096


class _Stream:
    """Numbers and strings one after the other; where the file ends too early, that is told."""

    def __init__(self, content: mmap.mmap, path: Path) -> None:
        self.content = content
        self.position = 0
        self._path = path

    def numbers(self, layout: str) -> tuple[Any, ...]:
        """Read numbers as `struct` names them."""
        layout = f"<{layout}"
        if self.position + struct.calcsize(layout) > len(self.content):
            raise self.cut_short()
        found = struct.unpack_from(layout, self.content, self.position)
        self.position += struct.calcsize(layout)
        return found

    def word(self) -> bytes:
        """Read a string to the zero at its end."""
        end = self.content.find(b"\0", self.position)
        if end < 0:
            raise self.cut_short()
        found = self.content[self.position : end]
        self.position = end + 1
        return found

    def cut_short(self) -> DataError:
        """Make an error that says so."""
        return self.error(f"is cut short: it ends at byte {len(self.content):,}, within what begins at")

    def error(self, problem: str) -> DataError:
        """Make an error that says where in the file it is."""
        return DataError(f"{problem} byte {self.position:,}", source=str(self._path))


@dataclass(frozen=True, eq=False)
class _Settings:
    dim: int
    buckets: int
    min_n: int
    max_n: int

    @property
    def has_ngrams(self) -> bool:
        return self.buckets > 0 and 1 <= self.min_n <= self.max_n


def read_fasttext(path: Path, options: ReadOptions) -> Space:
    """Read a model: each word's vector is the mean of its own and its n-grams', and unseen words get their n-grams'."""
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        stream = _Stream(content, path)
        settings = _read_settings(stream)
        words, places, counts = _read_dictionary(stream)
        matrix = _find_matrix(stream, path, settings, len(words))
    subwords = None
    if settings.has_ngrams:
        subwords = Subwords(matrix[len(words) :], settings.min_n, settings.max_n)
    collector = RowCollector(path, settings.dim, options, unit="byte", total=len(words))
    for first in range(0, len(words), _WORDS_AT_ONCE):
        block = slice(first, first + _WORDS_AT_ONCE)
        _take_words(words[block], places[block], matrix[: len(words)][block], subwords, collector)
        if collector.full:
            break
    kept = np.searchsorted(places, np.array(collector.places, np.int64))
    return collector.space(format="fasttext", subwords=subwords, counts=counts[kept])


def _read_settings(stream: _Stream) -> _Settings:
    _, version = stream.numbers("ii")
    if version not in _VERSIONS:
        raise stream.error(f"is of fastText's version {version}, and {_VERSIONS} are read; see")
    dim, _, _, _, _, _, _, model, buckets, min_n, max_n, _, _ = stream.numbers("12id")
    if dim < 1 or buckets < 0:
        raise stream.error(f"says {dim} dimensions and {buckets} buckets before")
    if version == 11 and model == _SUPERVISED:
        max_n = 0  # such models were trained without character n-grams, whatever they say
    return _Settings(dim, buckets, min_n, max_n)


def _read_dictionary(stream: _Stream) -> tuple[list[bytes], npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Read the words, where each stands in the file, and how often each was seen; labels are passed over."""
    size, n_words, n_labels, _, pruned = stream.numbers("iiiqq")
    if n_words < 1 or n_labels < 0 or size != n_words + n_labels:
        raise stream.error(f"says {size} entries, of which {n_words} are words and {n_labels} labels, before")
    if pruned >= 0:
        raise stream.error("is pruned, so that most of its n-grams are left out; give the model it was made of; see")
    words, places, counts = [], [], []
    for _ in range(size):
        place = stream.position
        word = stream.word()
        count, kind = stream.numbers("qb")
        if kind == 0:
            words.append(word)
            places.append(place)
            counts.append(count)
    if len(words) != n_words:
        raise stream.error(f"says {n_words:,} words, and its dictionary has {len(words):,}, before")
    return words, np.array(places, np.int64), np.array(counts, np.int64)


def _find_matrix(stream: _Stream, path: Path, settings: _Settings, words: int) -> npt.NDArray[np.float32]:
    """Map the matrix of words, then n-grams."""
    (quantised,) = stream.numbers("?")
    if quantised:
        raise stream.error(
            "is quantised, as .ftz files are: it holds codes in place of vectors; give the .bin it was made of; see"
        )
    rows, dim = stream.numbers("qq")
    if dim != settings.dim or rows < words or (settings.has_ngrams and rows != words + settings.buckets):
        raise stream.error(
            f"has a matrix of {rows:,} rows and {dim} dimensions for {words:,} words, {settings.buckets:,} buckets and "
            f"{settings.dim} dimensions; it is damaged before"
        )
    if stream.position + 4 * rows * dim > len(stream.content):
        raise stream.cut_short()
    return np.asarray(np.memmap(path, "<f4", "r", stream.position, (rows, dim)))


def _take_words(
    raw: list[bytes],
    places: npt.NDArray[np.int64],
    own: npt.NDArray[np.float32],
    subwords: Subwords | None,
    collector: RowCollector,
) -> None:
    rows, words = [], []
    for row, word in enumerate(raw):
        try:
            words.append(word.decode())
            rows.append(row)
        except UnicodeDecodeError:
            collector.refuse(f"the word {word!r:.80} is not valid UTF-8", int(places[row]))
    vectors = np.ascontiguousarray(own[rows], np.float32)
    if subwords is not None:
        whole = [row for row, word in enumerate(words) if word == _END_OF_SENTENCE]
        kept = vectors[whole]
        vectors = add_ngrams(words, vectors, subwords)
        vectors[whole] = kept
    collector.add(words, vectors, places[rows].tolist())
