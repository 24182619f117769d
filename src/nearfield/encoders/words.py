"""Contextual word vectors: what a word means in its text."""

from collections import defaultdict
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial

import numpy as np
import numpy.typing as npt
from tokenizers import Encoding, Tokenizer

from nearfield.arrays import Vectors
from nearfield.encoders.batches import batches, chunks
from nearfield.encoders.finite import require_finite
from nearfield.encoders.program import CPU_BATCH_TOKENS
from nearfield.encoders.run import StatesRun
from nearfield.errors import EncoderError, InvalidInputError
from nearfield.progress import Progress, silent


@dataclass(frozen=True)
class _Word:
    """Which row a word's vector becomes, and the positions of its tokens in its text."""

    row: int
    tokens: list[int]


class WordEncoder:
    """Encodes words in their texts with a transformer's token vectors.

    Args:
        open_layers: Opens what turns token ids into the token vectors of chosen layers.
        tokenizer: Cuts what is too long and pads nothing.
        counter: The same tokeniser, which cuts nothing.
        name: What to call the encoder in an error.
        threads: How many batches to work on at once.
        lowercase: Whether to lower-case texts before they are tokenised.
    """

    def __init__(
        self,
        open_layers: Callable[[Sequence[int]], StatesRun],
        tokenizer: Tokenizer,
        counter: Tokenizer,
        *,
        name: str,
        threads: int,
        lowercase: bool,
    ) -> None:
        self._open_layers = open_layers
        self._tokenizer = tokenizer
        self._counter = counter
        self._name = name
        self._threads = threads
        self._lowercase = lowercase
        self._opened: tuple[tuple[int, ...], StatesRun] | None = None

    def encode(
        self,
        texts: list[str],
        spans: Sequence[tuple[int, int]],
        *,
        layers: Sequence[int] = (-1,),
        progress: Progress = silent,
    ) -> Vectors:
        """Average the chosen layers, then the tokens that overlap the word.

        Args:
            texts: Any number of texts; a text that comes again is run once.
            spans: For each text, where the word starts and where it ends, in characters; the end is exclusive.
            layers: Whose vectors to average: 0 is the embeddings, -1 the last layer.
            progress: Called with `"encoding"` after each batch.

        Returns:
            `(n, hidden)` float32, not normalised, in the order of the texts.

        Raises:
            InvalidInputError: If there is not one span for each text, a span is outside its text, is cut off, or has
                no token, or a layer does not exist.
            EncoderError: If the model gives NaN or infinity, or fails.
        """
        _check_spans(texts, spans)
        states = self._states(tuple(layers))
        hidden = self._mix(states, [[0]]).shape[2]  # any one token says how wide a vector is
        vectors = np.empty((len(texts), hidden), dtype=np.float32)
        rows: defaultdict[str, list[int]] = defaultdict(list)
        for row, text in enumerate(texts):
            rows[text].append(row)
        unique = list(rows)
        done = 0
        progress("encoding", done, len(texts))
        with ThreadPoolExecutor(self._threads, thread_name_prefix="nearfield-words") as pool:
            for start, stop in chunks(unique):
                part = unique[start:stop]
                encodings = self._tokenizer.encode_batch([self._prepare(text) for text in part])
                words = [
                    [_Word(row, self._tokens(text, spans[row], encoding, row)) for row in rows[text]]
                    for text, encoding in zip(part, encodings, strict=True)
                ]
                ids = [encoding.ids for encoding in encodings]
                job = partial(self._encode_batch, states, ids, words, vectors)
                for count in pool.map(job, batches([len(tokens) for tokens in ids], CPU_BATCH_TOKENS)):
                    done += count
                    progress("encoding", done, len(texts))
        return vectors

    def _encode_batch(
        self, states: StatesRun, ids: list[list[int]], words: list[list[_Word]], vectors: Vectors, batch: list[int]
    ) -> int:
        """Write the vectors of the words in one batch of texts; no two batches share a row."""
        mixed = self._mix(states, [ids[position] for position in batch])
        found = [(place, word) for place, position in enumerate(batch) for word in words[position]]
        for place, word in found:
            vectors[word.row] = mixed[place, word.tokens].mean(axis=0)
        rows = [word.row for _, word in found]
        require_finite(vectors[rows], self._name, lambda place: f"the word of texts[{rows[place]}]")
        return len(found)

    def _states(self, layers: tuple[int, ...]) -> StatesRun:
        # One at a time: each holds the weights.
        if self._opened is None or self._opened[0] != layers:
            self._opened = layers, self._open_layers(layers)
        return self._opened[1]

    def _mix(self, states: StatesRun, ids: list[list[int]]) -> npt.NDArray[np.float32]:
        """Average layers: `(texts, tokens, hidden)`."""
        try:
            found = states(np.array(ids, dtype=np.int64))
        except EncoderError as error:
            raise EncoderError(f"{self._name} failed on a batch of texts: {error}") from error
        mean: npt.NDArray[np.float32] = np.mean(found, axis=0, dtype=np.float32)
        return mean

    def _prepare(self, text: str) -> str:
        return text.lower() if self._lowercase else text

    def _tokens(self, text: str, span: tuple[int, int], encoding: Encoding, row: int) -> list[int]:
        """Find the tokens that overlap a span."""
        # Lower-casing may lengthen a text: İ becomes two characters.
        start, end = (len(self._prepare(text[:place])) for place in span)
        tokens = _overlapping(encoding, start, end)
        whole = _overlapping(self._counter.encode(self._prepare(text)), start, end) if encoding.overflowing else tokens
        if not whole:
            raise InvalidInputError(f"spans[{row}] {span} has no token in texts[{row}]; choose a span with a word")
        if len(tokens) < len(whole):
            raise InvalidInputError(
                f"spans[{row}] {span} lies beyond the {len(encoding)} tokens of texts[{row}] that {self._name} reads; "
                "give the part of the text around the word"
            )
        return tokens


def _overlapping(encoding: Encoding, start: int, end: int) -> list[int]:
    # Special tokens have empty offsets.
    return [position for position, (first, last) in enumerate(encoding.offsets) if max(first, start) < min(last, end)]


def _check_spans(texts: Sequence[str], spans: Sequence[tuple[int, int]]) -> None:
    if len(spans) != len(texts):
        raise InvalidInputError(f"there must be one span for each text, got {len(spans)} spans for {len(texts)} texts")
    for row, (text, span) in enumerate(zip(texts, spans, strict=True)):
        if len(span) != 2 or not all(isinstance(place, int | np.integer) for place in span):
            raise InvalidInputError(f"spans[{row}] must be two whole numbers, start and end, got {span!r}")
        if not 0 <= span[0] < span[1] <= len(text):
            raise InvalidInputError(
                f"spans[{row}] must start before it ends, within the {len(text)} characters of texts[{row}], got {span}"
            )
