"""The part of WordNet that a space has words for, as a tree whose leaves are those words."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal, TypeAlias

import numpy as np

from nearfield.arrays import Scores
from nearfield.data.wordnet import WordNet
from nearfield.errors import DataError
from nearfield.space.keys import Positions

Senses: TypeAlias = Literal["first", "only", "any"]
"""Which words count below a concept: by their most frequent sense, by their only sense, or by any."""

_LARGEST_CLASS = 0.2


@dataclass(frozen=True, eq=False)
class Taxonomy:
    """Words below one concept.

    Attributes:
        wordnet: What the concepts are numbered in.
        words: `n` keys of the space, in its order.
        paths: Of each word, the concepts from the root to the one it names.
    """

    wordnet: WordNet
    words: tuple[str, ...]
    paths: tuple[tuple[int, ...], ...]

    def __len__(self) -> int:
        """Count the words."""
        return len(self.words)

    @cached_property
    def shared_depths(self) -> Positions:
        """`(n, n)` int64, how many concepts the paths of two words share: the depth of their lowest common one."""
        deepest = max(map(len, self.paths))
        shared = np.zeros((len(self), len(self)), np.int64)
        for level in range(deepest):
            # Past its end each path has a number of its own, so that it equals no other.
            here = np.array([path[level] if level < len(path) else -1 - row for row, path in enumerate(self.paths)])
            shared += here[:, None] == here
        return shared

    @cached_property
    def distances(self) -> Scores:
        """`(n, n)` float64 in [0, 1), 1 less the similarity of Wu & Palmer (1994), doi:10.3115/981732.981751.

        Depths are counted from the root of this taxonomy, which has depth 1.
        """
        depths = np.array([len(path) for path in self.paths])
        found: Scores = 1 - 2 * self.shared_depths / (depths[:, None] + depths)
        np.fill_diagonal(found, 0)
        return found

    @cached_property
    def classes(self) -> Positions:
        """`(n,)` int64, the concept that is each word's class.

        The class with most words is split into its kinds until none holds more than a fifth of the words; what names
        the split class itself stays in a class of that name.
        """
        level = np.zeros(len(self), np.int64)
        while True:
            classes = np.array([path[depth] for path, depth in zip(self.paths, level, strict=True)])
            splittable = [len(path) > depth + 1 for path, depth in zip(self.paths, level, strict=True)]
            sizes = Counter(classes[splittable].tolist())
            largest, size = max(sizes.items(), key=lambda item: (item[1], -item[0]), default=(0, 0))
            if size <= _LARGEST_CLASS * len(self):
                return classes
            level[(classes == largest) & splittable] += 1


def taxonomy_of(keys: Sequence[str], wordnet: WordNet, root: str, *, senses: Senses, most: int) -> Taxonomy:
    """Find the words of a space below a concept.

    Of words that name the same concept the first is taken. Every concept hangs from the first of its hypernyms that is
    below the root too, so that the graph becomes a tree. Words of inner concepts are leaves as well: *dog* hangs from
    the concept of the dog, beside the one of the poodle. Instances, such as a famous horse, do not count.

    Args:
        keys: The keys of the space, the most frequent first; in any case, parts joined by spaces or `_`.
        wordnet: The nouns.
        root: Name of the concept.
        senses: Which words count: those whose `first` sense, the most frequent one in WordNet's texts, is a kind of
            the root; those whose `only` sense is; or those of which `any` sense is, the first such, for a space that
            is known to be of nothing else: the first sense of *tiger* is a bold person.
        most: Take the first so many words.

    Returns:
        The words and their paths, which may be none.

    Raises:
        InvalidInputError: If there is no such concept, or the extract of WordNet is incomplete below it.
        DataError: If the hypernyms go in a circle.
    """
    top = wordnet.synset(root)
    below = set(wordnet.below(top)) - {top}
    word_of: dict[int, str] = {}
    for key in keys:
        meant = wordnet.senses_of(key)
        counted = meant if senses == "any" else meant[:1] if senses == "first" or len(meant) == 1 else ()
        synset = next((sense for sense in counted if sense in below), None)
        if synset is not None:
            word_of.setdefault(synset, key)
            if len(word_of) == most:
                break
    paths = tuple(_path(wordnet, synset, top, below) for synset in word_of)
    return Taxonomy(wordnet, tuple(word_of.values()), paths)


def _path(wordnet: WordNet, synset: int, top: int, below: set[int]) -> tuple[int, ...]:
    path = [synset]
    while path[-1] != top:
        above = next(found for found in wordnet.hypernyms[path[-1]] if found == top or found in below)
        if above in path:
            raise DataError(f"the hypernyms of {wordnet.name(above)} lead back to it", source=wordnet.source)
        path.append(above)
    return tuple(reversed(path))
