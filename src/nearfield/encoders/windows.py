"""Cut texts that are longer than an encoder reads into windows that it reads whole."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from tokenizers import Encoding, Tokenizer

from nearfield.encoders.base import Encoder
from nearfield.errors import InvalidInputError


@dataclass(frozen=True, slots=True)
class Window:
    """A part of a text.

    Attributes:
        text: The part.
        tokens: How many it has; neither special tokens nor a prompt are counted.
    """

    text: str
    tokens: int


@runtime_checkable
class WindowedEncoder(Encoder, Protocol):
    """An encoder that knows where its tokens lie in a text."""

    def windows(self, texts: Sequence[str], *, prompt: str = "") -> list[list[Window]]:
        """Cut each text into parts of at most `spec.max_tokens` tokens, those of the prompt before each included."""
        ...


def cut_into_windows(tokenizer: Tokenizer, texts: Sequence[str], *, prompt: str, max_tokens: int) -> list[list[Window]]:
    """Cut texts at token boundaries, before a word where there is one.

    Tokens are those of the whole text. A part alone may have others, since the middle of a word reads differently at
    a beginning; a part that so becomes too long is cut again.

    Args:
        tokenizer: One that cuts and pads nothing.
        texts: Any texts.
        prompt: What will stand before each part.
        max_tokens: The most that prompt, part and special tokens may have together.

    Returns:
        For each text its parts in order, at least one, without the white space between two; the text itself where it
        fits whole, the empty text where it is nothing but white space and does not. A part of one token is not cut
        further, whatever it has alone.

    Raises:
        InvalidInputError: If the prompt leaves no room for any text.
    """
    overhead = len(tokenizer.encode(prompt))
    room = max_tokens - overhead
    if room < 1:
        raise InvalidInputError(
            f"the prompt {prompt!r:.80} takes {overhead} of at most {max_tokens} tokens, which leaves no room for text"
        )
    lengths = map(len, tokenizer.encode_batch_fast([prompt + text for text in texts]))
    return [
        [Window(text, length - overhead)]
        if length <= max_tokens
        else list(_cut(tokenizer, text, prompt=prompt, max_tokens=max_tokens, room=room)) or [Window("", 0)]
        for text, length in zip(texts, lengths, strict=True)
    ]


def _cut(tokenizer: Tokenizer, text: str, *, prompt: str, max_tokens: int, room: int) -> Iterator[Window]:
    whole = tokenizer.encode(text, add_special_tokens=False)
    bounds = [0, *(start for start, _ in whole.offsets[1:]), len(text)]
    first = 0
    while first < len(whole):
        last = min(first + room, len(whole))
        if last < len(whole):
            last = _word_start(whole, first, last)
        part = text[bounds[first] : bounds[last]].strip()
        if room > 1 and len(tokenizer.encode(prompt + part)) > max_tokens:
            yield from _cut(tokenizer, part, prompt=prompt, max_tokens=max_tokens, room=room // 2)
        elif part:  # a character may have several tokens, of which all but the last begin where they end
            yield Window(part, last - first)
        first = last


def _word_start(whole: Encoding, first: int, last: int) -> int:
    """Find the last token after `first`, up to `last`, that begins a word; `last` if none does."""
    words = whole.word_ids
    return next((position for position in range(last, first, -1) if words[position] != words[position - 1]), last)
