"""What a Pinecone store is created with."""

import re
from dataclasses import asdict, dataclass, fields

from nearfield.arrays import METRICS
from nearfield.errors import CapabilityError, InvalidInputError
from nearfield.stores.base import Quantisation, StoreConfig

CLOUDS = ("aws", "gcp", "azure")
MAX_DIM = 20_000

_REGION = re.compile(r"[a-z0-9-]+", re.ASCII)
_CHOSEN_BY_THE_SERVICE = ("index_above", "m", "ef_construct", "ef", "oversampling")


@dataclass(frozen=True)
class PineconeConfig(StoreConfig):
    """A store in a serverless index, which Pinecone indexes as it sees fit.

    Stores of one dimension and metric share an index, so the first of them decides where it is and whether it is
    protected; a later one that asks for something else is refused. `index_above`, `m`, `ef_construct`, `ef` and
    `oversampling` are refused if set.

    Attributes:
        quantisation: `none`; how the service keeps vectors is its own affair.
        cloud: `aws`, `gcp` or `azure`.
        region: A region of that cloud.
        deletion_protection: Whether the service refuses to delete the index until that is switched off.
    """

    quantisation: Quantisation = "none"
    cloud: str = "aws"
    region: str = "us-east-1"
    deletion_protection: bool = False


def check_config(config: StoreConfig) -> PineconeConfig:
    """Check that Pinecone can hold what is asked.

    Args:
        config: What a store is to be created or opened with; a plain one takes the defaults for what it lacks.

    Returns:
        The configuration.

    Raises:
        CapabilityError: If it asks for what the service does not offer.
        InvalidInputError: If a value is out of range.
    """
    if config.sparse or config.dim is None:
        raise CapabilityError("a Pinecone store holds dense vectors and no sparse legs; give dim, and no sparse")
    if config.quantisation != "none":
        raise CapabilityError(f"Pinecone has no quantisation to choose; leave it at none, got {config.quantisation!r}")
    usual = {field.name: field.default for field in fields(StoreConfig)}
    for name in _CHOSEN_BY_THE_SERVICE:
        if getattr(config, name) != usual[name]:
            raise CapabilityError(
                f"Pinecone chooses its own index; leave {name} at {usual[name]}, got {getattr(config, name)!r}"
            )
    if config.metric not in METRICS:
        raise InvalidInputError(f"metric must be one of {', '.join(METRICS)}, got {config.metric!r}")
    if not 1 <= config.dim <= MAX_DIM:
        raise InvalidInputError(f"dim must be 1 to {MAX_DIM:,} at Pinecone, got {config.dim!r}")
    checked = config if isinstance(config, PineconeConfig) else PineconeConfig(**asdict(config))
    if checked.cloud not in CLOUDS:
        raise InvalidInputError(f"cloud must be one of {', '.join(CLOUDS)}, got {checked.cloud!r}")
    if not _REGION.fullmatch(checked.region):
        raise InvalidInputError(f"region must be a name such as us-east-1, got {checked.region!r}")
    return checked
