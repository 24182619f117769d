"""Files compressed by Zstandard, as a stream that knows when one is cut short."""

import io
from pathlib import Path

from nearfield.errors import MissingExtraError

_READ = 1 << 17  # compressed bytes at a time


class ZstdFile(io.RawIOBase):
    """Reads a file of one or several frames.

    Args:
        path: The file.

    Raises:
        MissingExtraError: If zstandard is not installed.
    """

    def __init__(self, path: Path) -> None:
        try:
            import zstandard
        except ImportError as error:
            raise MissingExtraError("reading .zst files needs zstandard: pip install 'nearfield[train]'") from error
        self._new_frame = zstandard.ZstdDecompressor().decompressobj
        self._failure: type[Exception] = zstandard.ZstdError
        self._file = path.open("rb")
        self._frame = self._new_frame()
        self._within_frame = False
        self._ahead = b""  # compressed
        self._ready = memoryview(b"")

    def readable(self) -> bool:
        """Say yes."""
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]  # what BufferedReader gives
        """Fill a buffer with what comes next; say how many bytes that was.

        Args:
            buffer: Where to write.

        Returns:
            How many bytes were written; 0 at the end.

        Raises:
            EOFError: If the file ends within a frame, or holds what is no frame.
        """
        while not self._ready:
            read = self._ahead or self._file.read(_READ)
            if not read:
                if self._within_frame:
                    raise EOFError("it is cut short")
                return 0
            self._decompress(read)
        size = min(len(buffer), len(self._ready))
        buffer[:size], self._ready = self._ready[:size], self._ready[size:]
        return size

    def close(self) -> None:
        """Close the file."""
        self._file.close()
        super().close()

    def _decompress(self, read: bytes) -> None:
        try:
            self._ready = memoryview(self._frame.decompress(read))
        except self._failure as error:
            raise EOFError(str(error)) from error
        self._ahead, self._within_frame = self._frame.unused_data, not self._frame.eof
        if self._frame.eof:
            self._frame = self._new_frame()
