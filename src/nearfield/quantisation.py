"""Vectors in fewer bits: a byte or a bit for each dimension, and back to the values that these stand for.

Scalar quantisation cuts each dimension's range into 256 steps; binary quantisation keeps signs. See Shakir, Aarsen &
Lee (2024), "Binary and Scalar Embedding Quantization for Significantly Faster & Cheaper Retrieval", whose codes these
are: of equal ranges, the same as sentence-transformers' `quantize_embeddings`.
"""

import hashlib
from dataclasses import dataclass
from functools import cached_property
from typing import Literal, TypeAlias, get_args

import numpy as np
import numpy.typing as npt

from nearfield.arrays import Vectors, as_matrix
from nearfield.errors import InvalidInputError

ScalarPrecision: TypeAlias = Literal["int8", "uint8"]
Codes: TypeAlias = npt.NDArray[np.int8] | npt.NDArray[np.uint8]
Bits: TypeAlias = npt.NDArray[np.uint8]

_STEPS = 255
_INT8_OFFSET = 128


@dataclass(frozen=True, eq=False)
class Calibration:
    """The range of each dimension, within which values are quantised.

    Attributes:
        low: `(d,)` float32, finite.
        high: `(d,)` float32, finite, nowhere below `low`; where both are equal, every value counts as that one.
    """

    low: npt.NDArray[np.float32]
    high: npt.NDArray[np.float32]

    def __post_init__(self) -> None:
        """Refuse what is no range."""
        ends = as_matrix([self.low, self.high], what="the ranges' ends, low and high")
        if not (ends[0] <= ends[1]).all():
            raise InvalidInputError(f"dimension {int(np.argmax(ends[0] > ends[1]))} has its low end above its high end")
        object.__setattr__(self, "low", ends[0])
        object.__setattr__(self, "high", ends[1])

    @classmethod
    def fit(cls, vectors: npt.ArrayLike, *, tail: float = 0.0, margin: float = 0.0) -> "Calibration":
        """Take the ranges from vectors like those that will be quantised.

        Args:
            vectors: `(n, d)` numbers, at least two rows; some hundreds for the default `tail` and `margin`.
            tail: Share of each dimension's values to leave out at either end, at least 0 and below 0.5. By default
                none: the range is from the smallest value to the largest.
            margin: What to widen each range by at either end, as a share of its width, at least 0: the fewer vectors,
                the further others lie outside.

        Returns:
            The calibration.

        Raises:
            InvalidInputError: If there are fewer than two rows, they are not finite, or an option is out of range.
        """
        matrix = as_matrix(vectors)
        if len(matrix) < 2:
            raise InvalidInputError(f"ranges need at least 2 vectors, got {len(matrix)}; give some hundreds")
        if not (0 <= tail < 0.5 and 0 <= margin < np.inf):
            raise InvalidInputError(f"tail must be in [0, 0.5) and margin at least 0, got {tail} and {margin}")
        low, high = np.quantile(matrix, [tail, 1 - tail], axis=0).astype(np.float32)
        widening = np.float32(margin) * (high - low)
        return cls(low - widening, high + widening)

    @property
    def dim(self) -> int:
        """Number of dimensions."""
        return len(self.low)

    @cached_property
    def digest(self) -> str:
        """32 hexadecimal digits over the ranges, bit for bit."""
        ends = np.concatenate([self.low, self.high]).astype("<f4")
        return hashlib.blake2b(ends.tobytes(), digest_size=16).hexdigest()

    @property
    def _steps(self) -> npt.NDArray[np.float32]:
        return (self.high - self.low) / np.float32(_STEPS)


def quantise(vectors: npt.ArrayLike, calibration: Calibration, *, precision: ScalarPrecision = "int8") -> Codes:
    """Keep one byte for each value: which 255th of its dimension's range it lies in.

    Args:
        vectors: `(n, d)` finite numbers; what lies outside a range counts as its end.
        calibration: The ranges.
        precision: `int8` codes are the `uint8` ones less 128; both stand for the same values.

    Returns:
        `(n, d)` int8 or uint8: floor((value - low) / step), where `step` is a 255th of the range.

    Raises:
        InvalidInputError: If the vectors are not finite or of other dimensions than the ranges, or the precision is
            unknown.
    """
    matrix = as_matrix(vectors, dim=calibration.dim)
    if precision not in get_args(ScalarPrecision):
        raise InvalidInputError(f"precision must be one of {', '.join(get_args(ScalarPrecision))}, got {precision!r}")
    steps = calibration._steps
    with np.errstate(over="ignore"):  # what is so far outside that it overflows counts as the end all the same
        places = (matrix - calibration.low) / np.where(steps == 0, np.float32(1), steps)
    codes = np.clip(np.floor(places, out=places), 0, _STEPS, out=places)
    if precision == "uint8":
        return codes.astype(np.uint8)
    return (codes - _INT8_OFFSET).astype(np.int8)


def dequantise(codes: Codes, calibration: Calibration) -> Vectors:
    """Give the values that codes stand for: the middle of each step, and the range's end for the last.

    Args:
        codes: `(n, d)` int8 or uint8, as `quantise` makes them.
        calibration: The ranges they were made with.

    Returns:
        `(n, d)` float32; within a range, at most half a step from the value that was quantised.

    Raises:
        InvalidInputError: If the codes are of another type, or of other dimensions than the ranges.
    """
    if codes.dtype not in (np.int8, np.uint8) or codes.ndim != 2 or codes.shape[1] != calibration.dim:
        raise InvalidInputError(
            f"codes must be int8 or uint8 of shape (n, {calibration.dim}), got {codes.dtype} of shape {codes.shape}"
        )
    places = codes.astype(np.float32)
    places += np.float32(0.5 + (_INT8_OFFSET if codes.dtype == np.int8 else 0))
    np.minimum(places, np.float32(_STEPS), out=places)
    places *= calibration._steps
    places += calibration.low
    return places


def pack_signs(vectors: npt.ArrayLike) -> Bits:
    """Keep one bit for each value: whether it is above zero.

    Args:
        vectors: `(n, d)` finite numbers.

    Returns:
        `(n, ceil(d / 8))` uint8, the first dimension in the highest bit, the last byte filled up with zeros; what
        sentence-transformers calls `ubinary` (its `binary` is the same less 128, as int8).

    Raises:
        InvalidInputError: If the vectors are not finite or of another shape.
    """
    return np.packbits(as_matrix(vectors) > 0, axis=1)


def unpack_signs(bits: Bits, dim: int) -> Vectors:
    """Give the values that bits stand for: 1 and -1.

    The dot product of two such rows is `dim` less twice the Hamming distance of their bits, so it ranks by that.

    Args:
        bits: `(n, ceil(dim / 8))` uint8, as `pack_signs` makes them.
        dim: Number of dimensions.

    Returns:
        `(n, dim)` float32.

    Raises:
        InvalidInputError: If the bits are of another type, or of another number of bytes than the dimensions need.
    """
    width = -(-dim // 8)
    if bits.dtype != np.uint8 or bits.ndim != 2 or bits.shape[1] != width:
        raise InvalidInputError(f"bits must be uint8 of shape (n, {width}), got {bits.dtype} of shape {bits.shape}")
    signs = np.unpackbits(bits, axis=1, count=dim).astype(np.float32)
    signs *= 2
    signs -= 1
    return signs
