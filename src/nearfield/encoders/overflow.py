"""What to do with texts that are longer than an encoder reads, other than cutting them: refuse, or encode in chunks."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import cached_property
from typing import Protocol

import numpy as np

from nearfield.arrays import Vectors, normalise
from nearfield.encoders.api_batches import PricedEncoder
from nearfield.encoders.base import (
    CANARY_TEXTS,
    BatchedEncoder,
    Encoder,
    EncoderSpec,
    Item,
    Role,
    TextInspection,
    as_items,
    as_texts,
)
from nearfield.encoders.options import Overflow, rename
from nearfield.encoders.windows import Window, WindowedEncoder
from nearfield.errors import CapabilityError, InvalidInputError
from nearfield.progress import Progress, silent

_BLOCK = 1024  # texts whose windows are held at a time


def with_overflow(encoder: Encoder, on_overflow: Overflow) -> Encoder:
    """Make an encoder treat texts longer than it reads in another way.

    Args:
        encoder: What encodes, and cuts.
        on_overflow: `truncate` leaves it as it is, `error` refuses such texts, `chunk` encodes them in chunks.

    Returns:
        The encoder.

    Raises:
        CapabilityError: If texts cannot be cut into windows for it, as its tokeniser is elsewhere.
    """
    match on_overflow:
        case "truncate":
            return encoder
        case "error":
            batched = isinstance(encoder, BatchedEncoder)
            return RefusingBatchedEncoder(encoder) if batched else RefusingEncoder(encoder)
        case "chunk":
            # To find out whether it has all of the protocol would be to ask a service for its spec.
            service = isinstance(encoder, PricedEncoder)
            if service or not isinstance(encoder, WindowedEncoder):
                name = "a service" if service else encoder.spec.name
                raise CapabilityError(
                    f"{name} does not tell where its tokens lie, which on_overflow=chunk needs; choose truncate or "
                    "error, or cut the texts before"
                )
            return ChunkingEncoder(encoder)


class RefusingEncoder:
    """Refuses texts that another encoder would cut; others get that encoder's vectors, in its space.

    An encoder that refuses them itself, as some services do, is left to it: they know the count, which is an estimate
    here. Satisfies the `Encoder` protocol.

    Args:
        encoder: What encodes, and inspects.

    Attributes:
        encoder: What encodes.
    """

    encoder: Encoder

    def __init__(self, encoder: Encoder) -> None:
        self.encoder = encoder

    @cached_property
    def spec(self) -> EncoderSpec:
        """Say which space the vectors are in: that of `encoder`, whose spec is asked for when it is first needed."""
        of = self.encoder.spec
        return replace(of, name=rename(of.name, on_overflow="error"), on_overflow="error")

    @property
    def weights_bytes(self) -> int:
        """Memory that the weights take."""
        return self.encoder.weights_bytes

    def encode(self, texts: Sequence[Item], *, progress: Progress = silent) -> Vectors:
        """Encode texts as they are, without any prompt.

        Args:
            texts: Any number of texts; each is measured as a document, with its prompt, and so may be refused a few
                tokens early. The canary texts pass, since some are meant to be cut.
            progress: Called as the encoder does.

        Returns:
            `(n, d)` float32.

        Raises:
            InvalidInputError: If a text is longer than the encoder reads.
        """
        items = as_items(texts)  # an iterator would be used up by the check
        self.check(items, "document", exempt=CANARY_TEXTS)
        return self.encoder.encode(items, progress=progress)

    def encode_query(self, texts: Sequence[Item], *, progress: Progress = silent) -> Vectors:
        """Encode texts as queries: `(n, d)` float32; one that is too long is an `InvalidInputError`."""
        items = as_items(texts)  # an iterator would be used up by the check
        self.check(items, "query")
        return self.encoder.encode_query(items, progress=progress)

    def encode_document(self, texts: Sequence[Item], *, progress: Progress = silent) -> Vectors:
        """Encode texts as documents: `(n, d)` float32; one that is too long is an `InvalidInputError`."""
        items = as_items(texts)  # an iterator would be used up by the check
        self.check(items, "document")
        return self.encoder.encode_document(items, progress=progress)

    def inspect(self, texts: Sequence[Item], *, role: Role = "document") -> list[TextInspection]:
        """Say how many tokens each text has, and whether it would be refused (`truncated`) or is empty."""
        return self.encoder.inspect(texts, role=role)

    def check(self, texts: Sequence[Item], role: Role, *, exempt: Sequence[str] = ()) -> None:
        """Refuse texts that the encoder would cut; none where it refuses texts itself.

        Args:
            texts: Any number of texts.
            role: Whose prompt to count.
            exempt: Texts that may be cut.

        Raises:
            InvalidInputError: If a text is longer than the encoder reads.
        """
        if self.encoder.spec.on_overflow == "error":
            return
        estimated = self.spec.tokenizer == "remote"
        for position, inspection in enumerate(self.encoder.inspect(texts, role=role)):
            if inspection.truncated and texts[position] not in exempt:
                tokens = f"{inspection.tokens:,} tokens" + (" by an estimate, mostly too high," if estimated else "")
                raise InvalidInputError(
                    f"texts[{position}] ({texts[position]!r:.60}) has {tokens} as a {role}, and {self.spec.name} "
                    f"reads at most {self.spec.max_tokens:,}; shorten it, or choose on_overflow="
                    f"{'truncate' if estimated else 'truncate or chunk'}"
                )


class _EncoderInBatches(BatchedEncoder, Encoder, Protocol):
    """An encoder that hands back vectors as they are done."""


class RefusingBatchedEncoder(RefusingEncoder):
    """Refuses texts as `RefusingEncoder` does, for an encoder that hands back vectors as they are done.

    Attributes:
        encoder: What encodes.
    """

    encoder: _EncoderInBatches

    def encode_document_batches(
        self, texts: Sequence[str], *, progress: Progress = silent
    ) -> Iterator[tuple[range, Vectors]]:
        """Encode texts as documents; see `BatchedEncoder`.

        Args:
            texts: Any number of texts; all are measured before the first is encoded.
            progress: Called as the encoder does.

        Returns:
            Positions of some texts and their `(n, d)` float32 vectors, in any order.

        Raises:
            InvalidInputError: If a text is longer than the encoder reads.
        """
        self.check(texts, "document")
        return self.encoder.encode_document_batches(texts, progress=progress)


class ChunkingEncoder:
    """Encodes a text that is too long in chunks, so that all of it counts.

    The text is cut into windows of as many tokens as the encoder reads, at token boundaries (before a word where there
    is one), without overlap, with the prompt before each. Its vector is the mean of theirs, weighted by their tokens,
    and scaled to length 1 where the encoder does that. A text that fits whole has the encoder's own vector; yet it is
    another space than the encoder's, since longer texts have other vectors. Satisfies the `Encoder` protocol.

    Args:
        encoder: What encodes, and knows the windows of a text.

    Attributes:
        encoder: What encodes.
        spec: Which space the vectors are in.
    """

    encoder: WindowedEncoder
    spec: EncoderSpec

    def __init__(self, encoder: WindowedEncoder) -> None:
        self.encoder = encoder
        self.spec = replace(encoder.spec, name=rename(encoder.spec.name, on_overflow="chunk"), on_overflow="chunk")

    @property
    def weights_bytes(self) -> int:
        """Memory that the weights take."""
        return self.encoder.weights_bytes

    def encode(self, texts: Sequence[Item], *, progress: Progress = silent) -> Vectors:
        """Encode texts as they are, without any prompt: `(n, d)` float32."""
        return self._encode(texts, "", self.encoder.encode, progress)

    def encode_query(self, texts: Sequence[Item], *, progress: Progress = silent) -> Vectors:
        """Encode texts as queries: `(n, d)` float32."""
        return self._encode(texts, self.spec.query_prompt, self.encoder.encode_query, progress)

    def encode_document(self, texts: Sequence[Item], *, progress: Progress = silent) -> Vectors:
        """Encode texts as documents: `(n, d)` float32."""
        return self._encode(texts, self.spec.document_prompt, self.encoder.encode_document, progress)

    def inspect(self, texts: Sequence[Item], *, role: Role = "document") -> list[TextInspection]:
        """Say how many tokens each text has, and whether it is empty; nothing is cut, so none is `truncated`."""
        return [replace(found, truncated=False) for found in self.encoder.inspect(texts, role=role)]

    def _encode(
        self, texts: Sequence[Item], prompt: str, encode: Callable[..., Vectors], progress: Progress
    ) -> Vectors:
        texts = as_texts(texts)
        vectors = np.empty((len(texts), self.spec.dim), dtype=np.float32)
        progress("encoding", 0, len(texts))
        for start in range(0, len(texts), _BLOCK):
            stop = min(start + _BLOCK, len(texts))
            windows = self.encoder.windows(texts[start:stop], prompt=prompt)
            parts = [window.text for cut in windows for window in cut]

            def tell(what: str, done: int, _: int | None, *, share: float = (stop - start) / len(parts)) -> None:
                progress(what, start + int(done * share), len(texts))  # noqa: B023  # called before the next block

            vectors[start:stop] = self._averaged(encode(parts, progress=tell), windows)
            progress("encoding", stop, len(texts))
        return vectors

    def _averaged(self, found: Vectors, windows: list[list[Window]]) -> Vectors:
        """Reduce the windows' vectors to one for each text."""
        vectors = np.empty((len(windows), self.spec.dim), dtype=np.float32)
        first = 0
        for row, parts in enumerate(windows):
            last = first + len(parts)
            if len(parts) == 1:
                vectors[row] = found[first]
            else:
                mean = np.average(found[first:last], axis=0, weights=[window.tokens for window in parts])
                vectors[row] = normalise(mean.astype(np.float32)[None])[0] if self.spec.normalise else mean
            first = last
        return vectors
