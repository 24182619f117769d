"""What a store in PostgreSQL is created with."""

import re
from dataclasses import dataclass
from typing import Literal

from nearfield.arrays import METRICS
from nearfield.errors import CapabilityError, InvalidInputError
from nearfield.stores.base import Effort, Quantisation, StoreConfig

OFFERED: tuple[Quantisation, ...] = ("none", "float16", "binary")
MAX_DIM = 16_000
"""The most dimensions of pgvector's `vector`."""
MAX_INDEXED_DIM = {"none": 2_000, "float16": 4_000, "binary": 64_000}
"""The most dimensions of which pgvector builds an HNSW index."""
MAX_EF = 1_000
"""The largest `hnsw.ef_search`."""

_LANGUAGE = re.compile(r"[a-z_][a-z0-9_]{0,62}", re.ASCII)


@dataclass(frozen=True)
class PostgresConfig(StoreConfig):
    """Options of a store in PostgreSQL with pgvector, beside those of every store.

    `index_above`, `m` and `ef_construct` are of the HNSW index that `optimise` builds, `ef` is `hnsw.ef_search`. With
    `text` the words of titles and texts are kept and indexed, which makes a bulk load several times as long; without it
    `query_text` takes every text apart again.

    Attributes:
        quantisation: What the index is built over: the vectors themselves (`none`, to 2,000 dimensions), a copy of half
            the size (`float16`, to 4,000, values up to 65,504), or a bit for each dimension (`binary`). The candidates
            of the last two are rescored with the full vectors.
        iterative_scan: How the index goes on where a filter rejects what it found: `strict` in exact order of
            distance, `relaxed` faster, a little out of order, and sorted afterwards.
        max_scan_tuples: Where it stops going on; if that is too early for `k` results, the search is exact.
        language: The text search configuration of `query_text`, such as `english`, `german` or `simple`.
    """

    quantisation: Quantisation = "none"
    iterative_scan: Literal["strict", "relaxed"] = "strict"
    max_scan_tuples: int = 20_000
    language: str = "english"


def check_config(config: StoreConfig) -> PostgresConfig:
    """Check that PostgreSQL can hold what is asked.

    Args:
        config: What a store is to be created or opened with.

    Returns:
        It.

    Raises:
        InvalidInputError: If a value is out of range, or there is nothing to search.
        CapabilityError: If pgvector does not offer the quantisation.
    """
    if not isinstance(config, PostgresConfig):
        raise InvalidInputError(f"a store in PostgreSQL is made with a PostgresConfig, got a {type(config).__name__}")
    if config.dim is None and not config.sparse and not config.text:
        raise InvalidInputError("a store needs dim, at least one sparse leg, or text, to be searched by; got none")
    if config.metric not in METRICS:
        raise InvalidInputError(f"metric must be one of {', '.join(METRICS)}, got {config.metric!r}")
    if len(set(config.sparse)) != len(config.sparse) or "" in config.sparse:
        raise InvalidInputError(f"sparse legs need different names, not empty, got {config.sparse}")
    if config.iterative_scan not in ("strict", "relaxed"):
        raise InvalidInputError(f"iterative_scan must be strict or relaxed, got {config.iterative_scan!r}")
    if not _LANGUAGE.fullmatch(config.language):
        raise InvalidInputError(
            f"language must name a text search configuration, such as english or simple, got {config.language!r}"
        )
    _check_ranges(config)
    _check_quantisation(config)
    return config


def _check_ranges(config: PostgresConfig) -> None:
    ranges = {
        "dim": (1, MAX_DIM),
        "index_above": (0, None),
        "m": (2, 100),
        "ef_construct": (4, 1000),
        "ef": (1, MAX_EF),
        "oversampling": (1, None),
        "max_scan_tuples": (1, 2**31 - 1),
    }
    for name, (lowest, highest) in ranges.items():
        value = getattr(config, name)
        if value is None:
            continue
        if not value >= lowest:
            raise InvalidInputError(f"{name} must be at least {lowest}, got {value!r}")
        if highest is not None and value > highest:
            raise InvalidInputError(f"{name} must be at most {highest} in PostgreSQL, got {value!r}")
    if config.ef_construct < 2 * config.m:
        raise InvalidInputError(f"pgvector needs ef_construct of at least 2 * m, got {config.ef_construct}, {config.m}")


def _check_quantisation(config: PostgresConfig) -> None:
    if config.quantisation not in OFFERED:
        raise CapabilityError(f"pgvector's quantisation is {', '.join(OFFERED)}, got {config.quantisation!r}")
    most = MAX_INDEXED_DIM[config.quantisation]
    if config.dim is not None and config.dim > most:
        raise InvalidInputError(
            f"pgvector indexes up to {most:,} dimensions with quantisation {config.quantisation!r}, "
            f"got {config.dim:,}; float16 takes {MAX_INDEXED_DIM['float16']:,}, binary all"
        )


def check_effort(effort: Effort) -> Effort:
    """Check how hard a search is to try.

    Args:
        effort: What the caller wants.

    Returns:
        It.

    Raises:
        InvalidInputError: If pgvector cannot try so.
    """
    if not 1 <= effort.ef <= MAX_EF or not effort.oversampling >= 1:
        raise InvalidInputError(
            f"pgvector takes an ef of 1 to {MAX_EF:,} and an oversampling of at least 1, "
            f"got {effort.ef} and {effort.oversampling}"
        )
    return effort
