"""The names of a space's rows: unique strings, looked up by name or by position, in memory or memory-mapped."""

import bisect
from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property
from typing import TypeAlias, overload

import numpy as np
import numpy.typing as npt

from nearfield.errors import InvalidInputError

Positions: TypeAlias = npt.NDArray[np.int64]

_LOOKED_UP_AT_ONCE = 2_000  # beyond which a dictionary of all keys costs less than as many binary searches


class Keys(Sequence[str]):
    """An immutable sequence of unique strings.

    The bytes of all keys lie one after the other, with a line break after each, and an array says where each ends. A
    second array holds the positions in the order of the bytes, so that a key is found by binary search without
    reading the others: two million memory-mapped keys are ready at once.

    Args:
        content: UTF-8 bytes of all keys, a line break after each, as `(bytes,)` uint8.
        ends: `(n,)` int64, where each key's line break stands.
        order: `(n,)` int64, positions sorted by their keys' bytes; sorted when first needed if not given.
    """

    def __init__(self, content: npt.NDArray[np.uint8], ends: Positions, order: Positions | None = None) -> None:
        self.content = content
        self.ends = ends
        if order is not None:
            self.__dict__["order"] = order

    @classmethod
    def of(cls, keys: Iterable[str]) -> "Keys":
        """Make it of strings.

        Args:
            keys: Unique strings that UTF-8 can carry; any number, the empty string and line breaks are allowed.

        Returns:
            The keys, in the same order; the input itself if it is one already.

        Raises:
            InvalidInputError: If a key is no string or not valid Unicode, or stands twice.
        """
        if isinstance(keys, Keys):
            return keys
        if isinstance(keys, str | bytes):
            raise InvalidInputError("keys must be a sequence of strings, got one string; write [key]")
        listed = list(keys)
        try:
            encoded = list(map(str.encode, listed))
        except (TypeError, UnicodeEncodeError):
            encoded = [_encode(key, position) for position, key in enumerate(listed)]  # says what is wrong with which
        lengths = np.fromiter(map(len, encoded), np.int64, len(encoded)) + 1
        content = b"\n".join([*encoded, b""])
        made = cls(np.frombuffer(content, np.uint8), np.cumsum(lengths) - 1)
        row_of = dict(zip(listed, range(len(listed)), strict=True))
        if len(row_of) < len(listed):
            twice = next(key for position, key in enumerate(listed) if row_of[key] != position)
            first, last = listed.index(twice), row_of[twice]
            raise InvalidInputError(f"keys must be unique: {twice!r} is number {first} and number {last}")
        made.__dict__["_row_of"] = row_of
        return made

    @cached_property
    def order(self) -> Positions:
        """`(n,)` int64, positions sorted by their keys' bytes."""
        content, ends = bytes(self.content), self.ends.tolist()
        encoded = [content[start + 1 : end] for start, end in zip([-1, *ends], ends, strict=False)]
        return np.array(sorted(range(len(self)), key=encoded.__getitem__), np.int64)

    @cached_property
    def _row_of(self) -> dict[str, int]:
        return {key: position for position, key in enumerate(self)}

    def __len__(self) -> int:
        """Count the keys."""
        return len(self.ends)

    @overload
    def __getitem__(self, position: int) -> str: ...
    @overload
    def __getitem__(self, position: slice) -> list[str]: ...
    def __getitem__(self, position: int | slice) -> str | list[str]:
        """Give the key at a position, or those of a slice."""
        if not isinstance(position, slice):
            return self._bytes(range(len(self))[position]).decode()
        rows = range(*position.indices(len(self)))
        return list(self._between(rows.start, rows.stop)) if rows.step == 1 else [self[row] for row in rows]

    def __iter__(self) -> Iterator[str]:
        """Go through all keys in order."""
        return self._between(0, len(self))

    def first(self, n: int) -> "Keys":
        """Keep the first `n`, at least 0; a view."""
        ends = self.ends[:n]
        order = self.__dict__.get("order")
        content = self.content[: int(ends[-1]) + 1 if len(ends) else 0]
        return Keys(content, ends, None if order is None else order[order < n])

    def __contains__(self, key: object) -> bool:
        """Say whether a key is among them."""
        return isinstance(key, str) and self.position(key) is not None

    def __eq__(self, other: object) -> bool:
        """Say whether the other holds the same keys in the same order."""
        return isinstance(other, Keys) and np.array_equal(self.ends, other.ends) and bytes(self) == bytes(other)

    __hash__ = None  # type: ignore[assignment]  # compared by content, which may be a file's

    def __bytes__(self) -> bytes:
        """Give all keys in UTF-8, a line break after each."""
        return bytes(self.content)

    def position(self, key: str) -> int | None:
        """Find a key's position; None if it is not among them."""
        if (known := self.__dict__.get("_row_of")) is not None:
            return known.get(key)  # type: ignore[no-any-return]
        wanted = key.encode(errors="surrogatepass")
        place = bisect.bisect_left(self.order, wanted, key=self._bytes)
        if place < len(self.order) and self._bytes(row := int(self.order[place])) == wanted:
            return row
        return None

    def positions(self, keys: Sequence[str]) -> Positions:
        """Find the positions of many keys.

        Args:
            keys: Any strings.

        Returns:
            `(len(keys),)` int64, -1 where a key is not among them.
        """
        if len(keys) > _LOOKED_UP_AT_ONCE:
            _ = self._row_of
        found = (self.position(key) for key in keys)
        return np.fromiter((-1 if row is None else row for row in found), np.int64, len(keys))

    def suggest(self, key: str, *, limit: int = 3) -> list[str]:
        """Find keys that somebody who wrote this one may have meant.

        Args:
            key: Any string.
            limit: Most keys to give.

        Returns:
            Keys that differ by case or by one letter, the earliest first, then those that begin most alike.
        """
        near = {word for word in (key.lower(), key.upper(), key.title(), *_one_edit_away(key)) if word in self}
        found = sorted(near - {key}, key=lambda word: self.position(word) or 0)[:limit]
        place = bisect.bisect_left(self.order, key.encode(errors="surrogatepass"), key=self._bytes)
        around = [self[int(row)] for row in self.order[max(0, place - limit) : place + limit]]
        around.sort(key=lambda other: -_common_prefix(key, other))
        found += [other for other in around if other not in found and _common_prefix(key, other) > len(key) // 2]
        return found[:limit]

    def _bytes(self, position: int) -> bytes:
        return self.content[self._start(position) : self.ends[position]].tobytes()

    def _between(self, first: int, stop: int) -> Iterator[str]:
        """Give the keys of some positions, of which all bytes are read at once."""
        ends = self.ends[first:stop]
        start = offset = self._start(first) if len(ends) else 0
        content = self.content[start : ends[-1] if len(ends) else 0].tobytes()
        for end in ends.tolist():
            yield content[start - offset : end - offset].decode()
            start = end + 1

    def _start(self, position: int) -> int:
        return int(self.ends[position - 1]) + 1 if position else 0


def _encode(key: object, position: int) -> bytes:
    if not isinstance(key, str):
        raise InvalidInputError(f"keys must be strings, got {type(key).__name__} as number {position}")
    try:
        return key.encode()
    except UnicodeEncodeError as error:
        raise InvalidInputError(f"key number {position} is not valid Unicode: {error.reason}") from error


def _one_edit_away(word: str) -> Iterator[str]:
    """List what differs by one letter left out, added, replaced, or two exchanged."""
    if len(word) > 40:  # a sentence rather than a word
        return
    letters = {*word.lower(), *"abcdefghijklmnopqrstuvwxyz"}
    for i in range(len(word) + 1):
        head, tail = word[:i], word[i:]
        yield head + tail[1:]
        if len(tail) > 1:
            yield head + tail[1] + tail[0] + tail[2:]
        for letter in letters:
            yield head + letter + tail
            yield head + letter + tail[1:]


def _common_prefix(one: str, other: str) -> int:
    return next((i for i, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other)))
