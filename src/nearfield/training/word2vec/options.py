"""What can be chosen when word vectors are trained; the names are gensim's."""

from dataclasses import dataclass
from typing import Literal

from nearfield.errors import InvalidInputError

_MOST = {"vector_size": 100_000, "window": 1000, "negative": 10_000, "bucket": 2**31 - 1, "phrases": 100}


@dataclass(frozen=True)
class Word2VecOptions:
    """How to train word vectors.

    Attributes:
        vector_size: Dimensions, from 1 to 100,000.
        window: Most words on each side that count as context, at least 1.
        min_count: Words seen less often are left out, at least 1.
        sg: 1 for skip-gram, 0 for CBOW.
        hs: 1 for hierarchical softmax; `negative` is then 0.
        negative: Words that each pair is held against, from 1 to 10,000, or 0 with `hs`; 5 to 20 for small corpora.
        ns_exponent: Those are drawn by count to this power, from -1 to 1.
        cbow_mean: 1 for the mean of the context in CBOW, 0 for its sum.
        alpha: Learning rate at the start, above 0; None for what suits the way: 0.04 for skip-gram, 0.05 for CBOW.
        min_alpha: Learning rate at the end, from 0 to `alpha`.
        epochs: Times the corpus is gone through, at least 1.
        sample: Words more frequent than this share are randomly left out; 0 leaves out none.
        shrink_windows: Whether each centre draws its window from 1 to `window`, so that nearer words count more.
        max_vocab_size: Most distinct words to count at once; the rarest are forgotten beyond. None for no bound.
        max_final_vocab: Most words to keep, the most frequent; None for no bound.
        subwords: Whether vectors are made of the word's and its n-grams', so that unseen words have some too.
        min_n: Fewest characters of an n-gram, at least 1.
        max_n: Most characters of an n-gram, at least `min_n`.
        bucket: Rows that n-grams share by their hash, at least 1.
        phrases: Times to join words that stand together unusually often: 1 makes pairs, 2 up to four words.
        phrase_threshold: How unusually: the score of Mikolov et al. (2013) that a pair must exceed, at least 0.
        seed: Of the random numbers, at least 0.
    """

    vector_size: int = 100
    window: int = 5
    min_count: int = 5
    sg: Literal[0, 1] = 0
    hs: Literal[0, 1] = 0
    negative: int = 5
    ns_exponent: float = 0.75
    cbow_mean: Literal[0, 1] = 1
    alpha: float | None = None
    min_alpha: float = 0.0001
    epochs: int = 5
    sample: float = 1e-3
    shrink_windows: bool = True
    max_vocab_size: int | None = 10_000_000
    max_final_vocab: int | None = None
    subwords: bool = False
    min_n: int = 3
    max_n: int = 6
    bucket: int = 2_000_000
    phrases: int = 0
    phrase_threshold: float = 10.0
    seed: int = 1

    def __post_init__(self) -> None:
        """Refuse what is out of range."""
        for name in ("vector_size", "window", "min_count", "epochs", "min_n", "bucket"):
            _require_least(name, getattr(self, name), 1)
        for name in ("negative", "phrases", "seed"):
            _require_least(name, getattr(self, name), 0)
        for name in ("max_vocab_size", "max_final_vocab"):
            if getattr(self, name) is not None:
                _require_least(name, getattr(self, name), 2)
        for name in ("sg", "hs", "cbow_mean"):
            if getattr(self, name) not in (0, 1):
                raise InvalidInputError(f"{name} must be 0 or 1, got {getattr(self, name)!r}")
        for name, most in _MOST.items():
            _require_most(name, getattr(self, name), most)
        if self.max_n < self.min_n:
            raise InvalidInputError(f"max_n must be at least min_n, got {self.max_n} and {self.min_n}")
        if bool(self.hs) == bool(self.negative):
            raise InvalidInputError(
                f"choose one way to predict: negative=5 with hs=0, or hs=1 with negative=0; got hs={self.hs} and "
                f"negative={self.negative}"
            )
        self._check_rates()

    @property
    def first_rate(self) -> float:
        """Learning rate at the start."""
        return (0.04 if self.sg else 0.05) if self.alpha is None else self.alpha

    def _check_rates(self) -> None:
        if not 0 < self.first_rate < float("inf"):
            raise InvalidInputError(f"alpha must be above 0, such as 0.025, got {self.alpha}")
        if not 0 <= self.min_alpha <= self.first_rate:
            raise InvalidInputError(f"min_alpha must be from 0 to alpha ({self.first_rate}), got {self.min_alpha}")
        if not 0 <= self.sample < float("inf"):
            raise InvalidInputError(f"sample must be at least 0, such as 0.001, got {self.sample}")
        if not -1 <= self.ns_exponent <= 1:
            raise InvalidInputError(f"ns_exponent must be from -1 to 1, got {self.ns_exponent}")
        if not 0 <= self.phrase_threshold < float("inf"):
            raise InvalidInputError(f"phrase_threshold must be at least 0, got {self.phrase_threshold}")


def _require_most(name: str, value: int, most: int) -> None:
    if value > most:
        raise InvalidInputError(f"{name} must be at most {most}, got {value}")


def _require_least(name: str, value: object, least: int) -> None:
    if not isinstance(value, int) or isinstance(value, bool) or value < least:
        raise InvalidInputError(f"{name} must be a whole number of at least {least}, got {value!r}")
