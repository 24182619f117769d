"""A static encoder: a vector for each token, and a text's vector is the mean over its tokens. No neural network runs.

Reads the folders of model2vec and of sentence-transformers' `StaticEmbedding`, and what `nearfield train distill`
writes. What costs time is cutting texts into tokens, so nothing is cut twice: see `static_words`.

References:
    Tulkens & van Dongen (2024), Model2Vec, https://github.com/MinishLab/model2vec.
"""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from pathlib import Path

import numpy as np
from tokenizers import Tokenizer

from nearfield.arrays import Vectors, normalise
from nearfield.encoders.base import EncoderSpec, Item, Role, TextInspection, as_texts, prompt_for
from nearfield.encoders.finite import require_finite
from nearfield.encoders.options import DEFAULT_RUNTIME, Runtime, available_cores
from nearfield.encoders.static_folder import StaticFolder, read_static_folder
from nearfield.encoders.static_words import WholeTexts, WordByWord
from nearfield.errors import InvalidInputError
from nearfield.progress import Progress, silent

_BATCH_TEXTS = 1024
_GATHERED_ROWS = 512


class StaticEncoder:
    """Encodes texts with a table of token vectors; made by `from_folder`.

    A text without any known token gets the mean of the table, which is near no text in particular.

    Args:
        folder: What the model folder says.
        tokenizer: Cuts texts; adds no special tokens, pads and truncates nothing.
        name: What to call the encoder.
        threads: How many batches to work on at once.

    Attributes:
        spec: Which space the vectors are in.
        weights_bytes: Size of the weights on disk, in bytes.
    """

    spec: EncoderSpec
    weights_bytes: int

    def __init__(self, folder: StaticFolder, tokenizer: Tokenizer, *, name: str, threads: int) -> None:
        self.spec = folder.spec(name)
        self.weights_bytes = folder.weights_bytes
        self._threads = threads
        self._normalise = folder.normalise
        self._table = folder.table
        self._ignored = folder.ignored
        self._cutter = WordByWord(tokenizer) if WordByWord.fits(tokenizer) else WholeTexts(tokenizer)

    @classmethod
    def from_folder(
        cls, path: str | Path, *, name: str | None = None, runtime: Runtime = DEFAULT_RUNTIME
    ) -> "StaticEncoder":
        """Load a folder of model2vec, of sentence-transformers' `StaticEmbedding`, or of `nearfield train distill`.

        Args:
            path: The folder.
            name: What to call the encoder; the folder's name if not given.
            runtime: Its threads are how many batches to work on at once; there is but one engine, and no device.

        Returns:
            The encoder, ready to encode.

        Raises:
            ModelFolderError: If the folder is damaged or of a kind not supported.
            InvalidInputError: If an engine or a device is asked for.
        """
        if runtime.engine != "auto" or runtime.device not in ("auto", "cpu"):
            raise InvalidInputError(
                f"a static encoder has no engine and runs on the processor, got engine={runtime.engine} and "
                f"device={runtime.device}; leave them out"
            )
        folder, tokenizer = read_static_folder(Path(path))
        return cls(
            folder, tokenizer, name=name or folder.root.resolve().name, threads=runtime.threads or available_cores()
        )

    def encode(self, texts: Sequence[Item], *, progress: Progress = silent) -> Vectors:
        """Encode texts as they are, without any prompt.

        Args:
            texts: Any number of texts of any length, read to the end unless the model states a maximum.
            progress: Called with `"encoding"` after each batch.

        Returns:
            `(n, dim)` float32, in the order of the texts.

        Raises:
            InvalidInputError: If `texts` is not a sequence of strings.
            EncoderError: If the table gives NaN or infinity.
        """
        return self._encode(as_texts(texts), "", progress)

    def encode_query(self, texts: Sequence[Item], *, progress: Progress = silent) -> Vectors:
        """Encode texts as queries: `encode` with the query prompt before each."""
        return self._encode(as_texts(texts), self.spec.query_prompt, progress)

    def encode_document(self, texts: Sequence[Item], *, progress: Progress = silent) -> Vectors:
        """Encode texts as documents: `encode` with the document prompt before each."""
        return self._encode(as_texts(texts), self.spec.document_prompt, progress)

    def inspect(self, texts: Sequence[Item], *, role: Role = "document") -> list[TextInspection]:
        """Count the tokens of each text under the prompt of its role.

        Args:
            texts: Any number of texts.
            role: Whose prompt to count.

        Returns:
            One inspection per text, in order.

        Raises:
            InvalidInputError: If `texts` is not a sequence of strings, or `role` is unknown.
        """
        prompt = prompt_for(self.spec, role)
        texts = as_texts(texts)
        inspections = []
        for start, stop in _batches(len(texts)):
            _, lengths = self._cutter.cut([prompt + text for text in texts[start:stop]])
            for text, tokens in zip(texts[start:stop], lengths.tolist(), strict=True):
                inspections.append(TextInspection(tokens, tokens > self.spec.max_tokens, not text.strip()))
        return inspections

    def _encode(self, texts: list[str], prompt: str, progress: Progress) -> Vectors:
        vectors = np.empty((len(texts), self.spec.dim), dtype=np.float32)
        done = 0
        progress("encoding", done, len(texts))

        def encode_batch(start: int, stop: int) -> int:
            batch = texts[start:stop]
            vectors[start:stop] = self._means([prompt + text for text in batch] if prompt else batch, start)
            return stop - start

        if len(texts) <= _BATCH_TEXTS:  # a query should not wait for a pool of threads
            encode_batch(0, len(texts))
            progress("encoding", len(texts), len(texts))
            return vectors
        with ThreadPoolExecutor(self._threads, thread_name_prefix="nearfield-encode") as pool:
            for rows in pool.map(encode_batch, *zip(*_batches(len(texts)), strict=True)):
                done += rows
                progress("encoding", done, len(texts))
        return vectors

    @cached_property
    def _nothing(self) -> Vectors:
        mean: Vectors = self._table.mean(axis=0)
        return mean

    def _means(self, texts: list[str], start: int) -> Vectors:
        ids, lengths = self._cutter.cut(texts)
        stops = np.cumsum(lengths)
        bounds = np.stack([stops - lengths, stops - lengths + np.minimum(lengths, self.spec.max_tokens)])
        if self._ignored is not None:
            kept = ids != self._ignored
            ids, bounds = ids[kept], np.concatenate([[0], np.cumsum(kept)])[bounds]
        heeded = bounds[1] - bounds[0]
        means = np.zeros((len(texts), self.spec.dim), dtype=np.float32)
        for row, first, last in zip(means, *bounds.tolist(), strict=True):
            for piece in range(first, last, _GATHERED_ROWS):
                row += self._table.take(ids[piece : min(piece + _GATHERED_ROWS, last)], axis=0).sum(axis=0)
        means /= np.maximum(heeded, 1)[:, None].astype(np.float32)
        if not heeded.all():
            means[heeded == 0] = self._nothing
        require_finite(means, self.spec.name, lambda row: f"texts[{start + row}]")
        # The tokens of a text may cancel out: a zero vector stays zero.
        return normalise(means) if self._normalise else means


def _batches(count: int) -> Iterator[tuple[int, int]]:
    for start in range(0, count, _BATCH_TEXTS):
        yield start, min(start + _BATCH_TEXTS, count)
