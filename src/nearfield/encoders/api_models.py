"""What is known of the models that services offer; any other model of theirs can be asked for too."""

from collections.abc import Sequence
from dataclasses import dataclass

from nearfield.arrays import Metric

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


_VOYAGE_DIMS = (256, 512, 1024, 2048)

API_MODELS = {
    "openai:text-embedding-3-small": ApiModel(1536, 8192, 0.02, range(1, 1537), normalised=True),
    "openai:text-embedding-3-large": ApiModel(3072, 8192, 0.13, range(1, 3073), normalised=True),
    "openai:text-embedding-ada-002": ApiModel(1536, 8192, 0.10, normalised=True),
    "cohere:embed-v4.0": ApiModel(1536, 128_000, 0.12, (256, 512, 1024, 1536)),
    "cohere:embed-english-v3.0": ApiModel(1024, 512, 0.10),
    "cohere:embed-multilingual-v3.0": ApiModel(1024, 512, 0.10),
    "cohere:embed-english-light-v3.0": ApiModel(384, 512, None),
    "cohere:embed-multilingual-light-v3.0": ApiModel(384, 512, None),
    "voyage:voyage-4-large": ApiModel(1024, 32_000, 0.12, _VOYAGE_DIMS, normalised=True),
    "voyage:voyage-4": ApiModel(1024, 32_000, 0.06, _VOYAGE_DIMS, normalised=True),
    "voyage:voyage-4-lite": ApiModel(1024, 32_000, 0.02, _VOYAGE_DIMS, normalised=True),
    "voyage:voyage-3-large": ApiModel(1024, 32_000, 0.18, _VOYAGE_DIMS, normalised=True),
    "voyage:voyage-3.5": ApiModel(1024, 32_000, 0.06, _VOYAGE_DIMS, normalised=True),
    "voyage:voyage-3.5-lite": ApiModel(1024, 32_000, 0.02, _VOYAGE_DIMS, normalised=True),
    "voyage:voyage-code-3": ApiModel(1024, 32_000, 0.18, _VOYAGE_DIMS, normalised=True),
    "voyage:voyage-finance-2": ApiModel(1024, 32_000, 0.12, normalised=True),
    "voyage:voyage-law-2": ApiModel(1024, 16_000, 0.12, normalised=True),
    "gemini:gemini-embedding-001": ApiModel(3072, 2048, 0.15, range(128, 3073)),
    "gemini:gemini-embedding-2": ApiModel(
        3072,
        8192,
        0.20,
        range(128, 3073),
        normalised=True,
        query_prompt="task: search result | query: ",
        document_prompt="title: none | text: ",
    ),
    "mistral:mistral-embed": ApiModel(1024, 8192, 0.10, normalised=True),
    "mistral:codestral-embed": ApiModel(1536, 8192, 0.15, range(1, 3073)),
}
"""By the name that `load_encoder` takes."""
