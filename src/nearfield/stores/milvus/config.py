"""What a collection in Milvus is created with."""

from dataclasses import dataclass
from typing import Literal

from nearfield.arrays import METRICS
from nearfield.errors import InvalidInputError
from nearfield.stores.base import Quantisation, StoreConfig

_INDEX_TYPES = ("HNSW", "IVF_FLAT", "DISKANN", "AUTOINDEX", "FLAT")
_LEVELS = ("Strong", "Session", "Bounded", "Eventually")
_ANALYZERS = ("standard", "english", "chinese", "none")
_QUANTISED_BY = {"int8": "HNSW", "float16": "HNSW", "binary": "IVF_FLAT"}
_RANGES = {
    "dim": (2, 32_768),
    "index_above": (0, None),
    "m": (2, 2_048),
    "ef_construct": (1, None),
    "ef": (1, 32_768),
    "nlist": (1, 65_536),
    "shards": (1, 64),
    "replicas": (1, None),
    "oversampling": (1, None),
}


@dataclass(frozen=True)
class MilvusConfig(StoreConfig):
    """What a collection in Milvus is created with and keeps for its life.

    Attributes:
        quantisation: `int8` and `float16` make the HNSW index an HNSW_SQ, `binary` the IVF index an IVF_RABITQ; each
            keeps full vectors beside it, with which the server rescores.
        index_type: What `optimise` builds above `index_above` points; up to there, and always with `FLAT`, Milvus
            compares with every point. `ef` is HNSW's `ef`, IVF's `nprobe` and DISKANN's `search_list`; AUTOINDEX
            chooses its own.
        nlist: Lists of an IVF index.
        shards: Write channels.
        replicas: Copies in the memory of query nodes.
        consistency_level: What a read waits for. `Strong` sees every write that was acknowledged; the others are
            faster, and make the store's visibility eventual.
        analyzer: How Milvus' own lexical search cuts texts into words; `none` leaves it out, with its copy of the
            texts. It takes one of the vector fields that a server allows, 4 in its own configuration before 2.6, as
            dense vectors and each sparse leg do.
    """

    quantisation: Quantisation = "none"
    index_type: Literal["HNSW", "IVF_FLAT", "DISKANN", "AUTOINDEX", "FLAT"] = "HNSW"
    nlist: int = 1_024
    shards: int = 1
    replicas: int = 1
    consistency_level: Literal["Strong", "Session", "Bounded", "Eventually"] = "Strong"
    analyzer: Literal["standard", "english", "chinese", "none"] = "standard"


def check_config(config: MilvusConfig) -> None:
    """Check that Milvus can hold what is asked.

    Args:
        config: What a store is to be created or opened with.

    Raises:
        InvalidInputError: If a value is out of range, or two do not go together.
    """
    if config.dim is None and not config.sparse and not config.text:
        raise InvalidInputError("a store needs dim, at least one sparse leg, or text, to be searched by; got none")
    if config.text and config.analyzer == "none":
        raise InvalidInputError('Milvus\' own lexical search needs an analyzer, got "none"')
    if len(set(config.sparse)) != len(config.sparse) or "" in config.sparse:
        raise InvalidInputError(f"sparse legs need different names, not empty, got {config.sparse}")
    _check_choice("metric", config.metric, METRICS)
    _check_choice("quantisation", config.quantisation, ("none", *_QUANTISED_BY))
    _check_choice("index_type", config.index_type, _INDEX_TYPES)
    _check_choice("consistency_level", config.consistency_level, _LEVELS)
    _check_choice("analyzer", config.analyzer, _ANALYZERS)
    for name, (lowest, highest) in _RANGES.items():
        value = getattr(config, name)
        if value is not None and not (value >= lowest and (highest is None or value <= highest)):
            allowed = f"at least {lowest}" if highest is None else f"{lowest} to {highest:,}"
            raise InvalidInputError(f"{name} must be {allowed} in Milvus, got {value!r}")
    needed = _QUANTISED_BY.get(config.quantisation, config.index_type)
    if config.index_type != needed:
        raise InvalidInputError(
            f'quantisation="{config.quantisation}" needs index_type="{needed}", got {config.index_type!r}: '
            "Milvus rescores no other index with full vectors"
        )


def _check_choice(name: str, value: object, allowed: tuple[str, ...]) -> None:
    if value not in allowed:
        raise InvalidInputError(f"{name} must be one of {', '.join(allowed)}, got {value!r}")
