"""What a store in Chroma is created with."""

from dataclasses import dataclass

from nearfield.arrays import METRICS
from nearfield.errors import CapabilityError, InvalidInputError
from nearfield.stores.base import Quantisation, StoreConfig

_LEAST = {
    "dim": 1,
    "index_above": 0,
    "m": 2,
    "ef_construct": 1,
    "ef": 1,
    "resize_factor": 1,
    "sync_threshold": 2,
}


@dataclass(frozen=True)
class ChromaConfig(StoreConfig):
    """Options of a store in Chroma, which keeps an HNSW graph of each collection from its first point on.

    `m`, `ef_construct`, `resize_factor` and `sync_threshold` are what a collection is created with and stay so.

    Attributes:
        quantisation: Only `none`.
        index_above: A query of a store of at most so many points compares with all of them, like one that is asked to
            be exact; it then asks the server for their number first. 0 leaves every query to the graph.
        m: Edges for each node of the graph; Chroma's `max_neighbors`.
        ef_construct: Candidates looked at while the graph is built; Chroma's `ef_construction`.
        ef: Candidates looked at by a query; Chroma's `ef_search`.
        oversampling: Only 1, because there is no quantised search.
        resize_factor: How many times as many points a full graph makes room for.
        sync_threshold: Points written between two times that the graph is saved. Those since are in the log, as safe
            as the others, and read into the graph when the collection is next opened.
    """

    quantisation: Quantisation = "none"
    index_above: int = 0
    m: int = 16
    ef_construct: int = 100
    ef: int = 100
    oversampling: float = 1.0
    resize_factor: float = 1.2
    sync_threshold: int = 1000


def check_config(config: StoreConfig) -> ChromaConfig:
    """Check that Chroma can hold what is asked.

    Args:
        config: What a store is to be created or opened with.

    Returns:
        It.

    Raises:
        InvalidInputError: If it is not a `ChromaConfig`, or a value is out of range.
        CapabilityError: If Chroma does not offer it.
    """
    if not isinstance(config, ChromaConfig):
        raise InvalidInputError(f"a store in Chroma is made with a ChromaConfig, got {config!r}")
    if config.sparse or config.dim is None:
        raise CapabilityError(
            f"a Chroma server holds a dense vector for each point and no sparse ones; give dim and no sparse legs, "
            f"got dim={config.dim} and {list(config.sparse)}"
        )
    if config.metric not in METRICS:
        raise InvalidInputError(f"metric must be one of {', '.join(METRICS)}, got {config.metric!r}")
    if config.quantisation != "none" or config.oversampling != 1:
        raise CapabilityError(
            "Chroma quantises nothing: quantisation must be 'none' and oversampling 1, "
            f"got {config.quantisation!r} and {config.oversampling}"
        )
    for name, lowest in _LEAST.items():
        if not getattr(config, name) >= lowest:
            raise InvalidInputError(f"{name} must be at least {lowest}, got {getattr(config, name)!r}")
    return config
