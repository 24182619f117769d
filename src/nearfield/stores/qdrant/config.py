"""What stores on a Qdrant server, and in Qdrant's local mode, are created with."""

import re
from dataclasses import dataclass

from nearfield.arrays import METRICS
from nearfield.errors import CapabilityError, InvalidInputError
from nearfield.stores.base import Quantisation, StoreConfig

_LEG = re.compile(r'[^<>:"/\\|?*\x00-\x1f]{1,200}')
_DENSE = "dense"
_LEAST = {
    "dim": 1,
    "index_above": 0,
    "m": 2,
    "ef_construct": 4,
    "ef": 1,
    "oversampling": 1,
    "shard_number": 1,
    "replication_factor": 1,
    "write_consistency_factor": 1,
    "segments": 1,
}
_MOST_DIMENSIONS = 65_536


@dataclass(frozen=True)
class QdrantConfig(StoreConfig):
    """What a store on a Qdrant server is created with.

    The server indexes by itself, in the background, whatever segment outgrows `index_above`; up to there it compares
    with every vector. `optimise` waits until it is done.

    Attributes:
        shard_number: Shards, which a cluster spreads over its machines; 1 with sparse legs, as the server counts
            words by shard.
        replication_factor: Copies of each shard, on different machines.
        write_consistency_factor: Copies that have a write before it is acknowledged; all of them by default, so that
            whichever is asked next knows of it. With fewer, a write is visible eventually.
        segments: Parts of a shard that one query searches at the same time; more of them answer one query sooner and
            many queries later.
        on_disk: Whether full vectors are read from the disk when candidates are rescored, and not kept in memory.
        index_on_disk: Whether the index is read from the disk too.
        payload_on_disk: Whether texts and metadata are read from the disk.
    """

    shard_number: int = 1
    replication_factor: int = 1
    write_consistency_factor: int | None = None
    segments: int = 1
    on_disk: bool = False
    index_on_disk: bool = False
    payload_on_disk: bool = True

    @property
    def acknowledging(self) -> int:
        """Copies that have a write before it is acknowledged."""
        return self.replication_factor if self.write_consistency_factor is None else self.write_consistency_factor


@dataclass(frozen=True)
class QdrantLocalConfig(StoreConfig):
    """What a store in Qdrant's local mode is created with.

    Local mode compares with every vector in full precision: it builds no index, so `index_above`, `m`, `ef_construct`,
    `ef` and `oversampling` change nothing, and there is no quantisation.
    """

    quantisation: Quantisation = "none"


def check_config(config: StoreConfig) -> None:
    """Check that a Qdrant server can hold what is asked.

    Args:
        config: What a store is to be created or opened with.

    Raises:
        InvalidInputError: If a value is out of range, or there is nothing to search.
        CapabilityError: If the server, or local mode, does not offer what is asked.
    """
    if config.dim is None and not config.sparse:
        raise InvalidInputError("a store needs dim, or at least one sparse leg, to be searched by; got neither")
    if config.metric not in METRICS:
        raise InvalidInputError(f"metric must be one of {', '.join(METRICS)}, got {config.metric!r}")
    for name, lowest in _LEAST.items():
        value = getattr(config, name, None)
        if value is not None and not value >= lowest:
            raise InvalidInputError(f"{name} must be at least {lowest}, got {value!r}")
    if config.dim is not None and config.dim > _MOST_DIMENSIONS:
        raise InvalidInputError(f"a Qdrant server holds at most {_MOST_DIMENSIONS} dimensions, got dim={config.dim}")
    _check_legs(config.sparse)
    offered = ("none", "int8", "binary") if isinstance(config, QdrantConfig) else ("none",)
    if config.quantisation not in offered:
        where = "a Qdrant server" if isinstance(config, QdrantConfig) else "Qdrant's local mode"
        raise CapabilityError(f"{where} offers the quantisation {', '.join(offered)}, got {config.quantisation!r}")
    if isinstance(config, QdrantConfig):
        _check_copies(config)


def _check_legs(legs: tuple[str, ...]) -> None:
    bad = [leg for leg in legs if not _LEG.fullmatch(leg) or len(leg.encode()) > 200 or leg in (".", "..", _DENSE)]
    if bad or len(set(legs)) != len(legs):
        raise InvalidInputError(
            f"sparse legs need different names of 1 to 200 bytes, without control characters and "
            f'< > : " / \\ | ? *, and not {_DENSE!r}; got {legs}'
        )


def _check_copies(config: QdrantConfig) -> None:
    if config.acknowledging > config.replication_factor:
        raise InvalidInputError(
            f"write_consistency_factor must be at most replication_factor, which is {config.replication_factor}; "
            f"got {config.write_consistency_factor}"
        )
    if config.shard_number > 1 and config.sparse:
        raise CapabilityError(
            f"a Qdrant server counts the words of each shard for itself, so sparse scores would depend on the shard; "
            f"with sparse legs use shard_number=1, got {config.shard_number}"
        )
