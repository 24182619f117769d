"""The `.kv` files of gensim 4: `KeyedVectors.save` and `FastTextKeyedVectors.save`."""

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from nearfield.errors import DataError
from nearfield.space.formats.gensim_pickle import read_pickled_attributes
from nearfield.space.formats.matrix import space_of_matrix
from nearfield.space.formats.rows import ReadOptions
from nearfield.space.ngrams import add_ngrams
from nearfield.space.space import Space
from nearfield.space.subwords import Subwords


def read_gensim(path: Path, options: ReadOptions) -> Space:
    """Read keyed vectors, with counts and n-grams where there are any."""
    attributes = read_pickled_attributes(path)
    keys = attributes.get("index_to_key")
    if not isinstance(keys, list) or not all(isinstance(key, str) for key in keys):
        raise DataError("has no list of strings index_to_key: was it written by gensim 4?", source=str(path))
    subwords = _subwords(path, attributes)
    vectors = _matrix(path, attributes, "vectors" if attributes.get("vectors") is not None else "vectors_vocab")
    if subwords is not None and subwords.table.shape[1] != vectors.shape[1]:
        raise DataError(
            f"has n-grams of {subwords.table.shape[1]} dimensions, and words of {vectors.shape[1]}", source=str(path)
        )
    expandos = attributes.get("expandos")
    counts = expandos.get("count") if isinstance(expandos, dict) else None
    if counts is not None and (not isinstance(counts, np.ndarray) or counts.dtype.kind not in "iu"):
        raise DataError("has counts that are no array of whole numbers; save it with gensim 4", source=str(path))
    if subwords is not None and attributes.get("vectors") is None:
        # gensim leaves out what follows from the words' own vectors and their n-grams.
        if len(keys) != len(vectors) or (counts is not None and counts.shape != (len(keys),)):
            raise DataError(f"has {len(vectors):,} rows, and there are {len(keys):,} keys", source=str(path))
        kept = slice(options.limit)
        keys, vectors = keys[kept], add_ngrams(keys[kept], vectors[kept], subwords)
        counts = None if counts is None else counts[kept]
    return space_of_matrix(path, options, keys, vectors, format="gensim", subwords=subwords, counts=counts)


def _subwords(path: Path, attributes: dict[str, Any]) -> Subwords | None:
    if attributes.get("vectors_ngrams") is None:
        return None
    table = np.ascontiguousarray(_matrix(path, attributes, "vectors_ngrams"), np.float32)
    min_n, max_n = attributes.get("min_n"), attributes.get("max_n")
    if not isinstance(min_n, int) or not isinstance(max_n, int) or attributes.get("compatible_hash") is False:
        raise DataError("has n-grams that are not hashed as fastText does; save it with gensim 4", source=str(path))
    return Subwords(table, min_n, max_n) if len(table) and 1 <= min_n <= max_n else None


def _matrix(path: Path, attributes: dict[str, Any], name: str) -> npt.NDArray[Any]:
    array = attributes.get(name)
    if not isinstance(array, np.ndarray) or array.ndim != 2:
        raise DataError(f"has no matrix {name}", source=str(path))
    return array
