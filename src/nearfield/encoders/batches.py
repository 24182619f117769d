"""Which texts are tokenised, and which are run, together."""

from collections import defaultdict
from collections.abc import Iterator

# Token lists are many times the size of their text, so texts are tokenised in chunks of at most so many.
_CHUNK_TEXTS = 2048
_CHUNK_CHARACTERS = 2_000_000


def chunks(texts: list[str]) -> Iterator[tuple[int, int]]:
    """Cut a list of texts into ranges of bounded size, for tokenising.

    Args:
        texts: The texts.

    Yields:
        Start and stop of each range; a text longer than the bound is a range of its own.
    """
    start = characters = 0
    for position, text in enumerate(texts):
        full = position - start == _CHUNK_TEXTS or characters + len(text) > _CHUNK_CHARACTERS
        if full and position > start:
            yield start, position
            start, characters = position, 0
        characters += len(text)
    if start < len(texts):
        yield start, len(texts)


def batches(lengths: list[int], batch_tokens: int) -> Iterator[list[int]]:
    """Group texts of equal length into batches that a core computes at once.

    Args:
        lengths: Number of tokens of each text.
        batch_tokens: About how many tokens a batch is to have; a longer text is a batch of its own.

    Yields:
        Positions of the texts of a batch, longest first, so that the cores finish at about the same time.
    """
    groups: defaultdict[int, list[int]] = defaultdict(list)
    for position, length in enumerate(lengths):
        groups[length].append(position)
    for length in sorted(groups, reverse=True):
        group, size = groups[length], max(1, batch_tokens // max(1, length))
        for first in range(0, len(group), size):
            yield group[first : first + size]
