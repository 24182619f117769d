"""What a retriever costs to run, in one number whose terms are all shown."""

from dataclasses import asdict, dataclass, fields

from nearfield.errors import InvalidInputError


@dataclass(frozen=True)
class CostModel:
    """Prices and a workload; their defaults are of the order of public cloud prices. Set your own.

    The monthly cost is `machine_hour * (reindexes * index seconds + queries * query seconds) / 3600
    + memory_gb * GB + disk_gb * GB`, with seconds as they elapsed on the machine that measured.

    Attributes:
        queries_per_month: Searches served in a month.
        reindexes_per_month: How often the whole corpus is encoded and indexed in a month.
        machine_hour: US dollars for an hour of a machine like the one that measured.
        memory_gb: US dollars for a gigabyte (10^9 bytes) of memory for a month.
        disk_gb: US dollars for a gigabyte of disk for a month.
    """

    queries_per_month: float = 1_000_000
    reindexes_per_month: float = 1
    machine_hour: float = 0.10
    memory_gb: float = 3.00
    disk_gb: float = 0.10

    def __post_init__(self) -> None:
        """Refuse negative prices and workloads."""
        for price in fields(self):
            if not 0 <= getattr(self, price.name) < float("inf"):
                raise InvalidInputError(f"{price.name} must be at least 0, got {getattr(self, price.name)}")

    def monthly(self, cost: "Cost") -> float:
        """Price what was measured: US dollars a month."""
        seconds = self.reindexes_per_month * cost.index_seconds + self.queries_per_month * cost.query_seconds
        return (
            self.machine_hour * seconds / 3600
            + self.memory_gb * cost.memory_bytes / 1e9
            + self.disk_gb * cost.disk_bytes / 1e9
        )

    def to_json(self) -> dict[str, float]:
        """Write the prices down."""
        return asdict(self)


@dataclass(frozen=True)
class Cost:
    """What was measured of a retriever's cost.

    Attributes:
        encode_seconds: Encoding the corpus; of vectors that came from the cache, what they took when first made.
        write_seconds: Everything else until the index is finished: analysing words, storing, indexing.
        query_seconds: Median of a query, from text to ranking, one at a time.
        query_seconds_p95: 95th percentile of the same.
        memory_bytes: The encoder's weights and the index's files, as if all were kept in memory.
        disk_bytes: Allocated blocks of the finished collection.
    """

    encode_seconds: float
    write_seconds: float
    query_seconds: float
    query_seconds_p95: float
    memory_bytes: int
    disk_bytes: int

    @property
    def index_seconds(self) -> float:
        """Encoding and writing together."""
        return self.encode_seconds + self.write_seconds
