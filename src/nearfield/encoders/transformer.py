"""A sentence encoder of the transformer family, run by ONNX Runtime."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from pathlib import Path

import numpy as np
from tokenizers import Tokenizer

from nearfield.arrays import Vectors
from nearfield.encoders.base import EncoderSpec, Item, Role, TextInspection, as_texts, prompt_for
from nearfield.encoders.batches import batches, chunks
from nearfield.encoders.defaults import entry_for, with_defaults
from nearfield.encoders.finite import require_finite
from nearfield.encoders.folder import read_folder
from nearfield.encoders.options import DEFAULT_RUNTIME, Runtime, available_cores
from nearfield.encoders.program import CPU_BATCH_TOKENS
from nearfield.encoders.run import Run, SkippingRun, StatesRun, open_run, open_states
from nearfield.encoders.tokenizer_file import open_tokenizer
from nearfield.encoders.windows import Window, cut_into_windows
from nearfield.encoders.words import WordEncoder
from nearfield.errors import EncoderError, ModelFolderError
from nearfield.progress import Progress, silent


class TransformerEncoder:
    """Encodes texts with a transformer model; made by `from_folder`.

    Every batch holds texts of one length in tokens, so nothing is padded, and runs on one core; the cores work on
    different batches. A text's vector does not depend on the texts beside it, up to float32 rounding.

    Args:
        run: Turns token ids into vectors, on one core.
        tokenizer: Cuts at `spec.max_tokens` and pads nothing.
        spec: Which space the vectors are in.
        weights_bytes: Size of the weights on disk, in bytes.
        threads: How many batches to work on at once.
        lowercase: Whether to lower-case texts before they are tokenised.
        open_layers: Opens what turns token ids into the token vectors of chosen layers.
        skipping: Takes the place of `run` where a prompt's tokens are not pooled.
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
        open_layers: Callable[[Sequence[int]], StatesRun],
        skipping: SkippingRun | None = None,
        batch_tokens: int = CPU_BATCH_TOKENS,
    ) -> None:
        self.spec = spec
        self.weights_bytes = weights_bytes
        self._run = run
        self._tokenizer = tokenizer
        self._threads = threads
        self._lowercase = lowercase
        self._open_layers = open_layers
        self._skipping = skipping
        self._batch_tokens = batch_tokens

    @classmethod
    def from_folder(
        cls, path: str | Path, *, name: str | None = None, runtime: Runtime = DEFAULT_RUNTIME
    ) -> "TransformerEncoder":
        """Load a sentence-transformers or Hugging Face model folder.

        Args:
            path: The folder; its `model.safetensors` is used where its family is built here, else its ONNX file.
            name: What to call the encoder; the folder's name if not given.
            runtime: What to run on; its threads are how many batches to work on at once.

        Returns:
            The encoder, ready to encode.

        Raises:
            ModelFolderError: If the folder is damaged or of a kind not supported.
            CapabilityError: If the engine cannot run here, or not this model.
            MissingExtraError: If the engine is not installed.
        """
        folder = with_defaults(read_folder(path), entry_for(path, name))
        tokenizer = open_tokenizer(folder.tokenizer, folder.max_tokens)
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
            open_layers=lambda layers: open_states(folder, layers=layers, runtime=runtime),
            skipping=opened.skipping,
            batch_tokens=opened.batch_tokens,
        )

    def encode(self, texts: Sequence[Item], *, progress: Progress = silent) -> Vectors:
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

    def encode_query(self, texts: Sequence[Item], *, progress: Progress = silent) -> Vectors:
        """Encode texts as queries: `encode` with the query prompt before each."""
        return self._encode(as_texts(texts), self.spec.query_prompt, progress)

    def encode_document(self, texts: Sequence[Item], *, progress: Progress = silent) -> Vectors:
        """Encode texts as documents: `encode` with the document prompt before each."""
        return self._encode(as_texts(texts), self.spec.document_prompt, progress)

    def encode_words(
        self,
        texts: Sequence[str],
        spans: Sequence[tuple[int, int]],
        *,
        layers: Sequence[int] = (-1,),
        progress: Progress = silent,
    ) -> Vectors:
        """Encode one word of each text as it is meant there; see `WordEncoder.encode`.

        Args:
            texts: Any number of texts; to encode several words of one text, repeat it: it is run once.
            spans: For each text, where the word starts and where it ends, in characters.
            layers: Whose vectors to average: 0 is the embeddings, -1 the last layer.
            progress: Called with `"encoding"` after each batch.

        Returns:
            `(n, hidden)` float32, not normalised, in the order of the texts.

        Raises:
            InvalidInputError: If a span is outside its text, is cut off, or has no token, or a layer does not exist.
            CapabilityError: If the folder's ONNX file has no such layer.
            EncoderError: If the model gives NaN or infinity, or fails.
        """
        return self._words.encode(as_texts(texts), spans, layers=layers, progress=progress)

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
        inspections = []
        checked = as_texts(texts)
        for start, stop in chunks(checked):
            encodings = self._counter.encode_batch_fast(self._prepare(checked[start:stop], prompt))
            for text, encoding in zip(checked[start:stop], encodings, strict=True):
                tokens = len(encoding)
                inspections.append(TextInspection(tokens, tokens > self.spec.max_tokens, not text.strip()))
        return inspections

    def windows(self, texts: Sequence[str], *, prompt: str = "") -> list[list[Window]]:
        """Cut texts into parts that are read whole; see `cut_into_windows`.

        Args:
            texts: Any number of texts.
            prompt: What will stand before each part.

        Returns:
            For each text its parts, lower-cased where the tokeniser sees them so.

        Raises:
            InvalidInputError: If `texts` is not a sequence of strings, or the prompt leaves no room for any text.
        """
        texts, prompt = self._prepare(as_texts(texts), ""), self._prepare([prompt], "")[0]
        return [
            windows
            for start, stop in chunks(texts)
            for windows in cut_into_windows(
                self._counter, texts[start:stop], prompt=prompt, max_tokens=self.spec.max_tokens
            )
        ]

    @cached_property
    def _counter(self) -> Tokenizer:
        counter = Tokenizer.from_str(self._tokenizer.to_str())
        counter.no_truncation()
        return counter

    @cached_property
    def _words(self) -> WordEncoder:
        return WordEncoder(
            self._open_layers,
            self._tokenizer,
            self._counter,
            name=self.spec.name,
            threads=self._threads,
            lowercase=self._lowercase,
        )

    def _prepare(self, texts: list[str], prompt: str) -> list[str]:
        return [(prompt + text).lower() if self._lowercase else prompt + text for text in texts]

    def _encode(self, texts: list[str], prompt: str, progress: Progress) -> Vectors:
        vectors = np.empty((len(texts), self.spec.dim), dtype=np.float32)
        done = 0
        progress("encoding", done, len(texts))
        skip = self._tokens_not_pooled(prompt)
        with ThreadPoolExecutor(self._threads, thread_name_prefix="nearfield-encode") as pool:
            for start, stop in chunks(texts):
                encodings = self._tokenizer.encode_batch_fast(self._prepare(texts[start:stop], prompt))
                ids = [encoding.ids for encoding in encodings]
                del encodings  # they hold far more than the ids
                lengths = [len(tokens) for tokens in ids]
                jobs = ((batch, start, ids, skip, vectors) for batch in batches(lengths, self._batch_tokens))
                for rows in pool.map(self._encode_batch, *zip(*jobs, strict=True)):
                    done += rows
                    progress("encoding", done, len(texts))
        return vectors

    def _tokens_not_pooled(self, prompt: str) -> int:
        """Count the leading tokens to leave out, as sentence-transformers does: the prompt's but the closing one."""
        if self._skipping is None or not prompt:
            return 0
        encoding = self._tokenizer.encode(self._prepare([""], prompt)[0])
        return len(encoding) - (encoding.special_tokens_mask[-1:] == [1])

    def _encode_batch(self, batch: list[int], start: int, ids: list[list[int]], skip: int, vectors: Vectors) -> int:
        """Write the vectors of one batch; no two batches share a row, so threads do not meet."""
        rows = [start + position for position in batch]
        if len(ids[batch[0]]) <= skip:
            raise EncoderError(f"texts[{rows[0]}] has no tokens, so it has no vector; leave out empty texts")
        tokens = np.array([ids[position] for position in batch], dtype=np.int64)
        try:
            found = self._skipping(tokens, skip) if self._skipping else self._run(tokens)
        except EncoderError as error:
            raise EncoderError(f"{self.spec.name} failed on a batch with texts[{rows[0]}]: {error}") from error
        require_finite(found, self.spec.name, lambda place: f"texts[{rows[place]}]")
        vectors[rows] = found
        return len(rows)
