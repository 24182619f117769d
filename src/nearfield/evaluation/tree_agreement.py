"""How far a tree of words agrees with a taxonomy of them."""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from nearfield.arrays import Scores
from nearfield.evaluation.resampling import Counts, Resampled, resample
from nearfield.evaluation.taxonomy import Taxonomy
from nearfield.space.keys import Positions
from nearfield.space.tree import Tree
from nearfield.statistics import Bootstrap

_TRIPLETS = 10_000
PERMUTATIONS = 199

Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Agreement:
    """One measure of agreement.

    Attributes:
        value: The higher, the better; NaN where there is nothing to measure.
        low: Lower end of its interval over resampled words.
        high: Upper end.
        chance: Its mean when the words stand at random places of the taxonomy.
        p: One-sided p of that being at least as good, (hits + 1) / (199 + 1).
    """

    value: float
    low: float
    high: float
    chance: float
    p: float


@dataclass(frozen=True, eq=False)
class PairScores:
    """How near each two words are, in a form that resampling words is cheap for; symmetric, the diagonal 0.

    Attributes:
        tree: `(n, n)` float64 ranks of the heights that join two words, or of their distances; mean 0.
        taxonomy: `(n, n)` float64 ranks of their distances in the taxonomy; mean 0.
    """

    tree: Scores
    taxonomy: Scores


def joining_nodes(tree: Tree) -> Positions:
    """Find the `(n, n)` int64 node of a tree that first holds both words; for one and the same, its leaf."""
    placed = np.empty((len(tree), len(tree)), np.int64)
    for node in range(len(tree), tree.root + 1):
        left, right = tree.merges[node - len(tree)]
        ours = slice(tree.starts[left], tree.starts[left] + tree.sizes[left])
        theirs = slice(tree.starts[right], tree.starts[right] + tree.sizes[right])
        placed[ours, theirs] = placed[theirs, ours] = node
    place_of = tree.starts[: len(tree)]
    nodes: Positions = placed[np.ix_(place_of, place_of)]
    np.fill_diagonal(nodes, np.arange(len(tree)))
    return nodes


def purities(tree: Tree, classes: Positions) -> Scores:
    """Find the `(n, n)` float64 share that the class of the first word has of the smallest branch with both words.

    Args:
        tree: A tree of `n` words.
        classes: `(n,)` class of each word.

    Returns:
        The shares; their mean over all pairs of one class is the dendrogram purity.

    References:
        Heller & Ghahramani (2005), doi:10.1145/1102351.1102389.
    """
    _, numbers = np.unique(classes, return_inverse=True)
    counts = class_counts(tree, numbers)
    nodes = joining_nodes(tree)
    shares: Scores = counts[nodes, numbers[:, None]] / tree.sizes[nodes]
    return shares


def class_counts(tree: Tree, numbers: Positions) -> Positions:
    """Count the words of each class in each node: `(2n - 1, classes)` int64; classes are numbered from 0."""
    one_hot = np.eye(int(numbers.max()) + 1, dtype=np.int64)[numbers[tree.order]]
    sums = np.concatenate([np.zeros_like(one_hot[:1]), np.cumsum(one_hot, axis=0)])
    found: Positions = sums[tree.starts + tree.sizes] - sums[tree.starts]
    return found


def dendrogram_purity(tree: Tree, classes: Positions) -> float:
    """Score a tree by how pure the smallest branches are that hold two words of one class; NaN without such pairs."""
    _, numbers = np.unique(classes, return_inverse=True)
    counts = class_counts(tree, numbers)
    left, right = counts[tree.merges[:, 0]], counts[tree.merges[:, 1]]
    pairs = left * right
    shares = counts[len(tree) :] / tree.sizes[len(tree) :, None]
    return float((pairs * shares).sum() / pairs.sum()) if pairs.any() else math.nan


def pair_scores(nearness: Scores, taxonomy: Scores) -> PairScores:
    """Rank pairs of words by two `(n, n)` distances."""
    return PairScores(_ranked(nearness), _ranked(taxonomy))


def correlation(scores: PairScores, weights: Scores | None = None) -> Scores:
    """Give Spearman's rank correlation over pairs of words.

    Args:
        scores: Ranks.
        weights: `(r, n)` how often each word is drawn in each of `r` resamples; ranks stay those among all pairs.

    Returns:
        `(r,)` or without weights `(1,)` float64 in [-1, 1]; 0 where one of both is constant.

    References:
        Baker (1974), doi:10.1080/01621459.1974.10482971 (correlation of the levels at which trees join objects).
    """
    a, b = scores.tree, scores.taxonomy
    w = np.ones((1, len(a))) if weights is None else weights
    total = w.sum(axis=1) ** 2 - (w**2).sum(axis=1)
    means = [_weighted(m, w) / total for m in (a, b)]
    squares = [_weighted(m * m, w) / total - mean**2 for m, mean in zip((a, b), means, strict=True)]
    shared = _weighted(a * b, w) / total - means[0] * means[1]
    scale = np.sqrt(np.maximum(squares[0], 0) * np.maximum(squares[1], 0))
    found: Scores = np.divide(shared, scale, out=np.zeros_like(shared), where=scale > 0)
    return found


def draw_triplets(shared_depths: Positions, *, seed: int, most: int = _TRIPLETS) -> Positions:
    """Draw triplets of words of which the taxonomy says which two are closest.

    Args:
        shared_depths: `(n, n)`, higher is closer.
        seed: Of the draws.
        most: How many to draw at most.

    Returns:
        `(t, 3)` int64, the two closest first and the odd one last; none if all triplets are tied.
    """
    generator = np.random.default_rng(seed)
    count = len(shared_depths)
    drawn = generator.integers(0, count, (10 * most, 3))
    a, b, c = drawn[(drawn[:, [0]] != drawn[:, [1, 2]]).all(axis=1) & (drawn[:, 1] != drawn[:, 2])].T
    by_odd_one = np.stack([shared_depths[b, c], shared_depths[a, c], shared_depths[a, b]])
    odd = by_odd_one.argmax(axis=0)
    clear = (by_odd_one == by_odd_one.max(axis=0)).sum(axis=0) == 1
    words = np.stack([a, b, c])
    ordered = np.stack([words[(odd + step) % 3, np.arange(len(odd))] for step in (1, 2, 0)], axis=1)
    found: Positions = ordered[clear][:most]
    return found


def agreeing(triplets: Positions, distances: Scores) -> Bools:
    """Say of each triplet whether its first two words are nearest to each other by `(n, n)` distances too."""
    a, b, c = triplets.T
    agree: Bools = distances[a, b] < np.minimum(distances[a, c], distances[b, c])
    return agree


def agreements(tree: Tree, taxonomy: Taxonomy, *, level: float, resamples: int, seed: int) -> dict[str, Agreement]:
    """Measure how far a tree agrees with a taxonomy of the same words.

    Args:
        tree: Of the taxonomy's words, in their order.
        taxonomy: The taxonomy.
        level: Of the intervals.
        resamples: How often words are resampled; the tree stays as it is.
        seed: Of all draws.

    Returns:
        `purity`, `correlation` and `triplets`.
    """
    heights = np.concatenate([np.zeros(len(tree)), tree.heights])[joining_nodes(tree)]
    scores = pair_scores(heights, taxonomy.distances)
    triplets = draw_triplets(taxonomy.shared_depths, seed=seed)
    by_order: dict[str, Callable[[Positions], float]] = {
        "purity": lambda order: dendrogram_purity(tree, taxonomy.classes[order]),
        "correlation": lambda order: _permuted_correlation(scores, order),
        "triplets": lambda order: _share(agreeing(order[triplets], heights)),
    }
    by_counts: dict[str, Resampled] = {
        "purity": _purity_of(purities(tree, taxonomy.classes), taxonomy.classes),
        "correlation": lambda counts: correlation(scores, counts),
        "triplets": _triplets_of(triplets, agreeing(triplets, heights)),
    }
    found = {}
    for name, value_of in by_order.items():
        value = value_of(np.arange(len(tree)))
        if math.isnan(value):
            found[name] = Agreement(value, math.nan, math.nan, math.nan, math.nan)
            continue
        resampled = resample(by_counts[name], len(tree), resamples=resamples, seed=seed)
        ends = Bootstrap(value, len(tree), np.sort(resampled[np.isfinite(resampled)])).interval(level)
        generator = np.random.default_rng(seed)
        null = np.array([value_of(generator.permutation(len(tree))) for _ in range(PERMUTATIONS)])
        hits = int(np.count_nonzero(null >= value - 1e-12))
        found[name] = Agreement(value, ends.low, ends.high, float(null.mean()), (hits + 1) / (PERMUTATIONS + 1))
    return found


def _permuted_correlation(scores: PairScores, order: Positions) -> float:
    # Mean and variance of ranks do not depend on the order.
    scale = float(np.linalg.norm(scores.tree) * np.linalg.norm(scores.taxonomy))
    moved = scores.taxonomy[order][:, order]
    return float(np.vdot(scores.tree, moved)) / scale if scale else 0.0


def _purity_of(shares: Scores, classes: Positions) -> Resampled:
    same = (classes[:, None] == classes).astype(np.float64)
    np.fill_diagonal(same, 0)
    pure = shares * same

    def statistic(counts: Counts) -> Scores:
        return _ratio(_weighted(pure, counts), _weighted(same, counts))

    return statistic


def _triplets_of(triplets: Positions, agree: Bools) -> Resampled:
    def statistic(counts: Counts) -> Scores:
        drawn = counts[:, triplets[:, 0]] * counts[:, triplets[:, 1]] * counts[:, triplets[:, 2]]
        return _ratio(drawn @ agree, drawn.sum(axis=1))

    return statistic


def _ratio(part: Scores, whole: Scores) -> Scores:
    """Divide; NaN for a resample without any pair or triplet."""
    found: Scores = np.divide(part, whole, out=np.full(len(whole), np.nan), where=whole > 0)
    return found


def _weighted(matrix: Scores, weights: Scores) -> Scores:
    found: Scores = np.einsum("ri,ri->r", weights @ matrix, weights)
    return found


def _ranked(distances: Scores) -> Scores:
    """Rank the pairs above the diagonal, ties getting their mean rank, and centre the ranks."""
    upper = np.triu_indices(len(distances), 1)
    _, inverse, counts = np.unique(distances[upper], return_inverse=True, return_counts=True)
    ranks = (np.cumsum(counts) - (counts - 1) / 2)[inverse]
    found = np.zeros_like(distances)
    found[upper] = ranks - ranks.mean()
    return found + found.T


def _share(agree: Bools) -> float:
    return float(agree.mean()) if len(agree) else math.nan
