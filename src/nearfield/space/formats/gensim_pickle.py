"""Takes a gensim pickle apart without gensim, and without running anything that the pickle names.

A pickle names classes and functions, and reading it calls them. Here each name that gensim 4's keyed vectors need
stands for an inert class of ours that only keeps what it is given; any other name ends the reading.
"""

import pickle
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt

from nearfield.arrays import map_npy
from nearfield.errors import DataError

# In the order of numpy's own tuples: what a pickled array's state and a dtype's state hold.
_SHAPE, _DTYPE, _FORTRAN, _CONTENT = 1, 2, 3, 4
_BYTE_ORDER = 1
_NUMBERS = frozenset(f"{kind}{size}" for kind in "iuf" for size in (1, 2, 4, 8)) - {"f1"}


class _Object:
    """Stands for an object of gensim; its attributes are what was pickled."""


class _Type:
    """Stands for numpy's array type where a pickle names it as an argument."""


class _Number:
    """Stands for numpy's type of numbers, or of strings or objects, which are then refused."""

    def __init__(self, code: object = "", *_: object) -> None:
        self.code = code
        self.order = "<"

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        self.order = state[_BYTE_ORDER]


class _Array:
    """Stands for an array; keeps its parts."""

    def __init__(self, *_: object) -> None:
        self.state: Any = None

    def __setstate__(self, state: Any) -> None:  # noqa: ANN401  # whatever the pickle says; checked by `value`
        self.state = state

    def value(self) -> npt.NDArray[Any]:
        """Make the array of its parts; a ValueError or TypeError if they do not fit."""
        number, content = self.state[_DTYPE], self.state[_CONTENT]
        if not isinstance(number, _Number) or number.code not in _NUMBERS or not isinstance(content, bytes):
            raise TypeError("an array of something other than numbers")
        dtype = np.dtype(f"{'>' if number.order == '>' else '<'}{number.code}")
        array: npt.NDArray[Any] = np.frombuffer(content, dtype)
        return array.reshape(tuple(self.state[_SHAPE]), order="F" if self.state[_FORTRAN] else "C")


_STAND_INS = {
    ("gensim.models.keyedvectors", "KeyedVectors"): _Object,
    ("gensim.models.fasttext", "FastTextKeyedVectors"): _Object,
    ("numpy.core.multiarray", "_reconstruct"): _Array,
    ("numpy._core.multiarray", "_reconstruct"): _Array,
    ("numpy", "ndarray"): _Type,
    ("numpy", "dtype"): _Number,
}
_MODELS = {"Word2Vec", "FastText", "Doc2Vec"}


class _Unpickler(pickle.Unpickler):
    def __init__(self, file: BinaryIO, source: str) -> None:
        super().__init__(file)
        self._source = source

    def find_class(self, module: str, name: str) -> Any:  # noqa: ANN401  # pickle's own signature
        """Give the stand-in of a name."""
        kind = _STAND_INS.get((module, name))
        if kind is not None:
            return type(name, (kind,), {})  # a fresh one, since a pickle may set a class's attributes
        if module.startswith("gensim.") and name in _MODELS:
            raise DataError(
                f"holds a whole gensim {name} model; save its vectors alone with model.wv.save(...) and read that",
                source=self._source,
            )
        raise DataError(
            f"names {module}.{name}, which no keyed vectors of gensim 4 need, so it is not read: a pickle can run code",
            source=self._source,
        )


def read_pickled_attributes(path: Path) -> dict[str, Any]:
    """Read the attributes of gensim's pickled keyed vectors, arrays in files beside it included.

    Args:
        path: The file; arrays that gensim kept apart lie beside it as `path.ATTRIBUTE.npy`, and are memory-mapped.

    Returns:
        Attributes by name: plain Python values and arrays.

    Raises:
        DataError: If the file is damaged, or holds anything else.
    """
    source = str(path)
    try:
        with path.open("rb") as file:
            found = _Unpickler(file, source).load()
        if not isinstance(found, _Object):
            raise DataError("holds no keyed vectors of gensim", source=source)
        attributes = _with_arrays(vars(found))
        if isinstance(expandos := attributes.get("expandos"), dict):  # which holds counts
            attributes["expandos"] = _with_arrays(expandos)
    except DataError:
        raise
    except Exception as error:  # a damaged pickle may raise anything
        raise DataError(f"cannot be read as gensim's keyed vectors: {error}", source=source) from error
    apart = attributes.get("__numpys") or ()
    if not isinstance(apart, list | tuple | set) or not all(isinstance(n, str) and n.isidentifier() for n in apart):
        raise DataError(f"must name its arrays in other files as attributes, got {apart!r:.60}", source=source)
    return attributes | {name: _array_beside(path, name) for name in apart}


def _with_arrays(values: dict[str, Any]) -> dict[str, Any]:
    return {name: value.value() if isinstance(value, _Array) else value for name, value in values.items()}


def _array_beside(path: Path, name: str) -> npt.NDArray[Any]:
    file = path.with_name(f"{path.name}.{name}.npy")
    try:
        return map_npy(file)
    except (OSError, ValueError) as error:
        raise DataError(f"keeps its {name} in {file.name}, which cannot be read ({error})", source=str(path)) from error
