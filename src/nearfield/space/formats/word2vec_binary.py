"""The binary files of word2vec: a header line, then for each row the key, a space, and float32 numbers.

References:
    Mikolov, Chen, Corrado & Dean (2013), arXiv:1301.3781.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from nearfield.data.files import open_bytes
from nearfield.progress import Progress
from nearfield.space.formats.rows import ReadOptions, RowCollector
from nearfield.space.formats.text import read_header, require_size
from nearfield.space.formats.writing import blocks_of, compressed_file, require_plain_keys
from nearfield.space.space import Space

_BLOCK_BYTES = 8_000_000
_LONGEST_KEY = 100_000  # bytes; where no space comes for so long, there are no rows


def read_word2vec_binary(path: Path, options: ReadOptions) -> Space:
    """Read a binary file; the line break that word2vec writes after a row, and gensim does not, is passed over."""
    with open_bytes(path) as stream:
        count, dim = read_header(path, stream)
        require_size(path, rows=count, row_bytes=4 * dim + 1)
        collector = RowCollector(path, dim, options, unit="byte", total=count)
        rest, offset = b"", stream.tell()
        while collector.seen < count and not collector.full:
            block = stream.read(max(_BLOCK_BYTES, 8 * dim))
            buffer = rest + block
            used = _take_rows(buffer, offset, dim, collector, count)
            if not block:
                raise collector.error(
                    f"the header says {count:,} rows, and the file ends in row {collector.seen + 1:,}; it is cut short",
                    offset + len(buffer),
                )
            rest, offset = buffer[used:], offset + used
        if not collector.full or collector.seen >= count:
            left = rest.lstrip(b"\n") or stream.read(2).lstrip(b"\n")
            if left:
                raise collector.error(f"the header says {count:,} rows, and something follows them", offset)
    return collector.space(format="word2vec-binary")


def write_word2vec_binary(space: Space, path: Path, progress: Progress) -> None:
    """Write a binary file as word2vec does, a line break after each row."""
    require_plain_keys(space, format="word2vec-binary")
    with compressed_file(path) as file:
        file.write(f"{len(space)} {space.dim}\n".encode())
        for block in blocks_of(space, progress):
            rows = zip(space.keys[block], space.vectors[block].astype("<f4"), strict=True)
            file.write(b"".join([key.encode() + b" " + vector.tobytes() + b"\n" for key, vector in rows]))


def _take_rows(buffer: bytes, offset: int, dim: int, collector: RowCollector, count: int) -> int:
    """Take the rows that lie whole in the buffer; say how many bytes they are."""
    names: list[bytes] = []
    numbers: list[bytes] = []
    places: list[int] = []
    position, room, size = 0, count - collector.seen, 4 * dim
    while len(names) < room and (space := buffer.find(b" ", position, position + _LONGEST_KEY)) >= 0:
        stop = space + 1 + size
        if stop > len(buffer):
            break
        names.append(buffer[position:space].lstrip(b"\n"))
        numbers.append(buffer[space + 1 : stop])
        places.append(offset + position)
        position = stop
    else:
        if len(names) < room and len(buffer) - position >= _LONGEST_KEY:
            raise collector.error("no key ends here; is the header's number of dimensions wrong?", offset + position)
    vectors = np.frombuffer(b"".join(numbers), "<f4").reshape(-1, dim).astype(np.float32, copy=False)
    good, keys = _decoded(names, places, collector)
    if keys:
        collector.add(keys, vectors if len(keys) == len(vectors) else vectors[good], [places[row] for row in good])
    return position


def _decoded(names: Sequence[bytes], places: Sequence[int], collector: RowCollector) -> tuple[Sequence[int], list[str]]:
    """Decode keys; say which of them could be."""
    try:
        return range(len(names)), [name.decode() for name in names]
    except UnicodeDecodeError:
        good, keys = [], []
        for row, name in enumerate(names):
            try:
                keys.append(name.decode())
                good.append(row)
            except UnicodeDecodeError as error:
                byte = f"byte 0x{name[error.start]:02x} at its byte {error.start + 1}"
                collector.refuse(
                    f"the key {name!r:.80} is not valid UTF-8: {byte}; or the header has the wrong number of "
                    "dimensions",
                    places[row],
                )
        return good, keys
