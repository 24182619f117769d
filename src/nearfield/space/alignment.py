"""Turn one space into another: the basis of comparing vectors over time, models or languages."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from nearfield.arrays import Scores, Vectors, normalise
from nearfield.errors import InvalidInputError
from nearfield.progress import Progress, silent
from nearfield.space.alignment_report import Alignment, KeyChange
from nearfield.space.keys import Positions
from nearfield.space.neighbour_comparison import jaccards, shared_rows
from nearfield.space.procrustes import fit_procrustes
from nearfield.space.space import Space
from nearfield.space.translation import csls, ranks
from nearfield.statistics import Interval, bootstrap_interval

_FOLDS = 5  # parts of the keys, each of which is judged by a map fitted on the others


def align(
    source: Space,
    target: Space,
    *,
    pairs: Sequence[tuple[str, str]] | None = None,
    normalise_rows: bool = True,
    scale: bool = False,
    k: int = 10,
    queries: int = 1_000,
    candidates: int = 20_000,
    seed: int = 0,
    progress: Progress = silent,
) -> Alignment:
    """Fit the rotation that brings paired keys of two spaces as near as can be, and measure how near that is.

    What is said of a key is always measured by a map that was fitted without it: the keys are dealt into five parts,
    and each is judged by the map of the other four. To match means too, `nf.centre` both spaces first.

    Args:
        source: The space to turn; of any number of dimensions. With more than the target, directions are dropped.
        target: The space to turn it to.
        pairs: Keys of the source and what they are in the target, such as a dictionary; a key may stand in several.
            By default each shared key is paired with itself.
        normalise_rows: Whether to fit with all vectors at length 1, so that none counts more than another.
        scale: Whether the map also has the factor that makes distances smallest; cosines are the same.
        k: Neighbours whose overlap is measured, below the number of pairs.
        queries: Most keys to measure overlap and precision with.
        candidates: First keys of the target, the most frequent if it is sorted, among which partners are looked for;
            the partners themselves are always among them. CSLS looks at as many of the source.
        seed: Of the parts, the draws and the resampling.
        progress: Called with what is being done.

    Returns:
        The alignment.

    Raises:
        InvalidInputError: If there are no pairs, too few to determine a rotation, or an option is out of range.

    Examples:
        >>> rng = np.random.default_rng(0)
        >>> vectors, turn = rng.normal(size=(50, 4)), np.linalg.qr(rng.normal(size=(4, 4)))[0]
        >>> keys = [str(number) for number in range(50)]
        >>> found = align(Space(keys, vectors), Space(keys, vectors @ turn))
        >>> round(found.residual, 5), round(found.precision["@1 cosine"].mean, 5)
        (0.0, 1.0)
    """
    for name, count in (("queries", queries), ("candidates", candidates)):
        if count < 1:
            raise InvalidInputError(f"{name} must be at least 1, got {count}")
    dealt = _deal(source, target, pairs, seed)
    scaled = normalise if normalise_rows else np.asarray
    given, wanted = scaled(source.vectors[dealt.source]), scaled(target.vectors[dealt.target])
    fitted = fit_procrustes(given, wanted, scale=scale)
    unlike = fitted.apply(given).astype(np.float64) - wanted
    once = _one_to_one(dealt)
    sides = normalise(source.vectors[dealt.source[once]]), normalise(target.vectors[dealt.target[once]])
    _, overlaps = jaccards(*sides, k=k, queries=queries, seed=seed, progress=progress)
    trial = _trial(source, target, dealt, given, wanted, queries=queries, candidates=candidates, seed=seed)
    return Alignment(
        map=fitted,
        aligned=fitted.transform(source, aligned=True),
        missing=dealt.missing,
        residual=float(np.sqrt((unlike**2).sum(axis=1).mean())),
        changes=_changes(source, target, dealt, _held_out_cosines(given, wanted, dealt.folds)),
        k=k,
        overlap=bootstrap_interval(overlaps, seed=seed),
        held_out=len(trial.right),
        candidates=len(trial.candidates),
        precision=_precision(trial, seed),
    )


@dataclass(frozen=True, eq=False)
class _Dealt:
    """Pairs of rows, and the part each is in."""

    source: Positions
    target: Positions
    folds: Positions
    missing: int


@dataclass(frozen=True, eq=False)
class _Trial:
    """Held-out keys, mapped without knowing their partners, and what those are looked for among; all of length 1."""

    asked: Vectors
    candidates: Vectors
    hubs: Vectors
    right: list[Positions]


def _deal(source: Space, target: Space, pairs: Sequence[tuple[str, str]] | None, seed: int) -> _Dealt:
    """Find the rows of the pairs and deal their source keys out to parts, so that no key is in two."""
    if pairs is None:
        from_rows, to_rows = shared_rows(source, target)
        missing = 0
    else:
        distinct = list(dict.fromkeys(pairs))
        from_rows = source.keys.positions([one for one, _ in distinct])
        to_rows = target.keys.positions([other for _, other in distinct])
        known = (from_rows >= 0) & (to_rows >= 0)
        if not known.any():
            raise InvalidInputError(f"none of the {len(distinct):,} pairs has its keys in the two spaces")
        from_rows, to_rows, missing = from_rows[known], to_rows[known], int((~known).sum())
    _, numbers = np.unique(from_rows, return_inverse=True)
    parts = np.random.default_rng(seed).permutation(numbers.max() + 1) % _FOLDS
    dim, folds = min(source.dim, target.dim), parts[numbers]
    fitted_on = int(min((folds != fold).sum() for fold in range(_FOLDS)))
    if len(parts) < _FOLDS or fitted_on < dim:
        raise InvalidInputError(
            f"a rotation in {dim} dimensions needs at least {max(_FOLDS, -(-dim * _FOLDS // (_FOLDS - 1)))} pairs, of "
            f"different keys, got {len(parts)}; give more, or fewer dimensions by `nearfield.reduce`"
        )
    return _Dealt(from_rows, to_rows, folds, missing)


def _held_out_cosines(given: Vectors, wanted: Vectors, folds: Positions) -> Scores:
    cosines = np.empty(len(given))
    for fold in range(_FOLDS):
        mine = folds == fold
        mapped = normalise(fit_procrustes(given[~mine], wanted[~mine]).apply(given[mine]))
        cosines[mine] = np.einsum("nd,nd->n", mapped, normalise(wanted[mine]), dtype=np.float64)
    return np.clip(cosines, -1, 1)


def _changes(source: Space, target: Space, dealt: _Dealt, cosines: Scores) -> tuple[KeyChange, ...]:
    ones, others = dealt.source.tolist(), dealt.target.tolist()
    order = np.argsort(cosines, kind="stable").tolist()
    return tuple(KeyChange(source.keys[ones[i]], target.keys[others[i]], float(cosines[i])) for i in order)


def _one_to_one(dealt: _Dealt) -> Positions:
    """Keep the first pair of each key, so that nothing is its own neighbour."""
    kept: list[int] = []
    ones: set[int] = set()
    others: set[int] = set()
    for place, (one, other) in enumerate(zip(dealt.source.tolist(), dealt.target.tolist(), strict=True)):
        if one not in ones and other not in others:
            kept.append(place)
            ones.add(one)
            others.add(other)
    return np.array(kept, np.int64)


def _trial(
    source: Space,
    target: Space,
    dealt: _Dealt,
    given: Vectors,
    wanted: Vectors,
    *,
    queries: int,
    candidates: int,
    seed: int,
) -> _Trial:
    known = dealt.folds > 0
    fitted = fit_procrustes(given[known], wanted[known])
    held_out = np.random.default_rng(seed).permutation(np.unique(dealt.source[~known]))[:queries]
    partners = [dealt.target[dealt.source == row] for row in held_out]
    pool = np.union1d(np.arange(min(candidates, len(target))), np.concatenate(partners))
    return _Trial(
        asked=normalise(fitted.apply(source.vectors[held_out])),
        candidates=normalise(target.vectors[pool]),
        hubs=normalise(fitted.apply(source.vectors[:candidates])),
        right=[np.searchsorted(pool, rows) for rows in partners],
    )


def _precision(trial: _Trial, seed: int) -> dict[str, Interval]:
    scores = {
        "cosine": trial.asked @ trial.candidates.T,
        "csls": csls(trial.asked, trial.candidates, trial.hubs),
    }
    places = {name: ranks(found, trial.right) for name, found in scores.items()}
    return {
        f"@{depth} {name}": bootstrap_interval(found < depth, seed=seed)
        for depth in (1, 5)
        for name, found in places.items()
    }
