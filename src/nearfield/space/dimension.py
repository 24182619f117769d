"""What a space's dimensions are worth: how its vectors lie, and what fewer dimensions would keep and cost."""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from nearfield.arrays import Scores, Vectors, normalise
from nearfield.errors import InvalidInputError
from nearfield.progress import Progress, silent
from nearfield.space.concentration import hubness, mean_cosine, occurrences, relative_contrast
from nearfield.space.dimension_report import AtDimension, DimensionReport, Geometry, Kept
from nearfield.space.intrinsic_dimension import mle, two_nn
from nearfield.space.keys import Positions
from nearfield.space.knn import distances_to, nearest_rows, shared_share
from nearfield.space.linear_map import LinearMap
from nearfield.space.neighbours import top_rows
from nearfield.space.postprocessing import fit_pca, fit_truncation
from nearfield.space.space import Space
from nearfield.space.spectrum import effective_rank, participation_ratio, principal_directions, second_moments
from nearfield.statistics import bootstrap_interval

DIMS = (8, 16, 32, 48, 64, 96, 128, 192, 256, 384, 512, 768, 1024, 1536)
_LOCAL = 20  # neighbours that the intrinsic dimension is estimated from
_TIMED, _TIMED_SECONDS = 31, 0.02  # a search is timed at least so often, and so long
_HUBS = 3
_SAME = 1e-5  # distance at length 1 that rounding alone makes between equal texts; such copies are no neighbours
_CONTRASTED = 1_000  # points whose distances to all others are looked at


@dataclass(frozen=True, eq=False)
class _Trial:
    """What all dimensions are tried on."""

    unit: Vectors  # (n, d), distinct, of length 1
    queries: Positions
    k: int
    neighbours: Positions  # of the queries, in all dimensions
    moments: Scores  # around the mean
    seed: int


def measure_dimension(
    space: Space,
    *,
    dims: Sequence[int] | None = None,
    k: int = 10,
    keep: float = 0.9,
    queries: int = 1_000,
    points: int = 100_000,
    sample: int = 10_000,
    quality: Callable[[Space], float] | None = None,
    seed: int = 0,
    progress: Progress = silent,
) -> DimensionReport:
    """Measure how a space's vectors lie, and what fewer dimensions would keep and cost.

    Vectors are compared by cosine, each direction counting once. At each number of dimensions, both by truncation and
    by PCA, the `k` nearest neighbours of some vectors are found again and compared with those in all dimensions.
    PCA here takes no mean off, which would change neighbours even where no dimension is dropped; it is what
    `nearfield.reduce` does. It is fitted on the vectors it is measured on: of few vectors, new ones will keep less.
    What keeps neighbours need not keep what they are good for, such as agreement with people; give `quality` for that.

    Args:
        space: At least three different directions.
        dims: Numbers of dimensions to try, none above the space's, which is always tried too. By default those in
            common use from 8 to 1,536.
        k: Neighbours to compare, at least 1 and below the number of different vectors.
        keep: Share of the neighbours to keep, above 0 and at most 1; the report chooses the fewest dimensions that do.
        queries: Most vectors whose neighbours are compared.
        points: Most vectors to find them among. Of a space with more, a sample is taken; since neighbours are farther
            apart in a sample, more of them stay than would among all.
        sample: Most vectors that distances, hubness, intrinsic dimension and directions are measured on.
        quality: Gives a score, higher is better, to the space and to each shrunk one, such as an agreement with
            judgements. A key whose shrunk vector is zero is left out of it.
        seed: Of the samples and of the resampling.
        progress: Called with what is being done.

    Returns:
        The report. A time depends on the machine and what else it does; all else is the same for the same seed.

    Raises:
        InvalidInputError: If there are too few vectors, or an option is out of range.

    Examples:
        >>> import numpy as np
        >>> vectors = np.random.default_rng(0).normal(size=(200, 16))
        >>> report = measure_dimension(Space(map(str, range(200)), vectors), dims=[8])
        >>> [row.dim for row in report.rows], report.full.pca.overlap.mean
        ([8, 16], 1.0)
    """
    tried = _checked_dims(dims, space.dim)
    _check_options(k, keep, queries=queries, points=points, sample=sample)
    generator = np.random.default_rng(seed)
    rows = _sampled(len(space), points, generator)
    unit, distinct = _distinct(space.vectors[rows])
    if len(unit) < 3:
        raise InvalidInputError(f"dimension needs at least 3 different vectors, got {len(unit)}; give more")
    if not 1 <= k < len(unit):
        raise InvalidInputError(
            f"k must be from 1 to {len(unit) - 1}, below the {len(unit):,} different vectors, got {k}"
        )
    keys = rows[distinct]
    looked_at = _sampled(len(unit), sample, generator)
    geometry = _geometry(space, unit[looked_at], keys[looked_at], k, progress)
    asked = _sampled(len(unit), queries, generator)
    moments = second_moments(unit, centred=True)[1]
    trial = _Trial(unit, asked, k, nearest_rows(unit, asked, k), moments, seed)
    return DimensionReport(
        vectors=len(space),
        duplicates=len(rows) - len(unit),
        searched=len(unit),
        queries=len(asked),
        k=k,
        keep=keep,
        seed=seed,
        geometry=geometry,
        rows=tuple(_rows(space, trial, tried, quality, progress)),
    )


def _checked_dims(dims: Sequence[int] | None, most: int) -> list[int]:
    if dims is None:
        dims = [dim for dim in DIMS if dim < most]
    for dim in dims:
        if not 1 <= dim <= most:
            raise InvalidInputError(f"dims must be from 1 to the space's {most}, got {dim}; leave it out")
    return sorted({*dims, most})


def _check_options(k: int, keep: float, **counts: int) -> None:
    if not 0 < keep <= 1:
        raise InvalidInputError(f"keep must be above 0 and at most 1, such as 0.9, got {keep}")
    for name, count in counts.items():
        least = 1 if name == "queries" else k + 2
        if count < least:
            raise InvalidInputError(f"{name} must be at least {least} for k={k}, got {count}")


def _sampled(n: int, most: int, generator: np.random.Generator) -> Positions:
    """Draw at most so many of n rows, in their order."""
    if n <= most:
        return np.arange(n)
    return np.sort(generator.choice(n, most, replace=False))


def _distinct(vectors: Vectors) -> tuple[Vectors, Positions]:
    """Scale to length 1 and keep the first of equal ones; also say which rows were kept."""
    unit = normalise(vectors) + np.float32(0)  # so that -0.0 is 0.0, byte for byte
    _, first = np.unique(unit.view(np.dtype((np.void, unit.strides[0]))).ravel(), return_index=True)
    first = np.sort(first)
    return unit[first], first


def _geometry(space: Space, unit: Vectors, keys: Positions, k: int, progress: Progress) -> Geometry:
    everyone = np.arange(len(unit))
    local = min(max(k, _LOCAL), len(unit) - 1)
    neighbours = nearest_rows(unit, everyone, local, what="neighbourhoods", progress=progress)
    distances = distances_to(unit, everyone, neighbours)
    copies = ((distances < _SAME) & (neighbours < everyone[:, None])).any(axis=1)
    if copies.any() and (~copies).sum() > max(k, 2):
        return _geometry(space, unit[~copies], keys[~copies], k, progress)
    distances = np.sort(distances, axis=1)
    counts = occurrences(neighbours[:, :k], len(unit))
    contrasted = everyone[:: -(-len(unit) // _CONTRASTED)]
    # Distances of vectors of length 1, from their cosines; of all but each to itself.
    cosines = unit[contrasted] @ unit.T
    cosines[np.arange(len(contrasted)), contrasted] = np.nan
    others = np.sqrt(np.maximum(2 - 2 * cosines, 0))
    variances = principal_directions(second_moments(unit, centred=True)[1])[0]
    return Geometry(
        points=len(unit),
        relative_contrast=relative_contrast(distances[contrasted, 0], np.nanmax(others, axis=1)),
        distance_variation=float(np.nanstd(others, dtype=np.float64) / np.nanmean(others, dtype=np.float64)),
        mean_cosine=mean_cosine(unit),
        hubness=hubness(counts),
        antihubs=float((counts == 0).mean()),
        hubs=tuple(space.keys[int(keys[row])] for row in top_rows(counts.astype(np.float64), _HUBS)),
        two_nn=two_nn(distances),
        mle=mle(distances),
        effective_rank=effective_rank(variances),
        participation_ratio=participation_ratio(variances),
        spectrum=tuple((variances / variances.sum()).tolist()),
    )


def _rows(
    space: Space, trial: _Trial, dims: list[int], quality: Callable[[Space], float] | None, progress: Progress
) -> Iterator[AtDimension]:
    turned = fit_pca(trial.unit, space.dim, centred=False)
    for done, dim in enumerate(dims):
        progress("dimensions", done, len(dims))
        cut = fit_truncation(space.dim, dim)
        reduced = LinearMap(turned.mean, turned.matrix[:, :dim])
        yield AtDimension(
            dim=dim,
            truncation=_kept(space, trial, cut, quality),
            pca=_kept(space, trial, reduced, quality),
            vector_bytes=4 * dim,
            space_bytes=4 * dim * len(space),
            query_seconds=_scan_seconds(trial, dim) * len(space) / len(trial.unit),
        )
    progress("dimensions", len(dims), len(dims))


def _kept(space: Space, trial: _Trial, shrink: LinearMap, quality: Callable[[Space], float] | None) -> Kept:
    shrunk = normalise(shrink.apply(trial.unit))
    shares = shared_share(trial.neighbours, nearest_rows(shrunk, trial.queries, trial.k))
    # An orthogonal projection P keeps the share trace(P' C P) / trace(C) of the variance.
    variance = np.einsum("ij,ik,kj->", shrink.matrix, trial.moments, shrink.matrix, optimize=True)
    judged = None
    if quality is not None:
        vectors = shrink.apply(space.vectors)
        directed = np.flatnonzero(vectors.any(axis=1)).tolist()
        judged = float(quality(Space([space.keys[row] for row in directed], vectors[directed])))
    return Kept(
        overlap=bootstrap_interval(shares, seed=trial.seed),
        variance=float(np.clip(variance / np.trace(trial.moments), 0, 1)),
        quality=judged,
    )


def _scan_seconds(trial: _Trial, dim: int) -> float:
    """Time the search for one vector at a time among vectors of so many dimensions.

    The shortest time is the one that other work on the machine disturbs least, so that dimensions can be compared.
    """
    vectors = np.ascontiguousarray(trial.unit[:, :dim])
    spent: list[float] = []
    while len(spent) < _TIMED or sum(spent) < _TIMED_SECONDS:
        query = vectors[trial.queries[len(spent) % len(trial.queries)]]
        began = time.perf_counter()
        top_rows((vectors @ query).astype(np.float64), trial.k)
        spent.append(time.perf_counter() - began)
    return min(spent)
