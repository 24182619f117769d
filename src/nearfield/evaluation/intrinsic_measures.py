"""What is measured of a space by each kind of test set.

Each kind has a deciding measure, the first of those that a `MeasuredSet` holds; spaces are compared by it.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias, cast

import numpy as np
import numpy.typing as npt

from nearfield.arrays import Scores, Vectors, normalise, row_norms
from nearfield.data.word_sets import SYNTACTIC, AnalogySet, CategorySet, PairSet, WordSet
from nearfield.evaluation.categorisation import in_majority, k_means, normalised_mutual_information
from nearfield.evaluation.lexicon import Found, Lexicon
from nearfield.evaluation.resampling import (
    Resampled,
    average_precision_of,
    pearson_of,
    resample,
    resampled_means,
    spearman_of,
)
from nearfield.progress import Progress, silent
from nearfield.space.analogies import AnalogyMethod
from nearfield.space.analogy_questions import answer_analogies
from nearfield.space.neighbours import pair_similarities
from nearfield.statistics import Bootstrap

Missing: TypeAlias = Literal["skip", "zero"]

_STATISTICS: dict[str, Callable[[Scores, Scores], Resampled]] = {
    "Spearman": spearman_of,
    "Pearson": pearson_of,
    "AP": average_precision_of,
}
METHODS: tuple[AnalogyMethod, ...] = ("3CosAdd", "3CosMul")
"""By which analogies are answered; the first one decides."""


@dataclass(frozen=True, eq=False)
class Measurement:
    """One measure of a set or of a section of it.

    Attributes:
        measure: Such as `Spearman`, `accuracy, 3CosAdd`, `purity`, `AP, cosine` (average precision).
        section: Of the set; empty for the whole of it.
        scores: `(n,)` what the space gives for each item: a similarity, or 1 for right and 0 for wrong.
        gold: `(n,)` the judgements that a correlation or a ranking is measured by; None for a mean of `scores`.
        chance: What guessing would score; None where that is not known.
    """

    measure: str
    section: str
    scores: Scores
    gold: Scores | None = None
    chance: float | None = None

    @property
    def value(self) -> float:
        """The measure itself; NaN if there are too few items for it."""
        if self.gold is None:
            return float(self.scores.mean()) if len(self.scores) else np.nan
        if len(self.scores) < 2:
            return np.nan
        return float(self._statistic(np.ones((1, len(self.scores))))[0])

    def bootstrap(self, *, resamples: int, seed: int) -> Bootstrap:
        """Resample its items."""
        return _bootstrap(self.value, len(self.scores), lambda: self._draws(resamples, seed))

    def difference(self, other: "Measurement", *, resamples: int, seed: int) -> Bootstrap:
        """Resample the items of both, the same ones each time, and take the differences, this less the other."""
        if self.gold is None:
            means = Measurement(self.measure, self.section, self.scores - other.scores)
            return means.bootstrap(resamples=resamples, seed=seed)
        return _bootstrap(
            self.value - other.value,
            len(self.scores),
            lambda: self._draws(resamples, seed) - other._draws(resamples, seed),
        )

    @property
    def _statistic(self) -> Resampled:
        return _STATISTICS[self.measure.partition(",")[0]](cast(Scores, self.gold), self.scores)

    def _draws(self, resamples: int, seed: int) -> Scores:
        if self.gold is None:
            return resampled_means(self.scores, resamples=resamples, seed=seed)
        return resample(self._statistic, len(self.scores), resamples=resamples, seed=seed)


@dataclass(frozen=True, eq=False)
class MeasuredSet:
    """All measures of a set.

    Attributes:
        name: Of the set.
        kind: What it measures.
        total: Number of pairs, questions or words in it.
        covered: How many of them the space has all words of.
        composed: How many words were made of n-grams.
        measurements: The deciding one first; none if nothing could be scored.
        agreement: Normalised mutual information of clusters and categories; None for other kinds.
    """

    name: str
    kind: str
    total: int
    covered: int
    composed: int
    measurements: tuple[Measurement, ...]
    agreement: float | None = None


def measure_set(
    lexicon: Lexicon,
    word_set: WordSet,
    *,
    missing: Missing,
    restarts: int,
    seed: int,
    methods: Sequence[AnalogyMethod] = METHODS,
    progress: Progress = silent,
) -> MeasuredSet:
    """Measure a space by one test set.

    Args:
        lexicon: The space.
        word_set: The set.
        missing: Whether items with a word that has no vector are left out (`skip`), or that word has the zero vector
            (`zero`): pairs with it have similarity 0, questions with it count as wrong.
        restarts: Starts of k-means.
        seed: Of k-means.
        methods: By which analogies are answered.
        progress: Told of analogies.

    Returns:
        What was measured.
    """
    if isinstance(word_set, AnalogySet):
        return _analogies(lexicon, word_set, missing, methods, progress)
    if isinstance(word_set, CategorySet):
        return _categories(lexicon, word_set, missing, restarts, seed)
    return _pairs(lexicon, word_set, missing)


def _pairs(lexicon: Lexicon, word_set: PairSet, missing: Missing) -> MeasuredSet:
    first, second = (lexicon.vectors([pair[side] for pair in word_set.pairs]) for side in (0, 1))
    known = first.known & second.known
    used = known if missing == "skip" else np.ones_like(known)
    gold = np.array(word_set.scores)[used]
    one, other = first.vectors[used], second.vectors[used]
    measure = _entailments if word_set.kind == "entailment" else _similarities
    measured = tuple(measure(one, other, gold, word_set.binary)) if used.any() else ()
    composed = first.composed + second.composed
    return MeasuredSet(word_set.name, word_set.kind, len(word_set), int(known.sum()), composed, measured)


def _similarities(one: Vectors, other: Vectors, gold: Scores, _binary: bool) -> Iterator[Measurement]:
    cosines = pair_similarities(one, other)
    yield Measurement("Spearman", "", cosines, gold)
    yield Measurement("Pearson", "", cosines, gold)


def _entailments(one: Vectors, other: Vectors, gold: Scores, binary: bool) -> Iterator[Measurement]:
    """Score by the cosine, which cannot tell a pair from its reverse, and by it and how much longer the second is.

    The latter is the asymmetric distance of Vulić & Mrkšić (2018), doi:10.18653/v1/N18-1103, with its sign turned. It
    takes the longer vector for the more general word, which spaces trained for entailment are made to obey.
    """
    cosines, lengths = pair_similarities(one, other), (row_norms(one), row_norms(other))
    total = lengths[0] + lengths[1]
    longer = np.divide(lengths[1] - lengths[0], total, out=np.zeros(len(one)), where=total > 0)
    measure, chance = ("AP", float(gold.mean())) if binary else ("Spearman", None)
    yield Measurement(f"{measure}, cosine", "", cosines, gold, chance)
    yield Measurement(f"{measure}, cosine + length", "", cosines + longer, gold, chance)
    if binary and gold.any():
        yield Measurement("second longer", "", (longer[gold == 1] > 0).astype(np.float64), chance=0.5)


def _analogies(
    lexicon: Lexicon, word_set: AnalogySet, missing: Missing, methods: Sequence[AnalogyMethod], progress: Progress
) -> MeasuredSet:
    words = sorted({word for question in word_set.questions for word in question})
    row_of = dict(zip(words, lexicon.rows(words).tolist(), strict=True))
    rows = np.array([[row_of[word] for word in question] for question in word_set.questions], np.int64)
    known = (rows >= 0).all(axis=1)
    used = known if missing == "skip" else np.ones_like(known)
    sections = np.array(word_set.sections)[used]
    measured: tuple[Measurement, ...] = ()
    if used.any() and len(lexicon.candidates) > 3:
        vectors = lexicon.candidate_units
        asked, right = np.searchsorted(lexicon.candidates, rows[known]), {}
        for method in methods:

            def tell(_: str, done: int, total: int | None, method: str = method) -> None:
                progress(f"{word_set.name} by {method}", done, total)

            right[method] = np.zeros(len(rows))
            right[method][known] = answer_analogies(vectors, asked[:, :3], method=method, progress=tell) == asked[:, 3]
        measured = tuple(_accuracies({method: scores[used] for method, scores in right.items()}, sections))
    return MeasuredSet(word_set.name, word_set.kind, len(word_set), int(known.sum()), 0, measured)


def _accuracies(right: Mapping[str, Scores], sections: npt.NDArray[np.str_]) -> Iterator[Measurement]:
    for section, members in _parts(sections):
        for method, scores in right.items():
            yield Measurement(f"accuracy, {method}", section, scores[members])


def _parts(sections: npt.NDArray[np.str_]) -> Iterator[tuple[str, npt.NDArray[np.bool_]]]:
    """Give all questions, the semantic and the syntactic ones where there are both, and those of each section."""
    yield "", np.ones(len(sections), np.bool_)
    syntactic = np.char.startswith(sections, SYNTACTIC)
    if syntactic.any() and not syntactic.all():
        yield "semantic", ~syntactic
        yield "syntactic", syntactic
    names = list(dict.fromkeys(sections.tolist()))
    for name in names if len(names) > 1 else ():
        yield name, sections == name


def _categories(lexicon: Lexicon, word_set: CategorySet, missing: Missing, restarts: int, seed: int) -> MeasuredSet:
    found: Found = lexicon.vectors(word_set.words)
    used = found.known if missing == "skip" else np.ones_like(found.known)
    measured: tuple[Measurement, ...] = ()
    agreement = None
    if used.any():
        names, categories = np.unique(np.array(word_set.categories)[used], return_inverse=True)
        clusters = k_means(normalise(found.vectors[used]), len(names), restarts=restarts, seed=seed)
        measured = (Measurement("purity", "", in_majority(clusters, categories)),)
        agreement = normalised_mutual_information(clusters, categories)
    covered = int(found.known.sum())
    return MeasuredSet(word_set.name, word_set.kind, len(word_set), covered, found.composed, measured, agreement)


def _bootstrap(value: float, count: int, draw: Callable[[], Scores]) -> Bootstrap:
    if count < 2:
        return Bootstrap(value, count, np.full(1, value))
    return Bootstrap(value, count, np.sort(draw()))
