"""What a Weaviate store is created with."""

from dataclasses import dataclass, fields
from typing import Literal, TypeAlias, get_args

from nearfield.arrays import METRICS
from nearfield.errors import InvalidInputError
from nearfield.stores.base import Quantisation, StoreConfig

VectorIndex: TypeAlias = Literal["hnsw", "flat", "dynamic"]
Quantiser: TypeAlias = Literal["rq", "sq", "bq"]
Consistency: TypeAlias = Literal["one", "quorum", "all"]


@dataclass(frozen=True)
class WeaviateConfig(StoreConfig):
    """A Weaviate collection's options; those of `StoreConfig` have Weaviate's own defaults where it has any.

    Weaviate takes `ef` from the collection, not from a query: a search that asks for more looks at more, one that
    asks for less still looks at as many as the store was created with.

    Attributes:
        quantisation: `int8` or `binary` beside the full vectors; how, `quantiser` says.
        index_above: Matches up to which Weaviate compares all of them (its `flatSearchCutoff`), filtered or not; for
            the `dynamic` index the points from which it builds a graph.
        m: Edges for each node of the graph, 4 to 2,047.
        ef_construct: Candidates looked at while the graph is built.
        index: `hnsw` is a graph; `flat` compares all points from the disk, for many small collections; `dynamic` is
            flat first and a graph above `index_above`, and needs a server with `ASYNC_INDEXING`.
        quantiser: `rq` rotates and rounds to 8 bits (`int8`) or 1 (`binary`) and needs no training; `sq` is
            Weaviate's older `int8`, trained once a shard holds 100,000 points; `bq` its older `binary`, the signs.
        rescore_limit: Candidates that a quantised search compares in full precision at least, if it looked at as
            many; one for more results compares all it looked at.
        replicas: Nodes that hold each point.
        shards: Parts the collection is spread over; None for one on each node.
        consistency: Replicas that must answer a read and acknowledge a write: `one`, `quorum` or `all`.
    """

    quantisation: Quantisation = "none"
    index_above: int = 40_000
    m: int = 32
    ef_construct: int = 128
    index: VectorIndex = "hnsw"
    quantiser: Quantiser = "rq"
    rescore_limit: int = 128
    replicas: int = 1
    shards: int | None = None
    consistency: Consistency = "quorum"


_QUANTISED_BY = {"rq": ("int8", "binary"), "sq": ("int8",), "bq": ("binary",)}
_OF_A_GRAPH = ("index_above", "m", "ef_construct", "ef")


def check_config(config: WeaviateConfig) -> None:
    """Check that Weaviate can hold what is asked.

    Args:
        config: What a store is to be created or opened with.

    Raises:
        InvalidInputError: If a value is out of range, or Weaviate has nothing like it.
    """
    if config.sparse:
        raise InvalidInputError(
            f"Weaviate holds no sparse vectors, got the legs {list(config.sparse)}; "
            "its own lexical search is query_text (weaviate-bm25)"
        )
    _check_choices(config)
    least = {"dim": 1, "index_above": 0, "m": 4, "ef_construct": 4, "ef": 1, "oversampling": 1}
    least |= {"rescore_limit": 1, "replicas": 1, "shards": 1}
    for name, lowest in least.items():
        value = getattr(config, name)
        if value is not None and not value >= lowest:
            raise InvalidInputError(f"{name} must be at least {lowest}, got {value!r}")
    if config.m > 2047:
        raise InvalidInputError(f"m must be at most 2047, got {config.m!r}")
    if config.quantisation != "none" and config.quantisation not in _QUANTISED_BY[config.quantiser]:
        raise InvalidInputError(
            f"quantiser {config.quantiser!r} makes {' or '.join(_QUANTISED_BY[config.quantiser])}, "
            f"got quantisation {config.quantisation!r}"
        )
    if config.index == "flat":
        _check_flat(config)


def _check_choices(config: WeaviateConfig) -> None:
    choices: dict[str, tuple[str, ...]] = {
        "metric": METRICS,
        "quantisation": ("none", "int8", "binary"),
        "index": get_args(VectorIndex),
        "quantiser": get_args(Quantiser),
        "consistency": get_args(Consistency),
    }
    for name, allowed in choices.items():
        if getattr(config, name) not in allowed:
            raise InvalidInputError(f"{name} must be one of {', '.join(allowed)}, got {getattr(config, name)!r}")


def _check_flat(config: WeaviateConfig) -> None:
    if config.quantiser == "sq" and config.quantisation != "none":
        raise InvalidInputError("the flat index has no quantiser 'sq'; take 'rq', or the index 'hnsw'")
    defaults = {field.name: field.default for field in fields(config)}
    for name in _OF_A_GRAPH:
        if getattr(config, name) != defaults[name]:
            raise InvalidInputError(
                f"the flat index has no graph, so {name} must be left at {defaults[name]!r}, "
                f"got {getattr(config, name)!r}; or take the index 'hnsw'"
            )
