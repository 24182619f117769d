"""A sentence encoder of the transformer family, run by ONNX Runtime."""

import os
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from pathlib import Path
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
import onnxruntime
from onnxruntime.capi import onnxruntime_pybind11_state as ort_errors
from tokenizers import Tokenizer

from nearfield.arrays import Vectors, normalise
from nearfield.encoders.base import EncoderSpec, Role, TextInspection, as_texts
from nearfield.encoders.bert_graph import BertConfig, Weights, build_bert, read_weights
from nearfield.encoders.folder import ModelFolder, Pooling, load_tokenizer, read_folder
from nearfield.errors import EncoderError, InvalidInputError, ModelFolderError
from nearfield.progress import Progress, silent

TokenIds: TypeAlias = npt.NDArray[np.int64]
Run: TypeAlias = Callable[[TokenIds], Vectors]
"""Turns `(texts, tokens)` ids without padding into `(texts, dim)` vectors; called from several threads at once."""

_ORT_ERRORS: tuple[type[Exception], ...] = (
    ort_errors.Fail,
    ort_errors.InvalidArgument,
    ort_errors.InvalidGraph,
    ort_errors.InvalidProtobuf,
    ort_errors.NoSuchFile,
    ort_errors.NotImplemented,
    ort_errors.RuntimeException,
)
_KNOWN_INPUTS = ("input_ids", "attention_mask", "token_type_ids")
_POOLED_OUTPUT = "sentence_embedding"
_TOKEN_OUTPUTS = ("last_hidden_state", "token_embeddings")
# About the number of tokens whose activations stay in a core's own cache; fewer leave the dense layers too narrow.
_BATCH_TOKENS = 384
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

    Attributes:
        spec: Which space the vectors are in.
        weights_bytes: Size of the weights on disk, in bytes.
    """

    spec: EncoderSpec
    weights_bytes: int

    def __init__(
        self, run: Run, tokenizer: Tokenizer, spec: EncoderSpec, *, weights_bytes: int, threads: int, lowercase: bool
    ) -> None:
        self.spec = spec
        self.weights_bytes = weights_bytes
        self._run = run
        self._tokenizer = tokenizer
        self._threads = threads
        self._lowercase = lowercase

    @classmethod
    def from_folder(
        cls, path: str | Path, *, name: str | None = None, threads: int | None = None
    ) -> "TransformerEncoder":
        """Load a sentence-transformers or Hugging Face model folder.

        Args:
            path: The folder; its ONNX file is used when it has one, else its `model.safetensors`.
            name: What to call the encoder; the folder's name if not given.
            threads: How many batches to work on at once; all available cores if not given.

        Returns:
            The encoder, ready to encode.

        Raises:
            ModelFolderError: If the folder is damaged or of a kind not supported.
            InvalidInputError: If `threads` is less than 1.
        """
        if threads is not None and threads < 1:
            raise InvalidInputError(f"threads must be at least 1, got {threads}")
        folder = read_folder(path)
        tokenizer = load_tokenizer(folder)
        run, dtype = _onnx_run(folder) if folder.is_onnx else (_bert_run(folder), "float32")
        try:
            dim = run(np.array([tokenizer.encode("a").ids], dtype=np.int64)).shape[1]
        except _ORT_ERRORS as error:
            raise ModelFolderError(f"{folder.weights} cannot encode ({error}); download the model again") from error
        spec = folder.spec(name=name, dim=dim, dtype=dtype)
        threads = threads or _available_cores()
        return cls(
            run, tokenizer, spec, weights_bytes=folder.weights_bytes, threads=threads, lowercase=folder.lowercase
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
                batches = _batches([len(tokens) for tokens in ids])
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
        except _ORT_ERRORS as error:
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


def _batches(lengths: list[int]) -> Iterator[list[int]]:
    """Group positions of equal length, longest first, so that the cores finish at about the same time."""
    groups: defaultdict[int, list[int]] = defaultdict(list)
    for position, length in enumerate(lengths):
        groups[length].append(position)
    for length in sorted(groups, reverse=True):
        group, size = groups[length], max(1, _BATCH_TOKENS // max(1, length))
        for first in range(0, len(group), size):
            yield group[first : first + size]


def _available_cores() -> int:
    # A container may be given fewer cores than the machine has; macOS and Windows cannot say.
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _session(model: bytes | str, weights: Weights, source: Path) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4  # an error is raised as well; warnings are about the model's author's choices
    # Cores work on different batches, which needs no waiting inside an operator.
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    values = [onnxruntime.OrtValue.ortvalue_from_numpy(tensor) for tensor in weights.values()]
    options.add_external_initializers(list(weights), values)
    try:
        return onnxruntime.InferenceSession(
            model,
            options,
            providers=["CPUExecutionProvider"],
            disabled_optimizers=["SkipLayerNormFusion"],  # slower on a CPU than what it fuses; see bert_graph
        )
    except _ORT_ERRORS as error:
        raise ModelFolderError(f"{source} cannot be loaded ({error}); download the model again") from error


def _bert_run(folder: ModelFolder) -> Run:
    config = BertConfig.from_json(folder.config, source=str(folder.root / "config.json"))
    model, weights = build_bert(
        config, read_weights(folder.weights, config), pooling=folder.pooling, normalise=folder.normalise
    )
    session = _session(model, weights, folder.weights)

    def run(ids: TokenIds, _keep: Weights = weights) -> Vectors:  # the session reads the arrays where they lie
        vectors: Vectors = session.run(None, {"input_ids": ids})[0]
        return vectors

    return run


def _onnx_run(folder: ModelFolder) -> tuple[Run, str]:
    session = _session(str(folder.weights), {}, folder.weights)
    inputs = [entry.name for entry in session.get_inputs()]
    outputs = {entry.name: entry.type for entry in session.get_outputs()}
    unknown = set(inputs) - set(_KNOWN_INPUTS)
    output = next((name for name in (_POOLED_OUTPUT, *_TOKEN_OUTPUTS) if name in outputs), None)
    if unknown or output is None:
        raise ModelFolderError(
            f"{folder.weights} has inputs {inputs} and outputs {list(outputs)}; supported are inputs "
            f"{list(_KNOWN_INPUTS)} and an output {_POOLED_OUTPUT} or one of {list(_TOKEN_OUTPUTS)}"
        )

    def run(ids: TokenIds) -> Vectors:
        feed = {"input_ids": ids, "attention_mask": np.ones_like(ids), "token_type_ids": np.zeros_like(ids)}
        found = session.run([output], {name: feed[name] for name in inputs})[0].astype(np.float32)
        vectors = found if output == _POOLED_OUTPUT else _pool(found, folder.pooling)
        return normalise(vectors) if folder.normalise else vectors

    return run, "float16" if "float16" in outputs[output] else "float32"


def _pool(states: npt.NDArray[np.float32], pooling: Pooling) -> Vectors:
    """Reduce (texts, tokens, hidden) to (texts, hidden)."""
    if pooling in ("cls", "lasttoken"):
        return states[:, 0 if pooling == "cls" else -1]
    vectors: Vectors = states.mean(axis=1) if pooling == "mean" else states.max(axis=1)
    return vectors
