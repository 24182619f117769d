"""Texts to token ids, fast: a word that was met before is not cut into tokens again.

Most tokenisers treat what stands between two spaces on its own, so a text's tokens are those of its words, one after
the other. Then each distinct word is cut once, and a text costs a look-up for each word. Where a tokeniser looks across
spaces, texts are cut whole.
"""

import json
import threading
from collections.abc import Sequence
from itertools import chain
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
from tokenizers import Tokenizer

Ids: TypeAlias = npt.NDArray[np.int32]
Lengths: TypeAlias = npt.NDArray[np.int64]

_SEPARATE_NORMALIZERS = {"BertNormalizer", "Lowercase", "NFC", "NFD", "NFKC", "NFKD", "StripAccents"}
_SEPARATE_PRE_TOKENIZERS = {"BertPreTokenizer", "Whitespace", "WhitespaceSplit", "Punctuation", "Digits"}
# One of these has to cut at every space; the others only cut further.
_CUT_AT_SPACES = {"BertPreTokenizer", "Whitespace", "WhitespaceSplit"}
_SPACES = " \n\t\r"  # cut a text alike
_KEPT_CHARACTERS = 4_000_000  # half a million words, about 100 MB with their ids


class WholeTexts:
    """Cuts whole texts.

    Args:
        tokenizer: Adds no special tokens, pads and truncates nothing.
    """

    def __init__(self, tokenizer: Tokenizer) -> None:
        self._tokenizer = tokenizer

    def cut(self, texts: Sequence[str]) -> tuple[Ids, Lengths]:
        """Give the token ids of all texts, one text after the other, and how many each has: `(n,)`."""
        found = [text.ids for text in self._tokenizer.encode_batch_fast(list(texts), add_special_tokens=False)]
        lengths = np.fromiter(map(len, found), np.int64, len(found))
        return np.fromiter(chain.from_iterable(found), np.int32, lengths.sum()), lengths


class WordByWord:
    """Cuts each distinct word once; safe under several threads.

    Args:
        tokenizer: One that `fits`; adds no special tokens, pads and truncates nothing.
    """

    def __init__(self, tokenizer: Tokenizer) -> None:
        self._whole = WholeTexts(tokenizer)
        self._lock = threading.Lock()
        self._words = _Words()

    @staticmethod
    def fits(tokenizer: Tokenizer) -> bool:
        """Say whether a tokeniser treats what stands between two spaces on its own."""
        content = json.loads(tokenizer.to_str())
        normalizers = {part["type"] for part in _parts(content["normalizer"], "normalizers")}
        cutters = {part["type"] for part in _parts(content["pre_tokenizer"], "pretokenizers")}
        added = content["added_tokens"]
        return (
            normalizers <= _SEPARATE_NORMALIZERS
            and cutters <= _SEPARATE_PRE_TOKENIZERS
            and not cutters.isdisjoint(_CUT_AT_SPACES)
            and not any(token["lstrip"] or token["rstrip"] for token in added)
            and not any(space in token["content"] for token in added for space in _SPACES)
        )

    def cut(self, texts: Sequence[str]) -> tuple[Ids, Lengths]:
        """Give the token ids of all texts, one text after the other, and how many each has: `(n,)`."""
        words = [_words(text) for text in texts]
        flat = list(chain.from_iterable(words))
        known = self._words
        try:
            rows = known.rows(flat)
        except KeyError:
            known = self._learn(set(flat))
            rows = known.rows(flat)
        ids, lengths = known.expand(rows)
        ends = np.cumsum(np.fromiter(map(len, words), np.int64, len(words)))
        tokens = np.concatenate([[0], np.cumsum(lengths)])
        return ids, np.diff(tokens[ends], prepend=0)

    def _learn(self, words: set[str]) -> "_Words":
        """Give what knows at least these words."""
        with self._lock:
            fresh = words.difference(self._words.row_of)
            if self._words.characters + sum(map(len, fresh)) > _KEPT_CHARACTERS:
                self._words, fresh = _Words(), words  # another thread may go on with the one it has
            self._words.add(list(fresh), *self._whole.cut(list(fresh)))
            return self._words


class _Words:
    """The token ids of words. Words are only ever added, so that it can be read meanwhile."""

    def __init__(self) -> None:
        self.row_of: dict[str, int] = {}
        self.characters = 0
        self._ids: Ids = np.empty(0, np.int32)
        self._ends: Lengths = np.zeros(1, np.int64)  # where each word's ids end, after a zero

    def rows(self, words: list[str]) -> npt.NDArray[np.intp]:
        """Look up the row of each word; a KeyError if one is not known."""
        return np.fromiter(map(self.row_of.__getitem__, words), np.intp, len(words))

    def expand(self, rows: npt.NDArray[np.intp]) -> tuple[Ids, Lengths]:
        """Give the ids of words, one word after the other, and how many each has."""
        ids, ends = self._ids, self._ends
        starts = ends[rows]
        lengths = ends[rows + 1] - starts
        stops = np.cumsum(lengths)
        return ids[np.repeat(starts - (stops - lengths), lengths) + np.arange(lengths.sum())], lengths

    def add(self, words: list[str], ids: Ids, lengths: Lengths) -> None:
        """Remember words that are not known yet."""
        self._ids = np.concatenate([self._ids, ids])
        self._ends = np.concatenate([self._ends, self._ends[-1] + np.cumsum(lengths)])
        # Last, so that whoever finds a word's row finds its ids too.
        self.row_of.update(zip(words, range(len(self.row_of), len(self.row_of) + len(words)), strict=True))
        self.characters += sum(map(len, words))


def _words(text: str) -> list[str]:
    for other in _SPACES[1:]:
        if other in text:
            text = text.replace(other, " ")
    return text.split(" ")


def _parts(component: dict[str, Any] | None, inner: str) -> list[dict[str, Any]]:
    """List a component of a tokeniser, or what a sequence of them is made of."""
    if component is None:
        return []
    parts: list[dict[str, Any]] = component[inner] if component["type"] == "Sequence" else [component]
    return parts
