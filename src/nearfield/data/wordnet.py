"""WordNet's nouns: which words name which concept, and which concepts are kinds of which.

The files are those of Princeton's own distribution; their format is in the manual page wndb(5).

References:
    Miller (1995), doi:10.1145/219717.219748; Fellbaum (1998), WordNet: An Electronic Lexical Database.
"""

import lzma
import os
import re
import tarfile
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

from nearfield.data.files import find_in_folder, open_bytes
from nearfield.errors import DataError, InvalidInputError

_SYNSETS, _SENSES = "data.noun", "index.noun"
_KIND_OF, _INSTANCE_OF = "@", "@i"
_EXTRACT = Path(__file__).parent / "bundled" / "wordnet"
_EXTRACT_ROOTS = ("animal.n.01", "plant.n.02", "artifact.n.01", "food.n.01", "food.n.02")
_NAME = re.compile(r"(.+)\.n\.(\d+)")


@dataclass(frozen=True, eq=False)
class WordNet:
    """Concepts that nouns name (synsets), numbered from 0 in the order of the file.

    Attributes:
        words: Of each synset, the words that name it as they are written, the usual one first; `_` joins several.
        hypernyms: Of each synset, the more general ones that it is a kind of, the main one first.
        classes: Of each synset that is one single thing, such as a river or a person, what it is an instance of.
        senses: Of each word in lower case, its synsets, the most frequent sense first.
        source: Where it was read from.
        roots: Names of the synsets below which nothing is missing; none if nothing is missing anywhere.
    """

    words: list[tuple[str, ...]]
    hypernyms: list[tuple[int, ...]]
    classes: list[tuple[int, ...]]
    senses: dict[str, tuple[int, ...]]
    source: str
    roots: tuple[str, ...] = ()

    def __len__(self) -> int:
        """Count the synsets."""
        return len(self.words)

    def __repr__(self) -> str:
        """Say how much there is and where it is from."""
        return f"WordNet({len(self):,} noun synsets, {len(self.senses):,} words, from {self.source})"

    @cached_property
    def hyponyms(self) -> list[list[int]]:
        """Of each synset, its kinds, in the order of the file; instances are none."""
        kinds: list[list[int]] = [[] for _ in self.words]
        for synset, above in enumerate(self.hypernyms):
            for hypernym in above:
                kinds[hypernym].append(synset)
        return kinds

    def senses_of(self, word: str) -> tuple[int, ...]:
        """Find what a word may mean.

        Args:
            word: In any case, its parts joined by `_` or by spaces.

        Returns:
            Synsets, the most frequent sense first; none if it is no noun of WordNet.
        """
        return self.senses.get(word.lower().replace(" ", "_"), ())

    def synset(self, name: str) -> int:
        """Find a synset by its name.

        Args:
            name: `dog.n.01`, the first sense of *dog*; `dog` means the same.

        Returns:
            Its number.

        Raises:
            InvalidInputError: If there is none, naming the senses that the word has.
        """
        match = _NAME.fullmatch(name)
        word, number = (match[1], int(match[2])) if match else (name, 1)
        senses = self.senses_of(word)
        if 1 <= number <= len(senses):
            return senses[number - 1]
        known = f"{word!r} has " + ", ".join(map(self.name, senses)) if senses else f"{word!r} is no noun in it"
        raise InvalidInputError(f"no synset {name!r} in {self.source}: {known}; write word.n.01 for its first sense")

    def name(self, synset: int) -> str:
        """Name a synset by its first word and the number of the sense, `dog.n.01`."""
        word = self.words[synset][0]
        return f"{word}.n.{self.senses_of(word).index(synset) + 1:02d}"

    def below(self, synset: int) -> list[int]:
        """List a synset and all its kinds and their kinds, in the order of the file.

        Args:
            synset: Its number.

        Returns:
            Their numbers, ascending.

        Raises:
            InvalidInputError: If this is an extract, and some of them are missing from it.
        """
        found = self._below(synset)
        if self.roots and not any(synset in self._below(self.synset(root)) for root in self.roots):
            raise InvalidInputError(
                f"{self.source} is an extract, whole only below {', '.join(self.roots)}, not below "
                f"{self.name(synset)}; give the path of WordNet 3.0, such as /usr/share/wordnet"
            )
        return sorted(found)

    def _below(self, synset: int) -> set[int]:
        found, todo = {synset}, [synset]
        while todo:
            new = [kind for kind in self.hyponyms[todo.pop()] if kind not in found]
            found.update(new)
            todo += new
        return found


def read_wordnet(path: str | os.PathLike[str] | None = None) -> WordNet:
    """Read the nouns of WordNet, whole in about two seconds.

    Args:
        path: A folder with `data.noun` and `index.noun` (each may be `.gz`, `.xz` or `.zst`), such as
            `/usr/share/wordnet` of Debian's package wordnet-base, or a `.tar`, `.tar.gz` or `.tar.xz` that
            holds them. By default the extract of WordNet 3.0 that comes with nearfield: animals, plants, artifacts and
            food, with all other senses of their words and all that is more general.

    Returns:
        The hierarchy.

    Raises:
        DataError: If a file is missing or damaged, naming file and line.
    """
    if path is None:
        return replace(_parse(_in_folder(_EXTRACT), "the bundled extract of WordNet"), roots=_EXTRACT_ROOTS)
    place = Path(path)
    return _parse(_archived(place) if place.is_file() else _in_folder(place), str(place))


def _in_folder(folder: Path) -> dict[str, tuple[str, bytes]]:
    contents = {}
    for name in (_SYNSETS, _SENSES):
        path = find_in_folder(folder, name)
        with open_bytes(path) as stream:
            contents[name] = str(path), stream.read()
    return contents


def _archived(path: Path) -> dict[str, tuple[str, bytes]]:
    contents = {}
    try:
        with tarfile.open(path) as archive:
            for member in archive:
                name = Path(member.name).name
                if name in (_SYNSETS, _SENSES) and (stream := archive.extractfile(member)) is not None:
                    contents[name] = f"{path}/{name}", stream.read()
                if len(contents) == 2:
                    break
    except (tarfile.TarError, lzma.LZMAError, EOFError, OSError) as error:
        raise DataError(f"is no archive that can be read: {error}", source=str(path)) from error
    for name in (_SYNSETS, _SENSES):
        if name not in contents:
            raise DataError(f"holds no {name}; give an archive of WordNet's dict folder", source=str(path))
    return contents


def _parse(contents: dict[str, tuple[str, bytes]], source: str) -> WordNet:
    words: list[tuple[str, ...]] = []
    pointers: list[tuple[int, list[tuple[str, str]]]] = []
    number_of: dict[str, int] = {}
    where, content = contents[_SYNSETS]
    for line, text in _lines(content, where):
        try:
            offset, named, above = _synset(text)
        except (ValueError, IndexError) as error:
            raise DataError(f"is no line of a synset: {text[:60]!r}", source=where, line=line) from error
        number_of[offset] = len(words)
        words.append(named)
        pointers.append((line, above))
    above_of: dict[str, list[tuple[int, ...]]] = defaultdict(list)
    for line, above in pointers:
        for kind in (_KIND_OF, _INSTANCE_OF):
            offsets = [offset for symbol, offset in above if symbol == kind]
            above_of[kind].append(_numbers(offsets, number_of, where, line))
    senses = _senses(*contents[_SENSES], number_of)
    missing = next((word for named in words for word in named if word.lower() not in senses), None)
    if missing is not None:
        raise DataError(f"lacks {missing!r}, which stands in {where}", source=contents[_SENSES][0])
    return WordNet(words, above_of[_KIND_OF], above_of[_INSTANCE_OF], senses, source)


def _synset(text: str) -> tuple[str, tuple[str, ...], list[tuple[str, str]]]:
    """Take apart: offset, file number, type, word count in hexadecimal, words, pointer count, pointers, gloss."""
    fields = text.partition("|")[0].split()
    start = 4 + 2 * int(fields[3], 16)
    words = tuple(fields[4:start:2])
    end = start + 1 + 4 * int(fields[start])
    if fields[2] != "n" or not words or len(fields) != end:
        raise ValueError(text)
    symbols, offsets = fields[start + 1 : end : 4], fields[start + 2 : end : 4]
    above = [pair for pair in zip(symbols, offsets, strict=True) if pair[0] in (_KIND_OF, _INSTANCE_OF)]
    return fields[0], words, above


def _senses(where: str, content: bytes, number_of: dict[str, int]) -> dict[str, tuple[int, ...]]:
    senses = {}
    for line, text in _lines(content, where):
        fields = text.split()
        try:
            count = int(fields[2])
        except (ValueError, IndexError) as error:
            raise DataError(f"is no line of a word's senses: {text[:60]!r}", source=where, line=line) from error
        senses[fields[0]] = _numbers(fields[len(fields) - count :], number_of, where, line)
    return senses


def _numbers(offsets: list[str], number_of: dict[str, int], where: str, line: int) -> tuple[int, ...]:
    try:
        return tuple([number_of[offset] for offset in offsets])
    except KeyError as error:
        raise DataError(f"points to synset {error}, which {_SYNSETS} lacks", source=where, line=line) from None


def _lines(content: bytes, where: str) -> Iterator[tuple[int, str]]:
    """Give numbered lines, without those of the licence at the top, which begin with spaces."""
    try:
        text = content.decode()
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise DataError("is not valid UTF-8", source=where, line=line) from error
    for line, row in enumerate(text.split("\n"), start=1):
        if row and not row.startswith("  "):
            yield line, row
