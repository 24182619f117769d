"""Refuses vectors that are no numbers, which damaged weights give."""

from collections.abc import Callable

import numpy as np

from nearfield.arrays import Vectors
from nearfield.errors import EncoderError


def require_finite(vectors: Vectors, name: str, item: Callable[[int], str]) -> None:
    """Refuse a batch in which a value is NaN or infinite.

    Args:
        vectors: `(n, d)` float32.
        name: What the encoder is called.
        item: What to call the item of a row in an error.

    Raises:
        EncoderError: If one is; it names the first item that has such a vector.
    """
    finite = np.isfinite(vectors).all(axis=1)
    if not finite.all():
        raise EncoderError(
            f"{name} gave NaN or infinity for {item(int(np.argmin(finite)))}; "
            "the weights are damaged or overflow: download the model again, or choose another"
        )
