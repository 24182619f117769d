"""How good is a space of words, by what people say about words?"""

import os
from collections.abc import Iterable, Sequence
from typing import TypeAlias, get_args

from nearfield.data.word_sets import WordSet, load_word_sets
from nearfield.errors import InvalidInputError
from nearfield.evaluation.intrinsic_measures import METHODS, MeasuredSet, Missing, measure_set
from nearfield.evaluation.intrinsic_report import IntrinsicProtocol, IntrinsicReport, IntrinsicResult, IntrinsicScore
from nearfield.evaluation.lexicon import Case, Lexicon
from nearfield.progress import Progress, silent
from nearfield.space.analogies import AnalogyMethod
from nearfield.space.space import Space
from nearfield.statistics import Interval, check_level, check_resamples

Sets: TypeAlias = "Sequence[str | os.PathLike[str] | WordSet] | None"


def evaluate_intrinsic(
    space: Space,
    sets: Sets = None,
    *,
    name: str = "space",
    case: Case = "lower",
    missing: Missing = "skip",
    vocabulary: int | None = None,
    level: float = 0.95,
    resamples: int = 10_000,
    restarts: int = 10,
    seed: int = 0,
    progress: Progress = silent,
) -> IntrinsicReport:
    """Measure a space of words by standard tests, each with a bootstrap interval and its coverage.

    - Similarity and relatedness: Spearman's and Pearson's correlation of cosines with people's judgements.
    - Analogies: accuracy by 3CosAdd and by 3CosMul, in total, by section, and of the semantic and the syntactic
      sections where the set has both. The three words of a question are no answers to it.
    - Categories: k-means of the unit vectors with as many clusters as categories; purity and normalised mutual
      information. Baroni et al. (2014), doi:10.3115/v1/P14-1023, cluster with CLUTO, whose purities are not the same.
    - Entailment: how well the cosine, and the cosine with how much longer the second vector is, rank pairs by whether
      the first is a kind of the second; see `nearfield.evaluation.intrinsic_measures`. Vectors that were not trained
      for entailment have little that could tell.

    gensim's `evaluate_word_pairs` and `evaluate_word_analogies` by default give the same numbers as `case="ignore"`
    with `vocabulary=300_000`, and with `dummy4unknown` the same as `missing="zero"`. The defaults here differ since
    those score "Turkey" by the vector of "turkey", and leave out words that the space has.

    Args:
        space: The space.
        sets: Names of sets, paths of files or folders, or loaded sets; by default all that come with nearfield. See
            `load_word_sets`.
        name: What to call the space.
        case: `lower` finds a word as written, else in lower case; `exact` only as written; `ignore` finds the first
            key that differs at most by case.
        missing: What becomes of items with a word that has no vector, neither as a key nor of n-grams: `skip` leaves
            them out, `zero` gives it the zero vector, so that pairs have similarity 0 and questions are wrong. The
            words of questions must be keys.
        vocabulary: How many keys, from the first on, count; all by default.
        level: Confidence level of the intervals.
        resamples: Of the bootstrap, at least 100.
        restarts: Starts of k-means.
        seed: Of the bootstrap and of k-means.
        progress: Told how many analogies are answered.

    Returns:
        The report.

    Raises:
        DataError: If a file of a set cannot be used.
        InvalidInputError: If there is no such set, or an option makes no sense.
    """
    loaded = load_word_sets(sets)
    protocol = IntrinsicProtocol(case, missing, vocabulary, level, resamples, restarts, seed)
    measured = measure_sets(space, loaded, protocol, progress=progress)
    results = tuple(_result(found, protocol) for found in measured)
    return IntrinsicReport(name, len(space), space.dim, results, protocol)


def measure_sets(
    space: Space,
    sets: Iterable[WordSet],
    protocol: IntrinsicProtocol,
    *,
    methods: Sequence[AnalogyMethod] = METHODS,
    progress: Progress = silent,
) -> list[MeasuredSet]:
    """Measure a space by several sets; raises `InvalidInputError` if the protocol makes no sense."""
    check_level(protocol.level)
    check_resamples(protocol.resamples)
    if protocol.missing not in get_args(Missing):
        raise InvalidInputError(f"missing must be one of {', '.join(get_args(Missing))}, got {protocol.missing!r}")
    if protocol.restarts < 1:
        raise InvalidInputError(f"restarts must be at least 1, got {protocol.restarts}")
    lexicon = Lexicon(space, case=protocol.case, vocabulary=protocol.vocabulary)
    return [
        measure_set(
            lexicon,
            word_set,
            missing=protocol.missing,
            restarts=protocol.restarts,
            seed=protocol.seed,
            methods=methods,
            progress=progress,
        )
        for word_set in sets
    ]


def _result(found: MeasuredSet, protocol: IntrinsicProtocol) -> IntrinsicResult:
    scores = [
        IntrinsicScore(
            one.measure,
            one.section,
            one.bootstrap(resamples=protocol.resamples, seed=protocol.seed).interval(protocol.level),
            len(one.scores),
            one.chance,
        )
        for one in found.measurements
    ]
    if found.agreement is not None:
        unsure = Interval(found.agreement, float("nan"), float("nan"))
        scores.append(IntrinsicScore("NMI", "", unsure, scores[0].items))
    return IntrinsicResult(found.name, found.kind, found.total, found.covered, found.composed, tuple(scores))
