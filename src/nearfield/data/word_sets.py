"""Test sets that word vectors are measured by: those that come with nearfield, others by name, one's own."""

import os
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal, TypeAlias

from nearfield.errors import InvalidInputError

WordSetKind: TypeAlias = Literal["similarity", "analogy", "category", "entailment"]

_BUNDLED = Path(__file__).parent / "bundled" / "words"
SYNTACTIC = "gram"
"""How the names of the syntactic sections of Google's analogies begin; the other sections are semantic."""


@dataclass(frozen=True)
class PairSet:
    """Pairs of words with people's judgements.

    Attributes:
        name: What the set is called.
        kind: `similarity` for how similar or related the two are, `entailment` for how much the first is a kind of the
            second, where the order counts.
        pairs: The words, as written.
        scores: For each pair the judgement, higher for more; 1 and 0 where a relation holds or does not.
        groups: For each pair what it belongs to, such as its part of speech; empty if that is not known.
    """

    name: str
    kind: Literal["similarity", "entailment"]
    pairs: tuple[tuple[str, str], ...]
    scores: tuple[float, ...]
    groups: tuple[str, ...] = ()

    def __len__(self) -> int:
        """Count the pairs."""
        return len(self.pairs)

    @property
    def binary(self) -> bool:
        """Whether the judgements are yes and no."""
        return set(self.scores) <= {0.0, 1.0}


@dataclass(frozen=True)
class AnalogySet:
    """Questions of analogy: a is to b as c is to what?

    Attributes:
        name: What the set is called.
        questions: a, b, c and the answer.
        sections: For each question the section it belongs to.
        kind: What it measures.
    """

    name: str
    questions: tuple[tuple[str, str, str, str], ...]
    sections: tuple[str, ...]
    kind: Literal["analogy"] = "analogy"

    def __len__(self) -> int:
        """Count the questions."""
        return len(self.questions)


@dataclass(frozen=True)
class CategorySet:
    """Words and the category of each.

    Attributes:
        name: What the set is called.
        words: The words, each once.
        categories: The category of each.
        ambiguous: How many words were left out because they belong to several categories.
        kind: What it measures.
    """

    name: str
    words: tuple[str, ...]
    categories: tuple[str, ...]
    ambiguous: int = 0
    kind: Literal["category"] = "category"

    def __len__(self) -> int:
        """Count the words."""
        return len(self.words)


WordSet: TypeAlias = PairSet | AnalogySet | CategorySet


@dataclass(frozen=True)
class WordSetEntry:
    """What is known of a published test set.

    Attributes:
        name: What `load_word_set` knows it by.
        kind: What it measures.
        size: Number of pairs, questions or words.
        licence: Under which it is offered.
        url: Where it is offered.
        paper: What to cite.
        file: Where it lies in the package; empty if it does not come with nearfield, because its licence does not
            say that it may.
    """

    name: str
    kind: WordSetKind
    size: int
    licence: str
    url: str
    paper: str
    file: str = ""

    @property
    def bundled(self) -> bool:
        """Whether it comes with nearfield."""
        return bool(self.file)


@cache
def word_sets() -> tuple[WordSetEntry, ...]:
    """List the published test sets that are known, those that come with nearfield first.

    Returns:
        The entries.
    """
    content = Path(__file__).with_suffix(".toml").read_text(encoding="utf-8")
    return tuple(WordSetEntry(**entry) for entry in tomllib.loads(content)["set"])


def load_word_set(name: "str | os.PathLike[str]") -> WordSet:
    """Load a test set.

    Args:
        name: One that comes with nearfield, as `word_sets` lists them; or the path of a file, see `read_word_set`.

    Returns:
        The set.

    Raises:
        InvalidInputError: If there is no such set, or it does not come with nearfield.
        DataError: If a file cannot be used.

    Examples:
        >>> load_word_set("wordsim-353").pairs[0]
        ('love', 'sex')
    """
    from nearfield.data.word_set_files import read_word_set

    for entry in word_sets():
        if name == entry.name and not Path(name).exists():
            if not entry.bundled:
                raise InvalidInputError(
                    f"{entry.name} does not come with nearfield (licence: {entry.licence}); get it from {entry.url} "
                    "and give the path of its file"
                )
            return read_word_set(_BUNDLED / entry.file, name=entry.name)
    path = Path(name)
    if isinstance(name, str) and not path.exists() and path.suffix == "" and path.name == name:
        known = ", ".join(entry.name for entry in word_sets() if entry.bundled)
        raise InvalidInputError(f"no word set {name!r}; give the path of a file, or one of: {known}")
    return read_word_set(path)


def load_word_sets(sets: "Sequence[str | os.PathLike[str] | WordSet] | None" = None) -> list[WordSet]:
    """Load several test sets.

    Args:
        sets: Names, paths of files, paths of folders for every file in them, or sets already loaded; by default all
            that come with nearfield.

    Returns:
        The sets, in order.

    Raises:
        InvalidInputError: If there is none, or two have one name.
        DataError: If a file cannot be used.
    """
    if isinstance(sets, str | os.PathLike):
        raise InvalidInputError(f"sets must be a sequence, got one; write [{os.fspath(sets)!r}]")
    loaded: list[WordSet] = []
    for given in [entry.name for entry in word_sets() if entry.bundled] if sets is None else sets:
        if isinstance(given, PairSet | AnalogySet | CategorySet):
            loaded.append(given)
        elif Path(given).is_dir():
            files = [path for path in Path(given).iterdir() if path.is_file() and not path.name.startswith(".")]
            loaded += map(load_word_set, sorted(files))
        else:
            loaded.append(load_word_set(given))
    names = [word_set.name for word_set in loaded]
    if not loaded:
        raise InvalidInputError("sets must name at least one word set, got none")
    for name in names:
        if names.count(name) > 1:
            raise InvalidInputError(f"two word sets are called {name!r}; leave one out or rename its file")
    return loaded
