"""How well a space knows what is a kind of what: its tree of words against WordNet."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, get_args

import numpy as np

from nearfield.arrays import Scores
from nearfield.data.wordnet import WordNet, read_wordnet
from nearfield.errors import InvalidInputError
from nearfield.evaluation.hypernym_direction import Direction, directions
from nearfield.evaluation.taxonomy import Senses, Taxonomy, taxonomy_of
from nearfield.evaluation.tree_agreement import (
    Agreement,
    agreeing,
    agreements,
    correlation,
    dendrogram_purity,
    draw_triplets,
    joining_nodes,
    pair_scores,
)
from nearfield.progress import Progress, silent
from nearfield.report.frozen import to_json
from nearfield.report.page import write_page
from nearfield.space.hierarchy import Linkage, build_tree
from nearfield.space.space import Space
from nearfield.space.subwords import ngram_rows
from nearfield.space.tree import Tree, TreeMetric
from nearfield.statistics import check_level, check_resamples

ROOTS = ("animal.n.01", "plant.n.02", "artifact.n.01", "food.n.02")
FEWEST_WORDS = 10
_SPELLING_BUCKETS = 2048


@dataclass(frozen=True)
class Measured:
    """One measure of agreement between a tree and a taxonomy, with what to compare it to.

    Attributes:
        measure: `dendrogram purity`, `rank correlation` or `triplet agreement`.
        agreement: Of the space's tree: value, interval, chance and p.
        spelling: Of a tree that knows nothing but how the words are written: their runs of three letters.
        without_tree: Of the distances themselves; NaN for purity, which needs a tree.
    """

    measure: str
    agreement: Agreement
    spelling: float
    without_tree: float


@dataclass(frozen=True)
class WordClass:
    """A class of words, for the purity.

    Attributes:
        name: The concept, `bird.n.01`.
        words: How many words it has.
        purity: Mean share that the class has of the smallest branches with two of its words; NaN for one word.
    """

    name: str
    words: int
    purity: float


@dataclass(frozen=True)
class RootResult:
    """What was found below one concept.

    Attributes:
        root: The concept.
        concepts: How many kinds it has in WordNet.
        words: How many of those the space has a word for; what was measured with.
        cophenetic_correlation: How faithful the tree is to the distances.
        measures: How far the tree agrees with the taxonomy.
        classes: The classes with two words or more, the largest first.
        pairs: How many pairs of a word and the next more general one there are.
        directions: How well simple rules tell which of a pair is the more general one.
    """

    root: str
    concepts: int
    words: int
    cophenetic_correlation: float
    measures: tuple[Measured, ...]
    classes: tuple[WordClass, ...]
    pairs: int
    directions: tuple[Direction, ...]


@dataclass(frozen=True)
class HierarchyReport:
    """How far trees of a space's words agree with WordNet.

    Attributes:
        wordnet: Where WordNet was read from.
        linkage: Of the trees.
        metric: Of the trees.
        senses: Which words were taken.
        level: Of the intervals.
        resamples: Of the intervals.
        seed: Of all draws.
        roots: One result for each concept.
    """

    wordnet: str
    linkage: str
    metric: str
    senses: str
    level: float
    resamples: int
    seed: int
    roots: tuple[RootResult, ...]

    def __str__(self) -> str:
        """Write tables for a terminal."""
        from nearfield.evaluation.hierarchy_report import hierarchy_text

        return hierarchy_text(self)

    def to_json(self) -> Any:  # noqa: ANN401  # any JSON value
        """Give everything as JSON values; what is not known is null."""
        return to_json(self)

    def to_html(self) -> str:
        """Make one HTML page that needs nothing else."""
        from nearfield.evaluation.hierarchy_report import hierarchy_html

        return hierarchy_html(self)

    def export(self, path: str | os.PathLike[str]) -> None:
        """Write the page to a file, which must end in `.html`; all of it or none."""
        write_page(path, self.to_html())


def evaluate_hierarchy(
    space: Space,
    wordnet: WordNet | str | os.PathLike[str] | None = None,
    *,
    roots: Sequence[str] | None = None,
    linkage: Linkage = "average",
    metric: TreeMetric = "cosine",
    senses: Senses = "first",
    most: int = 1000,
    level: float = 0.95,
    resamples: int = 1000,
    seed: int = 0,
    progress: Progress = silent,
) -> HierarchyReport:
    """Build trees of the words below some concepts, and compare them with WordNet.

    Which words count is said at `nearfield.evaluation.taxonomy.taxonomy_of`. Three measures say how far tree and
    taxonomy agree: dendrogram purity (of the smallest branch with two words of a class, the share of that class);
    Spearman's correlation between the heights that join two words and their Wu-Palmer distance; and, of random
    triplets, how often the two words that the taxonomy joins first are those that the tree joins first. The intervals
    resample words, and leave out how the tree itself would change.

    Args:
        space: Words and their vectors, the most frequent first.
        wordnet: What `read_wordnet` read, or the path it takes; by default the extract that comes with nearfield.
        roots: Names of concepts, such as `animal.n.01`; by default those of animals, plants, artifacts and food of
            which the space knows at least ten words.
        linkage: Of the trees; see `build_tree`.
        metric: Of the trees.
        senses: Which words to take: those whose `first` noun sense is below the root, whose `only` one is, or of
            which `any` is.
        most: Take at most so many words below a root, the first of the space.
        level: Two-sided confidence level of the intervals.
        resamples: How often to resample for them, at least 100.
        seed: Of all draws.
        progress: Called with `"roots"` after each.

    Returns:
        The report.

    Raises:
        InvalidInputError: If the space knows fewer than ten words below a root, there is no such root, or an option
            is out of range.
        DataError: If WordNet cannot be read.
        MissingExtraError: If SciPy is not installed.
    """
    check_level(level)
    check_resamples(resamples)
    if isinstance(roots, str):
        raise InvalidInputError(f"roots must be a sequence of names, got one string; write [{roots!r}]")
    if senses not in get_args(Senses):
        raise InvalidInputError(f"senses must be one of {', '.join(get_args(Senses))}, got {senses!r}")
    if roots is not None and not roots:
        raise InvalidInputError("roots must name at least one concept, got none")
    if most < FEWEST_WORDS:
        raise InvalidInputError(f"most must be at least {FEWEST_WORDS}, got {most}")
    nouns = wordnet if isinstance(wordnet, WordNet) else read_wordnet(wordnet)
    results = []
    taxonomies = _taxonomies(space, nouns, roots, senses=senses, most=most)
    for taxonomy, root in taxonomies:
        words = space.select(taxonomy.words)
        tree = build_tree(words, linkage=linkage, metric=metric)
        found = agreements(tree, taxonomy, level=level, resamples=resamples, seed=seed)
        pairs, rules = directions(words, taxonomy, level=level, resamples=resamples, seed=seed)
        results.append(
            RootResult(
                root=root,
                concepts=len(nouns.below(nouns.synset(root))) - 1,
                words=len(taxonomy),
                cophenetic_correlation=tree.cophenetic_correlation,
                measures=_measured(found, words, taxonomy, linkage=linkage, metric=metric, seed=seed),
                classes=_classes(tree, taxonomy),
                pairs=len(pairs),
                directions=rules,
            )
        )
        progress("roots", len(results), len(taxonomies))
    return HierarchyReport(nouns.source, linkage, metric, senses, level, resamples, seed, tuple(results))


def _taxonomies(
    space: Space, wordnet: WordNet, roots: Sequence[str] | None, *, senses: Senses, most: int
) -> list[tuple[Taxonomy, str]]:
    nouns = [key for key in space.keys if wordnet.senses_of(key)]
    found = []
    for root in ROOTS if roots is None else roots:
        taxonomy = taxonomy_of(nouns, wordnet, root, senses=senses, most=most)
        if len(taxonomy) >= FEWEST_WORDS:
            found.append((taxonomy, wordnet.name(wordnet.synset(root))))
        elif roots is not None:
            raise InvalidInputError(
                f"the space has {len(taxonomy)} words below {root}, and {FEWEST_WORDS} are needed; choose a more "
                "general root, or a space of more words"
            )
    if not found:
        raise InvalidInputError(
            f"the space has fewer than {FEWEST_WORDS} words below each of {', '.join(ROOTS)}; name other concepts "
            "by roots"
        )
    return found


def _measured(
    found: dict[str, Agreement], words: Space, taxonomy: Taxonomy, *, linkage: Linkage, metric: TreeMetric, seed: int
) -> tuple[Measured, ...]:
    spelt = build_tree(_spelling(taxonomy.words), linkage=linkage)
    heights = np.concatenate([np.zeros(len(spelt)), spelt.heights])[joining_nodes(spelt)]
    apart = _distances(words, metric)
    triplets = draw_triplets(taxonomy.shared_depths, seed=seed)

    def correlated(distances: Scores) -> float:
        return float(correlation(pair_scores(distances, taxonomy.distances))[0])

    def share(distances: Scores) -> float:
        return float(agreeing(triplets, distances).mean()) if len(triplets) else float("nan")

    purity = dendrogram_purity(spelt, taxonomy.classes)
    return (
        Measured("dendrogram purity", found["purity"], purity, float("nan")),
        Measured("rank correlation", found["correlation"], correlated(heights), correlated(apart)),
        Measured("triplet agreement", found["triplets"], share(heights), share(apart)),
    )


def _spelling(words: Sequence[str]) -> Space:
    vectors = np.zeros((len(words), _SPELLING_BUCKETS), np.float32)
    for row, word in enumerate(words):
        np.add.at(vectors[row], ngram_rows(word.lower(), min_n=1, max_n=3, buckets=_SPELLING_BUCKETS), 1)
    return Space(words, vectors)


def _distances(words: Space, metric: TreeMetric) -> Scores:
    if metric == "cosine":
        return 1 - (words.unit_vectors @ words.unit_vectors.T).astype(np.float64)
    vectors = words.vectors.astype(np.float64)
    squares = (vectors**2).sum(axis=1)
    return np.sqrt(np.maximum(squares[:, None] + squares - 2 * vectors @ vectors.T, 0))  # type: ignore[no-any-return]


def _classes(tree: Tree, taxonomy: Taxonomy) -> tuple[WordClass, ...]:
    found = []
    names, counts = np.unique(taxonomy.classes, return_counts=True)
    for synset, count in sorted(zip(names.tolist(), counts.tolist(), strict=True), key=lambda item: -item[1]):
        if count > 1:
            # All other words are of a class each, so that only this one has pairs.
            alone = np.where(taxonomy.classes == synset, -1, np.arange(len(taxonomy)))
            found.append(WordClass(taxonomy.wordnet.name(synset), count, dendrogram_purity(tree, alone)))
    return tuple(found)
