"""Affine maps of vectors: what post-processing and alignment fit, to be used on other vectors too."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from nearfield.arrays import Scores, Vectors, as_matrix, row_blocks
from nearfield.errors import InvalidInputError
from nearfield.space.space import Space
from nearfield.space.subwords import Subwords


@dataclass(frozen=True, eq=False)
class LinearMap:
    """Takes a mean off vectors, then multiplies them with a matrix: `(vectors - mean) @ matrix`.

    Attributes:
        mean: `(d,)` float64; zeros where nothing is taken off.
        matrix: `(d, d')` float64.
    """

    mean: Scores
    matrix: Scores

    def __post_init__(self) -> None:
        """Refuse parts that do not fit together."""
        if self.matrix.ndim != 2 or self.mean.shape != self.matrix.shape[:1]:
            raise InvalidInputError(
                f"a map needs a mean of shape (d,) and a matrix of shape (d, d'), got {self.mean.shape} and "
                f"{self.matrix.shape}"
            )

    def apply(self, vectors: npt.ArrayLike) -> Vectors:
        """Map vectors, such as new ones of the same encoder.

        Args:
            vectors: `(n, d)` numbers.

        Returns:
            `(n, d')` float32.

        Raises:
            InvalidInputError: If they have other dimensions, or are not finite.
        """
        matrix = as_matrix(vectors, dim=len(self.mean))
        mapped = np.empty((len(matrix), self.matrix.shape[1]), np.float32)
        for block in row_blocks(matrix):
            mapped[block] = (matrix[block] - self.mean) @ self.matrix
        return mapped

    def transform(self, space: Space, **about: Any) -> Space:  # noqa: ANN401  # any JSON values
        """Map all of a space: its vectors, and the n-grams that vectors of unseen words are made of.

        A word's vector is the mean of its n-grams' vectors, and an affine map of a mean is the mean of what is mapped:
        so each n-gram is mapped as a vector is, and unseen words stay comparable with the keys.

        Args:
            space: The space, of `d` dimensions.
            **about: What was done, added to `about`.

        Returns:
            The new space, of `d'` dimensions.

        Raises:
            InvalidInputError: If the space has other dimensions, or a key's vector becomes zero.
        """
        subwords = space.subwords
        if subwords is not None:
            subwords = Subwords(self.apply(subwords.table), min_n=subwords.min_n, max_n=subwords.max_n)
        vectors = self.apply(space.vectors)
        return Space(space.keys, vectors, subwords=subwords, counts=space.counts, about={**space.about, **about})
