"""What goes in: images, by path or bytes, opened with care."""

import hashlib
import io
import os
import struct
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from nearfield.errors import DataError, InvalidInputError, MissingExtraError

if TYPE_CHECKING:
    from PIL import Image as Pillow

MAX_PIXELS = 64_000_000
"""Most pixels of an image, 192 MB when decoded; a file of a few kilobytes may claim billions."""

_FORMATS = ("PNG", "JPEG", "WEBP")
# What Pillow raises for damaged files.
_DAMAGED = (OSError, ValueError, SyntaxError, EOFError, IndexError, OverflowError, struct.error, zlib.error)


@dataclass(frozen=True, slots=True, repr=False)
class Image:
    """An image that is read when it is needed.

    Attributes:
        source: Path of a PNG, JPEG or WebP file, or the bytes of one. Of an animation, the first frame counts.
    """

    source: str | os.PathLike[str] | bytes

    def __post_init__(self) -> None:
        """Refuse what can be no image."""
        if not isinstance(self.source, str | os.PathLike | bytes) or not self.source:
            raise InvalidInputError(
                f"an image must be the path or the bytes of a PNG, JPEG or WebP file, got {self.source!r:.60}"
            )

    def __repr__(self) -> str:
        """Name the path, or count the bytes."""
        return f"Image({self.source!r})" if self.path else f"Image(<{len(self.read()):,} bytes>)"

    @property
    def path(self) -> str:
        """Absolute path of the file; empty where the image was given as bytes."""
        return "" if isinstance(self.source, bytes) else str(Path(self.source).absolute())

    @property
    def digest(self) -> str:
        """Hash of the file's content, wherever it lies: 32 hexadecimal digits."""
        return hashlib.blake2b(self.read(), digest_size=16).hexdigest()

    def read(self) -> bytes:
        """Read the file's content, or raise a `DataError` that names it."""
        if isinstance(self.source, bytes):
            return self.source
        try:
            return Path(self.source).read_bytes()
        except FileNotFoundError as error:
            raise DataError("no such image file", source=self.path) from error
        except (OSError, ValueError) as error:
            raise DataError(f"cannot be read: {getattr(error, 'strerror', None) or error}", source=self.path) from error

    def check(self) -> None:
        """Look at the header only: refuse what is no image of a known format, or too large to decode.

        Raises:
            DataError: If so.
            MissingExtraError: If Pillow is not installed.
        """
        with self._opened():
            pass

    def open(self) -> "Pillow.Image":
        """Decode the image.

        Returns:
            It in 8-bit RGB, turned the way its EXIF orientation says; what is transparent lies on white.

        Raises:
            DataError: If it cannot be read, is of another format than PNG, JPEG and WebP, has more than `MAX_PIXELS`
                pixels (judged from the header, before decoding), more than 8 bits a channel in a single channel, or
                is damaged.
            MissingExtraError: If Pillow is not installed.
        """
        with self._opened() as image:
            from PIL import ImageOps

            image.load()
            if image.mode.startswith("I"):
                # Pillow cuts such values off at 255: nearly every pixel would be white.
                raise DataError("a greyscale image of 16 bits; save it with 8 bits a channel", source=self._name)
            return _on_white(ImageOps.exif_transpose(image))

    @property
    def _name(self) -> str:
        return self.path or "image given as bytes"

    @contextmanager
    def _opened(self) -> Iterator["Pillow.Image"]:
        try:
            from PIL import Image as Pillow
            from PIL import UnidentifiedImageError
        except ImportError as error:
            raise MissingExtraError("reading images needs Pillow: pip install 'nearfield[image]'") from error
        content = self.read()
        try:
            with Pillow.open(io.BytesIO(content), formats=_FORMATS) as image:
                if (pixels := image.width * image.height) > MAX_PIXELS:
                    raise _too_large(f"{pixels:,}", self._name)
                yield image
        except UnidentifiedImageError as error:
            raise DataError(
                "not a PNG, JPEG or WebP image, or a damaged one; replace or convert it", source=self._name
            ) from error
        except (Pillow.DecompressionBombError, Pillow.DecompressionBombWarning) as error:
            raise _too_large("far more", self._name) from error
        except _DAMAGED as error:
            if isinstance(error, DataError):
                raise
            raise DataError(f"a damaged image ({error}); replace it", source=self._name) from error


def _too_large(pixels: str, name: str) -> DataError:
    return DataError(f"has {pixels} pixels, at most {MAX_PIXELS:,} are decoded; scale it down", source=name)


def _on_white(image: "Pillow.Image") -> "Pillow.Image":
    from PIL import Image as Pillow

    if "A" not in image.getbands() and "transparency" not in image.info:
        return image.convert("RGB")
    image = image.convert("RGBA")
    return Pillow.alpha_composite(Pillow.new("RGBA", image.size, "white"), image).convert("RGB")
