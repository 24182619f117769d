"""Exact search by reading every vector: what Milvus' approximate indexes cannot be asked for."""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from nearfield.arrays import Metric
from nearfield.stores.milvus.filters import Condition
from nearfield.stores.milvus.names import decode_id
from nearfield.stores.milvus.reading import MilvusRows
from nearfield.stores.milvus.schema import DENSE, ID, leg_field

Scored = tuple[str, float]
"""A primary key and its score."""

_PAGE_BYTES = 16 << 20


def scan_dense(
    rows: MilvusRows, condition: Condition, query: npt.NDArray[np.float32], metric: Metric, k: int
) -> list[Scored]:
    """Compare a query with every dense vector that matches.

    Args:
        rows: The store's.
        condition: What is searched.
        query: `(d,)` float32, scaled as the stored vectors are.
        metric: How they are compared.
        k: How many are wanted.

    Returns:
        At most `k`, best first, equal scores by id.
    """

    def scored() -> Iterator[list[Scored]]:
        for page in rows.pages(condition, [DENSE], max(1, _PAGE_BYTES // (4 * query.size))):
            if page:
                vectors = np.asarray([row[DENSE] for row in page], np.float32)
                products = -np.linalg.norm(vectors - query, axis=1) if metric == "l2" else vectors @ query
                yield list(zip((row[ID] for row in page), products.tolist(), strict=True))

    return _best(scored(), k)


def scan_sparse(rows: MilvusRows, condition: Condition, leg: str, query: Mapping[int, float], k: int) -> list[Scored]:
    """Compare a weighted query with every vector of a sparse leg that matches.

    Args:
        rows: The store's.
        condition: What is searched.
        leg: The sparse leg.
        query: The weight of each term, as Milvus would get it.
        k: How many are wanted.

    Returns:
        At most `k` that share a term with the query, best first, equal scores by id.
    """
    field = leg_field(leg)

    def score(weights: Mapping[Any, float]) -> float:
        return sum(query.get(int(term), 0.0) * weight for term, weight in weights.items())

    pages = ([(row[ID], score(row[field])) for row in page] for page in rows.pages(condition, [field]))
    return _best(([(key, value) for key, value in page if value > 0] for page in pages), k)


def _best(pages: Iterator[list[Scored]], k: int) -> list[Scored]:
    kept: list[Scored] = []
    for page in pages:
        kept += page
        if len(kept) > 2 * k:
            kept = _sorted(kept)[:k]
    return _sorted(kept)[:k]


def _sorted(found: list[Scored]) -> list[Scored]:
    return sorted(found, key=lambda each: (-each[1], decode_id(each[0])))
