"""Words as sparse vectors: the one lexical implementation, for measuring and for serving alike.

A document becomes term weights that need nothing of the rest of the corpus, and the store multiplies each shared term
by its inverse document frequency when it searches. So records can come and go without rewriting the others.
"""

import math
import re
import sys
import unicodedata
import zlib
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from functools import cache, cached_property
from typing import Literal

import numpy as np
import numpy.typing as npt

from nearfield.arrays import Scores
from nearfield.errors import InvalidInputError
from nearfield.retrieval.stop_words import ENGLISH_STOP_WORDS
from nearfield.stores.base import SparseVector

_ASCII_WORD = re.compile(r"\w+")


@cache
def _word() -> re.Pattern[str]:
    # Vowel signs and other marks belong to the word they stand in, which Python's \w does not know.
    marks = "".join(c for c in map(chr, range(sys.maxunicode + 1)) if unicodedata.category(c) in ("Mn", "Mc"))
    return re.compile(rf"\w+(?:[{re.escape(marks)}]+\w*)*")


@dataclass(frozen=True)
class LexicalSpec:
    """How texts become sparse vectors.

    Attributes:
        weighting: `bm25`, or `tfidf` (log term frequency, documents of length 1: lnc.ltc in SMART's notation).
        language: A Snowball language for stemming, or `none`. English also drops stop words.
        ngram: 0 for words; n for the overlapping n-character pieces of the text's words, joined by single spaces.
        k1: BM25's saturation of repeated terms, at least 0.
        b: BM25's correction for document length, 0 (none) to 1 (full).
        average_length: Mean number of terms in a document, for BM25; None until a corpus has been looked at.
    """

    weighting: Literal["bm25", "tfidf"] = "bm25"
    language: str = "english"
    ngram: int = 0
    k1: float = 1.2
    b: float = 0.75
    average_length: float | None = None

    def __post_init__(self) -> None:
        """Refuse values without meaning."""
        if self.weighting not in ("bm25", "tfidf"):
            raise InvalidInputError(f"weighting must be bm25 or tfidf, got {self.weighting!r}")
        if not 0 <= self.ngram <= 16:
            raise InvalidInputError(f"ngram must be 0 (words) to 16 characters, got {self.ngram}")
        if not (0 <= self.k1 < math.inf and 0 <= self.b <= 1):
            raise InvalidInputError(f"k1 must be at least 0 and b in [0, 1], got k1={self.k1}, b={self.b}")
        if self.average_length is not None and not 0 < self.average_length < math.inf:
            raise InvalidInputError(f"average_length must be above 0, got {self.average_length}")
        languages = stemmer_languages()
        if self.language not in languages:
            raise InvalidInputError(f"language must be one of {', '.join(languages)}; got {self.language!r}")


def stemmer_languages() -> list[str]:
    """List the languages a spec may name."""
    import Stemmer

    return ["none", *Stemmer.algorithms()]


class Lexicon:
    """Turns texts into sparse vectors as a spec says.

    Args:
        spec: How.
    """

    def __init__(self, spec: LexicalSpec) -> None:
        self.spec = spec

    @cached_property
    def _stem(self) -> Callable[[list[str]], list[str]]:
        import Stemmer

        return Stemmer.Stemmer(self.spec.language).stemWords  # type: ignore[no-any-return]  # untyped C extension

    def terms(self, text: str) -> list[str]:
        """Split a text into its terms, repeated ones included.

        Args:
            text: Any text.

        Returns:
            Stemmed words without stop words, or character n-grams; empty if the text holds no word.
        """
        if text.isascii():
            words = _ASCII_WORD.findall(text.lower())
        else:
            words = _word().findall(unicodedata.normalize("NFKC", text).casefold())
        if self.spec.ngram:
            joined, size = f" {' '.join(words)} ", self.spec.ngram
            return [joined[i : i + size] for i in range(len(joined) - size + 1)] if words else []
        if self.spec.language == "none":
            return words
        if self.spec.language == "english":
            words = [word for word in words if word not in ENGLISH_STOP_WORDS]
        return self._stem(words)

    def fitted(self, texts: Iterable[str]) -> "Lexicon":
        """Measure the average length of documents.

        Args:
            texts: A sample of the documents; all of them for the textbook's BM25.

        Returns:
            A lexicon whose spec states the average; itself if it did already, or needs none.

        Raises:
            InvalidInputError: If there is no document to measure.
        """
        if self.spec.average_length is not None or self.spec.weighting != "bm25":
            return self
        lengths = [len(self.terms(text)) for text in texts]
        if not lengths:
            raise InvalidInputError("BM25 needs the average length of documents: give a sample of them")
        average = max(sum(lengths) / len(lengths), 1.0)  # texts without any word are no reason to divide by 0
        return Lexicon(replace(self.spec, average_length=average))

    def document(self, text: str) -> SparseVector:
        """Weigh the terms of a document.

        Args:
            text: The document.

        Returns:
            For BM25, `tf * (k1 + 1) / (tf + k1 * (1 - b + b * length / average))` for each term; for TF-IDF
            `1 + ln tf`, scaled to length 1. Empty if the text holds no term.

        Raises:
            InvalidInputError: If the spec has no average length yet.

        References:
            Robertson & Zaragoza (2009), doi:10.1561/1500000019; Salton & Buckley (1988),
            doi:10.1016/0306-4573(88)90021-0.
        """
        terms = self.terms(text)
        indices, counts = _count(terms)
        if self.spec.weighting == "tfidf":
            weights = 1 + np.log(counts)
            return SparseVector(indices, (weights / max(np.linalg.norm(weights), 1e-12)).astype(np.float32))
        if self.spec.average_length is None:
            raise InvalidInputError("a BM25 lexicon needs an average length; call fitted(texts) first")
        k1, b = self.spec.k1, self.spec.b
        saturation = k1 * (1 - b + b * len(terms) / self.spec.average_length)
        return SparseVector(indices, (counts * (k1 + 1) / (counts + saturation)).astype(np.float32))

    def query(self, text: str) -> SparseVector:
        """Weigh the terms of a query by how often they occur in it; the store supplies the rarity.

        Args:
            text: The query.

        Returns:
            A sparse vector; empty if the text holds no term.
        """
        indices, counts = _count(self.terms(text))
        weights = 1 + np.log(counts) if self.spec.weighting == "tfidf" else counts
        return SparseVector(indices, weights.astype(np.float32))


def _count(terms: list[str]) -> tuple[npt.NDArray[np.uint32], Scores]:
    # CRC-32 names a term in 32 bits without a vocabulary to store and keep in step. Of a million different terms
    # about 230 share their number with another; such a pair counts as one term.
    counts: Counter[int] = Counter()
    for term, count in Counter(terms).items():
        counts[zlib.crc32(term.encode())] += count
    indices = np.fromiter(counts.keys(), dtype=np.uint32, count=len(counts))
    return indices, np.fromiter(counts.values(), dtype=np.float64, count=len(counts))
