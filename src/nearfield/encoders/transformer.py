"""A sentence encoder of the transformer family."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from pathlib import Path

import numpy as np
from tokenizers import Tokenizer

from nearfield.arrays import Vectors
from nearfield.encoders.base import EncoderSpec, Role, TextInspection, as_texts
from nearfield.encoders.folder import load_tokenizer, read_folder
from nearfield.encoders.options import DEFAULT_RUNTIME, Runtime, available_cores
from nearfield.encoders.program import CPU_BATCH_TOKENS
from nearfield.encoders.run import Run, open_run
from nearfield.errors import EncoderError, InvalidInputError, ModelFolderError
from nearfield.progress import Progress, silent

# Token lists are many times the size of their text, so texts are tokenised in chunks of at most so many.
_CHUNK_TEXTS = 2048
_CHUNK_CHARACTERS = 2_000_000


class TransformerEncoder:
    """Encodes texts with a BERT-family model; made by `from_folder`.

    Every batch holds texts of one length in tokens, so nothing is padded, and runs on one core; the cores work on
    different batches. A text's vector does not depend on the texts beside it, up to float32 rounding.

    Args:
        run: Turns token ids into vectors, on one core.
        tokenizer: Cuts at `spec.max_tokens` and pads nothing.
        spec: Which space the vectors are in.
        weights_bytes: Size of the weights on disk, in bytes.
        threads: How many batches to work on at once.
        lowercase: Whether to lower-case texts before they are tokenised.
        batch_tokens: About how many tokens to give to `run` at once; a longer text is a batch of its own.

    Attributes:
        spec: Which space the vectors are in.
        weights_bytes: Size of the weights on disk, in bytes.
    """

    spec: EncoderSpec
    weights_bytes: int

    def __init__(
        self,
        run: Run,
        tokenizer: Tokenizer,
        spec: EncoderSpec,
        *,
        weights_bytes: int,
        threads: int,
        lowercase: bool,
        batch_tokens: int = CPU_BATCH_TOKENS,
    ) -> None:
        self.spec = spec
        self.weights_bytes = weights_bytes
        self._run = run
        self._tokenizer = tokenizer
        self._threads = threads
        self._lowercase = lowercase
        self._batch_tokens = batch_tokens

    @classmethod
    def from_folder(
        cls, path: str | Path, *, name: str | None = None, runtime: Runtime = DEFAULT_RUNTIME
    ) -> "TransformerEncoder":
        """Load a sentence-transformers or Hugging Face model folder.

        Args:
            path: The folder; its ONNX file is used when it has one, else its `model.safetensors`.
            name: What to call the encoder; the folder's name if not given.
            runtime: What to run on; its threads are how many batches to work on at once.

        Returns:
            The encoder, ready to encode.

        Raises:
            ModelFolderError: If the folder is damaged or of a kind not supported.
            CapabilityError: If the engine cannot run here, or not this model.
            MissingExtraError: If the engine is not installed.
        """
        folder = read_folder(path)
        tokenizer = load_tokenizer(folder)
        opened = open_run(folder, runtime)
        try:
            dim = opened.run(np.array([tokenizer.encode("a").ids], dtype=np.int64)).shape[1]
        except EncoderError as error:
            raise ModelFolderError(f"{folder.weights} cannot encode ({error}); download the model again") from error
        return cls(
            opened.run,
            tokenizer,
            folder.spec(name=name, dim=dim, dtype=opened.dtype),
            weights_bytes=folder.weights_bytes,
            threads=runtime.threads or available_cores(),
            lowercase=folder.lowercase,
            batch_tokens=opened.batch_tokens,
        )

    def encode(self, texts: Sequence[str], *, progress: Progress = silent) -> Vectors:
        """Encode texts as they are, without any prompt.

        Args:
            texts: Any number of texts; what is longer than `spec.max_tokens` is cut, and an empty text gives the
                vector of its special tokens.
            progress: Called with `"encoding"` after each batch.

        Returns:
            `(n, dim)` float32, in the order of the texts.

        Raises:
            InvalidInputError: If `texts` is not a sequence of strings.
            EncoderError: If the model gives NaN or infinity, or fails.
        """
        return self._encode(as_texts(texts), "", progress)

    def encode_query(self, texts: Sequence[str], *, progress: Progress = silent) -> Vectors:
        """Encode texts as queries: `encode` with the query prompt before each."""
        return self._encode(as_texts(texts), self.spec.query_prompt, progress)

    def encode_document(self, texts: Sequence[str], *, progress: Progress = silent) -> Vectors:
        """Encode texts as documents: `encode` with the document prompt before each."""
        return self._encode(as_texts(texts), self.spec.document_prompt, progress)

    def inspect(self, texts: Sequence[str], *, role: Role = "document") -> list[TextInspection]:
        """Count the tokens of each text under the prompt of its role.

        Args:
            texts: Any number of texts.
            role: Whose prompt to count.

        Returns:
            One inspection per text, in order.

        Raises:
            InvalidInputError: If `texts` is not a sequence of strings, or `role` is unknown.
        """
        prompts = {"query": self.spec.query_prompt, "document": self.spec.document_prompt}
        if role not in prompts:
            raise InvalidInputError(f"role must be one of {list(prompts)}, got {role!r}")
        inspections = []
        texts = as_texts(texts)
        for start, stop in _chunks(texts):
            encodings = self._counter.encode_batch_fast(self._prepare(texts[start:stop], prompts[role]))
            for text, encoding in zip(texts[start:stop], encodings, strict=True):
                tokens = len(encoding)
                inspections.append(TextInspection(tokens, tokens > self.spec.max_tokens, not text.strip()))
        return inspections

    @cached_property
    def _counter(self) -> Tokenizer:
        counter = Tokenizer.from_str(self._tokenizer.to_str())
        counter.no_truncation()
        return counter

    def _prepare(self, texts: list[str], prompt: str) -> list[str]:
        return [(prompt + text).lower() if self._lowercase else prompt + text for text in texts]

    def _encode(self, texts: list[str], prompt: str, progress: Progress) -> Vectors:
        vectors = np.empty((len(texts), self.spec.dim), dtype=np.float32)
        done = 0
        progress("encoding", done, len(texts))
        with ThreadPoolExecutor(self._threads, thread_name_prefix="nearfield-encode") as pool:
            for start, stop in _chunks(texts):
                encodings = self._tokenizer.encode_batch_fast(self._prepare(texts[start:stop], prompt))
                ids = [encoding.ids for encoding in encodings]
                del encodings  # they hold far more than the ids
                batches = _batches([len(tokens) for tokens in ids], self._batch_tokens)
                jobs = ((batch, start, ids, vectors) for batch in batches)
                for rows in pool.map(self._encode_batch, *zip(*jobs, strict=True)):
                    done += rows
                    progress("encoding", done, len(texts))
        return vectors

    def _encode_batch(self, batch: list[int], start: int, ids: list[list[int]], vectors: Vectors) -> int:
        """Write the vectors of one batch; no two batches share a row, so threads do not meet."""
        rows = [start + position for position in batch]
        if not ids[batch[0]]:
            raise EncoderError(f"texts[{rows[0]}] has no tokens, so it has no vector; leave out empty texts")
        try:
            found = self._run(np.array([ids[position] for position in batch], dtype=np.int64))
        except EncoderError as error:
            raise EncoderError(f"{self.spec.name} failed on a batch with texts[{rows[0]}]: {error}") from error
        finite = np.isfinite(found).all(axis=1)
        if not finite.all():
            raise EncoderError(
                f"{self.spec.name} gave NaN or infinity for texts[{rows[int(np.argmin(finite))]}]; "
                "the weights are damaged or overflow: download the model again, or choose another"
            )
        vectors[rows] = found
        return len(rows)


def _chunks(texts: list[str]) -> Iterator[tuple[int, int]]:
    """Cut a list into ranges of bounded size; a text longer than the bound is a range of its own."""
    start = characters = 0
    for position, text in enumerate(texts):
        full = position - start == _CHUNK_TEXTS or characters + len(text) > _CHUNK_CHARACTERS
        if full and position > start:
            yield start, position
            start, characters = position, 0
        characters += len(text)
    if start < len(texts):
        yield start, len(texts)


def _batches(lengths: list[int], batch_tokens: int) -> Iterator[list[int]]:
    """Group positions of equal length, longest first, so that the cores finish at about the same time."""
    groups: defaultdict[int, list[int]] = defaultdict(list)
    for position, length in enumerate(lengths):
        groups[length].append(position)
    for length in sorted(groups, reverse=True):
        group, size = groups[length], max(1, batch_tokens // max(1, length))
        for first in range(0, len(group), size):
            yield group[first : first + size]
