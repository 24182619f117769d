"""Spaces changed after the fact: directions taken away, evened out, cut down, rounded.

Each function takes a space and gives another; each `fit_` gives the map behind one, which other vectors of the same
encoder can be put through too.
"""

from dataclasses import dataclass
from typing import Literal, TypeAlias, get_args

import numpy as np
import numpy.typing as npt

from nearfield.arrays import Vectors, as_matrix, normalise
from nearfield.errors import InvalidInputError
from nearfield.quantisation import Bits, Calibration, Codes, dequantise, pack_signs, unpack_signs
from nearfield.quantisation import quantise as quantise_vectors
from nearfield.space.linear_map import LinearMap
from nearfield.space.space import Space
from nearfield.space.spectrum import principal_directions, second_moments

Whitening: TypeAlias = Literal["pca", "zca"]
Rounding: TypeAlias = Literal["int8", "binary"]

RIDGE = 1e-6


def fit_centring(vectors: npt.ArrayLike) -> LinearMap:
    """Fit the map that takes the mean of `(n, d)` vectors off them."""
    mean, _ = second_moments(as_matrix(vectors), centred=True)
    return LinearMap(mean, np.eye(len(mean)))


def centre(space: Space) -> Space:
    """Take the mean off all vectors."""
    return fit_centring(space.vectors).transform(space, **_step(space, "centred"))


def fit_all_but_the_top(vectors: npt.ArrayLike, n: int | None = None) -> LinearMap:
    """Fit the map that takes the mean and the directions of largest variance away.

    Args:
        vectors: `(n, d)` numbers, at least two rows.
        n: How many directions, at least 0 and below `d`; d / 100, rounded, at least 1, by default.

    Returns:
        The map, of `d` dimensions before and after.

    Raises:
        InvalidInputError: If there are too few vectors, or `n` is out of range.

    References:
        Mu & Viswanath (2018), "All-but-the-Top", arXiv:1702.01417.
    """
    matrix = _fittable(vectors)
    dim = matrix.shape[1]
    n = _top_count(dim) if n is None else n
    if not 0 <= n < dim:
        raise InvalidInputError(f"n must be from 0 to {dim - 1}, below the {dim} dimensions, got {n}")
    mean, covariance = second_moments(matrix, centred=True)
    top = principal_directions(covariance)[1][:, :n]
    return LinearMap(mean, np.eye(dim) - top @ top.T)


def remove_top_components(space: Space, n: int | None = None) -> Space:
    """Take the mean and the `n` directions of largest variance away; see `fit_all_but_the_top`.

    They mostly carry how frequent words are, and bring everything nearer to everything else.
    """
    n = _top_count(space.dim) if n is None else n
    return fit_all_but_the_top(space.vectors, n).transform(space, **_step(space, f"all but the top {n}"))


def _top_count(dim: int) -> int:
    """Choose how many directions to take away, as Mu and Viswanath did."""
    return min(max(1, round(dim / 100)), dim - 1)


def fit_whitening(
    vectors: npt.ArrayLike, *, dim: int | None = None, kind: Whitening = "pca", ridge: float = RIDGE
) -> LinearMap:
    """Fit the map after which all directions vary equally and none together with another.

    Args:
        vectors: `(n, d)` numbers, at least two rows.
        dim: Directions to keep, those of largest variance; all by default, as `zca` needs.
        kind: `pca` for the directions themselves as dimensions, in order; `zca` turns them back, so that each
            dimension stays as near as can be to what it was.
        ridge: Share of the largest variance that is added to each, at least 0: a direction that hardly varies is not
            blown up, one that does not vary at all stays zero.

    Returns:
        The map, to `dim` dimensions.

    Raises:
        InvalidInputError: If there are too few vectors, they are all equal, or an option is out of range.

    References:
        Su, Cao, Liu & Ou (2021), arXiv:2103.15316; Kessy, Lewin & Strimmer (2018), doi:10.1080/00031305.2016.1277159.
    """
    matrix = _fittable(vectors)
    if kind not in get_args(Whitening):
        raise InvalidInputError(f"kind must be one of {', '.join(get_args(Whitening))}, got {kind!r}")
    if not 0 <= ridge < np.inf:
        raise InvalidInputError(f"ridge must be at least 0, got {ridge}")
    if kind == "zca" and dim not in (None, matrix.shape[1]):
        raise InvalidInputError(f"zca keeps all {matrix.shape[1]} dimensions, got dim={dim}; use pca to keep fewer")
    dim = _checked_dim(matrix.shape[1] if dim is None else dim, matrix.shape[1])
    mean, covariance = second_moments(matrix, centred=True)
    variances, directions = principal_directions(covariance)
    if variances[0] == 0:
        raise InvalidInputError("the vectors are all equal, so there is nothing to whiten")
    # Eigenvalues of directions without variance come out as rounding errors of this size.
    varies = variances > variances[0] * len(variances) * np.finfo(np.float32).eps ** 2
    scales = np.zeros_like(variances)
    scales[varies] = 1 / np.sqrt(variances[varies] + ridge * variances[0])
    whitening = (directions * scales)[:, :dim]
    return LinearMap(mean, whitening @ directions.T if kind == "zca" else whitening)


def whiten(space: Space, *, dim: int | None = None, kind: Whitening = "pca", ridge: float = RIDGE) -> Space:
    """Make all directions vary equally, and none together with another; see `fit_whitening`."""
    fitted = fit_whitening(space.vectors, dim=dim, kind=kind, ridge=ridge)
    return fitted.transform(space, **_step(space, f"whitened ({kind})"))


def fit_pca(vectors: npt.ArrayLike, dim: int, *, centred: bool = True) -> LinearMap:
    """Fit the projection to the directions in which vectors vary most.

    Args:
        vectors: `(n, d)` numbers, at least two rows.
        dim: Directions to keep, from 1 to `d`.
        centred: Whether to take the mean off first. If not, directions are those of largest length instead of variance,
            and dot products and cosines are kept as well as so few dimensions can; all dimensions keep them exactly.

    Returns:
        The map, to `dim` dimensions, from the one with most to the one with least. Signs are such that the largest
        weight of each direction is positive.

    Raises:
        InvalidInputError: If there are too few vectors, or `dim` is out of range.
    """
    matrix = _fittable(vectors)
    _checked_dim(dim, matrix.shape[1])
    mean, moments = second_moments(matrix, centred=centred)
    return LinearMap(mean, principal_directions(moments)[1][:, :dim])


def reduce(space: Space, dim: int) -> Space:
    """Keep the `dim` directions that keep cosines best: PCA of the vectors at length 1, without taking a mean off.

    It is what `measure_dimension` measures as PCA. For PCA in the usual sense, see `fit_pca`.
    """
    fitted = fit_pca(normalise(space.vectors), dim, centred=False)
    return fitted.transform(space, **_step(space, f"PCA to {dim}"))


def fit_truncation(full: int, dim: int) -> LinearMap:
    """Make the map that keeps the first `dim` of `full` dimensions."""
    _checked_dim(dim, full)
    return LinearMap(np.zeros(full), np.eye(full, dim))


def truncate(space: Space, dim: int) -> Space:
    """Keep the first `dim` dimensions, which means something where the model was trained for it (Matryoshka).

    References:
        Kusupati et al. (2022), arXiv:2205.13147.
    """
    return fit_truncation(space.dim, dim).transform(space, **_step(space, f"truncated to {dim}"))


@dataclass(frozen=True, eq=False)
class QuantisedSpace:
    """A space rounded to fewer bits.

    Attributes:
        space: The values that the codes stand for, so that what is measured of it is what the codes give. Without
            subwords, whose values no code stands for.
        codes: `(n, d)` int8, or `(n, ceil(d / 8))` uint8 for `binary`.
        calibration: The range of each dimension, to quantise other vectors with; None for `binary`.
    """

    space: Space
    codes: Codes | Bits
    calibration: Calibration | None


def quantise(space: Space, precision: Rounding = "int8") -> QuantisedSpace:
    """Round all values to a byte each, or to their signs.

    Args:
        space: The space; of at least two keys for `int8`.
        precision: `int8` for 256 steps over each dimension's range, `binary` for signs.

    Returns:
        The rounded space and the codes; see `nearfield.quantisation`.

    Raises:
        InvalidInputError: If there is no such precision, or too few vectors to see a range.
    """
    if precision not in get_args(Rounding):
        raise InvalidInputError(f"precision must be one of {', '.join(get_args(Rounding))}, got {precision!r}")
    about = _step(space, precision)
    if precision == "binary":
        bits = pack_signs(space.vectors)
        return QuantisedSpace(space.with_vectors(unpack_signs(bits, space.dim), **about), bits, None)
    calibration = Calibration.fit(space.vectors)
    codes = quantise_vectors(space.vectors, calibration)
    return QuantisedSpace(space.with_vectors(dequantise(codes, calibration), **about), codes, calibration)


def _fittable(vectors: npt.ArrayLike) -> Vectors:
    matrix = as_matrix(vectors)
    if len(matrix) < 2:
        raise InvalidInputError(f"directions need at least 2 vectors to be found in, got {len(matrix)}")
    return matrix


def _checked_dim(dim: int, most: int) -> int:
    if not 1 <= dim <= most:
        raise InvalidInputError(f"dim must be from 1 to {most}, the dimensions there are, got {dim}")
    return dim


def _step(space: Space, name: str) -> dict[str, list[str]]:
    return {"postprocessing": [*space.about.get("postprocessing", []), name]}
