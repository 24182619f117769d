"""Datasets that come with nearfield, so that everything can be tried offline."""

from pathlib import Path

from nearfield.data.beir import Dataset, read_beir, split_names
from nearfield.errors import InvalidInputError

_FOLDER = Path(__file__).parent / "bundled"

BUNDLED = ("howto", "scifact")
"""Names that `load_dataset` knows."""


def load_dataset(name: str, split: str = "test") -> Dataset:
    """Load a dataset that comes with nearfield.

    - `howto` (split `test`): 44 short household notes and 20 judged queries, written for nearfield.
    - `scifact` (splits `train` and `test`): 5,183 abstracts, 809 and 300 scientific claims and the abstracts that
      are evidence for or against them. Wadden et al. (2020), doi:10.18653/v1/2020.emnlp-main.609; claims CC BY 4.0,
      abstracts ODC-By 1.0, see the file ATTRIBUTION.txt beside the data.

    Args:
        name: `howto` or `scifact`.
        split: Which judgements to load.

    Returns:
        The dataset; its corpus is read from disk as it is iterated over.

    Raises:
        InvalidInputError: If there is no such dataset or split.

    Examples:
        >>> load_dataset("howto").judgements.queries["leaking-faucet"]
        'how to fix a leaking faucet'
    """
    if name not in BUNDLED:
        raise InvalidInputError(f"no bundled dataset {name!r}; there are: {', '.join(BUNDLED)}")
    folder = _FOLDER / name
    if split not in (splits := split_names(folder)):
        raise InvalidInputError(f"dataset {name!r} has no split {split!r}; it has: {', '.join(splits)}")
    return read_beir(folder, split)
