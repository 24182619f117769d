"""An encoder that is a service: texts go out over HTTP, vectors come back."""

import functools
import hashlib
import json
import threading
from collections.abc import Iterator, Sequence

import numpy as np

from nearfield.arrays import Vectors
from nearfield.encoders.api_batches import ApiEstimate, batches, estimate_tokens
from nearfield.encoders.api_client import ApiClient
from nearfield.encoders.api_failures import Failure
from nearfield.encoders.api_models import API_MODELS, ApiModel
from nearfield.encoders.api_options import ServiceOptions
from nearfield.encoders.api_services import Question, Service
from nearfield.encoders.api_workers import Workers
from nearfield.encoders.base import EncoderSpec, Item, Role, TextInspection, as_texts, check_vectors
from nearfield.errors import EncoderError, InvalidInputError
from nearfield.progress import Progress, silent

_USUAL_MAX_TOKENS = 8192
_SHOWN_CHARACTERS = 60
_ROLES: tuple[Role, ...] = ("query", "document")


class ApiEncoder:
    """Encodes texts at a service such as OpenAI's, or any that speaks its protocol.

    Requests run side by side, and again after a failure that may pass. Token counts are estimates that err upwards.
    What has been encoded when a later request fails is not lost where it is handed back as it comes: by
    `encode_document_batches`, which a `CachedEncoder` uses.

    Args:
        service: Whom to ask.
        model: The model's name there. One that is not in `API_MODELS` is asked for one vector when its dimension is
            first needed.
        name: What to call the encoder.
        dim: Dimensions to ask for; what the model gives by default.
        options: How to ask.

    Attributes:
        weights_bytes: 0, as the weights are elsewhere.
        client: What asks.

    Raises:
        InvalidInputError: If the model has no such dimension, or an option makes no sense.
        MissingExtraError: If the HTTP client is not installed.
    """

    weights_bytes: int = 0
    client: ApiClient

    def __init__(
        self, service: Service, model: str, *, name: str, dim: int | None = None, options: ServiceOptions | None = None
    ) -> None:
        self._known = API_MODELS.get(f"{service.name}:{model}")
        self._asked_dim = _dim_to_ask(f"{service.name}:{model}", self._known, dim)
        self._service = service
        self._model = model
        self._name = name
        self._options = options or ServiceOptions()
        self.client = ApiClient(service, model, self._options)

    @functools.cached_property
    def spec(self) -> EncoderSpec:
        """Say which space the vectors are in.

        A remote model's weights cannot be hashed: in their place stand the service, its address where it is not the
        usual one, the model's name and the dimensions asked for. A service that changes a model silently is caught by
        a collection's canary texts.
        """
        known = self._known or ApiModel(self._dim(), _USUAL_MAX_TOKENS, None)
        address = "" if self.client.base_url == self._service.base_url else self.client.base_url
        identity = json.dumps([self._service.name, address, self._model, self._asked_dim])
        return EncoderSpec(
            name=self._name,
            weights=hashlib.sha256(identity.encode()).hexdigest(),
            tokenizer="remote",
            dim=self._asked_dim or known.dim,
            metric=known.metric,
            pooling="remote",
            normalise=known.normalised,
            query_prompt=known.query_prompt,
            document_prompt=known.document_prompt,
            max_tokens=known.max_tokens,
            on_overflow="truncate" if self._service.cuts else "error",
        )

    def encode(self, texts: Sequence[Item], *, progress: Progress = silent) -> Vectors:
        """Encode texts without saying what they are; where the service must be told, as documents.

        Args:
            texts: Any number of texts, none of them empty.
            progress: Called with `"encoding"` after each request.

        Returns:
            `(n, dim)` float32, in the order of the texts; of length 1 if `spec.normalise`, else as the service gives
            them.

        Raises:
            InvalidInputError: If `texts` is not a sequence of strings.
            ServiceAccessError: If the key is missing or refused, or the account has no credit.
            ServiceError: If the service cannot be reached, or kept refusing.
            UnknownEncoderError: If it has no such model.
            EncoderError: If a text is empty or too long, or what came back is not finite vectors of `spec.dim`.
        """
        return self._collect(as_texts(texts), None, progress)

    def encode_query(self, texts: Sequence[Item], *, progress: Progress = silent) -> Vectors:
        """Encode texts as queries: `encode` with the role told to services that know it."""
        return self._collect(as_texts(texts), "query", progress)

    def encode_document(self, texts: Sequence[Item], *, progress: Progress = silent) -> Vectors:
        """Encode texts as documents: `encode` with the role told to services that know it."""
        return self._collect(as_texts(texts), "document", progress)

    def encode_document_batches(
        self, texts: Sequence[str], *, progress: Progress = silent
    ) -> Iterator[tuple[range, Vectors]]:
        """Encode texts as documents, and hand back each request's vectors as soon as they come.

        Args:
            texts: As for `encode`.
            progress: Called with `"encoding"` after each request.

        Returns:
            Positions of some texts and their `(n, dim)` vectors, in any order, each text once. When a request fails,
            those under way are still handed back before its error is raised.
        """
        return self._encode(as_texts(texts), "document", progress)

    def inspect(self, texts: Sequence[Item], *, role: Role = "document") -> list[TextInspection]:
        """Estimate the tokens of each text under the prompt of its role; see `estimate_tokens`.

        Args:
            texts: Any number of texts.
            role: Whose prompt to count.

        Returns:
            One inspection per text, in order; `truncated` is whether the estimate is over `spec.max_tokens`.

        Raises:
            InvalidInputError: If `texts` is not a sequence of strings, or `role` is unknown.
        """
        longest = self._known.max_tokens if self._known else _USUAL_MAX_TOKENS
        texts = as_texts(texts)
        counts = self._tokens(texts, role)
        return [
            TextInspection(count, count > longest, not text.strip()) for text, count in zip(texts, counts, strict=True)
        ]

    def estimate(self, texts: Sequence[str], *, role: Role = "document") -> ApiEstimate:
        """Estimate what encoding texts will take, without asking the service.

        Args:
            texts: Any number of texts.
            role: Whose prompt to count.

        Returns:
            The estimate; its tokens err upwards, and so its dollars.

        Raises:
            InvalidInputError: If `texts` is not a sequence of strings, or `role` is unknown.
        """
        counts = self._tokens(as_texts(texts), role)
        tokens, price = sum(counts), self._known.dollars if self._known else None
        dollars = None if price is None else price * tokens / 1e6
        return ApiEstimate(len(counts), tokens, dollars, sum(1 for _ in self._batches(counts)))

    def _tokens(self, texts: list[str], role: Role) -> list[int]:
        if role not in _ROLES:
            raise InvalidInputError(f"role must be one of {list(_ROLES)}, got {role!r}")
        return [estimate_tokens(self._prompt(role) + text) for text in texts]

    def _prompt(self, role: Role | None) -> str:
        if self._known is None or role is None:
            return ""
        return self._known.query_prompt if role == "query" else self._known.document_prompt

    def _batches(self, counts: Sequence[int]) -> Iterator[range]:
        return batches(counts, max_texts=self._service.max_texts, max_tokens=self._service.max_tokens)

    def _dim(self) -> int:
        """Find out how many dimensions an unknown model gives, unless it was told."""
        if self._asked_dim is not None:
            return self._asked_dim
        question = Question(self._model, ["dimension"], None, None)
        answer = self.client.ask(self._service.request(question), tokens=1, stop=threading.Event())
        if isinstance(answer, Failure):
            raise EncoderError(f"{self._name} failed ({answer.problem}); {answer.advice}")
        dim: int = self._service.read(answer, 1).shape[1]
        return dim

    def _collect(self, texts: list[str], role: Role | None, progress: Progress) -> Vectors:
        vectors = np.empty((len(texts), self.spec.dim), dtype=np.float32)
        for rows, found in self._encode(texts, role, progress):
            vectors[rows.start : rows.stop] = found
        return vectors

    def _encode(self, texts: list[str], role: Role | None, progress: Progress) -> Iterator[tuple[range, Vectors]]:
        for position, text in enumerate(texts):
            if not text:
                raise EncoderError(f"texts[{position}] is empty, and services refuse empty texts; leave it out")
        prompt = self._prompt(role)
        texts = [prompt + text for text in texts] if prompt else texts
        counts = [estimate_tokens(text) for text in texts]
        dim = self.spec.dim
        done = 0
        progress("encoding", done, len(texts))

        def work(rows: range, workers: Workers[range, tuple[range, Vectors]]) -> tuple[range, Vectors] | None:
            tokens = sum(counts[rows.start : rows.stop])
            question = Question(self._model, texts[rows.start : rows.stop], None if prompt else role, self._asked_dim)
            answer = self.client.ask(self._service.request(question), tokens=tokens, stop=workers.stop)
            if not isinstance(answer, Failure):
                return rows, self._read(answer, rows, dim)
            for half in self._halves(rows, texts, answer):
                workers.todo.put(half)
            return None

        for rows, vectors in Workers(work, self._batches(counts), self._options.concurrency).results():
            done += len(rows)
            yield rows, vectors
            progress("encoding", done, len(texts))

    def _read(self, answer: object, rows: range, dim: int) -> Vectors:
        vectors = self._service.read(answer, len(rows))
        if vectors.shape[1] != dim:
            raise EncoderError(
                f"{self._name} gave vectors of {vectors.shape[1]} dimensions, where {dim} were asked for; check the "
                f"model's name and {self._service.url_variable}"
            )
        return check_vectors(vectors, self.spec, len(rows))

    def _halves(self, rows: range, texts: list[str], failure: Failure) -> tuple[range, range]:
        """Cut a request that was too long in two; what was refused is not paid for."""
        if len(rows) > 1:
            middle = rows.start + len(rows) // 2
            return range(rows.start, middle), range(middle, rows.stop)
        text = texts[rows.start]
        raise EncoderError(
            f"texts[{rows.start}] is too long for {self._name}: {len(text):,} characters, about "
            f"{estimate_tokens(text):,} tokens, beginning {text[:_SHOWN_CHARACTERS]!r} ({failure.problem}); "
            f"{failure.advice}"
        )


def _dim_to_ask(name: str, known: ApiModel | None, dim: int | None) -> int | None:
    """Say which dimension to ask a model for; None for what it gives unasked."""
    if dim is None or known is None:
        return dim
    if dim == known.dim:
        return None
    if dim not in known.dims:
        if isinstance(known.dims, range):
            allowed = f"{known.dims.start} to {known.dims.stop - 1}"
        else:
            allowed = ", ".join(map(str, known.dims)) or f"{known.dim} only"
        raise InvalidInputError(f"{name} gives {allowed} dimensions, not {dim}")
    return dim
