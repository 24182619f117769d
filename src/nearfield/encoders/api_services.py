"""The services that encode texts over HTTP: where each is, and how it wants to be asked."""

import base64
import binascii
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from nearfield.arrays import Vectors
from nearfield.encoders.base import Role
from nearfield.errors import EncoderError, UnknownEncoderError

Json: TypeAlias = dict[str, Any]


@dataclass(frozen=True)
class Question:
    """What one request asks.

    Attributes:
        model: The model's name at the service.
        texts: What to encode.
        role: What the texts are, for services that take it; None for neither.
        dim: Dimensions to ask for; None for what the model gives.
    """

    model: str
    texts: list[str]
    role: Role | None
    dim: int | None


@dataclass(frozen=True)
class Service:
    """A service.

    Attributes:
        name: What stands before the colon in an encoder's name.
        base_url: Where it is, unless `<NAME>_BASE_URL` or the caller says otherwise.
        key_variables: Environment variables that may hold the key, the first that is set counts.
        request: Makes the body of a request.
        vectors: Takes the vectors out of an answer, in the order of the texts.
        max_texts: Most texts in a request: what the service allows, and few enough that requests can run side by side.
        max_tokens: Most tokens in a request.
        path: What follows the base URL.
        key_header: Header that carries the key.
        key_prefix: What stands before the key in that header.
        cuts: Whether it cuts texts that are too long; the others refuse them.
    """

    name: str
    base_url: str
    key_variables: tuple[str, ...]
    request: Callable[[Question], Json]
    vectors: Callable[[Json], list[Any]]
    max_texts: int
    max_tokens: int
    path: str = "/embeddings"
    key_header: str = "Authorization"
    key_prefix: str = "Bearer "
    cuts: bool = True

    @property
    def url_variable(self) -> str:
        """Environment variable that may hold another base URL."""
        return f"{self.name.upper()}_BASE_URL"

    def read(self, answer: object, count: int) -> Vectors:
        """Take the vectors out of an answer.

        Args:
            answer: The parsed body.
            count: How many texts were asked about.

        Returns:
            `(count, d)` float32, in the order of the texts; not yet checked to be finite.

        Raises:
            EncoderError: If the answer has another shape, or not one vector for each text.
        """
        try:
            vectors = self.vectors(answer)  # type: ignore[arg-type]  # what is no dict fails as what it is
            matrix = np.stack([_floats(vector) for vector in vectors]) if vectors else np.empty((0, 0), np.float32)
        except (AttributeError, IndexError, KeyError, TypeError, ValueError):
            matrix = None
        if matrix is None:  # raised here, the error does not quote the answer
            raise EncoderError(
                f"the answer is not of the form that {self.name} sends; check {self.url_variable}, and that what "
                "answers there speaks this protocol"
            )
        if len(matrix) != count:
            raise EncoderError(f"{self.name} sent {len(matrix)} vectors for {count} texts; one each is needed")
        return matrix


def _floats(vector: object) -> npt.NDArray[np.float32]:
    """Read one vector: a list of numbers, or base64 of little-endian float32."""
    if isinstance(vector, str):
        try:
            return np.frombuffer(base64.b64decode(vector, validate=True), dtype="<f4").astype(np.float32)
        except binascii.Error as error:
            raise ValueError(f"base64: {error}") from error
    row = np.asarray(vector, dtype=np.float32)
    if row.ndim != 1:
        raise ValueError(f"a vector of shape {row.shape}")
    return row


def _given(**values: object) -> Json:
    return {key: value for key, value in values.items() if value is not None}


def _ask_openai(question: Question) -> Json:
    # base64 is a quarter of the bytes of decimal digits; OpenAI's own client always asks for it, so that every
    # compatible server understands it or ignores it.
    return _given(model=question.model, input=question.texts, encoding_format="base64", dimensions=question.dim)


def _ask_mistral(question: Question) -> Json:
    return _given(model=question.model, input=question.texts, output_dimension=question.dim)


def _ask_voyage(question: Question) -> Json:
    return _given(
        model=question.model,
        input=question.texts,
        input_type=question.role,
        truncation=True,
        encoding_format="base64",
        output_dimension=question.dim,
    )


def _ask_cohere(question: Question) -> Json:
    return _given(
        model=question.model,
        texts=question.texts,
        input_type="search_query" if question.role == "query" else "search_document",  # it must be given
        embedding_types=["float"],
        truncate="END",
        output_dimension=question.dim,
    )


def _ask_gemini(question: Question) -> Json:
    task = None if question.role is None else f"RETRIEVAL_{question.role.upper()}"
    name = f"models/{question.model}"
    return {
        "requests": [
            _given(model=name, content={"parts": [{"text": text}]}, taskType=task, outputDimensionality=question.dim)
            for text in question.texts
        ]
    }


def _by_index(answer: Json) -> list[Any]:
    # Answers may come in any order; a number that is missing or there twice would give a text another's vector.
    by_index = {item["index"]: item["embedding"] for item in answer["data"]}
    if sorted(by_index) != list(range(len(answer["data"]))):
        raise EncoderError("the answer numbers its vectors wrongly, so that no text's can be told")
    return [by_index[index] for index in range(len(by_index))]


def _cohere_vectors(answer: Json) -> list[Any]:
    vectors: list[Any] = answer["embeddings"]["float"]
    return vectors


def _gemini_vectors(answer: Json) -> list[Any]:
    return [item["values"] for item in answer["embeddings"]]


_SERVICES = (
    Service(
        name="openai",
        base_url="https://api.openai.com/v1",
        key_variables=("OPENAI_API_KEY",),
        request=_ask_openai,
        vectors=_by_index,
        max_texts=128,
        max_tokens=300_000,
        cuts=False,
    ),
    Service(
        name="cohere",
        base_url="https://api.cohere.com/v2",
        key_variables=("COHERE_API_KEY", "CO_API_KEY"),
        request=_ask_cohere,
        vectors=_cohere_vectors,
        max_texts=96,
        max_tokens=128_000,
        path="/embed",
    ),
    Service(
        name="voyage",
        base_url="https://api.voyageai.com/v1",
        key_variables=("VOYAGE_API_KEY",),
        request=_ask_voyage,
        vectors=_by_index,
        max_texts=128,
        max_tokens=120_000,
    ),
    Service(
        name="gemini",
        base_url="https://generativelanguage.googleapis.com/v1beta",
        key_variables=("GEMINI_API_KEY", "GOOGLE_API_KEY"),
        request=_ask_gemini,
        vectors=_gemini_vectors,
        max_texts=100,
        max_tokens=200_000,
        path="/models/{model}:batchEmbedContents",
        key_header="x-goog-api-key",
        key_prefix="",
    ),
    Service(
        name="mistral",
        base_url="https://api.mistral.ai/v1",
        key_variables=("MISTRAL_API_KEY",),
        request=_ask_mistral,
        vectors=_by_index,
        max_texts=128,
        max_tokens=16_000,
        cuts=False,
    ),
)
SERVICES = {service.name: service for service in _SERVICES}
"""By name."""

_NAME = re.compile(rf"(?P<service>{'|'.join(SERVICES)}):(?P<model>.*)", re.DOTALL)
_MODEL = re.compile(r"@?[A-Za-z0-9][\w./:+-]*", re.ASCII)


def find_service(name: str) -> tuple[Service, str] | None:
    """Find the service that an encoder's name asks for.

    Args:
        name: Such as `openai:text-embedding-3-small`, without options.

    Returns:
        The service and the model's name there; None if the name does not begin with a service's.

    Raises:
        UnknownEncoderError: If the model's name is none that a service could have.
    """
    found = _NAME.fullmatch(name)
    if found is None:
        return None
    if not _MODEL.fullmatch(found["model"]) or ".." in found["model"]:
        raise UnknownEncoderError(
            f"{found['service']}: must be followed by a model's name, got {found['model'][:100]!r}; for example "
            "openai:text-embedding-3-small, or openai:text-embedding-3-large@dim=256"
        )
    return SERVICES[found["service"]], found["model"]
