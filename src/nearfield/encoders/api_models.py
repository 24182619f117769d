"""What is known of the models that services offer; any other model of theirs can be asked for too."""

from collections.abc import Sequence
from dataclasses import dataclass

from nearfield.arrays import Metric
from nearfield.encoders.catalogue import CatalogueEntry, catalogue

PRICES_READ = "2026-11-24"
"""Day on which the prices were read, in other people's lists of April to July 2026: check with the service before
spending much."""


@dataclass(frozen=True)
class ApiModel:
    """A model at a service.

    Attributes:
        dim: Dimensions it gives when none are asked for.
        max_tokens: Longest text it reads.
        dollars: Price of a million tokens in US dollars; None where it is not known.
        dims: Dimensions that may be asked for; none where it gives only `dim`.
        normalised: Whether its vectors are known to have length 1.
        query_prompt: What it wants before a query, where it does not take the role as a parameter.
        document_prompt: What it wants before a document.
        metric: How its vectors are meant to be compared.
    """

    dim: int
    max_tokens: int
    dollars: float | None
    dims: Sequence[int] = ()
    normalised: bool = False
    query_prompt: str = ""
    document_prompt: str = ""
    metric: Metric = "cosine"


# In US dollars, for a million tokens.
_DOLLARS = {
    "openai:text-embedding-3-small": 0.02,
    "openai:text-embedding-3-large": 0.13,
    "openai:text-embedding-ada-002": 0.10,
    "cohere:embed-v4.0": 0.12,
    "cohere:embed-english-v3.0": 0.10,
    "cohere:embed-multilingual-v3.0": 0.10,
    "voyage:voyage-4-large": 0.12,
    "voyage:voyage-4": 0.06,
    "voyage:voyage-4-lite": 0.02,
    "voyage:voyage-3-large": 0.18,
    "voyage:voyage-3.5": 0.06,
    "voyage:voyage-3.5-lite": 0.02,
    "voyage:voyage-code-3": 0.18,
    "voyage:voyage-finance-2": 0.12,
    "voyage:voyage-law-2": 0.12,
    "gemini:gemini-embedding-001": 0.15,
    "gemini:gemini-embedding-2": 0.20,
    "mistral:mistral-embed": 0.10,
    "mistral:codestral-embed": 0.15,
}
# Where others may be asked for than the catalogue's dim and matryoshka.
_VOYAGE_DIMS = (256, 512, 1024, 2048)
_DIMS: dict[str, Sequence[int]] = {
    "openai:text-embedding-3-small": range(1, 1537),
    "openai:text-embedding-3-large": range(1, 3073),
    "voyage:voyage-4-large": _VOYAGE_DIMS,
    "voyage:voyage-4": _VOYAGE_DIMS,
    "voyage:voyage-4-lite": _VOYAGE_DIMS,
    "voyage:voyage-3-large": _VOYAGE_DIMS,
    "voyage:voyage-3.5": _VOYAGE_DIMS,
    "voyage:voyage-3.5-lite": _VOYAGE_DIMS,
    "voyage:voyage-code-3": _VOYAGE_DIMS,
    "gemini:gemini-embedding-001": range(128, 3073),
    "gemini:gemini-embedding-2": range(128, 3073),
    "mistral:codestral-embed": range(1, 3073),
}


def _model(entry: CatalogueEntry) -> ApiModel:
    cut = sorted((entry.dim, *entry.matryoshka)) if entry.matryoshka else ()
    return ApiModel(
        dim=entry.dim,
        max_tokens=entry.max_tokens,
        dollars=_DOLLARS.get(entry.hub_name),
        dims=_DIMS.get(entry.hub_name, cut),
        normalised=entry.normalise,
        query_prompt=entry.query_prompt,
        document_prompt=entry.document_prompt,
        metric=entry.metric,
    )


API_MODELS = {entry.hub_name: _model(entry) for entry in catalogue() if entry.runs == "api"}
"""By the name that `load_encoder` takes: those in the catalogue."""
