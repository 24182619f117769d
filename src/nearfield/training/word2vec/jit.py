"""How the kernels are compiled, and what their arguments are."""

from typing import Any, Final, TypeAlias

import numpy as np
import numpy.typing as npt

Floats: TypeAlias = npt.NDArray[np.float32]
Table: TypeAlias = npt.NDArray[np.float32]
Rows: TypeAlias = npt.NDArray[np.int64]

KERNEL: Final[dict[str, Any]] = {
    # Sums may be reordered, so that they run in vector registers; NaN stays NaN, so that divergence shows.
    "fastmath": {"reassoc", "contract", "nsz"},
    "nogil": True,  # threads of Python run them side by side
    "cache": True,
    "error_model": "numpy",
}
# For what takes many arrays and is called once: handing them over would take longer than the work itself.
INLINED: Final[dict[str, Any]] = {**KERNEL, "forceinline": True}
