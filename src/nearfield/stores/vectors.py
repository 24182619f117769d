"""Dense vectors on their way into a back end and out of it, and what its scores mean."""

import math

import numpy as np
import numpy.typing as npt

from nearfield.arrays import Metric, Vectors, as_matrix
from nearfield.errors import CapabilityError, InvalidInputError
from nearfield.stores.base import StoreConfig
from nearfield.stores.batches import MAX_NORM, check_norms

UNIT_TOLERANCE = 1e-6
"""How far from 1 the length of a vector may be that is stored as it is: the rounding of float32 normalisation."""

FLOAT32_MAX = float(np.finfo(np.float32).max)


def unit_vectors(vectors: Vectors, norms: npt.NDArray[np.float64]) -> tuple[Vectors, list[float | None]]:
    """Scale vectors to length 1, leaving those alone that have it already.

    Args:
        vectors: `(n, d)` float32.
        norms: `(n,)` float64 lengths, none zero.

    Returns:
        `(n, d)` float32, and for each row the length it had, or None if it was left bit for bit.
    """
    scaled = np.abs(norms - 1) > UNIT_TOLERANCE
    if not scaled.any():
        return vectors, [None] * len(vectors)
    factors = np.where(scaled, norms, 1.0)
    units = (vectors / factors[:, None]).astype(np.float32)  # float64 in between: a length may exceed float32
    return units, [norm if long else None for norm, long in zip(norms.tolist(), scaled.tolist(), strict=True)]


def restore_length(vector: npt.NDArray[np.float32], norm: float) -> npt.NDArray[np.float32]:
    """Give a vector of length 1 the length it had; rounding may lift its largest component just over float32."""
    return np.clip(vector.astype(np.float64) * norm, -FLOAT32_MAX, FLOAT32_MAX).astype(np.float32)


def check_query(vector: npt.ArrayLike, config: StoreConfig) -> npt.NDArray[np.float32]:
    """Check a query and scale it as the stored vectors are.

    Args:
        vector: `(d,)` numbers.
        config: What the store holds.

    Returns:
        `(d,)` float32.

    Raises:
        CapabilityError: If the store has no dense vectors.
        InvalidInputError: If the shape differs, or the vector could not be stored either.
    """
    if config.dim is None:
        raise CapabilityError("the store has no dense vectors; query_sparse searches its sparse legs")
    if isinstance(vector, np.ndarray) and vector.dtype == np.float32:
        given = vector  # as encoders give them; changing the error state costs as much as all that follows
    else:
        with np.errstate(over="ignore"):
            given = np.asarray(vector, dtype=np.float32)
    if given.shape != (config.dim,):
        raise InvalidInputError(f"a query needs shape ({config.dim},), got {given.shape}")
    wide = given.astype(np.float64)
    norm = math.sqrt(wide @ wide)
    if not math.isfinite(norm):
        raise InvalidInputError("the query holds NaN or infinity; give finite numbers")
    if norm == 0 or norm > MAX_NORM:
        check_norms(np.array([norm]), config.metric, lambda row: "the query")
    if config.metric == "cosine" and abs(norm - 1) > UNIT_TOLERANCE:
        given = (wide / norm).astype(np.float32)
    return given


def check_queries(vectors: npt.ArrayLike, config: StoreConfig) -> Vectors:
    """Check several queries and scale them as the stored vectors are.

    Args:
        vectors: `(q, d)` numbers; `q` may be 0.
        config: What the store holds.

    Returns:
        `(q, d)` float32.

    Raises:
        CapabilityError: If the store has no dense vectors.
        InvalidInputError: If the shape differs, or one of the vectors could not be stored either.
    """
    if config.dim is None:
        raise CapabilityError("the store has no dense vectors; query_sparse searches its sparse legs")
    if len(np.asarray(vectors)) == 0:
        return np.empty((0, config.dim), np.float32)
    matrix = as_matrix(vectors, dim=config.dim, what="the queries")
    norms = np.sqrt(np.einsum("nd,nd->n", matrix, matrix, dtype=np.float64))
    check_norms(norms, config.metric, lambda row: f"query {row}")
    return unit_vectors(matrix, norms)[0] if config.metric == "cosine" else matrix


def distance_of(score: float, metric: Metric) -> float:
    """Turn a score, of which more is better, into the metric's own distance."""
    return 1 - score if metric == "cosine" else -score
