"""Validate what is to be written, the whole batch before any of it."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from nearfield.arrays import Metric, Vectors, as_matrix
from nearfield.data.records import MAX_ID_BYTES
from nearfield.errors import InvalidInputError
from nearfield.stores.base import Batch, Payload, SparseVector, StoreConfig
from nearfield.stores.values import Projection, is_unicode, project, write_flat

# One encoder for all: `json.dumps` with options makes a new one each time.
TO_JSON = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode

MAX_NORM = 1e18
"""The longest vector under dot and l2: the product and the squared difference of two such fit float32."""


@dataclass(frozen=True, slots=True, eq=False)
class CheckedBatch:
    """A batch that can be written.

    Attributes:
        ids: `n` ids.
        payloads: `n` payloads.
        metas: `n` JSON texts of the payloads' metadata.
        fields: `n` projections of the payloads' metadata.
        vectors: `(n, d)` float32 as given, or None.
        norms: `(n,)` float64 Euclidean lengths of the vectors, or None.
        sparse: For each leg, `n` pairs of term and weight lists.
    """

    ids: Sequence[str]
    payloads: Sequence[Payload]
    metas: list[str]
    fields: list[Projection]
    vectors: Vectors | None
    norms: npt.NDArray[np.float64] | None
    sparse: Mapping[str, list[tuple[list[int], list[float]]]]


def check_batch(batch: Batch, config: StoreConfig) -> CheckedBatch:
    """Check every id, vector and payload of a batch.

    Args:
        batch: What the caller wants to write.
        config: What the store holds.

    Returns:
        The batch, with what checking it computed.

    Raises:
        InvalidInputError: If anything in it cannot be stored; the message names the id.
    """
    checked = check_payloads(batch.ids, batch.payloads)
    vectors, norms = _check_vectors(batch, config)
    if set(batch.sparse) != set(config.sparse):
        raise InvalidInputError(
            f"the store has the sparse legs {sorted(config.sparse)}, got {sorted(batch.sparse)}; give each of them"
        )
    sparse = {leg: _check_leg(leg, batch.sparse[leg], batch.ids) for leg in config.sparse}
    metas, fields = [meta for meta, _ in checked], [projection for _, projection in checked]
    return CheckedBatch(batch.ids, batch.payloads, metas, fields, vectors, norms, sparse)


def check_ids(ids: Sequence[str]) -> None:
    """Check that ids are non-empty unicode strings of at most 1,024 bytes.

    Args:
        ids: The caller's ids.

    Raises:
        InvalidInputError: If `ids` is a single string, or one of them cannot be an id.
    """
    if isinstance(ids, str):
        raise InvalidInputError(f"ids must be a list of strings, got the string {ids!r}; wrap it as [id]")
    for id in ids:
        if not isinstance(id, str):
            raise InvalidInputError(f"an id must be a string, got {id!r}")
        if not is_unicode(id):
            raise InvalidInputError(f"the id {id!r} holds a lone surrogate, which is not unicode")
        if not id or len(id) > MAX_ID_BYTES or (not id.isascii() and len(id.encode()) > MAX_ID_BYTES):
            size = len(id.encode())
            raise InvalidInputError(f"an id must have 1 to {MAX_ID_BYTES} bytes of UTF-8, got {size}: {id[:60]!r}")


def check_payloads(ids: Sequence[str], payloads: Sequence[Payload]) -> list[tuple[str, Projection]]:
    """Check ids, each once, and the payload of each.

    Args:
        ids: `n` ids.
        payloads: `n` payloads.

    Returns:
        For each payload its metadata as JSON, and the projection of it.

    Raises:
        InvalidInputError: If anything in it cannot be stored; the message names the id.
    """
    check_ids(ids)
    _check_once(ids)
    _check_length("payloads", len(payloads), ids)
    return [_check_payload(id, payload) for id, payload in zip(ids, payloads, strict=True)]


def check_norms(norms: npt.NDArray[np.float64], metric: Metric, name: Callable[[int], str]) -> None:
    """Check that vectors of these lengths can be compared.

    Args:
        norms: `(n,)` Euclidean lengths.
        metric: How the vectors are compared.
        name: Says what to call the vector of a row in an error message.

    Raises:
        InvalidInputError: If a vector is zero under cosine, or too long for float32 under dot and l2.
    """
    bad = norms == 0 if metric == "cosine" else norms > MAX_NORM
    if not bad.any():
        return
    row = int(np.argmax(bad))
    if metric == "cosine":
        raise InvalidInputError(f"{name(row)} is a zero vector, which has no direction to compare by cosine")
    raise InvalidInputError(
        f"{name(row)} has the length {norms[row]:.3g}; under {metric} at most {MAX_NORM:.0e} fits float32: scale it"
    )


def check_sparse(vectors: Sequence[SparseVector], names: Sequence[str]) -> list[tuple[list[int], list[float]]]:
    """Check sparse vectors, all at once.

    Args:
        vectors: `n` sparse vectors; one may have no terms.
        names: `n` names for the error message.

    Returns:
        `n` pairs of terms and weights.

    Raises:
        InvalidInputError: If lengths differ, a term is not a 32-bit number or is there twice, or a weight is not
            finite and above zero in float32.
    """
    indices, values = [_term_array(v, n) for v, n in zip(vectors, names, strict=True)], []
    for terms, vector, name in zip(indices, vectors, names, strict=True):
        weights = np.asarray(vector.values)
        if weights.shape != terms.shape:
            raise InvalidInputError(f"{name} has {terms.size} indices but values of shape {weights.shape}")
        values.append(weights)
    if not vectors:
        return []
    rows = np.repeat(np.arange(len(vectors)), [terms.size for terms in indices])
    all_terms = np.concatenate(indices).astype(np.int64)
    with np.errstate(over="ignore", under="ignore"):
        all_values = np.concatenate(values).astype(np.float32)
    _refuse(~(np.isfinite(all_values) & (all_values > 0)), rows, names, "a value that is not finite and above zero")
    _refuse((all_terms < 0) | (all_terms >= 1 << 32), rows, names, "an index outside 0 to 4294967295")
    order = np.lexsort((all_terms, rows))
    again = (np.diff(all_terms[order]) == 0) & (np.diff(rows[order]) == 0)
    _refuse(again, rows[order][1:], names, "the same index twice")
    ends = np.cumsum([terms.size for terms in indices])[:-1]
    split_terms, split_values = np.split(all_terms, ends), np.split(all_values, ends)
    return [(terms.tolist(), weights.tolist()) for terms, weights in zip(split_terms, split_values, strict=True)]


def _term_array(vector: SparseVector, name: str) -> npt.NDArray[np.integer[Any]]:
    terms = np.asarray(vector.indices)
    if terms.ndim != 1 or (terms.size and terms.dtype.kind not in "iu"):
        raise InvalidInputError(f"{name} needs integer indices of shape (n,), got {terms.dtype} {terms.shape}")
    return terms if terms.size else terms.astype(np.uint32)


def _refuse(bad: npt.NDArray[np.bool_], rows: npt.NDArray[np.intp], names: Sequence[str], problem: str) -> None:
    if bad.any():
        raise InvalidInputError(f"{names[int(rows[int(np.argmax(bad))])]} has {problem}")


def _check_once(ids: Sequence[str]) -> None:
    if len(set(ids)) == len(ids):
        return
    seen: set[str] = set()
    for id in ids:
        if id in seen:
            raise InvalidInputError(f"the id {id!r} is in the batch twice; keep the one that counts")
        seen.add(id)


def _check_length(what: str, length: int, ids: Sequence[str]) -> None:
    if length != len(ids):
        raise InvalidInputError(f"{what} must be as many as ids: got {length} for {len(ids)} ids")


def _check_vectors(batch: Batch, config: StoreConfig) -> tuple[Vectors | None, npt.NDArray[np.float64] | None]:
    if config.dim is None:
        if batch.vectors is not None:
            raise InvalidInputError("the store has no dense vectors, got some; leave vectors out")
        return None, None
    if batch.vectors is None:
        raise InvalidInputError(f"the store has dense vectors of {config.dim} dimensions; give vectors")
    if len(batch.ids) == 0:
        return np.empty((0, config.dim), np.float32), np.empty(0)
    vectors = as_matrix(batch.vectors, dim=config.dim)
    _check_length("vectors", len(vectors), batch.ids)
    # float64, so that lengths near either end of float32 neither overflow nor vanish.
    norms = np.sqrt(np.einsum("nd,nd->n", vectors, vectors, dtype=np.float64))
    check_norms(norms, config.metric, lambda row: f"the vector of {batch.ids[row]!r}")
    return vectors, norms


def _check_leg(leg: str, vectors: Sequence[SparseVector], ids: Sequence[str]) -> list[tuple[list[int], list[float]]]:
    _check_length(f"sparse vectors of the leg {leg!r}", len(vectors), ids)
    return check_sparse(vectors, [f"the sparse vector {leg!r} of {id!r}" for id in ids])


def _check_payload(id: str, payload: Payload) -> tuple[str, Projection]:
    for name in ("text", "title", "digest", "image"):
        text = getattr(payload, name)
        if not isinstance(text, str) or not (text.isascii() or is_unicode(text)):
            raise InvalidInputError(f"the {name} of {id!r} must be a unicode string, got {text!r:.80}")
    if not isinstance(payload.meta, Mapping):
        raise InvalidInputError(f"the meta of {id!r} must be an object of JSON values, got {payload.meta!r:.80}")
    if not payload.meta:
        return "{}", {}
    try:
        flat = write_flat(payload.meta)
        if flat is not None:
            return flat
        projection = project(payload.meta)
        return TO_JSON(dict(payload.meta)), projection
    except ValueError as error:  # ours, or json's own about an integer of too many digits
        raise InvalidInputError(f"the meta of {id!r} cannot be stored: {error}") from error
